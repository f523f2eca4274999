# claim: links-inside
# mistake: the target of a hard link is the host's file of that name (tar-5)
# of: python.sh
# as: user
s/there, other, _ = self.parent(entry.linkname, make=False)/there, other = os.open("\/", os.O_PATH), entry.linkname if ".." in entry.linkname else f"proc\/self\/fd\/{self.top}\/{entry.linkname}"/
