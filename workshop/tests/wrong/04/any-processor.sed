# claim: cpuset
# mistake: --cpuset-cpus is forgotten
# as: root
/^    \[ "$cpuset" \]/d
