# claim: whiteout-folder
# mistake: a whiteout removes no folder
# of: python.sh
# as: user
s/self.remove(folder, name\[4:\])/os.path.isdir(f"\/proc\/self\/fd\/{folder}\/{name[4:]}") or self.remove(folder, name[4:])/
