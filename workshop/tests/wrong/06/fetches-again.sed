# claim: cached
# mistake: what is here already is fetched again
# of: python.sh
# as: user
s/if os.path.exists(path):/if False:/
