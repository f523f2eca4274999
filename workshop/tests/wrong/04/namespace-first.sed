# claim: namespace
# mistake: makes the cgroup namespace before it has joined
# as: root
/^    for folder.*BASHPID/d
s|exec unshare $map -Cmpf|exec unshare -C sh -c 'count=$1; shift; while [ $count -gt 0 ]; do echo $$ >"$1/cgroup.procs"; shift; count=$((count - 1)); done; exec "$@"' - ${#groups[@]} "${groups[@]}" unshare $map -mpf|
