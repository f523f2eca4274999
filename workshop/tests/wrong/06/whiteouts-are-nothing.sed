# claim: whiteout
# mistake: whiteouts are left out
# of: python.sh
# as: user
s/if not self.made_in(hidden):/if False:/
