# claim: order
# mistake: the last layer is unpacked first (tar-6)
# of: python.sh
# as: user
s/in zip(blobs, json.loads(config)\["rootfs"\]\["diff_ids"\])/in reversed(list(zip(blobs, json.loads(config)["rootfs"]["diff_ids"])))/
