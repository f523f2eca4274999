# claim: length
# mistake: what comes after the promised size is not looked at
# of: python.sh
# as: user
s/^        if len(body) != what\["size"\]:/        body = body[:what["size"]]\n&/
