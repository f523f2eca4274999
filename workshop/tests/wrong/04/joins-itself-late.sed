# claim: from-the-start
# mistake: joins when the command has begun (cg-6)
# as: root
/^    for folder.*BASHPID/d
s|^wait $!; status.*|sleep 0.1; for one in $! $(pgrep -P $!) $(pgrep -P $(pgrep -P $!)); do for folder in "${groups[@]}"; do echo $one >"$folder/cgroup.procs"; done; done\n&|
