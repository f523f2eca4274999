//! What `observe` reads is what other programs say of the same process: `lsns`, `setpriv`, `ip`, and
//! what the process was made with.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use coracle::observe::{self, Access, DescriptorKind, Kind, Limit, Limits, Seccomp, View};
use nix::unistd::{Pid, geteuid};
use serde_json::Value;
use testbed::{Host, Who};

/// A process that says `ready` when it is as the test wants it, and then waits; or that of its
/// children which is meant. It ends with this value.
struct Process {
    started: Child,
    pid: Pid,
}

impl Process {
    /// Starts `command`, with a script for its last argument.
    fn start(mut command: Command, script: &str) -> Self {
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut started = command.spawn().expect("it starts");
        let mut line = String::new();
        let output = started.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n", "{command:?}");
        let pid = Pid::from_raw(started.id() as i32);
        Self { started, pid }
    }

    /// A shell script on this host.
    fn sh(script: &str) -> Self {
        let mut command = Command::new("sh");
        command.arg("-c");
        Self::start(command, script)
    }

    /// The process that the started one has started, which has started another one, and so on: the
    /// last one.
    fn innermost(mut self) -> Self {
        if let Some(last) = observe::descendants(self.pid).expect("a family").last() {
            self.pid = *last;
        }
        self
    }

    fn view(&self) -> View {
        View::of(self.pid).expect("it is there")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // All of them read standard input, which ends now; and what `nsenter` started is not ours.
        drop(self.started.stdin.take());
        if self.pid.as_raw() as u32 == self.started.id() {
            let _ = self.started.kill();
        }
        let _ = self.started.wait();
    }
}

/// On the test's own host: `sh -c SCRIPT` behind these words.
fn on(host: &Host, who: Who, words: &[&str], script: &str) -> Process {
    let mut command = host.command(who, words[0]);
    command.args(&words[1..]).args(["sh", "-c"]);
    Process::start(command, script).innermost()
}

/// Says that all is ready, and waits.
const WAIT: &str = "echo ready; read end";

fn is_root() -> bool {
    let root = geteuid().is_root();
    if !root {
        testbed::skipped("namespaces without a user namespace need root");
    }
    root
}

fn output(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().expect("it runs");
    assert!(output.status.success(), "{program}: {}", testbed::stderr(&output));
    testbed::stdout(&output)
}

#[test]
fn namespaces_are_those_of_lsns() {
    if !is_root() {
        return;
    }
    let mut unshare = Command::new("unshare");
    unshare.args(["-m", "-u", "-i", "-n", "-C", "sh", "-c"]);
    let process = Process::start(unshare, WAIT);
    let view = process.view();
    let pid = process.pid.to_string();
    let listed = output("lsns", &["-n", "-o", "TYPE,NS", "-p", &pid]);
    assert_eq!(listed.lines().count(), 8, "{listed}");
    for line in listed.lines() {
        let (kind, inode) = line.split_once(' ').expect("two words");
        let kind = Kind::ALL.into_iter().find(|it| it.name() == kind).expect("a kind");
        let inode = inode.trim().parse().expect("a number");
        assert_eq!(view.namespaces.get(kind).map(|it| it.inode), Some(inode), "{kind}");
        let file = fs::metadata(format!("/proc/{pid}/ns/{kind}")).expect("a namespace");
        assert_eq!(view.namespaces.get(kind).map(|it| it.device), Some(file.dev()), "{kind}");
    }
    let difference = observe::compare(&view, &View::of_host().unwrap());
    let own = [Kind::Cgroup, Kind::Ipc, Kind::Mnt, Kind::Net, Kind::Uts];
    assert_eq!(difference.own_namespaces, own);
    assert_eq!(difference.shared_namespaces, [Kind::Pid, Kind::Time, Kind::User]);
    assert_eq!(difference.own_root, Some(false), "another mount of the same folder");
}

