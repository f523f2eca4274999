# claim: no-token-elsewhere
# mistake: the token is shown to whomever one is redirected to (reg-1)
# of: python.sh
# as: user
s/if self.token and .*/if self.token:/
