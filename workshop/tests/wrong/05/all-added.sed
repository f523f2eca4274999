# claim: diff
# mistake: everything in the upper folder is called new
s|print said\[path\], path|print "A", path|
