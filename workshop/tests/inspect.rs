//! `coracle inspect`: containers of several runtimes beside the host; and nothing stays of what it
//! started.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use testbed::{Host, Who, skipped, stderr, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_coracle");

/// A runtime, and what its container is to look like.
struct Runtime {
    name: &'static str,
    /// The program that has to be there.
    program: PathBuf,
    /// The command, in shell words.
    command: String,
    namespaces: &'static [&'static str],
    /// Its root is another folder.
    own_root: bool,
}

/// A finished chapter's program, beside ours.
fn finished(name: &str) -> PathBuf {
    Path::new(PROGRAM).with_file_name(name)
}

fn installed(name: &str) -> PathBuf {
    let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let mut paths = folders.iter().map(|folder| Path::new(folder).join(name));
    paths.find(|path| path.exists()).unwrap_or_else(|| name.into())
}

/// In a root folder of the test's own.
const ROOT: &str = "/run/box/rootfs";

fn runtimes(host: &Host) -> Vec<Runtime> {
    let sol = |name: &'static str, options: &str, namespaces| {
        let program = finished(name);
        let path = if program.exists() {
            testbed::reachable(host, program.to_str().expect("UTF-8"))
        } else {
            program.clone()
        };
        let command = format!("{} run --root {ROOT} {options} -- sleep 60", path.display());
        Runtime { name, program, command, namespaces, own_root: true }
    };
    let other = |name: &'static str, command: String, namespaces, own_root| Runtime {
        name,
        program: installed(name),
        command,
        namespaces,
        own_root,
    };
    let podman = "podman --root /run/p/root --runroot /run/p/run --tmpdir /run/p/tmp \
        --cgroup-manager=cgroupfs --events-backend=file --runtime runc run --rm \
        --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 --network=none --log-driver=none";
    // runc looks for its cgroup below the real top, which the test's own ones are bound over: for a
    // process that is in them, and has a cgroup namespace, they are the top.
    let own_top = "for all in /sys/fs/cgroup/*/cgroup.procs; do [ ! -e $all ] || echo $$ >$all; \
        done; exec unshare -C";
    vec![
        other("unshare", "unshare -mpf --mount-proc sleep 60".into(), &["mnt", "pid"], false),
        sol("sol01-chroot-jail", "", &[]),
        sol("sol02-pid-namespace", "", &["mnt", "pid"]),
        sol("sol03-uts-net", "--hostname far", &["ipc", "mnt", "net", "pid", "uts"]),
        sol(
            "sol04-cgroup-limits",
            "--hostname far -m 64M --pids-limit 20",
            &["cgroup", "ipc", "mnt", "net", "pid", "uts"],
        ),
        sol(
            "sol05-overlay-layers",
            "--hostname far",
            &["cgroup", "ipc", "mnt", "net", "pid", "uts"],
        ),
        other(
            "bwrap",
            format!("bwrap --bind {ROOT} / --proc /proc --dev /dev --unshare-all sleep 60"),
            &["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"],
            true,
        ),
        other(
            "runc",
            format!(
                "cd /run/box && rm -f config.json && runc spec && sed -i 's/\"terminal\": true/\
                 \"terminal\": false/; s/\"sh\"$/\"sleep\", \"60\"/' config.json && \
                 {own_top} runc --root /run/runc-test run far"
            ),
            &["ipc", "mnt", "net", "pid", "uts"],
            true,
        ),
        other(
            "podman",
            format!("{own_top} {podman} --rootfs {ROOT} sleep 60"),
            &["ipc", "mnt", "net", "pid", "uts"],
            true,
        ),
    ]
}

/// A host with a root folder in it.
fn host() -> Option<Host> {
    let host = Host::new()?;
    let program = testbed::reachable(&host, PROGRAM);
    let _ = host.sh(&format!("{} rootfs {ROOT}", program.display()));
    Some(host)
}

fn inspect(host: &Host, who: Who, words: &[&str]) -> Output {
    let program = testbed::reachable(host, PROGRAM);
    host.command(who, program).arg("inspect").args(words).output().expect("it runs")
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(Value::as_str).collect()
}

