# claim: removed
# mistake: forgets the groups: nobody else removes them (cg-13)
# as: root
/^    until rmdir/s|until.*|:|
