//! `coracle watch` in a real terminal: keys, saves as editors make them, and every way out.

mod project;
mod terminal;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use coracle::student::watch;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use project::Project;
use terminal::Terminal;

const LIB: &str = "chapters/00-process/src/lib.rs";

/// What the tests below run: the loop, with a check of their own (`check` in the project's folder).
#[test]
#[ignore = "the other tests run it, in a terminal"]
fn the_loop_itself() {
    let Some(root) = std::env::var_os("WATCH_ROOT") else { return };
    let project = coracle::project::Project::at(Path::new(&root));
    let check = |chapter: &str| {
        assert!(!project.root().join("panic").exists(), "asked for");
        let mut command = Command::new("sh");
        command.arg(project.root().join("check")).arg(chapter).current_dir(project.root());
        command
    };
    watch::watch(&project, None, &check).unwrap();
}

/// A small project with a check: it writes into `log` that it begins and what it sees, takes as long
/// as `delay` says, writes that it ends, and prints the report that is in `report`.
fn project(name: &str) -> Project {
    let project = Project::small(name);
    project.write(
        "check",
        "echo begin $1 $(cat chapters/*/src/*.rs chapters/*/src/*/*.rs | cksum) >>log\n\
         sleep $(cat delay)\necho end >>log\ncat said >&2\nsed s/NN/$1/ report\n",
    );
    project.write("delay", "0");
    project.write("said", "");
    report(&project, FAILS);
    project
}

const FAILS: &str = "{\"chapter\":\"00\",\"passed\":false,\"problem\":null,\"checks\":[{\"id\":\"one\",\
    \"title\":\"The claim\",\"passed\":false,\"expected\":\"e\",\"seen\":\"What is seen\",\"why\":\"w\",\
    \"exercise\":\"\",\"hint\":\"h\",\"book\":\"b\",\"because\":null}]}";
const PASSES: &str = "{\"chapter\":\"00\",\"passed\":true,\"problem\":null,\"checks\":[]}";

fn report(project: &Project, text: &str) {
    project.write("report", text);
}

fn begun(project: &Project) -> Vec<String> {
    let log = fs::read_to_string(project.path("log")).unwrap_or_default();
    log.lines().filter(|line| line.starts_with("begin")).map(String::from).collect()
}

/// The loop, in a terminal of its own.
fn start(project: &Project) -> Terminal {
    let mut terminal = Terminal::new();
    terminal.start(the_loop(project));
    terminal.see("The claim");
    terminal
}

fn the_loop(project: &Project) -> Command {
    // libtest has a thread more than the real command, and would take the signals there.
    let mut command = Command::new("env");
    // Who runs the tests in the background may have them ignored.
    command.arg("--default-signal=INT,QUIT");
    command.arg("--block-signal=CHLD,CONT,HUP,INT,QUIT,TERM,TSTP,WINCH");
    command.arg(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "the_loop_itself", "--nocapture"]);
    command.env("WATCH_ROOT", project.path(".").canonicalize().unwrap()).env("NO_COLOR", "1");
    command
}

/// What is saved is checked once, and as it is in the end. (Where the machine was so busy that the save
/// itself took its time, its parts may be checked as well.)
fn saved(project: &Project, terminal: &Terminal, how: &str, save: impl FnOnce()) {
    let before = begun(project).len();
    let began = Instant::now();
    save();
    let slow = began.elapsed() > Duration::from_millis(55);
    terminal.until(how, || begun(project).len() > before);
    // Longer than the loop waits for quiet.
    sleep(Duration::from_millis(if slow { 2000 } else { 300 }));
    let checked = begun(project);
    assert!(slow || checked.len() == before + 1, "{how}: {checked:?}");
    let files = "cat chapters/*/src/*.rs chapters/*/src/*/*.rs | cksum";
    let sum = Command::new("sh").args(["-c", files]).current_dir(project.path(".")).output();
    let sum = project::stdout(&sum.unwrap());
    assert_eq!(checked[checked.len() - 1], format!("begin 00-process {}", sum.trim()), "{how}");
}

