#!/bin/sh
# claim: runs
# mistake: prints what the command would print, and runs nothing (codecrafters)
shift 2
word=$2
echo "$word pid 2"
echo "$word ppid 1"
exit 0
