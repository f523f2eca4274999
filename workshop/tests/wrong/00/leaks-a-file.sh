#!/bin/bash
# claim: clean-files
# mistake: a folder of the host's stays open over execve (CVE-2024-21626)
shift 2
set -m
exec 7</
"$@" &
child=$!
trap 'kill -TERM $child' TERM
wait $child; status=$?
while kill -0 $child 2>/dev/null; do wait $child; status=$?; done
exit $status
