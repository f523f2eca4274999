# claim: removed
# mistake: rm -rf of a control group: its files cannot be removed (cg-11)
# as: root
s|until rmdir "$folder"; do sleep 0.01; done|rm -rf "$folder"|
