# claim: memory
# mistake: takes M for a million bytes: Docker means 1048576
# as: root
s|memory=$(numfmt --from=iec|memory=$(numfmt --from=si|
