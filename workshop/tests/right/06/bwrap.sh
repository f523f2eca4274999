#!/bin/bash
# needs: skopeo umoci bwrap jq
# as: user
# skopeo fetches, umoci unpacks, bubblewrap runs: all of it works without root.
set -e
store=$HOME/bwrap-store; mkdir -p "$store/registries.d"
export TMPDIR=/tmp
printf 'default-docker:\n  sigstore: file:///tmp/none\n' > "$store/registries.d/default.yaml"
policy=$store/policy.json; echo '{"default":[{"type":"insecureAcceptAnything"}]}' > "$policy"
key() { printf %s "$1" | sha256sum | cut -c1-32; }

# quietly COMMAND…: its last words only, and only if it fails.
quietly() {
    local said
    said=$("$@" 2>&1) || { printf '%s\n' "$said" | tail -n1 >&2; return 1; }
}

# Without root a folder that is closed has to be opened first.
remove() { [ ! -e "$1" ] || { chmod -R u+rwx "$1" && rm -rf "$1"; }; }

pull() {
    local tag; tag=$(key "$1")
    # One layout for all images: what it has is not fetched again.
    quietly skopeo --policy "$policy" --registries.d "$store/registries.d" copy --quiet --src-tls-verify=false "docker://$1" "oci:$store/layout:$tag"
    remove "$store/$tag.new"
    # It checks the diff IDs.
    quietly umoci unpack --rootless --image "$store/layout:$tag" "$store/$tag.new" || { remove "$store/$tag.new"; return 1; }
    remove "$store/$tag"; mv "$store/$tag.new" "$store/$tag"
}

verb=$1; shift
if [ "$verb" = pull ]; then pull "$1"; exit; fi
while [[ $1 == --* ]]; do shift 2; done
image=$1; shift
tag=$(key "$image")
[ -d "$store/$tag" ] || pull "$image"
root=$(mktemp -d "$store/run-XXXXXX"); trap 'remove "$root"' EXIT
cp -a "$store/$tag/rootfs/." "$root"
config=$(skopeo --policy "$policy" inspect --config "oci:$store/layout:$tag")
# Words, each ended by a zero byte.
readarray -d '' words < <(jq -j '.config | ((.Env // [])[] | "--setenv", split("=")[0], (split("=")[1:] | join("="))),
    "--chdir", (if (.WorkingDir // "") == "" then "/" else .WorkingDir end), "--", (.Entrypoint // [])[] | . + "\u0000"' <<< "$config")
if [ $# = 0 ]; then
    readarray -d '' cmd < <(jq -j '(.config.Cmd // [])[] | . + "\u0000"' <<< "$config")
    set -- "${cmd[@]}"
fi
set +e
bwrap --die-with-parent --unshare-all --uid 0 --gid 0 --bind "$root" / --proc /proc --dev /dev --clearenv "${words[@]}" "$@"
exit $?
