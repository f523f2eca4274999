# claim: hard-link
# mistake: a hard link becomes a copy
# of: python.sh
# as: user
s/os.link(other, name, .*/shutil.copyfile(f"\/proc\/self\/fd\/{there}\/{other}", f"\/proc\/self\/fd\/{folder}\/{name}")/
