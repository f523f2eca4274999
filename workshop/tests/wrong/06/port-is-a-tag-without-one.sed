# claim: repository
# mistake: without a tag the port is taken for one
# of: python.sh
# as: user
s/ if colon and "\/" not in tail else/ if colon else/
