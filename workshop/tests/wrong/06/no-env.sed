# claim: env
# mistake: ENV is left out
# of: python.sh
# as: user
s/ + (how.get("Env") or \[\]))/)/
