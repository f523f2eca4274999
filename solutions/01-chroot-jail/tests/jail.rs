//! What a user relies on: programs work in the jail, and filling it touches nothing else.

use std::process::{Command, Output, Stdio};

use testbed::{BOTH, Host, Who, refusals, stderr, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sol01-chroot-jail");

/// The chapter's program on this host.
fn program(host: &Host, who: Who, words: &[&str]) -> Output {
    command(host, who).args(words).output().unwrap()
}

fn command(host: &Host, who: Who) -> Command {
    host.command(who, testbed::reachable(host, PROGRAM))
}

/// Copies programs into a folder, which has to succeed; what was reported.
fn fill(host: &Host, who: Who, folder: &str, programs: &[&str]) -> String {
    let output = program(host, who, &[&["jail", folder], programs].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output)
}

fn run(host: &Host, who: Who, root: &str, words: &[&str]) -> Output {
    program(host, who, &[&["run", "--root", root, "--"], words].concat())
}

/// The one line that says what is wrong.
fn sentence(output: &Output) -> String {
    let said = stderr(output);
    let mut lines: Vec<_> = said.lines().filter(|line| !line.starts_with("Not root:")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    lines.remove(0).into()
}

#[test]
fn programs_work_in_it() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let jail = format!("/tmp/jail-{who:?}");
        let report = fill(&host, who, &jail, &["ls", "sh", "cat", "id", "ps", "tr", "clear"]);
        assert!(report.contains(&format!("run --root {jail:?} ls")), "{report}");
        // Names come from the jail's own passwd, through whatever glibc needs for that.
        assert_eq!(stdout(&run(&host, who, &jail, &["id", "-un"])), "root\n");
        let root = stdout(&run(&host, who, &jail, &["ls", "/"]));
        assert!(root.starts_with("bin\ndev\netc\n") && root.ends_with("usr\nvar\n"), "{root}");
        assert_eq!(stdout(&run(&host, who, &jail, &["sh", "-c", "cd /; cd ..; pwd"])), "/\n");
        assert_eq!(run(&host, who, &jail, &["sh", "-c", "exit 7"]).status.code(), Some(7));
        assert_eq!(run(&host, who, &jail, &["sh", "-c", "kill -9 $$"]).status.code(), Some(137));
        // There is no /proc yet; `ps` starts, and says so.
        let output = run(&host, who, &jail, &["ps"]);
        assert!(stderr(&output).contains("/proc"), "{}", stderr(&output));
        // Characters of more than one byte; the terminal's description.
        let script = "LC_ALL=C.UTF-8 ls /tmp; TERM=xterm clear | tr -d '\\033'";
        let output = run(&host, who, &jail, &["sh", "-c", script]);
        assert!(stdout(&output).contains("[H"), "{}", stderr(&output));
        // The host's users are not the jail's business.
        let users = stdout(&run(&host, who, &jail, &["cat", "/etc/passwd"]));
        assert_eq!(users.lines().count(), 2, "{users}");
    }
}

#[test]
fn stands_inside() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let jail = format!("/tmp/jail-{who:?}");
        let _ = fill(&host, who, &jail, &["sh", "sleep"]);
        let mut command = command(&host, who);
        command.args(["run", "--root", &jail, "sh", "-c", "exec sleep 4111"]);
        let mut child = command.spawn().unwrap();
        let seen = host.sh("until pid=$(pgrep -f '^sleep 4111'); do sleep 0.01; done
             readlink /proc/$pid/root /proc/$pid/cwd; ls /proc/$pid/fd | wc -l; kill -9 $pid");
        assert_eq!(seen, format!("{jail}\n{jail}\n3\n"), "{who:?}");
        assert_eq!(child.wait().unwrap().code(), Some(137));
    }
}

