# claim: pids
# mistake: --pids-limit sets `ulimit -u`, which counts a user and not a container, and never root (cg-15)
# as: root
s|^    \[ "$pids" \].*|    [ "$pids" ] \&\& ulimit -u $pids|
