# claim: tag
# mistake: a name without a tag has none
# of: python.sh
# as: user
s/(rest, "latest")/(rest, "")/
