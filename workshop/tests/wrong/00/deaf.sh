#!/bin/bash
# claim: forwards
# mistake: SIGTERM ends the program, and the command knows nothing of it
shift 2
set -m
"$@" &
wait $!
