# claim: user
# mistake: USER is left out
# of: python.sh
# as: root
s/user_of(how.get("User") or "0", root)/0, 0/
