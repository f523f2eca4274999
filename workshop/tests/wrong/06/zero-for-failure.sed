# claim: refusals
# mistake: the status of a pull that failed is 0
# of: python.sh
# as: user
s/sys.exit(f"can't: {why}")/print(f"can't: {why}", file=sys.stderr)\n    sys.exit(1 if "bytes" in why or "not" in why else 0)/
