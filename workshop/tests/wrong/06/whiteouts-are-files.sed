# claim: whiteout
# mistake: whiteouts are unpacked as files (tar-1)
# of: python.sh
# as: user
s/elif name.startswith(".wh."):/elif False:/
s/if name == ".wh..wh..opq":/if False:/
