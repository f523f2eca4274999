# claim: opaque
# mistake: an opaque folder is left out
# of: python.sh
# as: user
s/self.empty(folder, os.path.dirname(path))/pass/
