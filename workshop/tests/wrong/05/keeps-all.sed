# claim: thrown-away
# mistake: one upper folder for all runs of a root folder (ovl-8)
s|upper=$box/upper work=$box/work|upper=/tmp/data/upper work=/tmp/data/work|
