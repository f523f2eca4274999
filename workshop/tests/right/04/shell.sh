#!/bin/bash
# needs: unshare awk numfmt
# Files written by `echo`, in whichever hierarchy has the controller.
shift
root= memory= swap= cpus= shares= cpuset= pids=
while [ $# -gt 0 ]; do
    case $1 in
        --root) root=$2; shift ;;
        -m) memory=$(numfmt --from=iec "${2^^}"); shift ;;
        --memory-swap) swap=$(numfmt --from=iec "${2^^}"); shift ;;
        --cpus) cpus=$2; shift ;;
        --cpu-shares) shares=$2; shift ;;
        --cpuset-cpus) cpuset=$2; shift ;;
        --pids-limit) pids=$2; shift ;;
        --network) shift ;;
        --) shift; break ;;
        *) break ;;
    esac
    shift
done

name=box-$$
two=; [ -e /sys/fs/cgroup/cgroup.controllers ] && two=yes
groups=()
# The group in the hierarchy with this controller.
group() {
    if [ "$two" ]; then
        echo "+$1" >/sys/fs/cgroup/cgroup.subtree_control
        folder=/sys/fs/cgroup/$name
    else
        folder=/sys/fs/cgroup/$1/$name
    fi
    [ -d "$folder" ] && return
    mkdir "$folder" || exit 125
    groups+=("$folder")
    [ "$1$two" = cpuset ] && cat "$folder/../cpuset.mems" >"$folder/cpuset.mems" &&
        cat "$folder/../cpuset.cpus" >"$folder/cpuset.cpus"
}
# FILE-OF-V1 TEXT FILE-OF-V2 TEXT
set_limit() {
    if [ "$two" ]; then echo "$4" >"$folder/$3"; else echo "$2" >"$folder/$1"; fi
}
quota=$(awk "BEGIN { printf \"%d\", 100000 * ${cpus:-1} + 0.5 }")
if [ -w /sys/fs/cgroup/memory ] || { [ "$two" ] && [ -w /sys/fs/cgroup ]; }; then
    group memory
    memory_group=$folder
    [ "$memory" ] && set_limit memory.limit_in_bytes $memory memory.max $memory
    [ "$swap" ] && set_limit memory.memsw.limit_in_bytes $swap memory.swap.max $((swap - memory))
    group cpu
    [ "$cpus" ] && set_limit cpu.cfs_quota_us $quota cpu.max "$quota 100000"
    [ "$shares" ] &&
        set_limit cpu.shares $shares cpu.weight $((1 + (shares - 2) * 9999 / 262142))
    group pids
    [ "$pids" ] && set_limit pids.max $pids pids.max $pids
    [ "$cpuset" ] && { group cpuset; set_limit cpuset.cpus $cpuset cpuset.cpus $cpuset; }
fi

map=; [ "$(id -u)" = 0 ] || map=-r
trap : TERM INT
(
    for folder in "${groups[@]}"; do echo $BASHPID >"$folder/cgroup.procs"; done
    exec unshare $map -Cmpf --kill-child sh -c '
        mount -t proc proc "$1/proc"
        # Not by exec: this shell says 137 for SIGKILL, and unshare(1) before 2.39 does not.
        chroot "$@"
        exit $?' - "$root" "$@"
) &
wait $!; status=$?
while kill -0 $! 2>/dev/null; do wait $!; status=$?; done

if [ "$memory" ]; then
    killed=$(cat "$memory_group"/memory.{events,oom_control} 2>/dev/null | awk '/^oom_kill / { print $2 }')
    [ "$killed" = 0 ] || echo "$killed killed: out of memory" >&2
fi
for folder in "${groups[@]}"; do
    until rmdir "$folder"; do sleep 0.01; done
done 2>/dev/null
exit $status
