# claim: hard-link
# mistake: hard links are unknown
# of: python.sh
# as: user
s/elif entry.islnk():/elif entry.islnk():\n                fail("unknown kind of entry")\n            elif False:/
