# claim: nothing-left
# mistake: a blob is kept before it is checked (reg-10)
# of: python.sh
# as: user
s/^        if len(body) != what\["size"\]:/        with open(path, "wb") as file:\n            file.write(body)\n&/