#[test]
fn a_pid_namespace_without_a_process_has_no_name() {
    if !is_root() {
        return;
    }
    let mut unshare = Command::new("unshare");
    unshare.args(["-p", "sh", "-c"]);
    // No builtin starts a process, so the namespace stays without its PID 1.
    let process = Process::start(unshare, WAIT);
    let namespaces = process.view().namespaces;
    assert_eq!(namespaces.pid_for_children, None);
    assert!(namespaces.get(Kind::Pid).is_some());
    assert_eq!(namespaces.time_for_children, namespaces.get(Kind::Time));
}

#[test]
fn the_owner_of_a_namespace_is_the_user_namespace_that_it_was_made_in() {
    let mut unshare = Command::new("unshare");
    unshare.args(["-U", "-r", "-n", "sh", "-c"]);
    let namespaces = Process::start(unshare, WAIT).view().namespaces;
    let [user, net, uts] = [Kind::User, Kind::Net, Kind::Uts].map(|kind| namespaces.get(kind));
    assert_eq!(net.unwrap().owner, Some(user.unwrap().inode));
    assert_ne!(uts.unwrap().owner, Some(user.unwrap().inode));
}

#[test]
fn who_it_is_and_what_it_may() {
    if !is_root() {
        return;
    }
    let mut setpriv = Command::new("setpriv");
    setpriv.args(["--reuid=1000", "--regid=1001", "--groups=7,4000000000", "--no-new-privs"]);
    setpriv.args(["--bounding-set=-all,+chown,+net_raw", "--inh-caps=-all,+net_raw"]);
    setpriv.args(["sh", "-c"]);
    let process = Process::start(setpriv, &format!("trap '' TERM; trap : USR1; {WAIT}"));
    let status = process.view().status;
    let Ok([real, saved]) = <[u32; 2]>::try_from(vec![status.uids.real, status.uids.saved]) else {
        panic!()
    };
    assert_eq!((real, saved, status.gids.file_system), (1000, 1000, 1001));
    assert_eq!(status.groups, [7, 4_000_000_000]);
    assert!(status.no_new_privs);
    let sets = status.capabilities;
    assert_eq!(sets.bounding.names(), ["CAP_CHOWN", "CAP_NET_RAW"]);
    assert_eq!(sets.inheritable.names(), ["CAP_NET_RAW"]);
    assert!(sets.effective.is_empty() && sets.ambient.is_empty());
    // In the words of another program.
    let said = output("getpcaps", &[&process.pid.to_string()]);
    assert_eq!(said.trim_end(), format!("{}: cap_net_raw=i", process.pid));
    assert!(status.ignored.contains(15) && !status.caught.contains(15));
    assert!(status.caught.contains(10) && !status.ignored.contains(10));
    assert_eq!(status.seccomp, Some(Seccomp::Off));
    let difference = observe::compare(&process.view(), &View::of_host().unwrap());
    assert!(difference.capabilities_lost.contains("CAP_SYS_ADMIN"));
    assert!(!difference.capabilities_lost.contains("CAP_CHOWN"));
    assert!(difference.no_new_privs && !difference.seccomp);
}

#[test]
fn a_name_may_be_anything() {
    for name in ["a) R 1 2 (", "x\nPPid:\t1", "\\n", " ", "é\\"] {
        let mut sh = Command::new("sh");
        sh.env("NAME", name).arg("-c");
        // `printf` is the shell's own: only the process itself may write there.
        let process = Process::start(sh, &format!("printf %s \"$NAME\" >/proc/$$/comm; {WAIT}"));
        let view = process.view();
        assert_eq!(view.status.name, name);
        assert_eq!(view.status.parent, Pid::this());
        let raw = fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap();
        let start = raw.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap();
        assert_eq!(view.status.start_time.to_string(), start);
    }
}

#[test]
fn a_zombie_is_seen_and_one_that_is_gone_is_an_error() {
    let mut child = Command::new("true").spawn().unwrap();
    let pid = Pid::from_raw(child.id() as i32);
    let begin = Instant::now();
    while observe::status(pid).unwrap().state != 'Z' {
        assert!(begin.elapsed() < Duration::from_secs(10));
        sleep(Duration::from_millis(1));
    }
    let view = View::of(pid).expect("it waits for us");
    assert!(view.command.is_empty() && view.descriptors.is_empty());
    assert!(view.unread.iter().any(|it| it.reason.contains("/root\"")), "{:?}", view.unread);
    serde_json::to_string(&view).expect("JSON");
    child.wait().unwrap();
    let gone = View::of(pid).unwrap_err();
    assert!(format!("{gone:#}").contains("no process with this number"), "{gone:#}");
}

