# claim: accept
# mistake: the registry is not told which kinds of manifest are understood (reg-3)
# of: python.sh
# as: user
s/MANIFESTS + INDEXES)/["*\/*"])/
