# claim: closed-folder
# mistake: folders keep the mode that they were filled with (tar-8)
# of: python.sh
# as: user
s/os.chmod(name, mode, dir_fd=folder)/os.chmod(name, mode | 0o700, dir_fd=folder)/
