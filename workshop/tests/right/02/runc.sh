#!/bin/bash
# needs: runc python3
# as: root
shift
init=
while :; do
  case $1 in
    --root) root=$2; shift 2 ;;
    --init) init=1; shift ;;
    --) shift; break ;;
    *) break ;;
  esac
done
bundle=$(mktemp -d)
trap 'rm -rf "$bundle"' EXIT
# For --init there is the shell: it waits for whoever becomes its child.
[ -z "$init" ] || set -- sh -c '"$@" & wait $!' sh "$@"
python3 - "$root" "$@" >"$bundle/config.json" <<'PYTHON'
import json, sys

everything = ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_KILL"]
print(json.dumps({
    "ociVersion": "1.0.2",
    "process": {"args": sys.argv[2:], "cwd": "/", "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin"],
                "capabilities": {name: everything for name in ("bounding", "effective", "permitted")}},
    "root": {"path": sys.argv[1]},
    "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
    "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]},
}))
PYTHON
runc --root "$bundle/state" run --bundle "$bundle" --no-pivot=false "box-$$"
