# claim: unchanged
# mistake: the container's root folder is the image's own
# of: python.sh
# as: user
s/subprocess.run(\["cp".*/os.symlink(name.folder + "\/root", root)/