/// Every way in which an editor saves.
fn save_as_editors_do(project: &Project, terminal: &Terminal) {
    let path = project.path(LIB);
    let beside = project.path("chapters/00-process/src/4913");
    saved(project, terminal, "in place", || fs::write(&path, "// 1").unwrap());
    saved(project, terminal, "renamed over", || {
        fs::write(&beside, "// 2").unwrap();
        fs::rename(&beside, &path).unwrap();
    });
    saved(project, terminal, "the old one moved away first", || {
        fs::rename(&path, project.path("chapters/00-process/src/lib.rs~")).unwrap();
        fs::write(&path, "// 3").unwrap();
        fs::remove_file(project.path("chapters/00-process/src/lib.rs~")).unwrap();
    });
    saved(project, terminal, "truncated, and written twice", || {
        let file = fs::File::create(&path).unwrap();
        sleep(Duration::from_millis(20));
        std::io::Write::write_all(&mut &file, b"// 4").unwrap();
        sleep(Duration::from_millis(20));
        std::io::Write::write_all(&mut &file, b" and more").unwrap();
    });
    saved(project, terminal, "two files", || {
        fs::write(&path, "// 5").unwrap();
        sleep(Duration::from_millis(20));
        project.write("chapters/00-process/src/deep/mod.rs", "// 5");
    });
    saved(project, terminal, "a file in a new folder", || {
        project.write("chapters/00-process/src/new/deep.rs", "// 6");
    });
    saved(project, terminal, "again in the new folder", || {
        project.write("chapters/00-process/src/new/deep.rs", "// 7");
    });
    saved(project, terminal, "removed", || {
        fs::remove_dir_all(project.path("chapters/00-process/src/new")).unwrap();
    });

    // What changes nothing that is checked.
    let before = begun(project).len();
    fs::write(&path, "// 5").unwrap();
    project.write("chapters/00-process/src/.lib.rs.swp", "an editor's own");
    project.write("chapters/01-chroot-jail/src/lib.rs", "// a later chapter");
    sleep(Duration::from_millis(900));
    assert_eq!(begun(project).len(), before);
}

#[test]
fn each_save_is_checked_once() {
    let project = project("watch-saves");
    let mut terminal = start(&project);
    save_as_editors_do(&project, &terminal);
    assert!(!terminal.screen().contains("twice a second"));
    terminal.press("q");
    assert_eq!(terminal.status().code(), Some(0));
}

#[test]
fn where_the_kernel_tells_nothing_the_files_are_looked_at() {
    let project = project("watch-polls");
    let mut terminal = Terminal::new();
    // In a user namespace of one's own the limit is one's own (user_namespaces(7)).
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c"]);
    command.arg("echo 0 >/proc/sys/user/max_inotify_instances && exec \"$@\"").arg("sh");
    let the_loop = the_loop(&project);
    command.arg(the_loop.get_program()).args(the_loop.get_args());
    command.envs(the_loop.get_envs().filter_map(|(name, value)| Some((name, value?))));
    terminal.start(command);
    terminal.see("the files are looked\nat twice a second.");
    terminal.see("The claim");
    save_as_editors_do(&project, &terminal);
    terminal.press("q");
    assert_eq!(terminal.status().code(), Some(0));
}

#[test]
fn a_file_that_can_not_be_read_is_waited_for() {
    let project = project("watch-unreadable");
    let mut terminal = start(&project);
    let text = project.read(LIB);
    fs::remove_file(project.path(LIB)).unwrap();
    std::os::unix::fs::symlink("nowhere", project.path(LIB)).unwrap();
    sleep(Duration::from_millis(300));
    terminal.press("c");
    terminal.see("Checking");
    let before = begun(&project).len();
    save(&project, &format!("{text}// more\n"));
    terminal.until("checked", || begun(&project).len() > before);
    terminal.see("The claim");
    terminal.press("q");
    assert_eq!(terminal.status().code(), Some(0));
}

/// In one step: nobody sees half of it, however busy the machine is.
fn save(project: &Project, text: &str) {
    project.write("beside", text);
    fs::rename(project.path("beside"), project.path(LIB)).unwrap();
}

