# claim: overlay
# mistake: copies the layers instead of laying them on top of each other
s|mount -t overlay -o "lowerdir=$2,upperdir=u.*|for layer in $(seq 0 499); do [ ! -e $layer ] \|\| cp -a $layer/. m; done|
