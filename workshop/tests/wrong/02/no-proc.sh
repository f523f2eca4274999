#!/bin/bash
# claim: fresh-proc
# mistake: nothing is mounted on /proc
# needs: bwrap
shift
init=--as-pid-1
while :; do
  case $1 in
    --root) root=$2; shift 2 ;;
    # bwrap is a small init itself, unless it is told not to be.
    --init) init=; shift ;;
    --) shift; break ;;
    *) break ;;
  esac
done
exec bwrap --bind "$root" / --unshare-pid $init --chdir / -- "$@"