#[test]
fn links_are_copied_as_links() {
    let Some(host) = Host::new() else { return };
    let _ = host.sh("mkdir -p /tmp/tools/deep && cd /tmp/tools && cp /bin/echo deep/real
         ln -s real deep/relative && ln -s /tmp/tools/deep/relative absolute
         ln -s ../tools/absolute up && ln -s /tmp/tools folder && ln -s loop loop
         chmod 755 . deep");
    for who in BOTH {
        let jail = format!("/tmp/jail-{who:?}");
        let _ = fill(&host, who, &jail, &["/tmp/tools/folder/deep/../up", "sh"]);
        let output = run(&host, who, &jail, &["/tmp/tools/folder/up", "hello"]);
        assert_eq!(stdout(&output), "hello\n", "{}", stderr(&output));
        let links = "for link in bin lib lib64 sbin tmp/tools/up tmp/tools/absolute \
             tmp/tools/folder tmp/tools/deep/relative; do readlink $link || echo none; done";
        let inside = host.sh(&format!("cd {jail}; {links}"));
        assert_eq!(inside, host.sh(&format!("cd /; {links}")), "{who:?}");
        let output = program(&host, who, &["jail", &jail, "/tmp/tools/loop"]);
        assert!(sentence(&output).contains("in a circle"), "{output:?}");
    }
}

/// To ask a loader is to run it.
#[test]
fn a_loader_that_is_not_the_systems_is_not_run() {
    let Some(host) = Host::new() else { return };
    // The same program, which names a loader of the same name somewhere else.
    let _ = host.sh("mkdir /tmp/x; for loader in /lib/ld-linux* /lib64/ld-linux*; do
             [ -e $loader ] || continue; name=${loader##*/}
             printf '#!/bin/sh\ntouch /tmp/ran\n' >/tmp/x/$name; chmod 755 /tmp/x/$name
             cp /tmp/x/$name /tmp/$name
         done
         LC_ALL=C sed 's#/lib64/ld-#/tmp/x/ld-#g; s#/lib/ld-#/tmp/ld-#g' /bin/true >/tmp/program
         chmod 755 /tmp/program; chmod 1777 /tmp");
    for who in BOTH {
        let output = program(&host, who, &["jail", &format!("/tmp/jail-{who:?}"), "/tmp/program"]);
        assert_eq!(output.status.code(), Some(125));
        assert!(sentence(&output).contains("not the system's own"), "{}", sentence(&output));
        assert_eq!(host.sh("ls /tmp | grep ran || true"), "");
    }
}

#[test]
fn nothing_outside_is_touched() {
    let Some(host) = Host::new() else { return };
    let _ = host.sh("mkdir /tmp/outside /tmp/etc /tmp/usr /tmp/bin && cd /tmp
         echo secret >outside/passwd; echo program >outside/program
         mkdir -p etc usr/usr/bin bin/etc bin/usr/bin
         ln -s /tmp/outside etc/etc; ln -s ../outside usr/etc; ln -s /tmp/outside usr/usr/lib
         ln -s /tmp/outside/passwd bin/etc/passwd; ln -s /tmp/outside/new bin/etc/group
         ln -s /tmp/outside/program bin/usr/bin/true; ln -s /tmp/outside bin/usr/sbin");
    let look = "cd /tmp/outside; ls -la --time-style=full-iso; cat *; sha256sum /usr/bin/true";
    let before = host.sh(look);
    for jail in ["/tmp/etc", "/tmp/usr"] {
        let output = program(&host, Who::Root, &["jail", jail, "true"]);
        assert_eq!(output.status.code(), Some(125));
        assert!(sentence(&output).contains("inside the jail"), "{output:?}");
        assert_eq!(host.sh(look), before, "{jail}");
    }
    // Links that stand where files belong: replaced, or left where they are nobody's but the user's.
    let output = program(&host, Who::Root, &["jail", "/tmp/bin", "true"]);
    assert_eq!(host.sh(look), before, "{output:?}");
    assert_eq!(run(&host, Who::Root, "/tmp/bin", &["true"]).status.code(), Some(0));
    let output = program(&host, Who::Root, &["jail", "/", "true"]);
    assert!(sentence(&output).contains("the host's own root"));
}

#[test]
fn names_may_be_unusual() {
    let Some(host) = Host::new() else { return };
    let folder = "/tmp/my => tools (0x1)";
    let tool = &format!("{folder}/my \u{e9} program");
    let _ = host.sh(&format!("mkdir -m 755 '{folder}'; cp /bin/echo '{tool}'"));
    for who in BOTH {
        let jail = format!("/tmp/the jail of {who:?}/a \"new\" one");
        let _ = host.sh(&format!("mkdir -m 777 '/tmp/the jail of {who:?}'"));
        let _ = fill(&host, who, &jail, &[tool]);
        assert_eq!(stdout(&run(&host, who, &jail, &[tool, "hello"])), "hello\n");
    }
}

#[test]
fn libraries_in_unusual_places_are_found() {
    let Some(host) = Host::new() else { return };
    if host.sh("command -v musl-gcc || true").is_empty() {
        return testbed::skipped("a program for musl needs musl-tools");
    }
    let build = "mkdir -p /tmp/app/bin /tmp/app/private && cd /tmp/app && chmod 755 . bin private
         echo 'int inner(void) { return 40; }' >inner.c
         echo 'int inner(void); int outer(void) { return inner() + 2; }' >outer.c
         echo 'int outer(void); int main(void) { return outer(); }' >main.c
         for cc in gcc musl-gcc; do
           mkdir -m 755 private/$cc
           $cc -shared -fPIC -o private/$cc/libinner.so inner.c
           $cc -shared -fPIC -o private/$cc/libouter.so outer.c -Lprivate/$cc -linner -Wl,-rpath,'$ORIGIN'
           $cc -o bin/$cc main.c -Lprivate/$cc -louter -Wl,-rpath,\"\\$ORIGIN/../private/$cc\" -Wl,-rpath-link,private/$cc
         done";
    assert_eq!(host.sh(build), "");
    for who in BOTH {
        for compiler in ["gcc", "musl-gcc"] {
            let (jail, app) =
                (format!("/tmp/{compiler}-{who:?}"), format!("/tmp/app/bin/{compiler}"));
            let _ = fill(&host, who, &jail, &[&app]);
            // Loaders ask /proc/self/exe what $ORIGIN is.
            let _ = host.sh(&format!("mount -t proc proc {jail}/proc"));
            let output = run(&host, who, &jail, &[&app]);
            assert_eq!(output.status.code(), Some(42), "{compiler}: {}", stderr(&output));
        }
    }
    let _ = host.sh("rm /tmp/app/private/*/libinner.so");
    for compiler in ["gcc", "musl-gcc"] {
        let output =
            program(&host, Who::Root, &["jail", "/tmp/x", &format!("/tmp/app/bin/{compiler}")]);
        assert_eq!(output.status.code(), Some(125));
        assert!(sentence(&output).contains("libinner.so"), "{output:?}");
    }
}

#[test]
fn scripts_bring_their_interpreter() {
    let Some(host) = Host::new() else { return };
    let _ = host.sh(
        "cd /tmp && printf '#!/bin/sh -e\\necho one' >one && printf '#! /usr/bin/env -S bash -e\\necho two' >two
         printf '#!/no/such/shell\\n' >three && chmod 755 one two three",
    );
    for who in BOTH {
        let jail = format!("/tmp/jail-{who:?}");
        let _ = fill(&host, who, &jail, &["/tmp/one", "/tmp/two"]);
        assert_eq!(stdout(&run(&host, who, &jail, &["/tmp/one"])), "one\n");
        assert_eq!(stdout(&run(&host, who, &jail, &["/tmp/two"])), "two\n");
        let output = program(&host, who, &["jail", &jail, "/tmp/three"]);
        assert!(sentence(&output).contains("a script for \"/no/such/shell\""), "{output:?}");
    }
}

#[test]
fn says_what_cannot_be_copied() {
    let Some(host) = Host::new() else { return };
    let _ = host.sh(
        "cd /tmp; cp /usr/bin/true foreign; printf '\\026' | dd of=foreign bs=1 seek=18 conv=notrunc 2>&-
         touch file; mkdir -m 755 -p blocked/usr/bin/true; chown -R 1000 blocked",
    );
    for who in BOTH {
        let cases = [
            ("/tmp/j", "no-such-program", "there is no program \"no-such-program\" in PATH"),
            ("/tmp/j", "/no/such/program", "statx(\"/no/such/program\") failed: No such file"),
            ("/tmp/j", "/etc", "neither a file nor a link"),
            ("/tmp/j", "/tmp/foreign", "can't find all that \"/tmp/foreign\" needs"),
            ("/tmp/file", "true", "mkdir(\"/tmp/file\") failed"),
            ("/tmp/file/j", "true", "mkdir(\"/tmp/file/j\") failed"),
            ("/tmp/blocked", "true", "in the jail it is; use an empty folder"),
            ("/proc/j", "true", "mkdir(\"/proc/j\") failed"),
        ];
        for (jail, name, words) in cases {
            let output = program(&host, who, &["jail", jail, name]);
            assert_eq!(output.status.code(), Some(125), "{name}");
            assert!(sentence(&output).contains(words), "{name}: {output:?}");
        }
    }
    assert_eq!(program(&host, Who::Root, &["jail", "/tmp/j"]).status.code(), Some(125));
}

#[test]
fn modes_are_kept_but_for_setuid() {
    let Some(host) = Host::new() else { return };
    let _ = host.sh(
        "mkdir -m 755 /tmp/odd; cd /tmp/odd; cp /usr/bin/true setuid; chmod 6755 setuid
         cp /usr/bin/true closed; chmod 0511 closed; mkdir -m 555 shut; cp /usr/bin/true shut/tool; mkdir -m 2755 group; cp setuid group/tool",
    );
    let tools = ["/tmp/odd/setuid", "/tmp/odd/shut/tool", "/tmp/odd/group/tool"];
    for who in BOTH {
        let jail = format!("/tmp/jail-{who:?}");
        // Whatever the umask says.
        let words = format!(
            "umask 077; exec {} jail {jail} {}",
            testbed::reachable(&host, PROGRAM).display(),
            tools.join(" ")
        );
        assert!(host.command(who, "sh").args(["-c", &words]).status().unwrap().success());
        let modes = host.sh(&format!(
            "cd {jail}; stat -c '%a %n' tmp etc root usr/bin tmp/odd/setuid tmp/odd/shut tmp/odd/group etc/passwd; stat -c %u etc/passwd"
        ));
        let owner = if who == Who::Root { 0 } else { 1000 };
        let expected = "1777 tmp\n755 etc\n700 root\n755 usr/bin\n755 tmp/odd/setuid\n755 tmp/odd/shut\n755 tmp/odd/group\n644 etc/passwd\n";
        assert_eq!(modes, format!("{expected}{owner}\n"), "{who:?}");
    }
    let output = program(&host, Who::User, &["jail", "/tmp/jail-User", "/tmp/odd/closed"]);
    assert!(sentence(&output).contains("you may not read it"), "{output:?}");
}

#[test]
fn a_second_time_only_what_differs_is_copied() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let jail = format!("/tmp/jail-{who:?}");
        let first = fill(&host, who, &jail, &["true", "sh"]);
        let files: usize = first.split(' ').next().unwrap().parse().unwrap();
        let look = format!("cd {jail}; find . -type f -printf '%p %i %C@\\n' | sort");
        let before = host.sh(&look);
        let second = fill(&host, who, &jail, &["true", "sh"]);
        assert!(second.contains(&format!(", {files} of them there already")), "{second}");
        assert_eq!(host.sh(&look), before);
        // What the user wrote is his; a half-copied program is made whole.
        let _ = host.sh(&format!("echo mine >{jail}/etc/passwd; echo half >{jail}/usr/bin/true"));
        let third = fill(&host, who, &jail, &["true", "sh"]);
        assert!(third.contains(&format!(", {} of them there already", files - 1)), "{third}");
        assert_eq!(host.sh(&format!("cat {jail}/etc/passwd")), "mine\n");
        assert_eq!(run(&host, who, &jail, &["true"]).status.code(), Some(0));
    }
}

#[test]
fn several_may_fill_the_same_jail() {
    let Some(host) = Host::new() else { return };
    let children: Vec<_> = (0..8)
        .map(|_| {
            let mut command = command(&host, Who::User);
            command.args(["jail", "/tmp/jail", "sh", "ls", "ps"]).stdout(Stdio::null());
            command.spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let all = fill(&host, Who::User, "/tmp/jail", &["sh", "ls", "ps"]);
    let files = all.split(' ').next().unwrap();
    assert!(all.contains(&format!(", {files} of them there already")), "{all}");
}

#[test]
fn bad_roots_are_told() {
    let Some(host) = Host::new() else { return };
    let _ =
        host.sh("touch /tmp/file; mkdir /tmp/empty; mkdir -m 700 /tmp/closed; touch /tmp/closed/x");
    for who in BOTH {
        let mut cases = vec![
            ("/tmp/missing", "there is no such folder; `jail DIR PROGRAM…` makes one"),
            ("/tmp/file", "the root has to be a folder"),
            ("/tmp/empty", "is empty, so there is nothing to run in it"),
        ];
        if who == Who::User {
            cases.push(("/tmp/closed", "you may not look into this folder"));
        }
        for (root, words) in cases {
            let output = run(&host, who, root, &["true"]);
            assert_eq!(output.status.code(), Some(125), "{root}");
            let said = sentence(&output);
            assert!(said.contains(words) && said.contains(root), "{said}");
        }
    }
}

#[test]
fn says_why_a_command_cannot_be_executed() {
    let Some(host) = Host::new() else { return };
    for who in BOTH {
        let jail = format!("/tmp/jail-{who:?}");
        let _ = fill(&host, who, &jail, &["true"]);
        let _ = host.sh(&format!(
            "cd {jail}/usr/bin; cp true foreign; printf '\\026' | dd of=foreign bs=1 seek=18 conv=notrunc 2>&-
             printf '#!/bin/missing\\n' >script; chmod 755 script; touch plain
             cp true orphan; sed -i 's,/lib\\([^/]*/ld-\\),/nib\\1,' orphan"
        ));
        let cases = [
            ("sh", 127, "execve(\"sh\") failed: No such file"),
            ("/bin/sh", 127, "execve(\"/bin/sh\") failed: No such file"),
            ("script", 127, "the interpreter that its #! line names is not: \"/bin/missing\""),
            ("orphan", 127, "the dynamic loader that it names is not: \"/nib"),
            ("foreign", 126, "the program is for"),
            ("plain", 126, "chmod +x"),
            ("/etc", 126, "it is a folder"),
        ];
        for (name, status, words) in cases {
            let output = run(&host, who, &jail, &[name]);
            assert_eq!(output.status.code(), Some(status), "{name}: {}", stderr(&output));
            assert!(sentence(&output).contains(words), "{name}: {output:?}");
        }
    }
}

#[test]
fn explains_itself() {
    let Some(host) = Host::new() else { return };
    let output = program(&host, Who::Root, &["jail", "--explain", "/tmp/jail", "echo"]);
    assert!(stderr(&output).contains("copies /usr/bin/echo, and"), "{output:?}");
    let words = ["run", "--root", "/tmp/jail", "--explain", "echo", "hello"];
    let output = program(&host, Who::Root, &words);
    assert_eq!(stdout(&output), "hello\n");
    let said = stderr(&output);
    for words in ["container │    chroot(\"/tmp/jail\")", "(book 01#chdir)", "chdir(\"/\")"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn every_refused_call_is_one_sentence() {
    let Some(host) = Host::new() else { return };
    let _ = fill(&host, Who::Root, "/tmp/jail", &["sh"]);
    let _ = host.sh("chmod 755 /tmp/jail");
    for who in BOTH {
        let program = testbed::reachable(&host, PROGRAM);
        // (Not echo: it checks that it could close its standard output.)
        let program = program.to_str().unwrap();
        let run = [program, "run", "--root", "/tmp/jail", "/bin/sh", "-c", "echo well"];
        let wrong = refusals::each_call(&host, who, &run, "well\n");
        assert!(wrong.is_empty(), "{who:?}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn works_on_this_very_host() {
    // Outside any sandbox of the test's: as whoever runs the tests.
    let jail = format!("{}/jail", env!("CARGO_TARGET_TMPDIR"));
    let output = Command::new(PROGRAM).args(["jail", &jail, "pwd"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let output = Command::new(PROGRAM).args(["run", "--root", &jail, "pwd"]).output().unwrap();
    assert_eq!(stdout(&output), "/\n", "{}", stderr(&output));
    std::fs::remove_dir_all(jail).unwrap();
}
