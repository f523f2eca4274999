# claim: out-of-memory-told
# mistake: takes every 137 for a lack of memory (cg-16)
# as: root
s|\[ "$killed" = 0 \] .. echo "$killed|[ $status != 137 ] \|\| echo "$killed|
