# claim: whiteouts-inside
# mistake: a link is followed on the way to what is to be removed
# of: python.sh
# as: user
s/os.O_DIRECTORY | NO_FOLLOW, dir_fd=folder)/os.O_DIRECTORY | (0 if names[-1].startswith(".wh.") else NO_FOLLOW), dir_fd=folder)/
