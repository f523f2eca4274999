#!/bin/bash
# claim: arguments
# mistake: makes one line of the words, and lets a shell take it apart again
shift 2
set -m
sh -c "exec $*" &
child=$!
wait $child
