# claim: folder-removed
# mistake: mounted without userxattr in a user namespace: `rm -r` says "Input/output error" (ovl-11)
/upperdir=u/s|,userxattr||
