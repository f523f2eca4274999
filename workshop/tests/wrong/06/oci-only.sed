# claim: schema2
# mistake: only the OCI's media types are known
# of: python.sh
# as: user
s/^        manifest = json.loads(body)/&\n        if "docker" in manifest["mediaType"]:\n            fail("an unknown kind of manifest")/