#[test]
fn processes_that_end_meanwhile_do_no_harm() {
    let mut seen = 0;
    for round in 0..150_u64 {
        let mut child = Command::new("sh").args(["-c", "sleep 0; exit"]).spawn().unwrap();
        sleep(Duration::from_micros(round * 20));
        for pid in observe::descendants(Pid::this()).unwrap() {
            seen += usize::from(View::of(pid).is_ok());
        }
        child.wait().unwrap();
    }
    assert!(seen > 0);
}

#[test]
fn parents_and_children() {
    let process = Process::sh("sleep 60 & a=$!; sleep 60 & b=$!; echo ready; read end; kill $a $b");
    let children = observe::children(process.pid).unwrap();
    assert_eq!(children.len(), 2);
    for child in children {
        let view = View::of(child).unwrap();
        assert_eq!(view.command, ["sleep", "60"]);
        assert_eq!(view.exe.path, Some(fs::canonicalize("/usr/bin/sleep").unwrap()));
        let parents: Vec<_> = view.ancestors.iter().map(|it| it.pid).collect();
        assert_eq!(parents[..2], [process.pid, Pid::this()]);
        assert_eq!(*parents.last().unwrap(), Pid::from_raw(1));
        assert_eq!(view.ancestors[0].name, "sh");
    }
    // A killed shell would leave them.
    let mut process = process;
    process.started.stdin.take().unwrap().write_all(b"\n").unwrap();
    process.started.wait().unwrap();
}

#[test]
fn mounts_with_odd_names_and_every_propagation() {
    let Some(host) = Host::new() else { return };
    let odd = "/tmp/a b\n\t\\c#";
    let script = "d=$(printf '/tmp/a b\\n\\t\\\\c#'); mkdir -p \"$d\" /tmp/s /tmp/m /tmp/u
        mount -t tmpfs -o size=64k,ro 'so urce' \"$d\"
        mount -t tmpfs s /tmp/s && mount --make-private /tmp/s && mount --make-shared /tmp/s
        mount --bind /tmp/s /tmp/m && mount --make-slave /tmp/m
        mount -t tmpfs u /tmp/u && mount --make-unbindable /tmp/u
        ";
    let process = on(&host, Who::Root, &["unshare", "-m"], &format!("{script}{WAIT}"));
    let mounts = process.view().mounts;
    let at = |target: &str| mounts.iter().find(|it| it.target == Path::new(target)).unwrap();
    let [odd, shared, slave, unbindable] = [odd, "/tmp/s", "/tmp/m", "/tmp/u"].map(at);
    assert_eq!((odd.source.to_str(), odd.fs_type.as_str()), (Some("so urce"), "tmpfs"));
    assert!(odd.has("ro") && odd.super_option("size").is_some_and(|size| size == "64k"));
    assert!(odd.propagation.is_private());
    assert!(shared.propagation.shared.is_some());
    assert_eq!(slave.propagation.master, shared.propagation.shared);
    assert_eq!(slave.propagation.shared, None);
    assert_eq!(slave.device, shared.device);
    assert!(unbindable.propagation.unbindable && !shared.propagation.unbindable);
    assert_eq!(unbindable.parent, at("/tmp").id);
    // As many as the kernel lists.
    let lines = fs::read(format!("/proc/{}/mountinfo", process.pid)).unwrap();
    assert_eq!(mounts.len(), lines.split(|byte| *byte == b'\n').count() - 1);
}

