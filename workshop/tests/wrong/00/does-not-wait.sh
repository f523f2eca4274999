#!/bin/bash
# claim: waits
# mistake: starts the command and ends
shift 2
set -m
"$@" &
exit 0
