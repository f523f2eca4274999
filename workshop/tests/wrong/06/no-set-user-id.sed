# claim: modes
# mistake: only the nine permissions are kept (tar-3)
# of: python.sh
# as: user
s/os.chmod(name, entry.mode, dir_fd=folder)/os.chmod(name, entry.mode \& 0o777, dir_fd=folder)/
