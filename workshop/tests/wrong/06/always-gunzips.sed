# claim: plain-tar
# mistake: every layer is taken for gzip (reg-12)
# of: python.sh
# as: user
s/zlib.decompress(blob, 31) if .*/zlib.decompress(blob, 31)/
