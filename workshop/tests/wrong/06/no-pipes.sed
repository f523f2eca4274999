# claim: pipe
# mistake: whatever is no file, folder or link becomes a file
# of: python.sh
# as: user
s/os.mkfifo(name, 0o600,/os.mknod(name, 0o100600,/