#[test]
fn containers_of_any_runtime() {
    let Some(host) = host() else { return };
    for runtime in runtimes(&host) {
        let Runtime { name, program, command, namespaces, own_root } = runtime;
        if !program.exists() {
            skipped(&format!("{name} is not here"));
            continue;
        }
        let look = || inspect(&host, Who::Root, &["--json", "--", "sh", "-c", &command]);
        // The first time a runtime makes folders of its own.
        let _ = look();
        let before = host.snapshot();
        let begin = Instant::now();
        let output = look();
        assert!(begin.elapsed() < Duration::from_secs(30), "{name}: {:?}", begin.elapsed());
        let seen = json(&output);
        let process = &seen["process"];
        let difference = &seen["difference"];
        let own = texts(&difference["own_namespaces"]).into_iter();
        let own: Vec<_> = own.filter(|kind| *kind != "cgroup" || !command.contains("-C")).collect();
        assert_eq!(own, namespaces, "{name}");
        assert_eq!(difference["own_root"], own_root, "{name}");
        assert_eq!(difference["outside_root"], false, "{name}");
        assert_eq!(difference["leaks"].as_array().map(Vec::len), Some(0), "{name}");
        assert_eq!(process["unread"].as_array().map(Vec::len), Some(0), "{name}: {process}");
        let own_pids = namespaces.contains(&"pid");
        let numbers = process["status"]["ns_pids"].as_array().expect("numbers");
        let last = numbers.last().and_then(Value::as_i64);
        assert_eq!(last == Some(1), own_pids, "{name}: {numbers:?}");
        assert!(texts(&process["command"]).contains(&"60"), "{name}: {}", process["command"]);
        if command.contains("--hostname far") {
            assert_eq!(process["hostname"], "far", "{name}");
            let cables = difference["cables"].as_array().expect("a list");
            assert_eq!(cables[0]["inside"], "eth0", "{name}");
            assert_eq!(cables[0]["bridge"], "coracle0", "{name}");
        }
        if command.contains("-m 64M") {
            let groups = process["cgroups"].as_array().expect("a list");
            let limits =
                |key: &str, number: u64| groups.iter().any(|group| group["limits"][key] == number);
            assert!(limits("memory", 64 << 20) && limits("pids", 20), "{name}: {groups:?}");
        }
        testbed::assert_same(&before, &host.snapshot());
    }
}

#[test]
fn the_page_is_of_80_columns_and_marks_what_differs() {
    let Some(host) = Host::new() else { return };
    let words = ["--", "unshare", "-mpfun", "--mount-proc", "sh", "-c", "hostname far; read end"];
    let output = inspect(&host, Who::Root, &words);
    let page = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    assert!(!page.contains('\x1b'), "no colours in a pipe: {page}");
    assert!(
        page.starts_with("It has the host's root folder, and namespaces of its own: "),
        "{page}"
    );
    for chapter in ["00", "01", "02", "03", "04", "05", "07", "08", "09"] {
        assert!(page.contains(&format!("\n── {chapter}  ")), "{chapter}: {page}");
    }
    let row = |begin: &str| page.lines().find(|line| line.starts_with(begin)).expect(begin);
    assert!(row("host name").starts_with("host name   *far "), "{page}");
    assert!(row("its number").starts_with("its number  *1 (here "), "{page}");
    assert!(row("its inode").starts_with("its inode    "), "{page}");
    assert!(page.contains("namespace   *uts:["), "{page}");
    assert!(page.contains("namespace    ipc:["), "{page}");
}

#[test]
fn colours_follow_the_terminal_and_no_color() {
    let Some(host) = Host::new() else { return };
    let program = testbed::reachable(&host, PROGRAM);
    let page = |colour: &str, value: &str| {
        let mut command = host.command(Who::Root, &program);
        stdout(&command.args(["inspect", "1"]).env(colour, value).output().expect("it runs"))
    };
    assert!(page("CLICOLOR_FORCE", "1").contains('\x1b'));
    assert!(!page("NO_COLOR", "1").contains('\x1b'));
    assert!(page("NO_COLOR", "1").starts_with("An ordinary process"));
}

#[test]
fn what_leaks_and_what_leads_out_is_told() {
    let Some(host) = Host::new() else { return };
    let script = "exec 7</etc; mkdir -p /tmp/jail/proc; exec unshare -m --propagation unchanged \
        perl -e 'chdir \"/tmp\"; chroot \"/tmp/jail\"; <STDIN>'";
    let output = inspect(&host, Who::Root, &["--", "sh", "-c", script]);
    let page = stdout(&output).replace('\n', " ");
    assert!(page.contains("It stands outside of its root folder"), "{page}");
    assert!(page.contains("Descriptor 7 leads out of its root: /etc."), "{page}");
    let words = ["--", "unshare", "-m", "--propagation", "unchanged", "sleep", "60"];
    let page = stdout(&inspect(&host, Who::Root, &words)).replace('\n', " ");
    assert!(page.contains("What is mounted below its / is mounted below the host's /"), "{page}");
}