#[test]
fn a_save_while_it_checks_begins_anew() {
    let project = project("watch-anew");
    let mut terminal = start(&project);
    project.write("delay", "60");
    save(&project, "// 1");
    terminal.see("Checking");
    terminal.until("it takes its time", || !sleepers(&project).is_empty());
    assert_eq!(begun(&project).len(), 2);
    project.write("delay", "0.2");
    save(&project, "// 2");
    terminal.until("begun anew", || begun(&project).len() == 3);
    terminal.see("The claim");
    let log = project.read("log");
    assert_eq!(log.lines().filter(|line| *line == "end").count(), 2, "{log}");
    assert!(sleepers(&project).is_empty(), "what the ended check had started is gone as well");

    // Whoever quits ends what runs.
    project.write("delay", "61");
    terminal.press("c");
    terminal.until("a check runs", || !sleepers(&project).is_empty());
    terminal.press("q");
    assert_eq!(terminal.status().code(), Some(0));
    assert!(sleepers(&project).is_empty());
}

#[test]
fn when_it_is_killed_the_check_does_not_go_on_alone() {
    let project = project("watch-killed");
    let mut terminal = start(&project);
    // In one process: the shell becomes the sleep.
    project.write("check", "exec sleep 62\n");
    terminal.press("c");
    terminal.until("a check runs", || !sleepers(&project).is_empty());
    terminal.signal(Signal::SIGKILL);
    terminal.status();
    terminal.until("the check ends", || sleepers(&project).is_empty());
}

/// Processes of the check that stand in the project's folder.
fn sleepers(project: &Project) -> Vec<PathBuf> {
    let root = project.path(".").canonicalize().unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let sleeps = |path: &PathBuf| {
        fs::read(path.join("cmdline")).is_ok_and(|words| words.starts_with(b"sleep\0"))
            && fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd == root)
    };
    processes.filter(sleeps).collect()
}

#[test]
fn the_keys_do_what_they_say() {
    let project = project("watch-keys");
    let mut terminal = start(&project);
    terminal.see("── Chapter 00, process ─");
    terminal.see("0 of 3");
    terminal.see("h hint · s solution · n next · l list · c check again · q quit");
    for step in ["1. nudge", "2. pointer", "3. nearly"] {
        terminal.press("H");
        terminal.see(&format!("{step} first"));
    }
    terminal.press("\x1b[B");
    terminal.press(" ");
    terminal.see("What is seen");
    terminal.press("l");
    terminal.see("00, process");
    terminal.see("01, chroot-jail");
    terminal.press("n");
    terminal.see("first comes first, in chapters/00-process/src/lib.rs:4");

    let before = begun(&project).len();
    terminal.press("c");
    terminal.until("a check", || begun(&project).len() == before + 1);
    terminal.see("The claim");

    let starter = project.read(LIB);
    terminal.press("s");
    terminal.see("y yes · n no");
    terminal.press("n");
    terminal.see("q quit");
    assert_eq!(project.read(LIB), starter);
    terminal.press("s");
    terminal.see("Put the finished lines in the place of yours?");
    terminal.press("y");
    terminal.see("first in chapter 00 is finished now.");
    terminal.see("coracle restore 00");
    assert!(project.read(LIB).contains("let first = 1;") && project.read(LIB).contains("todo!"));
    terminal.until("checked again", || begun(&project).len() == before + 2);
    terminal.see("✓ first  · second");
    // The verdict of this check, and no longer "Checking".
    terminal.see("The claim");

    report(&project, PASSES);
    save(&project, &project.read(LIB).replace("todo!(\"second: title of second\")", "2"));
    terminal.see("Chapter 00 is done. n goes on.");
    terminal.see("2 of 3");
    report(&project, FAILS);
    terminal.press("n");
    terminal.see("── Chapter 01, chroot-jail ─");
    terminal.see("The claim");
    // The earlier chapter is used by this one.
    let before = begun(&project).len();
    save(&project, "// broken");
    terminal.until("checked again", || begun(&project).len() == before + 1);
    terminal.press("q");
    assert_eq!(terminal.status().code(), Some(0));
}

