# claim: opaque
# mistake: an opaque mark removes what its own layer has put there
# of: python.sh
# as: user
s/if not self.made_in(below):/if True:/
