# claim: symlink
# mistake: absolute links are made relative
# of: python.sh
# as: user
s/os.symlink(entry.linkname,/os.symlink(entry.linkname.lstrip("\/"),/
