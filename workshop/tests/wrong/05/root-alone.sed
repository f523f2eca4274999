# claim: merged
# mistake: takes --layer and forgets it
s|for layer in "$root" "${layers\[@\]}"|for layer in "$root" /var/empty|
s|--layer) layers+=("$2")|--layer) :|
/^for layer/s|/var/empty||