#[test]
fn a_shared_mount_is_a_leak() {
    let Some(host) = Host::new() else { return };
    let hosts = View::of(Pid::from_raw(host.pid() as i32)).unwrap();
    for (propagation, leaks) in [("unchanged", true), ("private", false), ("slave", false)] {
        let words = ["unshare", "-m", "--propagation", propagation];
        let process = on(&host, Who::Root, &words, WAIT);
        let found = observe::compare(&process.view(), &hosts).leaks;
        let root = found.iter().find(|it| it.inside == Path::new("/"));
        assert_eq!(root.is_some(), leaks, "{propagation}: {found:?}");
        assert!(leaks || found.is_empty(), "{propagation}: {found:?}");
        assert!(root.is_none_or(|root| root.outside == Path::new("/")));
    }
    // Who has no mounts of his own leaks none.
    let process = on(&host, Who::Root, &["env"], WAIT);
    assert_eq!(observe::compare(&process.view(), &hosts).leaks, []);
}

#[test]
fn who_stands_outside_of_his_root() {
    let Some(host) = Host::new() else { return };
    let _ = host.sh("mkdir -p /tmp/jail/in /tmp/other");
    let cases = [
        ("chdir '/tmp/jail/in'; chroot '/tmp/jail'", true),
        ("chdir '/tmp/jail'; chroot '/tmp/jail'", true),
        ("chdir '/tmp/other'; chroot '/tmp/jail'", false),
        ("chdir '/'; chroot '/tmp/jail'", false),
        ("chdir '/tmp/jail'; chroot '/tmp/jail/in'", false),
        ("chdir '/tmp'", true),
    ];
    for (script, inside) in cases {
        let mut perl = host.command(Who::Root, "perl");
        perl.arg("-e");
        let wait = format!("$| = 1; {script}; print \"ready\\n\"; <STDIN>");
        let process = Process::start(perl, &wait).innermost();
        let view = process.view();
        assert_eq!(view.cwd.below_root, Some(inside), "{script}");
        let hosts = View::of(Pid::from_raw(host.pid() as i32)).unwrap();
        let difference = observe::compare(&view, &hosts);
        assert_eq!(difference.outside_root, Some(!inside), "{script}");
        assert_eq!(difference.own_root, Some(script.contains("chroot")), "{script}");
        let root = fs::metadata(format!("/proc/{}/root", process.pid)).unwrap();
        let place = view.root.place.unwrap();
        assert_eq!((place.device, place.inode), (root.dev(), root.ino()));
    }
}

#[test]
fn a_deleted_folder_is_said_to_be() {
    let Some(host) = Host::new() else { return };
    let script = format!("mkdir /tmp/gone && cd /tmp/gone && rmdir /tmp/gone; {WAIT}");
    let view = on(&host, Who::Root, &["env"], &script).view();
    assert_eq!(view.cwd.path, Some("/tmp/gone (deleted)".into()));
    assert_eq!(view.cwd.below_root, Some(true));
}

#[test]
fn descriptors_that_lead_out() {
    let Some(host) = Host::new() else { return };
    let _ = host.sh("mkdir -p /tmp/jail/in; echo x >/tmp/jail/in/file; mount -t tmpfs t /tmp/jail/in; echo x >/tmp/jail/in/file; echo x >/tmp/jail/kept");
    let opened = "open(A, '<', '/etc/passwd'); open(B, '+<', '/tmp/jail/in/file');
        open(C, '>>', '/tmp/jail/kept'); open(N, '<', '/dev/null'); opendir(D, '/etc');
        opendir(E, '/tmp/jail'); opendir(F, '/tmp/jail/in'); pipe(G, H);
        use Socket; socket(I, PF_INET, SOCK_STREAM, 0);";
    let enter = "chroot '/tmp/jail'; chdir '/';";
    let mut perl = host.command(Who::Root, "perl");
    // A log into which these tests write would lead out, too.
    perl.arg("-e").stderr(Stdio::piped());
    let script = format!("$^F = 99; $| = 1; {opened} {enter} print \"ready\\n\"; <STDIN>");
    let process = Process::start(perl, &script).innermost();
    let descriptors = process.view().descriptors;
    let to = |target: &str| {
        let found = descriptors.iter().find(|it| it.target.to_string_lossy().starts_with(target));
        let found = found.unwrap_or_else(|| panic!("{target}: {descriptors:?}"));
        (found.kind, found.access, found.outside)
    };
    use {Access as A, DescriptorKind as K};
    assert_eq!(to("/etc/passwd"), (K::File, A::Read, true));
    assert_eq!(to("/tmp/jail/in/file"), (K::File, A::ReadWrite, false));
    assert_eq!(to("/tmp/jail/kept"), (K::File, A::Write, false));
    assert_eq!(to("/dev/null"), (K::Device, A::Read, false));
    assert_eq!(to("pipe:["), (K::Pipe, A::Read, false));
    assert_eq!(to("socket:[").0, K::Socket);
    let folder = |target: &str| {
        let mut all = descriptors.iter().filter(|it| it.kind == K::Folder);
        all.find(|it| it.target == *target).map(|it| it.outside)
    };
    assert_eq!(folder("/etc"), Some(true));
    assert_eq!(folder("/tmp/jail"), Some(false));
    assert_eq!(folder("/tmp/jail/in"), Some(false));
    let hosts = View::of(Pid::from_raw(host.pid() as i32)).unwrap();
    let outside = observe::compare(&process.view(), &hosts).descriptors_outside;
    assert_eq!(outside.len(), 2, "{descriptors:?}");
}

