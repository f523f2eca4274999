//! Small sessions from their file to the recording, on this machine's kernel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::unistd::{Uid, mkdtemp};
use serde_json::Value;
use testbed::{skipped, stdout};

/// A folder with sessions and what came of them.
struct Desk(PathBuf);

impl Desk {
    /// `None` where the tests don't run as root.
    fn new() -> Option<Self> {
        if !Uid::effective().is_root() {
            skipped("a session's namespaces need root");
            return None;
        }
        let folder = mkdtemp(&std::env::temp_dir().join("recorder-test-XXXXXX")).unwrap();
        fs::create_dir(folder.join("project")).unwrap();
        Some(Self(folder))
    }

    fn call(&self, arguments: &[&str]) -> Output {
        let recorder = env!("CARGO_BIN_EXE_recorder");
        Command::new(recorder).args(arguments).current_dir(&self.0).output().unwrap()
    }

    fn record(&self, name: &str, session: &str) -> Output {
        fs::write(self.0.join(format!("{name}.session")), session).unwrap();
        let session = format!("{name}.session");
        self.call(&["record", "--project", "project", "--out", "fresh", &session])
    }

    /// Records it, which must go well, and gives the transcript of its part `a`.
    fn transcript(&self, session: &str) -> String {
        let output = self.record("test", session);
        assert!(output.status.success(), "{}", stdout(&output));
        self.read("fresh/test/a.txt")
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn a_session_becomes_a_transcript_a_cast_and_an_index() {
    let Some(desk) = Desk::new() else { return };
    let session = "# title: Who am I?\n[a]\n$ echo one two\n$ id --user --name\n\
        [b @other]\n$ tty >/dev/null && echo there\n";
    assert_eq!(desk.transcript(session), "$ echo one two\none two\n$ id --user --name\nstudent\n");
    let index: Value = serde_json::from_str(&desk.read("fresh/test/session.json")).unwrap();
    assert_eq!((&index["title"], &index["user"]), (&"Who am I?".into(), &"student".into()));
    let parts = index["parts"].as_array().unwrap();
    assert_eq!((&parts[0]["terminal"], &parts[1]["terminal"]), (&Value::Null, &"other".into()));
    assert_eq!(parts[0]["commands"][1]["text"], "id --user --name");
    let cast = desk.read("fresh/test/b.cast");
    let lines: Vec<Value> = cast.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["version"], 3);
    assert!(lines.iter().any(|line| line[2] == "there\r\n"), "{cast}");
}

#[test]
fn it_begins_in_a_fresh_state() {
    let Some(desk) = Desk::new() else { return };
    let session = "# title: t\n# as: root\n# hostname: box\n# setup: echo hello >/srv/it\n[a]\n\
        # hostname; cat /srv/it; echo $TERM $LANG; ls -A /root /tmp\n\
        # ip -brief link | cut -c 1-2; ls /proc | grep -c '^[0-9]'\n\
        # touch /root/mine /etc/mine; hostname other\n";
    let first = desk.transcript(session);
    let begin = "# hostname; cat /srv/it; echo $TERM $LANG; ls -A /root /tmp\n\
        box\nhello\nxterm-256color C.UTF-8\n/root:\n\n/tmp:\n";
    assert!(first.starts_with(begin), "{first}");
    assert_eq!(desk.transcript(session), first);
    assert!(!Path::new("/etc/mine").exists());
}

#[test]
fn shells_in_shells_have_a_prompt() {
    let Some(desk) = Desk::new() else { return };
    for shell in ["bash", "bash --norc", "dash", "busybox sh", "unshare --pid --fork bash"] {
        let session = format!("# title: t\n# as: root\n[a]\n# {shell}\n# echo inside\n# exit\n");
        let transcript = desk.transcript(&session);
        assert!(transcript.contains("\n# echo inside\ninside\n# exit\n"), "{transcript}");
    }
}

#[test]
fn a_users_namespace_changes_the_prompt() {
    let Some(desk) = Desk::new() else { return };
    let session = "# title: t\n[a]\n$ unshare --user --map-root-user bash\n# id -u\n# exit\n";
    let transcript = desk.transcript(session);
    assert!(transcript.contains("\n# id -u\n0\n"), "{transcript}");
    let output = desk.record("wrong", "# title: t\n[a]\n# id -u\n");
    let said = stdout(&output);
    assert!(said.contains("line 3: the shell's prompt is \"$ \" there"), "{said}");
}

#[test]
fn what_does_not_return_is_waited_for_and_ended() {
    let Some(desk) = Desk::new() else { return };
    let session = "# title: t\n[a]\n$ echo begun; sleep 1000\nuntil: begun\nkey: ^C\nstatus: 130\n\
        $ sleep 1000\nkey: ^C\n$ env --ignore-environment PS1='own> ' dash\nuntil: own> $\n\
        $ echo within\nuntil: own> $\n$ exit\n$ echo over\n";
    assert_eq!(
        desk.transcript(session),
        "$ echo begun; sleep 1000\nbegun\n^C\n$ sleep 1000\n^C\n\
         $ env --ignore-environment PS1='own> ' dash\n$ echo within\nwithin\n$ exit\n\
         $ echo over\nover\n"
    );
}

#[test]
fn lines_are_continued_and_quiet_ones_leave_no_trace() {
    let Some(desk) = Desk::new() else { return };
    let session = "# title: t\nquiet: cd /tmp\n[a]\n$ cat <<END\n> one\n> END\nquiet: x=1\n\
        $ echo $x; pwd\n";
    assert_eq!(
        desk.transcript(session),
        "$ cat <<END\n> one\n> END\none\n$ echo $x; pwd\n1\n/tmp\n"
    );
}

#[test]
fn terminals_live_side_by_side() {
    let Some(desk) = Desk::new() else { return };
    let session = "# title: t\n[a @one]\n$ cat >/tmp/pipe\nkey: ^C\n[b @two]\n$ mkfifo /tmp/fifo\n\
        $ cat /tmp/fifo; echo end\nuntil: ^\n[c @one]\n$ echo through >/tmp/fifo\n[d @two]\n\
        $ echo again\n";
    desk.transcript(session);
    let transcript = desk.read("fresh/test/d.txt");
    assert_eq!(transcript, "through\nend\n$ echo again\nagain\n");
}

#[test]
fn a_failure_names_the_line_and_shows_the_screen() {
    let Some(desk) = Desk::new() else { return };
    let output = desk.record("test", "# title: t\n\n[a]\n$ echo before; false\n");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stdout(&output),
        "test.session, line 4: \"$ echo before; false\" ended with status 1, not 0. \
         On the screen:\n  before\n  $\n"
    );
    assert!(!desk.0.join("fresh").exists());
}

