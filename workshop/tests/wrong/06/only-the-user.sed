# claim: user
# mistake: the group stays root's
# of: python.sh
# as: root
s/os.setgid(gid)/pass/
