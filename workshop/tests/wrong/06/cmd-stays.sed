# claim: arguments
# mistake: CMD stays where there are other arguments
# of: python.sh
# as: user
s/(given or how.get("Cmd") or \[\])/(how.get("Cmd") or []) + given/
