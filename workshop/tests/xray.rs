//! xray: what it tells is what the kernel was asked, in that order; and it does not change how the
//! command runs or ends.

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;
use testbed::{BOTH, Host, Who, skipped, stderr, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_coracle");

/// Where the story of a run is written, on the test's host.
const STORY: &str = "/tmp/story";

struct Xray<'a> {
    host: &'a Host,
    program: PathBuf,
}

impl<'a> Xray<'a> {
    fn on(host: &'a Host) -> Self {
        Self { host, program: testbed::reachable(host, PROGRAM) }
    }

    /// As a person sees it, on standard error.
    fn run(&self, who: Who, words: &[&str]) -> Output {
        let mut command = self.host.command(who, &self.program);
        command.args(["xray", "--"]).args(words).output().expect("nsenter")
    }

    /// As a program reads it; it has to end with this status.
    fn story(&self, who: Who, words: &[&str], status: i32) -> Story {
        let mut command = self.host.command(who, &self.program);
        let output = command.args(["xray", "--json", "-o", STORY, "--"]).args(words).output();
        let output = output.expect("nsenter");
        assert_eq!(output.status.code(), Some(status), "{words:?}: {}", stderr(&output));
        let lines = self.host.sh(&format!("cat {STORY}; rm {STORY}"));
        Story(lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
    }
}

/// One JSON object a line.
struct Story(Vec<Value>);

impl Story {
    /// Calls that begin so are there, with this chapter, in this order (and others between them).
    /// Returns the numbers of the processes that made them.
    fn assert_tells(&self, expected: &[(&str, &str)]) -> Vec<i64> {
        let mut lines = self.0.iter();
        let mut processes = Vec::new();
        for (begin, chapter) in expected {
            let found = lines.find(|line| {
                let chapters = line["chapters"].as_array();
                line["call"].as_str().is_some_and(|call| call.starts_with(begin))
                    && chapters.is_some_and(|chapters| chapters.iter().any(|one| one == chapter))
            });
            let line = found.unwrap_or_else(|| panic!("{begin:?} of {chapter}, in: {self}"));
            processes.push(line["process"].as_i64().expect("a number"));
        }
        processes
    }

