# claim: links-inside
# mistake: links are followed on the way to a file (tar-5)
# of: python.sh
# as: user
s/below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | NO_FOLLOW, dir_fd=folder)/below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)/
