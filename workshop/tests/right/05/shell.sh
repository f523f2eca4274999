#!/bin/bash
# needs: unshare awk
# mount(8), with a short name for each layer: the options are one text, and `:` and `,` divide it.
verb=$1; shift
root= upper= layers=()
while [ $# -gt 0 ]; do
    case $1 in
        --root) root=$2; shift ;;
        --layer) layers+=("$2"); shift ;;
        --upper) upper=$(realpath -- "$2"); shift ;;
        --network) shift ;;
        --) shift; break ;;
        *) break ;;
    esac
    shift
done

box=$(mktemp -d)
trap 'rm -rf -- "$box"' EXIT
trap : TERM INT
mkdir "$box"/{m,before,after,empty}
map=; [ "$(id -u)" = 0 ] || map=-r
lower=
# The lowest first.
short() {
    local number=0 layer
    for layer; do
        ln -s -- "$layer" "$box/$number"
        lower=$number${lower:+:$lower}
        number=$((number + 1))
    done
}

if [ "$verb" = diff ]; then
    upper=$(realpath -- "$1")
    mapfile -d '' layers <"$upper.layers"
    short "${layers[@]}" "$upper"
    # What there was before, and what there is now; of folders only who may do what.
    unshare $map -m sh -c '
        cd "$1"
        mount -t overlay -o "lowerdir=${2#*:}:empty,userxattr" overlay before
        mount -t overlay -o "lowerdir=$2:empty,userxattr" overlay after
        for tree in before after; do
            (cd $tree; find . -mindepth 1 -printf "$tree\t/%P\t%y %m %U %G\t%s %T@\n")
        done' - "$box" "$lower" 2>/dev/null | LC_ALL=C awk -F '\t' '
        { its = $3 ($3 ~ /^d/ ? "" : " " $4) }
        $1 == "before" { was[$2] = its; next }
        { is[$2] = its }
        function note(letter, path) {
            said[path] = letter
            while (sub("/[^/]*$", "", path) && path != "")
                if (!(path in said) && path in is) said[path] = "C"
        }
        END {
            for (path in is) if (!(path in was)) note("A", path)
            for (path in is) if (path in was && was[path] != is[path]) note("C", path)
            for (path in was) if (!(path in is)) {
                above = path
                sub("/[^/]*$", "", above)
                # Of a folder that is gone one line is enough.
                if (above == "" || above in is) note("D", path)
            }
            for (path in said) print said[path], path
        }' | LC_ALL=C sort -k 2
    exit
fi

paths=()
for layer in "$root" "${layers[@]}"; do paths+=("$(realpath -- "$layer")"); done
short "${paths[@]}"
if [ -n "$upper" ]; then
    printf '%s\0' "${paths[@]}" >"$upper.layers"
    work=$upper.work
else
    upper=$box/upper work=$box/work
fi
mkdir -p "$upper" "$work"
ln -s "$upper" "$box/u"
ln -s "$work" "$box/w"
unshare $map -mpf --kill-child sh -c '
    cd "$1"
    mount -t overlay -o "lowerdir=$2,upperdir=u,workdir=w,userxattr" overlay m || exit 125
    mkdir -p m/proc
    mount -t proc proc m/proc
    shift 2
    exec chroot m "$@"' - "$box" "$lower" "$@" &
wait $!; status=$?
while kill -0 $! 2>/dev/null; do wait $!; status=$?; done
exit $status
