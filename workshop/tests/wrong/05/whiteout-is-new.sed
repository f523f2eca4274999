# claim: diff
# mistake: a whiteout is told as a new file
s|note("D", path)|note("A", path)|
