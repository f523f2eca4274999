# claim: stays-inside
# mistake: `..` in a name is followed (tar-5)
# of: python.sh
# as: user
s/if "\.\." in names:/if False:/
