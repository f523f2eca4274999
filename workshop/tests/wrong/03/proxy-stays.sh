#!/bin/bash
# claim: leaves-nothing
# mistake: the program that publishes a port goes on
# as: root
# needs: bwrap unshare ip nsenter nft python3
# No bridge: each container has a cable and a network of two addresses, and the host is the router.
# Published ports are a program that listens on the host.
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
  own=(); [ $net = host ] || own=(--net)
  exec unshare --map-root-user "${own[@]}" bash "$0" "${all[@]}"
fi
: "${name:=box-$$}"
[ ${#name} -le 64 ] || { echo "a name has at most 64 letters" >&2; exit 125; }
dir=$(mktemp -d)
flags=(--bind "$root" / --proc /proc --dev /dev --unshare-uts --unshare-ipc --hostname "$name" --chdir /)
# (bwrap --unshare-net fails now and then, as it gives lo an address that lo has by itself.)
own=(); [ $net = host ] || own=(unshare --net)
cable=cable$$ proxies=()
release() {
  ip link del $cable
  nft delete table ip $cable
  rm -rf "$dir"
} 2>/dev/null
trap release EXIT

if [ $net = bridge ]; then
  # Of each four addresses the first is the host's, the second the container's.
  subnet=10.78.$(($$ / 64 % 256)); first=$(($$ % 64 * 4))
  gateway=$subnet.$((first + 1)) address=$subnet.$((first + 2))
fi
echo "$name" >"$dir/hostname"
printf '127.0.0.1 localhost\n%s %s\n' "${address:-127.0.0.1}" "$name" >"$dir/hosts"
sed '/^nameserver 127/d' /etc/resolv.conf >"$dir/resolv.conf"
for file in hostname hosts resolv.conf; do flags+=(--ro-bind "$dir/$file" "/etc/$file"); done

mkfifo "$dir/info" "$dir/go"
exec 8<>"$dir/info" 9<>"$dir/go"
"${own[@]}" bwrap "${flags[@]}" --info-fd 8 --block-fd 9 -- "$@" &
child=$!
while read -r line <&8; do
  [[ $line =~ \"child-pid\":\ ([0-9]+) ]] && pid=${BASH_REMATCH[1]}
  [[ $line == *'}'* ]] && break
done
[ $net = host ] || nsenter --target $pid --net ip link set lo up
if [ $net = bridge ]; then
  echo 1 >/proc/sys/net/ipv4/ip_forward
  ip link add $cable type veth peer name eth0 netns $pid
  ip addr add $gateway/30 dev $cable
  ip link set $cable up
  nsenter --target $pid --net sh -c "
    ip addr add $address/30 dev eth0; ip link set eth0 up; ip route add default via $gateway"
  nft "add table ip $cable; add chain ip $cable out { type nat hook postrouting priority 100; };
    add rule ip $cable out ip saddr $address oifname up0 masquerade"
  for port in "${ports[@]}"; do
    python3 -c '
import socket, sys, threading
host, address, port = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
def pump(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.shutdown(socket.SHUT_WR)
door = socket.create_server(("0.0.0.0", host))
while True:
    guest, _ = door.accept()
    try:
        inner = socket.create_connection((address, port))
    except OSError:
        guest.close()
        continue
    for pair in ((guest, inner), (inner, guest)):
        threading.Thread(target=pump, args=pair, daemon=True).start()
' "${port%:*}" $address "${port#*:}" 8<&- 9<&- &
    proxies+=($!)
    until (: <>"/dev/tcp/127.0.0.1/${port%:*}") 2>/dev/null; do sleep 0.01; done
  done
fi
echo >&9
wait $child