#[test]
fn limits_are_the_files_own_numbers() {
    let Some(host) = Host::new() else { return };
    let v1 = "cd /sys/fs/cgroup && mkdir memory/x cpu/x pids/x &&
        echo 64M >memory/x/memory.limit_in_bytes && echo 50000 >cpu/x/cpu.cfs_quota_us &&
        echo 512 >cpu/x/cpu.shares && echo 7 >pids/x/pids.max &&
        for i in memory cpu pids; do echo $$ >$i/x/cgroup.procs; done; ";
    let v2 = "cd /sys/fs/cgroup && mkdir x && echo '+memory +cpu +pids' >cgroup.subtree_control &&
        echo 64M >x/memory.max && echo '50000 100000' >x/cpu.max && echo 20 >x/cpu.weight &&
        echo 7 >x/pids.max && echo $$ >x/cgroup.procs; ";
    let is = |file: &str| !host.sh(&format!("ls {file} 2>/dev/null || true")).is_empty();
    let (script, weight) = match () {
        () if is("/sys/fs/cgroup/memory/memory.limit_in_bytes") => (v1, 512),
        () if is("/sys/fs/cgroup/memory.max") => (v2, 20),
        () => return testbed::skipped("no memory controller for the test's own cgroups"),
    };
    let process = on(&host, Who::Root, &["env"], &format!("{script}{WAIT}"));
    let view = process.view();
    let limits = Limits::of(&view.cgroups);
    assert_eq!(limits.memory, Some(Limit::At(64 << 20)));
    assert_eq!((limits.cpu_quota, limits.cpu_period), (Some(Limit::At(50_000)), Some(100_000)));
    assert!(limits.cpus().is_some_and(|cpus| (cpus - 0.5).abs() < 1e-9));
    assert_eq!(limits.cpu_weight, Some(weight));
    assert_eq!(limits.pids, Some(Limit::At(7)));
    assert_eq!((limits.pids_used, limits.oom_kills), (Some(1), Some(0)));
    assert!(limits.memory_used.is_some_and(|used| used > 0 && used < 64 << 20));
    assert_eq!(limits.frozen, Some(false));
    for membership in &view.cgroups {
        let Some(folder) = &membership.folder else { continue };
        let members = fs::read_to_string(folder.join("cgroup.procs")).unwrap();
        let pid = process.pid.to_string();
        assert!(members.lines().any(|it| it == pid), "{membership:?}");
        assert_eq!(membership.hidden, Some(false));
    }
    // A cgroup namespace hides the path from the process, and not from us.
    let hidden = on(&host, Who::Root, &["unshare", "-C"], WAIT);
    let view = hidden.view();
    assert!(view.cgroups.iter().all(|it| it.hidden == Some(true)), "{:?}", view.cgroups);
    let paths = |view: &View| view.cgroups.iter().map(|it| it.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&view), paths(&View::of_host().unwrap()), "nobody has moved it");
}

