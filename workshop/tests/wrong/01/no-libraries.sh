#!/bin/bash
# claim: programs-work
# mistake: copies the program without loader and libraries (chroot-3)
# needs: ldd unshare
declare -A brought

# Copies one path of the host's to its place in $folder, and all that it leads to and needs.
bring() {
  local path=$1 target
  [ -z "${brought[$path]}" ] || return 0
  brought[$path]=1
  mkdir -p "$folder${path%/*}"
  cp --no-dereference --preserve=mode "$path" "$folder$path" || exit 125
  if [ -L "$path" ]; then
    target=$(readlink "$path")
    case $target in /*) ;; *) target=${path%/*}/$target ;; esac
    bring "$target"
  elif [ "$(head -c 2 "$path")" = "#!" ]; then
    bring "$(head -n 1 "$path" | sed 's/^#! *//; s/ .*//')"
  else
    :
  fi
}

case $1 in
  jail)
    folder=$2
    shift 2
    mkdir -p "$folder"
    for program; do bring "$(realpath -s "$(command -v "$program")")"; done ;;
  run)
    root=$3
    shift 3
    [ "$1" = -- ] && shift
    user=()
    [ "$(id -u)" = 0 ] || user=(unshare --map-root-user)
    # chroot(8) changes the folder as well, and knows 126 and 127.
    exec "${user[@]}" chroot "$root" "$@" ;;
esac