#[test]
fn an_ordinary_user_looks_into_his_own_and_into_nobody_elses() {
    let Some(host) = Host::new() else { return };
    let words = ["--json", "--", "unshare", "-Urpfn", "--mount-proc", "sleep", "60"];
    let output = inspect(&host, Who::User, &words);
    let seen = json(&output);
    assert_eq!(texts(&seen["difference"]["own_namespaces"]), ["mnt", "net", "pid", "user"]);
    // Its network belongs to its user namespace, which has to be entered first.
    let interfaces = seen["process"]["network"]["interfaces"].as_array().expect("a list");
    assert_eq!(interfaces.len(), 1, "{interfaces:?}");
    assert_eq!((&interfaces[0]["name"], &interfaces[0]["up"]), (&"lo".into(), &false.into()));
    let map = &seen["difference"]["uids_mapped"][0];
    assert_eq!((&map["inside"], &map["outside"]), (&0.into(), &1000.into()));

    let refused = inspect(&host, Who::User, &["1"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = stderr(&refused);
    assert!(said.contains("look as the user who started it, or as root (sudo)"), "{said}");
    assert_eq!((said.lines().count(), stdout(&refused)), (1, String::new()), "{said}");
}

#[test]
fn a_process_that_is_not_there() {
    for pid in ["0", "999999999"] {
        let output = Command::new(PROGRAM).args(["inspect", pid]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        assert!(said.contains("there is no process with this number (any more)"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    for words in [&["inspect"][..], &["inspect", "x"], &["inspect", "1", "--", "true"]] {
        let output = Command::new(PROGRAM).args(words).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{words:?}");
    }
}

#[test]
fn a_command_that_makes_no_container() {
    for (command, status, remedy) in [
        ("true", 0, "let it run for a while"),
        ("exit 3", 3, "what it said itself stands above"),
        ("unshare -U true", 0, "let it run for a while"),
    ] {
        let mut inspect = Command::new(PROGRAM);
        inspect.args(["inspect", "--", "sh", "-c", command]).stdin(Stdio::null());
        let output = inspect.output().expect("it runs");
        let said = stderr(&output);
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""), "{command}");
        let expected = format!("ended with status {status} before there was a container");
        assert!(said.contains(&expected) && said.contains(remedy), "{said}");
    }
    let output = Command::new(PROGRAM).args(["inspect", "--", "/no/such"]).output();
    assert!(stderr(&output.expect("it runs")).contains("status 127"));
}

#[test]
fn what_the_command_prints_is_not_in_the_way() {
    let Some(host) = Host::new() else { return };
    let words = ["--json", "--", "unshare", "-n", "sh", "-c", "echo out; echo err >&2; read end"];
    let output = inspect(&host, Who::Root, &words);
    assert_eq!(texts(&json(&output)["difference"]["own_namespaces"]), ["net"]);
    assert_eq!(stderr(&output), "out\nerr\n");
}

/// Neither SIGTERM nor a process of its own session saves it.
#[test]
fn everything_that_was_started_ends() {
    let Some(host) = Host::new() else { return };
    let before = host.snapshot();
    let stubborn = "trap '' TERM HUP INT; setsid sleep 4711 & unshare -pf sh -c \"trap '' TERM; \
        sleep 4712 & read end; sleep 4713\"; sleep 4714";
    let output = inspect(&host, Who::Root, &["--json", "--", "sh", "-c", stubborn]);
    assert_eq!(texts(&json(&output)["difference"]["own_namespaces"]), ["pid"]);
    testbed::assert_same(&before, &host.snapshot());
}

#[test]
fn an_interrupted_look_ends_what_it_started() {
    let Some(host) = Host::new() else { return };
    let before = host.snapshot();
    let program = testbed::reachable(&host, PROGRAM);
    // `sleep` shares everything with the host, so this waits.
    let mut command = host.command(Who::Root, "timeout");
    command.args(["-s", "TERM", "0.5"]).arg(program).args(["inspect", "--", "sleep", "4715"]);
    let output = command.output().expect("it runs");
    let said = stderr(&output);
    assert!(said.contains("signal 15 came before there was a container"), "{said}");
    testbed::assert_same(&before, &host.snapshot());
}

#[test]
fn a_limit_that_is_not_to_be_seen_is_not_called_none() {
    let Some(host) = Host::new() else { return };
    let program = testbed::reachable(&host, PROGRAM);
    let script = format!("umount -R /sys/fs/cgroup; exec {} inspect $$", program.display());
    let output = host.command(Who::Root, "unshare").args(["-m", "sh", "-c", &script]).output();
    let page = stdout(&output.expect("it runs"));
    let row = page.lines().find(|line| line.starts_with("memory")).expect("a row");
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["memory", "?", "?"], "{page}");
}