#[test]
fn a_frozen_process_is_seen_to_be() {
    let Some(host) = Host::new() else { return };
    let is = |file: &str| !host.sh(&format!("ls {file} 2>/dev/null || true")).is_empty();
    let (folder, file, frozen, thawed) = match () {
        () if is("/sys/fs/cgroup/freezer/cgroup.procs") => {
            ("/sys/fs/cgroup/freezer/f", "freezer.state", "FROZEN", "THAWED")
        }
        () if is("/sys/fs/cgroup/cgroup.freeze") => ("/sys/fs/cgroup/f", "cgroup.freeze", "1", "0"),
        () => return testbed::skipped("no freezer for the test's own cgroups"),
    };
    let script = format!("mkdir {folder} && echo $$ >{folder}/cgroup.procs; {WAIT}");
    let process = on(&host, Who::Root, &["env"], &script);
    let frozen_now = || Limits::of(&observe::cgroups(process.pid).unwrap()).frozen;
    assert_eq!(frozen_now(), Some(false));
    let _ = host.sh(&format!("echo {frozen} >{folder}/{file}"));
    assert_eq!(frozen_now(), Some(true));
    let _ = host.sh(&format!("echo {thawed} >{folder}/{file}"));
    assert_eq!(frozen_now(), Some(false));
}

#[test]
fn the_network_is_what_ip_says() {
    let Some(host) = Host::new() else { return };
    let process = on(&host, Who::Root, &["unshare", "-n", "-u"], &format!("hostname far; {WAIT}"));
    let own = Pid::from_raw(host.pid() as i32);
    // Its number on the test's own host.
    let inside = *observe::status(process.pid).unwrap().ns_pids.last().unwrap();
    let _ = host.sh(&format!(
        "ip link add br7 type bridge && ip addr add 10.9.0.1/24 dev br7 && ip link set br7 up &&
         ip link add near7 type veth peer name far7 netns {inside} && ip link set near7 master br7 up
         nsenter -t {inside} -n sh -c 'ip link set lo up; ip link set far7 mtu 1400 up
            ip addr add 10.9.0.2/24 dev far7; ip -6 addr add fd09::2/64 dev far7 nodad
            ip route add default via 10.9.0.1'"
    ));
    let network = observe::network(process.pid).unwrap();
    let asked = |words: &str| -> Value {
        let text = host.sh(&format!("nsenter -t {inside} -n ip -j {words}"));
        serde_json::from_str(&text).unwrap()
    };
    let said = asked("-d addr");
    let said = said.as_array().unwrap();
    assert_eq!(network.interfaces.len(), said.len());
    for (its, said) in network.interfaces.iter().zip(said) {
        assert_eq!(Some(its.name.as_str()), said["ifname"].as_str());
        assert_eq!(u64::from(its.index), said["ifindex"]);
        assert_eq!(u64::from(its.mtu), said["mtu"]);
        assert_eq!(its.mac.as_deref(), said["address"].as_str());
        let flags = said["flags"].as_array().unwrap();
        assert_eq!(its.up, flags.iter().any(|flag| flag == "UP"), "{said}");
        let kind = said["linkinfo"]["info_kind"].as_str().or(said["link_type"].as_str());
        assert_eq!(its.kind.as_deref(), kind);
        assert_eq!(its.peer.map(u64::from), said["link_index"].as_u64());
        assert_eq!(its.peer_namespace.map(i64::from), said["link_netnsid"].as_i64());
        let mut addresses: Vec<_> = its.addresses.iter().map(ToString::to_string).collect();
        let listed = said["addr_info"].as_array().unwrap().iter();
        let mut listed: Vec<_> = listed
            .map(|it| format!("{}/{}", it["local"].as_str().unwrap(), it["prefixlen"]))
            .collect();
        addresses.sort();
        listed.sort();
        assert_eq!(addresses, listed);
    }
    assert_eq!(network.gateway(), Some("10.9.0.1".parse().unwrap()));
    let routes = asked("-4 route").as_array().unwrap().len();
    let v4 = network.routes.iter().filter(|it| {
        it.to.map_or_else(|| it.gateway, |to| Some(to.address)).is_some_and(|it| it.is_ipv4())
    });
    assert_eq!(v4.count(), routes);
    assert_eq!(observe::hostname(process.pid).unwrap(), "far");

    let cables = observe::compare(&process.view(), &View::of(own).unwrap()).cables;
    let [cable] = &cables[..] else { panic!("{cables:?}") };
    assert_eq!((cable.inside.as_str(), cable.outside.as_str()), ("far7", "near7"));
    assert_eq!(cable.bridge.as_deref(), Some("br7"));
}

