#!/bin/bash
# claim: fresh-proc
# mistake: the host's /proc is bound into the root (pid-3)
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
exec bwrap --bind "$root" / --ro-bind /proc /proc --unshare-pid $init --chdir / -- "$@"
