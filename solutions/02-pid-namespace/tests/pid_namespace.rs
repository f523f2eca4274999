//! What a user relies on: a world of its own, no way out, a right PID 1, and nothing left behind.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

use testbed::{BOTH, Host, Who, refusals, stderr, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sol02-pid-namespace");

/// The chapter's program on this host.
fn program(host: &Host, who: Who) -> Command {
    host.command(who, testbed::reachable(host, PROGRAM))
}

fn run(host: &Host, who: Who, words: &[&str]) -> Output {
    program(host, who).arg("run").args(words).output().unwrap()
}

/// Runs a shell script in a container, which has to succeed, and returns what it prints.
fn sh(host: &Host, who: Who, options: &[&str], script: &str) -> String {
    let output = run(host, who, &[options, &["sh", "-c", script]].concat());
    assert!(output.status.success(), "{who:?}: {script}: {}", stderr(&output));
    stdout(&output)
}

/// A started container whose command has printed its first line.
fn started(host: &Host, who: Who, words: &[&str]) -> (Child, String) {
    let mut command = program(host, who);
    let mut child = command.arg("run").args(words).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line)
}

/// The container's first process, as the test's host sees it; found by its words.
fn first_process(host: &Host, words: &str) -> u32 {
    host.sh(&format!("pgrep -f '^{words}'")).trim().parse().unwrap()
}

#[test]
fn sees_its_own_processes_alone() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let output = stdout(&run(&host, who, &["--", "ps", "-e"]));
        let rows: Vec<_> = output.lines().skip(1).collect();
        assert_eq!(rows.len(), 1, "{output}");
        assert!(rows[0].trim_start().starts_with("1 ") && rows[0].ends_with(" ps"), "{output}");
        assert_eq!(sh(&host, who, &[], "echo $$; readlink /proc/self | wc -c"), "1\n2\n");
    }
}

/// While somebody mounts something, anywhere on the machine, the kernel answers so to a path with `..`.
#[test]
fn a_path_that_has_to_be_looked_up_again_is() {
    let Some(host) = Host::new() else { return };
    let _ = host.sh("cd /run && mkdir -p root/bin && cp /bin/busybox root/bin/");
    let mut command = host.command(Who::Root, "strace");
    command.args(["-f", "-b", "execve", "-qq", "-o", "/dev/null"]);
    command.args(["-e", "inject=openat2:error=EAGAIN:when=1..3"]);
    command.arg(testbed::reachable(&host, PROGRAM)).args(["run", "--root", "/run/root"]);
    let output = command.args(["/bin/busybox", "echo", "well"]).output().unwrap();
    assert_eq!(stdout(&output), "well\n", "{}", stderr(&output));
}

#[test]
fn the_host_sees_it_in_namespaces_of_its_own() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let (mut child, _) = started(&host, who, &["sh", "-c", "echo ready; exec sleep 4321"]);
        let pid = first_process(&host, "sleep 4321");
        let look = format!(
            "cd /proc/{pid}; grep NSpid status; readlink root cwd; ls -l fd | tail -n +2 | wc -l
             for kind in mnt pid; do [ $(readlink ns/$kind) != $(readlink /proc/1/ns/$kind) ]; done
             ! grep -E ' shared:| master:' mountinfo",
        );
        let seen = host.sh(&look);
        let lines: Vec<_> = seen.lines().collect();
        assert!(lines[0].ends_with("\t1"), "number 1 inside: {seen}");
        assert_eq!(&lines[1..], ["/", "/", "3"], "root, folder, open files");
        let _ = host.sh(&format!("kill -9 {pid}"));
        assert_eq!(child.wait().unwrap().code(), Some(137));
    }
}

#[test]
fn the_old_root_is_gone() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let mounts = sh(&host, who, &[], "cat /proc/self/mountinfo");
        let targets: Vec<_> = mounts.lines().map(|m| m.split(' ').nth(4).unwrap()).collect();
        for target in ["/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/sys", "/tmp"] {
            assert_eq!(targets.iter().filter(|t| **t == target).count(), 1, "{target}: {mounts}");
        }
        let known = |target: &&str| ["/dev", "/sys"].iter().any(|known| target.starts_with(known));
        let others = targets.iter().filter(|target| !known(target)).count();
        assert_eq!(others, 3, "only /, /proc and /tmp besides: {mounts}");
    }
}

