# claim: refusals
# mistake: a failure is told by a stack of calls
# of: python.sh
# as: user
s/^            fail(f"{url}: {error}")/            raise/
