# claim: digest-layer
# mistake: digests are not compared (reg-6)
# of: python.sh
# as: user
s/if digest_of(body) != what\["digest"\]:/if False:/
s/ and digest_of(body) != reference:/ and False:/
