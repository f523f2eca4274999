#!/bin/bash
# The shell's own fork, exec and wait. (`set -m`: without job control a command in the background is
# made to ignore SIGINT and SIGQUIT.)
shift; [ "$1" = -- ] && shift
set -m
"$@" &
child=$!
trap 'kill -TERM $child' TERM
wait $child; status=$?
# A trap ends `wait` before the child has ended.
while kill -0 $child 2>/dev/null; do wait $child; status=$?; done
exit $status
