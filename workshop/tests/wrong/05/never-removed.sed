# claim: thrown-away
# mistake: the throw-away folder is left on the disk (shm-13)
/^trap 'rm/d
