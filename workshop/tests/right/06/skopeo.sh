#!/bin/bash
# needs: skopeo umoci runc jq
# as: root
# skopeo fetches, umoci unpacks, runc runs.
set -e
store=$HOME/skopeo-store; mkdir -p "$store/registries.d"
export XDG_RUNTIME_DIR=/tmp/run TMPDIR=/tmp
printf 'default-docker:\n  sigstore: file:///tmp/none\n' > "$store/registries.d/default.yaml"
policy=$store/policy.json; echo '{"default":[{"type":"insecureAcceptAnything"}]}' > "$policy"
key() { printf %s "$1" | sha256sum | cut -c1-32; }

# quietly COMMAND…: its last words only, and only if it fails.
quietly() {
    local said
    said=$("$@" 2>&1) || { printf '%s\n' "$said" | tail -n1 >&2; return 1; }
}

pull() {
    local tag; tag=$(key "$1")
    # One layout for all images: what it has is not fetched again.
    quietly skopeo --policy "$policy" --registries.d "$store/registries.d" copy --quiet --src-tls-verify=false "docker://$1" "oci:$store/layout:$tag"
    # It checks the diff IDs.
    rm -rf "${store:?}/$tag.new"
    quietly umoci unpack --image "$store/layout:$tag" "$store/$tag.new" ||
        { rm -rf "${store:?}/$tag.new"; return 1; }
    rm -rf "${store:?}/$tag"; mv "$store/$tag.new" "$store/$tag"
}

verb=$1; shift
if [ "$verb" = pull ]; then pull "$1"; exit; fi
while [[ $1 == --* ]]; do shift 2; done
image=$1; shift
tag=$(key "$image")
[ -d "$store/$tag" ] || pull "$image"
bundle=$(mktemp -d "$store/run-XXXXXX"); trap 'rm -rf "$bundle"' EXIT
cp -a "$store/$tag/rootfs" "$bundle/rootfs"
config=$(skopeo --policy "$policy" inspect --config "oci:$store/layout:$tag")
jq --argjson image "$config" '
    .process.terminal = false
    | .root.readonly = false
    | .process.args = (($image.config.Entrypoint // []) + (if $ARGS.positional == [] then ($image.config.Cmd // []) else $ARGS.positional end))
    | del(.linux.resources) | .linux.cgroupsPath = null | .linux.maskedPaths = [] | .linux.readonlyPaths = []
    | .mounts = [.mounts[] | select(.type != "cgroup" and .type != "mqueue" and .type != "sysfs")]
    ' "$store/$tag/config.json" --args "$@" > "$bundle/config.json"
set +e
runc --root "$bundle/state" run --bundle "$bundle" "c$$-$RANDOM"
exit $?
