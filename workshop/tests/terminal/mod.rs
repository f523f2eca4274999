//! A terminal of the test's own: a pseudoterminal (`pty(7)`), what is shown in it, and its keys.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::{Pid, ttyname};

/// How long a test waits before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Terminal {
    keys: File,
    /// The program's side. Kept open: its settings are looked at after the program has ended.
    inner: OwnedFd,
    original: Termios,
    shown: Arc<Mutex<Vec<u8>>>,
    child: Option<Child>,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (mut output, all) = (File::from(pty.master.try_clone().unwrap()), shown.clone());
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                all.lock().unwrap().extend_from_slice(&bytes[..length]);
            }
        });
        let original = tcgetattr(&pty.slave).unwrap();
        Self { keys: pty.master.into(), inner: pty.slave, original, shown, child: None }
    }

    /// Starts a program in it, which gets it as its controlling terminal.
    pub(crate) fn start(&mut self, command: Command) {
        let mut session = Command::new("setsid");
        session.arg("--ctty").arg(command.get_program()).args(command.get_args());
        session.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = command.get_current_dir() {
            session.current_dir(folder);
        }
        let inner = || self.inner.try_clone().unwrap();
        self.child = Some(session.stdin(inner()).stdout(inner()).stderr(inner()).spawn().unwrap());
    }

    pub(crate) fn press(&self, keys: &str) {
        (&self.keys).write_all(keys.as_bytes()).unwrap();
    }

    /// All that was shown.
    pub(crate) fn all(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    /// What was shown since the screen was cleared the last time.
    pub(crate) fn screen(&self) -> String {
        let all = self.all();
        let screen = all.rsplit("\x1b[2J").next().unwrap_or_default();
        screen.replace("\r\n", "\n")
    }

    pub(crate) fn see(&self, text: &str) {
        self.until(text, || self.screen().contains(text));
    }

    pub(crate) fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < give_up, "{what:?} never came:\n{}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Makes it larger or smaller, as one does with a window.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        let stty = Command::new("stty")
            .arg("-F")
            .arg(ttyname(&self.inner).unwrap())
            .args(["rows", &rows.to_string(), "cols", &columns.to_string()])
            .status();
        assert!(stty.unwrap().success());
    }

    pub(crate) fn is_as_it_was(&self) -> bool {
        tcgetattr(&self.inner).unwrap() == self.original
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        }
    }

    /// How the program ended.
    pub(crate) fn status(&mut self) -> ExitStatus {
        let give_up = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                self.child = None;
                return status;
            }
            assert!(Instant::now() < give_up, "it does not end:\n{}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // Politely: it has a check to end.
        let pid = Pid::from_raw(child.id() as i32);
        let _ = kill(pid, Signal::SIGTERM);
        for _ in 0..300 {
            if child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}