#[test]
fn the_devices_work_and_nothing_else_is_there() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let script = "echo x >/dev/null; head -c 3 /dev/zero | od -An -tx1; \
             ! echo x 2>&- >/dev/full; head -c 9 /dev/urandom | wc -c; \
             echo hello | cat /dev/stdin; touch /dev/shm/x /tmp/x; \
             ! touch /sys/x 2>&-; stat -c %a /tmp /dev/shm /dev/null; ls /dev";
        let seen = sh(&host, who, &[], script);
        let start = " 00 00 00\n9\nhello\n1777\n1777\n666\n";
        let rest = "core\nfd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n";
        assert_eq!(seen, format!("{start}{rest}"), "{who:?}");
    }
}

#[test]
fn nothing_leaks_and_nothing_stays() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        // The first use makes the workshop's own root folder; mount(8) takes notes in /run of it.
        let mounts = "mkdir /tmp/m && mount -t tmpfs inside /tmp/m";
        let _ = sh(&host, who, &[], mounts);
        let before = host.snapshot();
        for words in
            [&["true"][..], &["--init", "true"], &["no-such-program"], &["sh", "-c", "kill -9 $$"]]
        {
            let _ = run(&host, who, words);
        }
        let _ = sh(&host, who, &[], "mkdir /tmp/m && mount -t tmpfs inside /tmp/m");
        testbed::assert_same(&before, &host.snapshot());
    }
}

#[test]
fn nothing_stays_when_it_is_killed_at_any_moment() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        assert!(run(&host, who, &["true"]).status.success());
        let before = host.snapshot();
        let program = testbed::reachable(&host, PROGRAM);
        // From its first microseconds to well after the start of the command.
        let script = format!(
            "for n in $(seq 1 200); do timeout -s KILL 0.00$((n % 10))$((n / 10)) {0} run sh -c 'sleep 600 & wait'; done; {0} run true",
            program.display(),
        );
        let output = host.command(who, "bash").args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        // The kernel takes the namespaces' last processes down after `timeout` has seen it die.
        let _ = host.sh("timeout 20 sh -c 'while pgrep -f \"sleep 60[0]\"; do sleep 0.01; done'");
        testbed::assert_same(&before, &host.snapshot());
    }
}

#[test]
fn orphans_and_signals_with_the_command_as_pid_1() {
    let Some(host) = Host::new() else { return };
    // The orphan's new parent is number 1, a `sleep`, which does not ask how it ended: a zombie.
    let watch = "(sleep 0.4; cat /proc/[0-9]*/stat | grep -c ' Z 1 ')";
    let script = format!("{watch} & sh -c 'sleep 0.1 & exec true'; exec sleep 0.8");
    assert_eq!(sh(&host, Who::Root, &[], &script), "1\n");
    // SIGTERM is dropped: the first one is told, the second one kills.
    let mut command = program(&host, Who::Root);
    command.args(["run", "sh", "-c", "echo ready; exec sleep 4322"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let _ = first_process(&host, "sleep 4322");
    let terminate = "pkill -TERM -f 'sol02-pid-namespace run sh -c echo ready; exec sleep 432[2]'";
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    assert_eq!(host.sh(terminate), "");
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("has no handler for SIGTERM, so the kernel drops it"), "{line}");
    assert_eq!(host.sh(terminate), "");
    assert_eq!(child.wait().unwrap().code(), Some(137));
}

/// PID 1 ends only when all in its namespace have been reaped, and somebody outside does not.
#[test]
fn what_was_killed_and_does_not_end_is_waited_for_in_peace() {
    let Some(host) = Host::new() else { return };
    let (mut child, _) =
        started(&host, Who::Root, &["sh", "-c", "echo ready; exec sleep 4325 2>/dev/null"]);
    // The ten seconds that a PID 1 has after a signal that it does not hear; then one more.
    let busy = host.sh("until first=$(pgrep -f '^sleep 4325'); do sleep 0.01; done
         nsenter -t $first -p sleep 4326 >/dev/null 2>&1 & outside=$!
         until pgrep -f '^sleep 4326' >/dev/null; do sleep 0.01; done
         kill -STOP $outside; runtime=$(ps -o ppid= -p $first); runtime=$((runtime))
         ticks() { cut -d ' ' -f 14,15 /proc/$runtime/stat | tr ' ' +; }
         kill -TERM $runtime; sleep 10.5; before=$(($(ticks))); sleep 1
         echo $(($(ticks) - before)); kill -CONT $outside");
    // Hundredths of a second.
    assert!(busy.trim().parse::<u32>().unwrap() < 10, "{busy}");
    assert_eq!(child.wait().unwrap().code(), Some(137));
}

#[test]
fn orphans_and_signals_with_a_small_init() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let script = "echo $$; sh -c 'sleep 0.05 & exec true'; sleep 0.2; cat /proc/[0-9]*/stat | grep -c ' Z '; ps -o comm= -p 1; exit 7";
        let output = run(&host, who, &["--init", "sh", "-c", script]);
        assert_eq!(stdout(&output), "2\n0\ninit\n");
        assert_eq!(output.status.code(), Some(7));
        let output = run(&host, who, &["--init", "sh", "-c", "kill -9 $$"]);
        assert_eq!(output.status.code(), Some(137));
        let output = run(&host, who, &["--init", "no-such-program"]);
        assert_eq!(output.status.code(), Some(127));
        assert!(stderr(&output).contains("execve(\"no-such-program\") failed"));

        let words = ["--init", "sh", "-c", "echo ready; exec sleep 4323"];
        let (mut child, _) = started(&host, who, &words);
        let _ = first_process(&host, "sleep 4323");
        let _ = host.sh("pkill -TERM -f 'sol02-pid-namespace [r]un --init'");
        assert_eq!(child.wait().unwrap().code(), Some(143));
    }
}

