# claim: token
# mistake: WWW-Authenticate is split at its commas (reg-5)
# of: python.sh
# as: user
s/dict(re.findall(.*))/dict(it.strip().removeprefix("Bearer ").replace('"', "").split("=", 1) for it in fields["WWW-Authenticate"].split(",") if "=" in it)/
