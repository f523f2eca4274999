# claim: no-mount-left
# mistake: mounts on the host and never unmounts (ovl-12, mnt-16)
# as: root
s|^unshare $map -mpf --kill-child|cd "$box"; mount -t overlay -o "lowerdir=$lower,upperdir=u,workdir=w,userxattr" overlay m \|\| exit 125\n&|
s/^trap 'rm -rf/& --one-file-system/
/^    mount -t overlay/d
