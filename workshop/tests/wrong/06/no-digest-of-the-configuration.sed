# claim: digest-config
# mistake: only the layers' digests are compared (reg-6)
# of: python.sh
# as: user
s/if digest_of(body) != what\["digest"\]:/if "config" not in what["mediaType"] and digest_of(body) != what["digest"]:/
