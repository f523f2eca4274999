# claim: registry
# mistake: the name is split at its first colon
# of: python.sh
# as: user
s/head, colon, tail = rest.rpartition(":")/head, colon, tail = rest.partition(":")/
s/ if colon and "\/" not in tail else/ if colon else/