#[test]
fn on_every_way_out_the_terminal_is_as_it_was() {
    let project = project("watch-ways-out");
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        let mut terminal = start(&project);
        assert!(!terminal.is_as_it_was());
        match signal {
            Signal::SIGINT => terminal.press("\x03"),
            Signal::SIGQUIT => terminal.press("\x1c"),
            signal => terminal.signal(signal),
        }
        let status = terminal.status();
        assert_eq!(status.signal(), Some(signal as i32), "{status:?}");
        assert!(terminal.is_as_it_was(), "{signal}");
    }
    let mut terminal = start(&project);
    project.write("panic", "");
    terminal.press("c");
    assert_eq!(terminal.status().code(), Some(101));
    assert!(terminal.is_as_it_was());
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back() {
    let project = project("watch-sleeps");
    let mut terminal = Terminal::new();
    let mut shell = Command::new("bash");
    shell.args(["--norc", "--noprofile", "--noediting", "-i"]).env("PS1", "shell$ ");
    shell.env("HISTFILE", "").env("ENV", "");
    let the_loop = the_loop(&project);
    shell.envs(the_loop.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let words = [the_loop.get_program()].into_iter().chain(the_loop.get_args());
    let words: Vec<_> = words.map(|word| word.to_str().unwrap()).collect();
    terminal.start(shell);
    terminal.see("shell$");
    terminal.press(&format!("{}\n", words.join(" ")));
    terminal.see("The claim");
    for _ in 0..2 {
        assert!(!terminal.is_as_it_was());
        terminal.press("\x1a");
        terminal.see("Stopped");
        terminal.until("the shell's settings", || terminal.is_as_it_was());
        // Saved while it sleeps.
        save(&project, &format!("{}// more\n", project.read(LIB)));
        let before = begun(&project).len();
        terminal.press("fg\n");
        terminal.until("checked after the sleep", || begun(&project).len() == before + 1);
        terminal.see("The claim");
        terminal.press("l");
        terminal.see("01, chroot-jail");
        terminal.press("l");
    }
    terminal.press("q");
    terminal.see("shell$");
    terminal.until("the shell's settings", || terminal.is_as_it_was());

    // In the background it leaves the terminal to the shell, and the shell's keys as well.
    let before = begun(&project).len();
    terminal.press(&format!("{} &\n", words.join(" ")));
    terminal.until("checked", || begun(&project).len() == before + 1);
    let shown = terminal.all().matches("── Chapter").count();
    terminal.press("echo still $((40 + 2))\n");
    terminal.see("still 42");
    sleep(Duration::from_millis(300));
    assert_eq!(terminal.all().matches("── Chapter").count(), shown, "it draws over the shell");
    assert!(terminal.is_as_it_was());
    terminal.press("fg\n");
    terminal.until("single keys", || !terminal.is_as_it_was());
    terminal.press("q");
    terminal.until("the shell's settings", || terminal.is_as_it_was());
    terminal.press("exit\n");
    terminal.status();
}

#[test]
fn without_a_terminal_there_are_no_keys_and_no_screen() {
    let project = project("watch-plain");
    let output = fs::File::create(project.path("output")).unwrap();
    let mut child = the_loop(&project).stdin(Stdio::null()).stdout(output).spawn().unwrap();
    let terminal = Terminal::new();
    let output = || project.read("output");
    terminal.until("a verdict", || output().contains("0 of 3"));
    report(&project, PASSES);
    save(&project, "// new");
    terminal
        .until("another", || output().contains("Chapter 00 is done. What is next: coracle next"));
    assert!(!output().contains('\x1b') && !output().contains("q quit"), "{}", output());
    assert_eq!(output().matches("── Chapter 00, process").count(), 4, "{}", output());
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(15));
}

#[test]
fn of_cargos_words_the_first_are_shown_as_many_as_fit() {
    let project = project("watch-compile");
    let mut terminal = start(&project);
    let errors: String = (1..100).map(|n| format!("error {n}\n")).collect();
    project.write("said", &errors);
    let problem = "{\"chapter\":\"00\",\"passed\":false,\"checks\":[],\
                   \"problem\":{\"kind\":\"does-not-compile\"}}";
    report(&project, problem);
    save(&project, "// new");
    terminal.see("It does not compile yet");
    let fits = |rows| {
        let screen = terminal.screen();
        screen.contains("error 1\n")
            && (rows - 1..=rows).contains(&screen.lines().count())
            && screen.contains("q quit")
    };
    terminal.until("24 rows", || fits(24));
    terminal.resize(40, 120);
    terminal.until("40 rows", || fits(40));
    terminal.resize(12, 40);
    terminal.until("12 rows", || terminal.screen().contains("… and 94 more lines"));

    // What can't be read as a report is shown as it is.
    report(&project, "nonsense");
    project.write("said", "coracle: it has failed\n");
    save(&project, "// newer");
    terminal.see("coracle: it has failed\nThe check ended without a verdict.");
    terminal.press("q");
    assert_eq!(terminal.status().code(), Some(0));
}
