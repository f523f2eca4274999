# claim: all-layers
# mistake: only the first layer is unpacked
# of: python.sh
# as: user
s/in zip(blobs, json.loads/in zip(blobs[:1], json.loads/
