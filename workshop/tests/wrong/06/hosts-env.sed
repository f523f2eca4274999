# claim: env
# mistake: the command gets the host's environment
# of: python.sh
# as: user
s/^    uid, gid = user_of/    env = {**os.environ, **env}\n&/
