# claim: modes
# mistake: the umask changes permissions (tar-10)
# of: python.sh
# as: user
s/os.chmod(name, entry.mode, dir_fd=folder)/os.chmod(name, entry.mode \& ~0o22, dir_fd=folder)/
