# claim: index
# mistake: the first image of an index is taken (reg-2)
# of: python.sh
# as: user
s/if entry\["platform"\]\["architecture"\] == MACHINE:/if True:/
