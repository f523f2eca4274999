# claim: shut
# mistake: the whole /sys of the host is in the container, writable (cg-17)
# as: root
s|^        chroot "$@"|        mkdir -p "$1/sys/fs/cgroup"; for folder in /sys/fs/cgroup/*; do mkdir -p "$1$folder"; [ -d "$folder/box-$PPID" ] \|\| :; done; mount --bind "$MEMORY" "$1/sys/fs/cgroup"\n&|
s|^    exec unshare|    export MEMORY=$memory_group\n&|
