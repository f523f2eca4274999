# claim: token
# mistake: a 401 is the end (reg-5)
# of: python.sh
# as: user
s/if status == 401 and not self.token:/if False:/
