#!/bin/bash
# claim: pid-one
# mistake: a shell is process 1, and the command its child
# needs: unshare mount perl
# The calls that no shell has, by their numbers on x86-64.
[ "$(uname -m)" = x86_64 ] || exec bwrap
shift
init=0
while :; do
  case $1 in
    --root) root=$2; shift 2 ;;
    --init) init=1; shift ;;
    --) shift; break ;;
    *) break ;;
  esac
done
user=()
[ "$(id -u)" = 0 ] || user=(--map-root-user)
exec unshare "${user[@]}" --mount --pid --propagation private perl -e '
  my ($init, $root, @command) = @ARGV;
  sub must { my ($what, $result) = @_; $result == -1 and do { warn "$what: $!\n"; exit 125 } }
  # Waits, and ends as the child has ended. (unshare --fork makes 1 of SIGKILL.)
  sub await {
    my $child = shift;
    $SIG{TERM} = sub { kill TERM => $child };
    while ((my $ended = wait) != -1) {
      exit(($? & 127) ? 128 + ($? & 127) : $? >> 8) if $ended == $child;
    }
  }
  # The first child is process 1.
  my $one;
  $one = fork and await($one);
  my ($BIND, $DETACH) = (4096, 2);
  must("bind", syscall(165, $root, $root, 0, $BIND, 0));
  chdir $root or die;
  mkdir "proc";
  must("proc", syscall(165, my $a = "proc", my $b = "proc", my $c = "proc", 0, 0));
  must("pivot_root", syscall(155, my $new = ".", my $old = "."));
  must("umount2", syscall(166, my $here = ".", $DETACH));
  chdir "/";
  my $two;
  $two = fork and await($two);
  exec { $command[0] } @command;
  exit 127;
' "$init" "$root" "$@"
