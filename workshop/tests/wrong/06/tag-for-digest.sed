# claim: by-digest
# mistake: what stands behind `@` is left out
# of: python.sh
# as: user
s/rest, digest or tag/rest, tag/
s/= host, repository, digest or tag/= host, repository, tag/