#[test]
fn all_ends_with_pid_1() {
    let Some(host) = Host::new() else { return };
    for options in [&[][..], &["--init"]] {
        let words = [options, &["sh", "-c", "setsid sleep 4324 & sleep 0.1; exit 3"]].concat();
        assert_eq!(run(&host, Who::Root, &words).status.code(), Some(3));
        assert_eq!(host.sh("pgrep -f 'sleep 432[4]' || true"), "");
    }
}

#[test]
fn ctrl_c_does_what_people_expect() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        // script(1) gives it a terminal. 3 is what Ctrl-C types.
        let cases = [
            // A program that handles it.
            (
                "run sh -c 'trap \"exit 5\" INT; echo ready; while :; do sleep 0.05; done'",
                "sh -c trap",
                1,
                5,
            ),
            // With a small init every program can hear it.
            ("run --init sh -c 'echo ready; exec sleep 21'", "sleep 21", 1, 130),
            // PID 1 without a handler can't; it is told, and the second press ends it.
            ("run sh -c 'echo ready; exec sleep 22'", "sleep 22", 2, 137),
        ];
        for (line, command, presses, status) in cases {
            // `exec`: script(1) starts a shell for this line, and one that waited beside us would die
            // of Ctrl-C itself. Which shell that is depends on $SHELL; bash leaves out the fork.
            let line = format!("exec {} {line}", testbed::reachable(&host, PROGRAM).display());
            let mut script = host.command(who, "script");
            script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = script.spawn().unwrap();
            let mut screen = BufReader::new(child.stdout.take().unwrap());
            let mut keys = child.stdin.take().unwrap();
            let mut expect = "ready";
            for _ in 0..presses {
                let mut shown = String::new();
                while !shown.contains(expect) {
                    assert_ne!(screen.read_line(&mut shown).unwrap(), 0, "{line}: {shown}");
                }
                // The shell itself hears Ctrl-C; so wait until it has become something else.
                let _ = host.sh(&format!("until pgrep -f '^{command}'; do sleep 0.01; done"));
                keys.write_all(b"\x03").unwrap();
                expect = "has no handler for SIGINT";
            }
            assert_eq!(child.wait().unwrap().code(), Some(status), "{who:?}: {line}");
        }
    }
}

#[test]
fn a_shell_in_it_has_job_control_and_gives_the_terminal_back() {
    let Some(host) = Host::new() else { return };
    let program = testbed::reachable(&host, PROGRAM);
    // An interactive shell takes the terminal's foreground; after it `read` works again.
    let line =
        format!("{} run bash --norc -i; read answer; echo \"read: $answer\"", program.display());
    let mut command = host.command(Who::Root, "script");
    command.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut keys = child.stdin.take().unwrap();
    keys.write_all(b"sleep 20 & jobs; kill %1; exit\n").unwrap();
    let mut screen = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    // The first of these lines is the terminal's echo.
    while !(screen.contains("Running") && screen.ends_with("exit\r\n")) {
        assert_ne!(lines.read_line(&mut screen).unwrap(), 0, "{screen}");
    }
    assert!(!screen.contains("no job control"), "{screen}");
    assert!(screen.contains("[1]+  Running"), "{screen}");
    keys.write_all(b"hello\n").unwrap();
    while !screen.contains("read: hello") {
        assert_ne!(lines.read_line(&mut screen).unwrap(), 0, "{screen}");
    }
    assert!(child.wait().unwrap().success());
}

