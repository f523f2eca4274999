# claim: replaced
# mistake: a file can't take a folder's place (tar-4)
# of: python.sh
# as: user
s/shutil.rmtree(name, dir_fd=folder)/os.unlink(name, dir_fd=folder)/
s/self.remove(folder, name\[4:\])/shutil.rmtree(name[4:], dir_fd=folder) if os.path.isdir(f"\/proc\/self\/fd\/{folder}\/{name[4:]}") else self.remove(folder, name[4:])/
