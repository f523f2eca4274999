# claim: out-of-memory-told
# mistake: takes the kill for a crash (cg-16)
# as: root
/out of memory/d
