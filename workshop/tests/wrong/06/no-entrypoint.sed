# claim: entrypoint
# mistake: ENTRYPOINT is left out
# of: python.sh
# as: user
s/command = (how.get("Entrypoint") or \[\]) + /command = /
