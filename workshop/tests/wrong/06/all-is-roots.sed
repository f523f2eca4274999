# claim: owners
# mistake: owners are left out (tar-3)
# of: python.sh
# as: root
s/os.chown(name, entry.uid, entry.gid,/os.chown(name, 0, 0,/
