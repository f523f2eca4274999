# claim: pids
# mistake: one process more than allowed
# as: root
s|pids.max $pids pids.max $pids|pids.max $((pids + 1)) pids.max $((pids + 1))|