/// A root folder on this host from the static busybox, changed by a shell script that runs in it.
fn root(host: &Host, name: &str, change: &str) -> String {
    let folder = format!("/tmp/{name}");
    let _ = host.sh(&format!(
        "mkdir -p '{folder}/bin' && cd '{folder}' && cp \"$(command -v busybox)\" bin/busybox &&
         for name in sh ls cat true touch mount; do ln -s busybox bin/$name; done
         {change}
         chown -R 1000:1000 ."
    ));
    folder
}

#[test]
fn links_that_lead_out_lead_nowhere() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let outside = format!("/tmp/outside-{who:?}");
        let _ = host.sh(&format!("mkdir -p {outside}/pts && echo untouched >{outside}/file"));
        let change = format!(
            "ln -s {outside} proc; ln -s ../../../../..{outside} dev; ln -s {outside} tmp
             ln -s /nowhere/at/all sys"
        );
        let folder = root(&host, &format!("links-{who:?}"), &change);
        let before = host.sh(&format!("find {outside} | sort; cat {outside}/file"));
        let script = format!("ls {outside} >/tmp/list; cat /tmp/list >/dev/null; echo fine");
        let output = run(&host, who, &["--root", &folder, "--", "sh", "-c", &script]);
        // All four point to one place *inside*, so what is mounted last covers the others.
        assert!(output.status.code() != Some(125) || stderr(&output).lines().count() <= 2);
        assert_eq!(host.sh(&format!("find {outside} | sort; cat {outside}/file")), before);
        assert_eq!(host.sh(&format!("grep -c {outside} /proc/self/mountinfo || true")), "0\n");
    }
}

#[test]
fn bad_roots_are_told() {
    let Some(host) = Host::new() else { return };
    let _ = host.sh("touch /tmp/file; mkdir /tmp/empty; mkdir '/tmp/with space'");
    let good = root(&host, "a root, with: odd=names", "");
    for who in BOTH {
        for folder in ["/tmp/missing", "/tmp/file", "/tmp/empty"] {
            let output = run(&host, who, &["--root", folder, "--", "true"]);
            assert_eq!(output.status.code(), Some(125), "{folder}");
            let said = stderr(&output);
            let said: Vec<_> = said.lines().filter(|line| !line.starts_with("Not root")).collect();
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].contains(folder), "{said:?}");
        }
        let output = run(&host, who, &["--root", &good, "--", "no-such-program"]);
        assert_eq!(output.status.code(), Some(127));
        assert_eq!(run(&host, who, &["--root", &good, "--", "true"]).status.code(), Some(0));
        let output = run(&host, who, &["--root", "/", "--", "true"]);
        assert_eq!(output.status.code(), Some(125));
        assert!(stderr(&output).contains("the host's own root can't be the container's"));
        // A path that begins where we stand.
        let here = format!("cd '{good}' && exec \"$0\" run --root . true");
        let program = testbed::reachable(&host, PROGRAM);
        let output = host.command(who, "sh").args(["-c", &here]).arg(&program).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
}

#[test]
fn every_refused_call_is_one_sentence() {
    let Some(host) = Host::new() else { return };
    let folder = root(&host, "root", "mkdir -m 755 dev proc sys tmp");
    for who in BOTH {
        let program = testbed::reachable(&host, PROGRAM);
        let program = program.to_str().unwrap();
        assert!(run(&host, who, &["--root", &folder, "--", "true"]).status.success());
        let before = host.snapshot();
        for options in [&[][..], &["--init"]] {
            let words =
                [&[program, "run", "--root", &folder], options, &["--", "/bin/true"]].concat();
            let wrong = refusals::each_call(&host, who, &words, "");
            assert!(wrong.is_empty(), "{who:?} {options:?}:\n{}", wrong.join("\n"));
        }
        let after = host.snapshot();
        let new: Vec<_> =
            after.difference(&before).filter(|line| !line.contains("/tmp/trace-")).collect();
        assert!(new.is_empty(), "{new:?}");
    }
}

#[test]
fn works_on_this_very_host() {
    // Outside any sandbox of the test's: as whoever runs the tests.
    let output = Command::new(PROGRAM).args(["run", "sh", "-c", "echo $$"]).output().unwrap();
    assert_eq!(stdout(&output), "1\n", "{}", stderr(&output));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let _ = Command::new(PROGRAM).args(["run", "true"]).status().unwrap();
    assert_eq!(fs::read_to_string("/proc/self/mountinfo").unwrap(), mounts);
}
