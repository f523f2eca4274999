# claim: half
# mistake: a download that broke off is taken for a whole one (reg-10)
# of: python.sh
# as: user
s/^            fail(f"{what\['digest'\]} has {len(body)} bytes")/            with open(path, "wb") as file:\n                file.write(body)\n&/