    /// The calls that begin so.
    fn calls(&self, begin: &str) -> Vec<&Value> {
        let begins = |line: &&Value| line["call"].as_str().is_some_and(|it| it.starts_with(begin));
        self.0.iter().filter(begins).collect()
    }
}

impl std::fmt::Display for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// For shell scripts: waits until a command succeeds, but not for ever.
const UNTIL: &str = "until_it() { for turn in $(seq 200); do if eval \"$1\"; then return; fi
     sleep 0.05; done; echo \"never: $1\" >&2; exit 1; }\n";

fn is_there(host: &Host, program: &str) -> bool {
    let found = host.sh(&format!("command -v {program} || true"));
    if found.is_empty() {
        skipped(&format!("{program} is not installed"));
    }
    !found.is_empty()
}

#[test]
fn the_story_of_unshare() {
    let Some(host) = Host::new() else { return };
    let xray = Xray::on(&host);
    let before = host.snapshot();
    for who in BOTH {
        let script = "hostname box; mount -t tmpfs -o size=1m none /mnt; exit 3";
        let story = xray.story(
            who,
            &["unshare", "-r", "-m", "-u", "-p", "-f", "--mount-proc", "sh", "-c", script],
            3,
        );
        let makers = story.assert_tells(&[
            ("execve(\"/usr/bin/unshare\", [\"unshare\", \"-r\", \"-m\"", "00"),
            ("unshare(CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWUSER|CLONE_NEWPID)", "07"),
            ("clone", "00"),
            ("mount(\"none\", \"/\", NULL, MS_REC|MS_PRIVATE)", "02"),
            ("mount(\"proc\", \"/proc\", \"proc\", MS_NOSUID|MS_NODEV|MS_NOEXEC)", "02"),
            ("sethostname(\"box\", 3)", "03"),
            ("mount(\"none\", \"/mnt\", \"tmpfs\", 0, \"size=1m\")", "02"),
        ]);
        let id = if who == Who::Root { 0 } else { 1000 };
        story.assert_tells(&[("write(", "07")]);
        let maps = story.calls("write(");
        let written = |file: &str, text: &str| {
            let end = format!("/{file}>, \"{text}\")");
            maps.iter().any(|line| line["call"].as_str().is_some_and(|call| call.ends_with(&end)))
        };
        assert!(written("uid_map", &format!("0 {id} 1")), "{story}");
        assert!(written("setgroups", "deny"), "{story}");
        // unshare; its child, PID 1; and that one's children, which are programs of their own.
        let [first, unshare, clone, private, proc, hostname, mount] = makers[..] else { panic!() };
        assert_eq!((first, unshare), (unshare, clone));
        assert_eq!(story.calls("clone")[0]["result"], private);
        assert_eq!(private, proc);
        assert!(![first, private].contains(&hostname) && hostname != mount, "{story}");
        assert_eq!(story.calls("sethostname")[0]["program"], "hostname");
        assert!(story.0.iter().any(|line| line["process"] == private && line["status"] == 3));
        assert_eq!(story.0.iter().any(|line| line["note"].is_string()), who == Who::User);
        let seen = story.0.last().unwrap()["seen"].to_string();
        assert!(seen.contains(r#"{"calls":1,"chapter":"03","mechanism":"host name"}"#), "{seen}");
    }
    testbed::assert_same(&before, &host.snapshot());
}

#[test]
fn a_refusal_is_told_by_its_name() {
    let Some(host) = Host::new() else { return };
    let story = Xray::on(&host).story(Who::User, &["chroot", "/tmp", "true"], 125);
    let calls = story.calls("chroot(\"/tmp\")");
    assert_eq!(calls.len(), 1, "{story}");
    assert_eq!(calls[0]["error"], "EPERM");
    assert_eq!(calls[0]["result"], Value::Null);
}

#[test]
fn our_own_containers() {
    let Some(host) = Host::new() else { return };
    let xray = Xray::on(&host);
    for who in BOTH {
        let program = xray.program.to_str().unwrap();
        // The first one makes the root folder.
        assert!(host.command(who, program).arg("tour").output().unwrap().status.success());
        let before = host.snapshot();
        let story = xray.story(who, &[program, "tour"], 0);
        story.assert_tells(&[
            ("chroot(\".\")", "01"),
            ("chdir(\"/\")", "01"),
            ("pivot_root(\".\", \".\")", "02"),
            ("umount2(\".\", MNT_DETACH)", "02"),
            ("sethostname(\"box\", 3)", "03"),
            ("fsopen(\"overlay\"", "05"),
        ]);
        story.assert_tells(&[
            ("clone3(CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWPID|CLONE_NEWNET", "03"),
            ("sendto(", "03"),
            ("pivot_root", "02"),
            ("execve", "00"),
        ]);
        let messages = story.calls("sendto(");
        let told = |part: &str| messages.iter().any(|line| line["call"].to_string().contains(part));
        assert!(told("RTM_SETLINK(\\\"lo\\\", up)"), "{story}");
        if who == Who::Root {
            assert!(told("RTM_NEWLINK(bridge \\\"coracle0\\\")"), "{story}");
            assert!(told("RTM_NEWLINK(veth \\\"coracle-2\\\", peer \\\"eth0\\\", into"), "{story}");
            assert!(told("RTM_NEWADDR(10.83.0.2/24, interface "), "{story}");
            assert!(told("RTM_NEWROUTE(default, via 10.83.0.1)"), "{story}");
        }
        testbed::assert_same(&before, &host.snapshot());
    }
}

#[test]
fn the_story_of_bubblewrap() {
    let Some(host) = Host::new() else { return };
    if !is_there(&host, "bwrap") {
        return;
    }
    for who in BOTH {
        let words = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"];
        let story = Xray::on(&host).story(who, &words, 0);
        story.assert_tells(&[
            ("prctl(PR_SET_NO_NEW_PRIVS, 1)", "08"),
            ("clone(CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|", "02"),
            ("sendto(5, RTM_NEWADDR(127.0.0.1/8, interface 1))", "03"),
            ("pivot_root(\"/tmp\", \"oldroot\")", "02"),
            ("mount(\"/oldroot/\", \"/newroot/\", NULL, MS_BIND|MS_REC|MS_SILENT)", "02"),
            ("umount2(\"oldroot\", MNT_DETACH)", "02"),
            ("capset({effective=permitted=inheritable=none})", "08"),
            ("execve(\"/usr/bin/true\", [\"true\"])", "00"),
        ]);
    }
}

/// A Go program: many threads, which change in the middle of what they do.
#[test]
fn the_story_of_runc() {
    let Some(host) = Host::new() else { return };
    if !is_there(&host, "runc") || !is_there(&host, "python3") {
        return;
    }
    let xray = Xray::on(&host);
    let edit = r#"
import json
with open("config.json") as file: config = json.load(file)
config["process"].update(args=["sh", "-c", "exit 7"], terminal=False, rlimits=[])
config["root"] = {"path": "root", "readonly": False}
config["hostname"] = "box"
config["mounts"] = [mount for mount in config["mounts"] if mount["type"] != "cgroup"]
with open("config.json", "w") as file: json.dump(config, file)
"#;
    let program = xray.program.display();
    let _ = host.sh(&format!(
        "mkdir /run/box && cd /run/box && {program} rootfs root >&2 && runc spec && python3 -c '{edit}'"
    ));
    let words = ["runc", "--root", "/run/runc", "run", "--bundle", "/run/box", "box"];
    let story = xray.story(Who::Root, &words, 7);
    let init = story.assert_tells(&[
        ("unshare(CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWPID|CLONE_NEWNET)", "03"),
        ("clone(CLONE_PARENT|SIGCHLD)", "00"),
        ("mount(\"proc\", \"/proc/self/fd/", "02"),
        ("pivot_root(\".\", \".\")", "02"),
        ("sethostname(\"box\", 3)", "03"),
        ("prctl(PR_SET_NO_NEW_PRIVS, 1)", "08"),
        ("capset({effective=permitted=CAP_KILL|CAP_NET_BIND_SERVICE|CAP_AUDIT_WRITE", "08"),
        ("execve(\"/usr/bin/sh\", [\"sh\", \"-c\", \"exit 7\"])", "00"),
    ]);
    assert!(init[2..].iter().all(|process| *process == init[2]), "{story}");
    story.assert_tells(&[("mkdirat(AT_FDCWD, \"/sys/fs/cgroup/", "04"), ("unlinkat(", "04")]);
    let joined = |line: &&&Value| line["meaning"] == "a process joins the cgroup";
    assert!(story.calls("write(").iter().filter(joined).count() > 0, "{story}");
}

#[test]
fn the_command_ends_as_it_would_without() {
    let Some(host) = Host::new() else { return };
    let xray = Xray::on(&host);
    let before = host.snapshot();
    for who in BOTH {
        for (script, status) in [("true", 0), ("exit 42", 42), ("kill -9 $$", 137)] {
            assert_eq!(xray.run(who, &["sh", "-c", script]).status.code(), Some(status));
        }
        let output = xray.run(who, &["no-such-program"]);
        assert_eq!(output.status.code(), Some(127));
        assert!(stderr(&output).contains("coracle: execve(\"no-such-program\") failed"));
        assert!(!stderr(&output).contains("What was seen"), "{}", stderr(&output));
        assert_eq!(xray.run(who, &["/etc/passwd"]).status.code(), Some(126));
        let output = xray.run(who, &["sh", "-c", "echo out; echo err >&2"]);
        assert_eq!(stdout(&output), "out\n");
        assert!(stderr(&output).contains("\nerr\n"), "{}", stderr(&output));
    }
    let lost = host
        .command(Who::Root, &xray.program)
        .args(["xray", "-o", "/no/file", "--"])
        .arg("true")
        .output();
    assert_eq!(lost.unwrap().status.code(), Some(125));
    let mut full = host.command(Who::Root, &xray.program);
    let output =
        full.args(["xray", "-o", "/dev/full", "--", "sh", "-c", "exit 8"]).output().unwrap();
    assert_eq!(output.status.code(), Some(8), "the command is not to suffer");
    assert!(stderr(&output).contains("the story is not complete"), "{}", stderr(&output));
    testbed::assert_same(&before, &host.snapshot());
}

#[test]
fn it_reads_well_on_paper() {
    let Some(host) = Host::new() else { return };
    let words =
        ["unshare", "-m", "-p", "-f", "--mount-proc", "sh", "-c", "umount /proc; echo hello"];
    let told = stderr(&Xray::on(&host).run(Who::Root, &words));
    assert!(told.lines().all(|line| line.chars().count() <= 80), "80 columns: {told}");
    assert!(!told.contains('\x1b'), "no colours in a file: {told}");
    let line = "02    umount2(\"/proc\", 0) = 0  a mount goes out of sight\n";
    assert!(told.contains(line), "{told}");
    // One capability after the other: the first is told, the others are counted.
    let dropped = Xray::on(&host).run(Who::Root, &["setpriv", "--bounding-set=-all", "true"]);
    let dropped = stderr(&dropped);
    assert_eq!(dropped.matches("PR_CAPBSET_DROP").count(), 1, "{dropped}");
    assert!(dropped.contains(" more like it\n"), "{dropped}");
    let summary = told.split("\nWhat was seen:\n").nth(1).expect("a summary");
    assert!(
        summary.contains("\n02    PID namespace (1 call), mount namespace (1 call), "),
        "{told}"
    );
}

/// What Ctrl-C at a terminal does: the signal goes to all processes of its foreground group.
#[test]
fn an_interrupt_ends_the_command_and_not_the_story() {
    let Some(host) = Host::new() else { return };
    let xray = Xray::on(&host);
    let before = host.snapshot();
    let program = xray.program.display();
    for (signal, to, status) in [("INT", "-$!", 130), ("TERM", "$!", 143), ("QUIT", "-$!", 131)] {
        let told = host.sh(&format!(
            "{UNTIL} ulimit -c 0
             env --default-signal setsid {program} xray -o {STORY} -- sleep 20 &
             until_it 'grep -q sleep {STORY} 2>/dev/null'
             env kill -{signal} -- {to}; wait $!; echo $?; cat {STORY}; rm {STORY}"
        ));
        assert!(told.starts_with(&format!("{status}\n")), "{told}");
        assert!(told.contains(&format!("is ended by SIG{signal}\n")), "{told}");
        assert!(told.contains("\nWhat was seen:\n"), "{told}");
    }
    testbed::assert_same(&before, &host.snapshot());
}

#[test]
fn a_command_can_be_stopped_and_continued() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let script = "(sleep 0.2; kill -CONT $$) & kill -STOP $$; exit 6";
        assert_eq!(Xray::on(&host).run(who, &["sh", "-c", script]).status.code(), Some(6));
    }
}

#[test]
fn what_outlives_the_command_lives_on() {
    let Some(host) = Host::new() else { return };
    let xray = Xray::on(&host);
    let before = host.snapshot();
    for who in BOTH {
        // It has to execute a program after the story has ended: the filter asks its tracer.
        let script = "(until [ -e /tmp/go ]; do sleep 0.05; done; ls / >/tmp/alive; sleep 100) \
             >/dev/null 2>&1 & exit 4";
        let output = xray.run(who, &["sh", "-c", script]);
        assert_eq!(output.status.code(), Some(4));
        assert!(stderr(&output).contains(" on in the background ("), "{}", stderr(&output));
        let _ = host.sh(&format!(
            "{UNTIL} touch /tmp/go; until_it 'grep -q usr /tmp/alive 2>/dev/null'
             until_it 'pkill -x -f \"sleep 100\"'; until_it '! pgrep -f \"[c]oracle.* xray\"'
             rm /tmp/go /tmp/alive"
        ));
    }
    testbed::assert_same(&before, &host.snapshot());
}

#[test]
fn whoever_kills_it_kills_what_it_watches() {
    let Some(host) = Host::new() else { return };
    let xray = Xray::on(&host);
    let before = host.snapshot();
    let program = xray.program.display();
    let _ = host.sh(&format!(
        "{UNTIL} {program} xray -o {STORY} -- sh -c 'setsid sleep 100 & sleep 100' &
         until_it '[ $(pgrep -x -f \"sleep 100\" | wc -l) = 2 ]'
         kill -KILL $!; wait $! || true; rm {STORY}; until_it '! pgrep -x -f \"sleep 100\"'"
    ));
    testbed::assert_same(&before, &host.snapshot());
}

#[test]
fn a_program_with_threads_executes_another_one() {
    let Some(host) = Host::new() else { return };
    let script = "import os, threading, time\n\
         def become(): os.execv('/bin/sh', ['sh', '-c', 'exit 9'])\n\
         threading.Thread(target=become).start()\n\
         time.sleep(100)";
    let story = Xray::on(&host).story(Who::Root, &["/usr/bin/python3", "-c", script], 9);
    let processes = story.assert_tells(&[
        ("execve(\"/usr/bin/python3\"", "00"),
        ("execve(\"/bin/sh\", [\"sh\", \"-c\", \"exit 9\"])", "00"),
    ]);
    assert_eq!(processes[0], processes[1], "{story}");
}

/// On a kernel of 64 bits a program can make the calls of 32 bits: other numbers, smaller pointers.
#[cfg(target_arch = "x86_64")]
#[test]
fn calls_of_32_bits() {
    let Some(host) = Host::new() else { return };
    let program = r#"
static int call(int number, const void *first) {
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first) : "memory");
    return result;
}
static char name[] = "/tmp";
int main(void) { return call(12, name) | call(310, (void *)0x04000000); }
"#;
    // Its addresses have to fit into 32 bits.
    let folder = std::path::Path::new("/tmp/32");
    let _ = host.sh(&format!(
        "mkdir {0}; cat >{0}/program.c <<'END'\n{program}\nEND\n\
         cc -static -no-pie -o {0}/program {0}/program.c",
        folder.display()
    ));
    let story = Xray::on(&host).story(Who::Root, &["/tmp/32/program"], 0);
    story.assert_tells(&[("chdir(\"/tmp\")", "01"), ("unshare(CLONE_NEWUTS)", "03")]);
}
