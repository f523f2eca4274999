# claim: index
# mistake: an index is read as a manifest (reg-2)
# of: python.sh
# as: user
s/if manifest\["mediaType"\] not in INDEXES:/if True:/
