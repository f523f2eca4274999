# claim: out-of-memory
# mistake: gives 1 for a killed command
# as: root
s|^exit $status|[ $status = 137 ] \&\& status=1; exit $status|
