#!/bin/bash
# claim: own-name
# mistake: without --hostname the copy of the host's name stays
# needs: unshare nsenter mount chroot hostname ip nft flock
# A bridge, a veth pair and rules, by the programs that every administrator knows.
all=("$@")
shift
name= net=bridge ports=()
while :; do
  case $1 in
    --root) root=$2; shift 2 ;;
    --hostname) name=$2; shift 2 ;;
    --network) net=$2; shift 2 ;;
    -p) ports+=("$2"); shift 2 ;;
    --) shift; break ;;
    *) break ;;
  esac
done
if [ "$(id -u)" != 0 ]; then
  # What the host does elsewhere, an ordinary user does in a network of his own.
  own=(); [ $net = host ] || own=(--net)
  exec unshare --map-root-user "${own[@]}" bash "$0" "${all[@]}"
fi
dir=$(mktemp -d)
: "${name:=box$$}"; [[ $name != box[0-9]* ]] || kept=$(hostname)
bridge=box0 leases=/tmp/leases-$(stat -L -c %i /proc/self/ns/net)
mkdir -p "$leases"

release() {
  [ -z "$n" ] || {
    ip link del "box$n"
    nft delete table ip "box_$n"
    flock 9
    rmdir "$leases/$n"
    rmdir "$leases" && ip link del $bridge
  } 9<"$leases" 2>/dev/null
  rm -rf "$dir"
}
trap release EXIT
trap 'kill -TERM $child 2>/dev/null' TERM

if [ $net = bridge ]; then
  exec 9<"$leases"; flock 9
  for n in {2..250}; do mkdir "$leases/$n" 2>/dev/null && break; done
  address=10.77.0.$n
  ip link show $bridge >/dev/null 2>&1 || {
    ip link add $bridge type bridge
    ip addr add 10.77.0.1/24 dev $bridge
    ip link set $bridge up
    echo 1 >/proc/sys/net/ipv4/conf/$bridge/route_localnet
    echo 1 >/proc/sys/net/ipv4/ip_forward
  }
  exec 9<&-
  for port in "${ports[@]}"; do
    redirect+="fib daddr type local tcp dport ${port%:*} dnat to $address:${port#*:}"$'\n'
  done
  nft -f - <<RULES || exit 125
    table ip box_$n {
      chain in { type nat hook prerouting priority -100
        $redirect
      }
      chain here { type nat hook output priority -100
        $redirect
      }
      chain out { type nat hook postrouting priority 100
        ip saddr $address oifname != $bridge masquerade
        ip saddr 127.0.0.0/8 ip daddr $address masquerade
      }
    }
RULES
fi

echo "${kept:-$name}" >"$dir/hostname"
printf '127.0.0.1 localhost\n%s %s\n' "${address:-127.0.1.1}" "${kept:-$name}" >"$dir/hosts"
grep -v 'nameserver *127' /etc/resolv.conf >"$dir/resolv.conf"
mkfifo "$dir/made" "$dir/ready"

flags=(--uts --ipc --mount --pid --fork --kill-child --propagation private)
[ $net = host ] || flags+=(--net)
unshare "${flags[@]}" bash -c '
  dir=$1 root=$2 name=$3; shift 3
  echo >"$dir/made"
  read -r <"$dir/ready"
  [[ $name = box[0-9]* ]] || hostname "$name" || exit 125
  mkdir -p "$root/etc"
  for file in hostname hosts resolv.conf; do
    [ -e "$root/etc/$file" ] || : >"$root/etc/$file"
    mount --bind "$dir/$file" "$root/etc/$file"
  done
  exec chroot "$root" "$@"
' bash "$dir" "$root" "$name" "$@" &
child=$!
read -r <"$dir/made"
inside="nsenter --target $child --net"
if [ $net != host ]; then
  $inside ip link set lo up
fi
if [ $net = bridge ]; then
  ip link add "box$n" type veth peer name eth0 netns $child
  ip link set "box$n" master $bridge
  ip link set "box$n" up
  $inside ip addr add $address/24 dev eth0
  $inside ip link set eth0 up
  $inside ip route add default via 10.77.0.1
fi
echo >"$dir/ready"
wait $child
