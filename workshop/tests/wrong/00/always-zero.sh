#!/bin/bash
# claim: exit-status
# mistake: the status is not passed on
shift 2
set -m
"$@" &
wait $!
exit 0