#[test]
fn processes_end_with_their_session() {
    let Some(desk) = Desk::new() else { return };
    for head in ["", "# all-processes: yes\n"] {
        let sleep = format!("sleep 98765.{}", std::process::id());
        desk.transcript(&format!("# title: t\n{head}[a]\n$ setsid {sleep} &\n"));
        let left = Command::new("pgrep").args(["-fx", &sleep]).output().unwrap();
        assert_eq!(stdout(&left), "");
    }
}

#[test]
fn only_what_tells_something_else_differs() {
    let Some(desk) = Desk::new() else { return };
    let compare = |verb| desk.call(&[verb, "--kept", "kept", "--fresh", "fresh", "test.session"]);
    desk.transcript("# title: t\n[a]\n$ date; echo one\n");
    assert_eq!(stdout(&compare("compare")), "test: there is no recording of it\n");
    compare("update");
    let kept = desk.read("kept/test/a.txt");
    desk.transcript("# title: t\n[a]\n$ date; echo one\n");
    assert!(compare("compare").status.success());
    compare("update");
    assert_eq!(desk.read("kept/test/a.txt"), kept);
    desk.transcript("# title: t\n[a]\n$ date; echo two\n");
    let output = compare("compare");
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("\n-one\n+two\n"), "{}", stdout(&output));
}
