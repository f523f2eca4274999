# claim: own-group
# mistake: makes the groups, sets the limits, and forgets to join
# as: root
/^    for folder.*BASHPID/d