#[test]
fn ports_on_which_something_listens() {
    let Some(host) = Host::new() else { return };
    // In its network namespace, not in ours.
    let script = "use Socket; for my $f (PF_INET, PF_INET6) {
        socket(my $s, $f, SOCK_STREAM, 0); push @s, $s;
        bind($s, $f == PF_INET ? pack_sockaddr_in(8067, inet_aton('127.0.0.1'))
            : Socket::pack_sockaddr_in6(8068, Socket::inet_pton($f, '::')));
        listen($s, 1); } $| = 1; print \"ready\\n\"; <STDIN>";
    let mut perl = host.command(Who::Root, "perl");
    perl.arg("-e");
    let process = Process::start(perl, script).innermost();
    let found = observe::network(process.pid).unwrap().listening;
    let expected: Vec<std::net::SocketAddr> =
        ["127.0.0.1:8067", "[::]:8068"].iter().map(|it| it.parse().unwrap()).collect();
    assert_eq!(found, expected);
}

#[test]
fn maps_of_a_user_namespace() {
    let Some(host) = Host::new() else { return };
    let process = on(&host, Who::User, &["unshare", "-U", "-r", "-n"], WAIT);
    let view = process.view();
    let [map] = view.status.uid_map[..] else { panic!("{:?}", view.status.uid_map) };
    assert_eq!((map.inside, map.outside, map.count), (0, 1000, 1));
    assert_eq!(view.status.setgroups, Some(false));
    assert_eq!(view.status.uids.effective, 1000);
    let difference = observe::compare(&view, &View::of_host().unwrap());
    assert_eq!(difference.uids_mapped, [map]);
    // From outside we may enter it, being root over it.
    assert_eq!(view.network.unwrap().interfaces[0].name, "lo");
}

#[test]
fn the_environment_and_the_words_are_bytes() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let mut sh = Command::new("sh");
    sh.env_clear().env("ODD", OsStr::from_bytes(b"a\nb\xff")).env("PATH", "/usr/bin:/bin");
    sh.arg("-c");
    let process = Process::start(sh, &format!("# '\" é\n{WAIT}"));
    let view = process.view();
    let environment = view.environment.as_ref().unwrap();
    assert!(environment.contains(&OsStr::from_bytes(b"ODD=a\nb\xff").to_owned()));
    assert_eq!(view.command.len(), 3);
    let json: Value = serde_json::to_value(&view).unwrap();
    let shown = json["environment"].as_array().unwrap();
    assert!(shown.iter().any(|it| it == "ODD=a\nb\\xff"), "{shown:?}");
}

#[test]
fn what_is_not_ours_to_know_has_a_reason() {
    let Some(host) = Host::new() else { return };
    let program = testbed::reachable(&host, env!("CARGO_BIN_EXE_coracle"));
    let output = host.command(Who::User, program).args(["inspect", "1", "--json"]).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", testbed::stderr(&output));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    let process = &seen["process"];
    assert_eq!(process["status"]["uids"]["real"], 0, "this is for everybody to read");
    let unread = process["unread"].as_array().unwrap();
    for part in ["namespaces", "root", "environment", "descriptors", "network"] {
        let reason = unread.iter().find(|it| it["part"] == part).unwrap();
        assert!(reason["reason"].as_str().unwrap().contains("sudo"), "{reason}");
    }
}

#[test]
fn the_file_of_a_program() {
    let mut bytes = Vec::new();
    let host = View::of_host().unwrap();
    let path: PathBuf = host.exe.path.unwrap();
    fs::File::open(&path).unwrap().read_to_end(&mut bytes).unwrap();
    let file = fs::metadata(&path).unwrap();
    let place = host.exe.place.unwrap();
    assert_eq!((place.device, place.inode), (file.dev(), file.ino()));
    assert!(host.mounts.iter().any(|it| Some(it.id) == place.mount));
    assert_eq!(host.pid, Pid::this());
}
