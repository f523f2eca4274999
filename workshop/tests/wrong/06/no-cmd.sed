# claim: arguments
# mistake: CMD is left out
# of: python.sh
# as: user
s/(given or how.get("Cmd") or \[\])/given/
