# claim: layers-untouched
# mistake: writes /etc/hostname into the root folder itself (ovl-13, uts-5)
s|^unshare $map -mpf|mkdir -p "$root/etc"; echo box >"$root/etc/hostname"\n&|
