# claim: diff
# mistake: what the layers have is told as changed, changed or not
s|path in was \&\& was\[path\] != is\[path\]|path in was|
