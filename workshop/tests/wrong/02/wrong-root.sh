#!/bin/bash
# claim: root-folder
# mistake: the folder is not made the root: a copy of the host's root is
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
exec bwrap --ro-bind / / --proc /proc --ro-bind "$root/bin" /bin --unshare-pid $init --chdir / -- "$@"
