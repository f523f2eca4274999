//! Each task is played on a host of the test's own: with the commands of `played/`, after which it is
//! done, and with the usual mistakes, of which the right sentence is said.

mod reader;

use reader::Reader;
use serde_json::Value;

/// A task is not done before anything was done for it, and the first claim says what to begin with;
/// after the commands it is.
#[test]
fn every_task_can_be_done() {
    let mut wrong = String::new();
    for name in tasks::list() {
        let Some(mut reader) = Reader::new(name) else { return };
        let before = reader.verify();
        let first = &before["claims"][0];
        let says =
            first["holds"] == false && first["found"].as_str().is_some_and(|it| it.len() > 20);
        if before["done"] != false || !says {
            wrong += &format!("{name}, before anything: {before:#}\n");
        }
        reader.play(&reader::played(name));
        let after = reader.verify_until(|answer| answer["done"] == true);
        if after["done"] != true {
            wrong += &format!("{name}: {after:#}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A mistake: the task, what is typed, a claim that fails, and what is said of it.
struct Mistake(&'static str, &'static str, &'static str, &'static str);

const MISTAKES: &[Mistake] = &[
    Mistake(
        "00-orphan",
        "# sleep {seconds} &",
        "its parent is process 1",
        "which is `bash` and still",
    ),
    // Another number, and words that are only printed.
    Mistake("00-orphan", "# sleep 1{seconds} &", "the command is executed", "`sleep 1{seconds}`"),
    Mistake("00-orphan", "# echo sleep {seconds}", "the command is executed", "No process has"),
    Mistake(
        "00-zombie",
        "# sleep {seconds} &",
        "it has a child that has ended",
        "is empty. The child has to be born before",
    ),
    Mistake(
        "00-zombie",
        "# sh -c 'sleep 1000 & exec sleep {seconds}' &",
        "it has a child that has ended",
        "Its child `sleep` has not ended yet",
    ),
    Mistake(
        "00-inherited",
        "# (trap : TERM; exec sleep {seconds} {descriptor}</etc/passwd) &",
        "it ignores SIGTERM",
        "a handler, `trap COMMAND TERM`, does not",
    ),
    Mistake(
        "00-inherited",
        "# (trap '' TERM; exec sleep {seconds} 3</etc/passwd) &",
        "it has /etc/passwd open",
        "`NUMBER<FILE`",
    ),
    Mistake("01-jail", "# sleep {seconds} &", "is its root folder", "There is no folder /tmp/"),
    Mistake(
        "01-jail",
        "# sol01-chroot-jail jail /tmp/{name} sleep\n# cd /tmp/{name}\n# sleep {seconds} &",
        "is its root folder",
        "which is the host's root",
    ),
    // chroot-1 of the list of mistakes: chroot without chdir.
    Mistake(
        "01-jail",
        "# sol01-chroot-jail jail /tmp/{name} sleep\n\
         # nsenter --root=/tmp/{name} --wd=/ sleep {seconds} &",
        "it stands inside of it",
        "chroot moves your root and not your feet",
    ),
    Mistake(
        "01-feet",
        "# sol01-chroot-jail jail /tmp/{name} sleep\n# chroot /tmp/{name} sleep {seconds} &",
        "it stands outside of it",
        "chroot(1) steps in for you",
    ),
    Mistake(
        "01-door",
        "# sol01-chroot-jail jail /tmp/{name} sleep\n# chroot /tmp/{name} sleep {seconds} &",
        "all the same",
        "has no {descriptor}. The shell opens",
    ),
    Mistake(
        "02-mount",
        "# mount -t tmpfs tmpfs /mnt\n# unshare --mount sleep {seconds} &",
        "what it mounts does not appear on the host",
        "It was mounted before there was a list of its own",
    ),
    Mistake(
        "02-mount",
        "# unshare --mount --propagation unchanged \
         sh -c 'mount -t tmpfs tmpfs /mnt; exec sleep {seconds}' &",
        "what it mounts does not appear on the host",
        "a mount that is shared tells its peers",
    ),
    Mistake(
        "02-mount",
        "# mount -t tmpfs tmpfs /mnt\n# sleep {seconds} &",
        "it has a list of mounts of its own",
        "a copy",
    ),
    Mistake(
        "02-pid-one",
        "# unshare --pid sleep {seconds} &",
        "it has process numbers of its own",
        "`unshare --fork` makes the child",
    ),
    Mistake(
        "02-pid-one",
        "# unshare --pid --mount --fork sleep {seconds} &",
        "its /proc shows its own processes alone",
        "whoever mounted it, here the host's",
    ),
    Mistake(
        "02-pid-one",
        "# unshare --pid --fork --mount-proc sh -c 'sleep {seconds} & wait' &",
        "the command is process 1 there",
        "`exec` makes that one become `sleep`",
    ),
    Mistake(
        "02-pid-one",
        "# unshare --pid --fork sh -c 'mount -t proc proc /proc; exec sleep {seconds}' &",
        "what it mounts does not appear on the host",
        "`umount /proc` on the host",
    ),
    Mistake(
        "02-pivot",
        "# sol01-chroot-jail jail /tmp/{name} sleep\n\
         # unshare --mount chroot /tmp/{name} sleep {seconds} &",
        "chapter 01's way out leads nowhere",
        "`pivot_root` makes the folder the top",
    ),
    Mistake(
        "02-pivot",
        "# sol01-chroot-jail jail /tmp/{name} busybox\n# unshare --mount bash\n\
         # mount --bind /tmp/{name} /tmp/{name}\n# cd /tmp/{name}\n# mkdir old\n\
         # pivot_root . old\n# cd /\n# busybox sleep {seconds} &",
        "the host's root is no longer mounted in it",
        "`umount -l` takes it away",
    ),
    Mistake(
        "03-name",
        "# hostname {name}\n# unshare --uts sleep {seconds} &",
        "the host is called as before",
        "You have renamed the host",
    ),
    Mistake(
        "03-name",
        "# unshare --uts sleep {seconds} &",
        "it is called",
        "The name is set inside",
    ),
    Mistake(
        "03-cable",
        "# ip address add {net}.2/24 dev lo\n# sleep {seconds} &",
        "it has a network namespace of its own",
        "It was started on the host",
    ),
    Mistake(
        "03-cable",
        "# ip netns add box\n# ip link add to-box type veth peer name eth0 netns box\n\
         # ip -n box address add {net}.2 dev eth0\n# ip -n box link set eth0 up\n\
         # ip netns exec box sleep {seconds} &",
        "an interface in there is on",
        "without a /24 behind the address",
    ),
    Mistake(
        "03-cable",
        "# ip netns add box\n# ip link add to-box type veth peer name eth0 netns box\n\
         # ip -n box address add {net}.2/24 dev eth0\n# ip netns exec box sleep {seconds} &",
        "an interface in there is on",
        "is off: every interface begins so",
    ),
    Mistake(
        "03-cable",
        "# ip netns add box\n# ip link add to-box type veth peer name eth0 netns box\n\
         # ip -n box address add {net}.2/24 dev eth0\n# ip -n box link set eth0 up\n\
         # ip address add {net}.1/24 dev to-box\n# ip netns exec box sleep {seconds} &",
        "the host reaches it",
        "The host's end is off",
    ),
    Mistake(
        "03-bridge",
        "# ip link add {name} type bridge",
        "the host has a bridge",
        "a switch without power",
    ),
    Mistake(
        "03-bridge",
        "# ip link add {name} type bridge\n# ip link set {name} up\n\
         # for box in one two; do ip netns add $box; \
         ip link add to-$box type veth peer name eth0 netns $box; ip link set to-$box up; \
         ip -n $box link set eth0 up; done\n\
         # ip -n one address add {net}.1/24 dev eth0\n\
         # ip -n two address add {net}.2/24 dev eth0\n\
         # ip netns exec one sleep {one} &\n# ip netns exec two sleep {two} &",
        "both cables are plugged",
        "and not plugged in",
    ),
    Mistake(
        "04-memory",
        "# mkdir /sys/fs/cgroup/{name}\n# echo {mib}M > /sys/fs/cgroup/{name}/memory.max\n\
         # echo 0 > /sys/fs/cgroup/{name}/memory.swap.max\n# sleep {seconds} &",
        "is in it",
        "is empty: the limit is for nobody",
    ),
    Mistake(
        "04-memory",
        "# mkdir /sys/fs/cgroup/{name}\n# echo {mib}003840 > /sys/fs/cgroup/{name}/memory.max",
        "MiB of memory, to the byte",
        "`{mib}M` says the same",
    ),
    Mistake(
        "04-oom",
        "# mkdir /sys/fs/cgroup/{name}\n# echo {mib}M > /sys/fs/cgroup/{name}/memory.max\n\
         # sh -c 'echo $$ > /sys/fs/cgroup/{name}/cgroup.procs; kill -9 $$'",
        "for want of memory the kernel has killed",
        "Nobody in it has reached the limit",
    ),
    Mistake(
        "04-pids",
        "# mkdir /sys/fs/cgroup/{name}\n# echo {pids} > /sys/fs/cgroup/{name}/pids.max\n\
         # sleep {seconds} &\n# echo $! > /sys/fs/cgroup/{name}/cgroup.procs",
        "and was refused",
        "There are 1 of",
    ),
    Mistake(
        "05-copy-up",
        "# mkdir /tmp/{name}; cd /tmp/{name}; mkdir lower upper work merged\n\
         # echo 'from below' > lower/{file}\n\
         # mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged\n\
         # echo {word} >> lower/{file}",
        "without",
        "a layer was changed",
    ),
    Mistake(
        "05-copy-up",
        "# mkdir /tmp/{name}; cd /tmp/{name}; mkdir lower upper work merged\n\
         # echo 'from below' > lower/{file}\n\
         # mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged\n\
         # echo {word} > merged/{file}",
        "has one more line",
        "`>` begins a file anew",
    ),
    Mistake(
        "05-whiteout",
        "# mkdir /tmp/{name}; cd /tmp/{name}; mkdir lower upper work merged\n\
         # echo 'from below' > lower/{file}\n\
         # mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged\n\
         # rm lower/{file}",
        "is still there",
        "to be deleted in merged only",
    ),
    Mistake(
        "05-whiteout",
        "# mkdir /tmp/{name}; cd /tmp/{name}; mkdir lower upper work merged\n\
         # echo 'from below' > lower/{file}\n\
         # unshare --mount sh -c 'mount -t overlay overlay \
         -o lowerdir=lower,upperdir=upper,workdir=work merged; rm merged/{file}'",
        "is an overlay of lower and upper",
        "not in another mount namespace",
    ),
    Mistake(
        "05-whiteout",
        "# mkdir /tmp/{name}; cd /tmp/{name}; mkdir lower merged\n\
         # echo 'from below' > lower/{file}\n\
         # mount -t overlay overlay -o lowerdir=merged:lower merged",
        "is an overlay of lower and upper",
        "without an upper folder nothing can be written",
    ),
    Mistake(
        "05-root",
        "# mkdir /tmp/{name}; cd /tmp/{name}; mkdir upper work merged\n\
         # sol01-chroot-jail jail base sleep\n\
         # mount -t overlay overlay -o lowerdir=base,upperdir=upper,workdir=work merged\n\
         # chroot merged sleep {seconds} &",
        "at least two layers",
        "with colons",
    ),
    Mistake(
        "05-root",
        "# sol01-chroot-jail jail /tmp/{name} sleep\n# chroot /tmp/{name} sleep {seconds} &",
        "its root folder is an overlay",
        "overlayfs is 794c7630",
    ),
    Mistake(
        "06-manifest",
        "# touch /tmp/{name}",
        "the registry on localhost:5555",
        "`coracle registry` is the registry",
    ),
    Mistake(
        "06-manifest",
        "# coracle registry &> /tmp/log &\n\
         # until busybox wget -q -O /tmp/m http://localhost:5555/v2/webapp/manifests/latest; \
         do sleep 0.2; done\n# (cat /tmp/m; echo) > /tmp/{name}",
        "its digest is that of webapp's manifest",
        "not with the same bytes",
    ),
    Mistake(
        "06-layer",
        "# coracle registry &> /tmp/log &\n\
         # until busybox wget -q -O /tmp/m http://localhost:5555/v2/webapp/manifests/latest; \
         do sleep 0.2; done\n\
         # layer=$(grep -o 'sha256:[0-9a-f]*' /tmp/m | tail -n 1)\n\
         # busybox wget -q -O /tmp/{name} http://localhost:5555/v2/webapp/blobs/$layer",
        "the last of the configuration's diff_ids",
        "the layer as it travels",
    ),
    Mistake(
        "06-run",
        "# coracle registry &> /tmp/log &\n\
         # until sol06-image-pull pull --quiet localhost:5555/webapp; do sleep 0.2; done\n\
         # sol06-image-pull run -w / --network none localhost:5555/webapp sleep {seconds} &",
        "the command begins in WORKDIR",
        "the image's WorkingDir is /srv/www",
    ),
];

#[test]
fn each_mistake_is_said_by_name() {
    let mut wrong = String::new();
    for Mistake(task, typed, claim, said) in MISTAKES {
        let Some(mut reader) = Reader::new(task) else { return };
        let said = reader.filled(said);
        reader.play(&format!("# title: A mistake\n# as: root\n\n[typed]\n{typed}\n"));
        let is_said = |answer: &Value| {
            let claims = answer["claims"].as_array().expect("claims");
            let has = |of: &Value, what: &str| of.as_str().is_some_and(|it| it.contains(what));
            claims.iter().any(|it| {
                it["holds"] == false && has(&it["claim"], claim) && has(&it["found"], &said)
            })
        };
        let answer = reader.verify_until(is_said);
        if !is_said(&answer) || answer["done"] != false {
            wrong += &format!("{task}, {typed}\nnot said of {claim:?}: {said:?}\n{answer:#}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What an earlier attempt left does not stand in the way of the right one.
#[test]
fn of_several_attempts_the_best_counts() {
    let Some(mut reader) = Reader::new("02-pid-one") else { return };
    let session = "# title: Twice\n# as: root\n\n[typed]\n# unshare --pid sleep {seconds} &\n\
                   # unshare --pid --fork --mount-proc sleep {seconds} &\n# sleep {seconds} &\n";
    reader.play(session);
    let answer = reader.verify_until(|answer| answer["done"] == true);
    assert_eq!(answer["done"], true, "{answer:#}");
}

/// Nobody is left behind by a look, and nothing is mounted by it.
#[test]
fn a_look_changes_nothing() {
    let Some(reader) = Reader::new("02-pivot") else { return };
    let before = reader.snapshot();
    reader.verify();
    testbed::assert_same(&before, &reader.snapshot());
}

/// Who asks may be on the reader's machine, also when a mistake has taken its `/proc` away.
#[test]
fn a_spoilt_proc_does_not_spoil_the_look() {
    let Some(mut reader) = Reader::new("02-pid-one") else { return };
    reader.play(&reader::played("02-pid-one"));
    let outside = reader.verify_until(|answer| answer["done"] == true);
    assert_eq!(reader.verify_there(), outside);
    let spoil = "# title: Spoilt\n# as: root\n\n[typed]\n\
                 # unshare --pid --fork sh -c 'mount -t proc proc /proc; sleep 1000' &\n";
    reader.play(spoil);
    let wrong = |answer: &Value| answer["done"] == false;
    let outside = reader.verify_until(wrong);
    let claim = &outside["claims"][4];
    assert!(claim["found"].as_str().is_some_and(|it| it.contains("umount /proc")), "{outside:#}");
    assert_eq!(reader.verify_there(), outside);
}
