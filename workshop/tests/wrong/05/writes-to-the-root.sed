# claim: layers-untouched
# mistake: without --layer no overlay either: the root folder is written to (ovl-13)
s|^    mount -t overlay.*upperdir=u.*|    if [ "$2" = 0 ]; then mount --bind 0/ m; else\n&; fi|
