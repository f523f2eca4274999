# claim: writes
# mistake: no upper folder: nothing can be written
s|-o "lowerdir=$2,upperdir=u,workdir=w,userxattr" overlay m|-o "lowerdir=$2:empty,userxattr" overlay m|
