# claim: digest-manifest
# mistake: the digest behind `@` is not compared (reg-6)
# of: python.sh
# as: user
s/ and digest_of(body) != reference:/ and False:/
