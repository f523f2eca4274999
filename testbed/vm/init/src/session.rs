//! The command: started as somebody, listened to, and waited for.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, pipe2};
use vm_init::job::{Job, User};
use vm_init::start::during;
use vm_init::{Kind, leader};

/// The command's cgroup: not the top one, which is the kernel's and the first process's.
const CGROUP: &str = "/sys/fs/cgroup/session.scope";

/// Runs the command to its end, sends what the host wants of the files, and returns the exit
/// status.
pub(crate) fn run(job: &Job, port: &mut File) -> io::Result<u8> {
    let signals = child_signals()?;
    let mut ends = Ends::new(job)?;
    let status = match start(job, &mut ends) {
        Ok(child) => listen(port, &signals, child, ends)?,
        Err(error) => {
            let name = job.command.first().map(|name| name.to_string_lossy().to_string());
            let sentence = format!("{}: {error}\n", name.unwrap_or_default());
            vm_init::write(port, Kind::Error, sentence.as_bytes())?;
            // As a shell says it: not found, or not executable.
            if error.kind() == ErrorKind::NotFound { 127 } else { 126 }
        }
    };
    for path in &job.get {
        send(port, path)?;
    }
    Ok(status)
}

/// A descriptor that is readable when a process has ended.
fn child_signals() -> io::Result<SignalFd> {
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    children.thread_block()?;
    Ok(SignalFd::with_flags(&children, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?)
}

/// Our ends of the command's standard files, and the command's.
struct Ends {
    input: Option<File>,
    out: File,
    error: Option<File>,
    terminal: bool,
    theirs: Vec<OwnedFd>,
}

impl Ends {
    fn new(job: &Job) -> io::Result<Self> {
        if let Some((rows, columns)) = job.terminal {
            let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
            let pair = openpty(Some(&size), None)?;
            let master = ours(pair.master)?;
            let owner = (job.user == User::Student).then_some(1000);
            chown(format!("/proc/self/fd/{}", pair.slave.as_raw_fd()), owner, None)?;
            let theirs = vec![pair.slave.try_clone()?, pair.slave.try_clone()?, pair.slave];
            return Ok(Self {
                input: Some(master.try_clone()?),
                out: master,
                error: None,
                terminal: true,
                theirs,
            });
        }
        let (input, out, error) =
            (pipe2(OFlag::O_CLOEXEC)?, pipe2(OFlag::O_CLOEXEC)?, pipe2(OFlag::O_CLOEXEC)?);
        Ok(Self {
            input: Some(ours(input.1)?),
            out: ours(out.0)?,
            error: Some(ours(error.0)?),
            terminal: false,
            theirs: vec![input.0, out.1, error.1],
        })
    }
}

/// Ends on which this process never waits.
fn ours(end: OwnedFd) -> io::Result<File> {
    fcntl(&end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(File::from(end))
}

/// Starts the command in a cgroup and a session of its own.
fn start(job: &Job, ends: &mut Ends) -> io::Result<Pid> {
    let Some((program, arguments)) = job.command.split_first() else {
        return Err(ErrorKind::NotFound.into());
    };
    let mut theirs = std::mem::take(&mut ends.theirs).into_iter().map(Stdio::from);
    let mut next = || theirs.next().unwrap_or_else(Stdio::null);
    let (home, name) = match job.user {
        User::Root => ("/root", "root"),
        User::Student => ("/home/student", "student"),
    };
    let mut path: Vec<_> = job.programs.iter().map(|path| path.display().to_string()).collect();
    path.push("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into());
    let path = path.join(":");
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(next())
        .stdout(next())
        .stderr(next())
        .current_dir(job.folder.as_deref().unwrap_or(Path::new(home)))
        .env_clear()
        .envs([("HOME", home), ("USER", name), ("LOGNAME", name), ("SHELL", "/bin/bash")])
        .envs([("LANG", "C.UTF-8"), ("PATH", &path)]);
    for line in &job.environment {
        if let Some((name, value)) = line.to_str().and_then(|line| line.split_once('=')) {
            command.env(name, value);
        }
    }
    if job.user == User::Student {
        // This also leaves all other groups.
        command.uid(1000).gid(1000).env("XDG_RUNTIME_DIR", "/run/user/1000");
    }
    leader::own_session(&mut command, ends.terminal);
    enter_cgroup(job).map_err(during(CGROUP))?;
    let child = command.spawn();
    fs::write("/sys/fs/cgroup/cgroup.procs", "0")?;
    Ok(Pid::from_raw(i32::try_from(child?.id()).map_err(io::Error::other)?))
}

/// Moves this process into the command's cgroup: what it starts is born there.
fn enter_cgroup(job: &Job) -> io::Result<()> {
    fs::create_dir(CGROUP)?;
    if job.delegate && job.user == User::Student {
        // What systemd hands over: the folder and three of its files, no more.
        for file in ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"] {
            chown(Path::new(CGROUP).join(file), Some(1000), Some(1000))?;
        }
    }
    fs::write(format!("{CGROUP}/cgroup.procs"), "0")
}

/// Who may have something to do.
#[derive(Clone, Copy)]
enum End {
    Child,
    Host,
    Input,
    Out,
    Error,
}

/// Carries bytes to and fro until the command has ended, and returns its exit status.
fn listen(port: &mut File, signals: &SignalFd, child: Pid, mut ends: Ends) -> io::Result<u8> {
    let mut input = VecDeque::new();
    let mut more = true;
    let (mut out, mut error) = (true, ends.error.is_some());
    loop {
        // The end of what the host sends is the end of the command's input.
        if !more && input.is_empty() && !ends.terminal {
            ends.input = None;
        }
        let mut asked = vec![(End::Child, signals.as_fd(), PollFlags::POLLIN)];
        // What the command does not read yet stays with the host.
        if more && input.len() < 1 << 16 {
            asked.push((End::Host, port.as_fd(), PollFlags::POLLIN));
        }
        if let Some(end) = ends.input.as_ref().filter(|_| !input.is_empty()) {
            asked.push((End::Input, end.as_fd(), PollFlags::POLLOUT));
        }
        if out {
            asked.push((End::Out, ends.out.as_fd(), PollFlags::POLLIN));
        }
        if let Some(end) = ends.error.as_ref().filter(|_| error) {
            asked.push((End::Error, end.as_fd(), PollFlags::POLLIN));
        }
        for end in ready(&asked)? {
            match end {
                End::Child => {
                    let Some(status) = reap(signals, child)? else { continue };
                    // What it said last.
                    while out && forward(&mut ends.out, Kind::Out, port)?.is_some_and(|more| more) {
                    }
                    while let Some(end) = ends.error.as_mut().filter(|_| error) {
                        if !forward(end, Kind::Error, port)?.is_some_and(|more| more) {
                            break;
                        }
                    }
                    return Ok(status);
                }
                End::Host => match vm_init::read(port)? {
                    Some((Kind::Input, bytes)) if bytes.is_empty() => more = false,
                    Some((Kind::Input, bytes)) => input.extend(bytes),
                    Some((Kind::Size, bytes)) => resize(&ends.out, &bytes),
                    _ => more = false,
                },
                End::Input => {
                    let written = match &mut ends.input {
                        Some(end) => end.write(input.make_contiguous()),
                        None => Ok(input.len()),
                    };
                    match written {
                        Ok(count) => drop(input.drain(..count)),
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        // It reads no more.
                        Err(_) => {
                            input.clear();
                            more = false;
                        }
                    }
                }
                End::Out => out = forward(&mut ends.out, Kind::Out, port)?.is_some(),
                End::Error => {
                    if let Some(end) = &mut ends.error {
                        error = forward(end, Kind::Error, port)?.is_some();
                    }
                }
            }
        }
    }
}

/// Waits until somebody has something to do.
fn ready(asked: &[(End, BorrowedFd<'_>, PollFlags)]) -> io::Result<Vec<End>> {
    let mut polled: Vec<_> = asked.iter().map(|(_, end, what)| PollFd::new(*end, *what)).collect();
    poll(&mut polled, PollTimeout::NONE)?;
    let ready = |(_, polled): &(_, PollFd<'_>)| polled.any().unwrap_or(true);
    Ok(asked.iter().zip(polled).filter(ready).map(|((end, ..), _)| *end).collect())
}

/// Takes note of all processes that have ended, as the first process has to; the command's exit
/// status if it is among them.
fn reap(signals: &SignalFd, child: Pid) -> io::Result<Option<u8>> {
    while signals.read_signal()?.is_some() {}
    let mut status = None;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => status = u8::try_from(code).ok(),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                status = u8::try_from(128 + signal as i32).ok();
            }
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(status),
            Ok(_) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Sends on what there is: whether there may be more, and `None` when this was the end.
fn forward(end: &mut File, kind: Kind, port: &mut File) -> io::Result<Option<bool>> {
    let mut bytes = vec![0; 1 << 16];
    match end.read(&mut bytes) {
        Ok(0) => Ok(None),
        Ok(count) => {
            vm_init::write(port, kind, &bytes[..count])?;
            Ok(Some(true))
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Some(false)),
        // A terminal that nobody has open any more.
        Err(_) => Ok(None),
    }
}

/// The host's terminal has another size now.
#[allow(unsafe_code)]
fn resize(terminal: &File, bytes: &[u8]) {
    let &[a, b, c, d] = bytes else { return };
    let size = Winsize {
        ws_row: u16::from_le_bytes([a, b]),
        ws_col: u16::from_le_bytes([c, d]),
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the descriptor is open, and TIOCSWINSZ reads a `winsize`.
    unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ as _, &size) };
}

/// Sends a folder's content, or a file, as a tar archive.
fn send(port: &mut File, path: &Path) -> io::Result<()> {
    let (folder, name) = if path.is_dir() {
        (path, Path::new("."))
    } else {
        (path.parent().unwrap_or(path), path.file_name().map_or(Path::new("."), Path::new))
    };
    let mut tar = Command::new("/usr/bin/tar")
        .arg("-C")
        .arg(folder)
        .args(["-c", "--"])
        .arg(name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut archive) = tar.stdout.take() {
        let mut bytes = vec![0; 1 << 16];
        loop {
            match archive.read(&mut bytes)? {
                0 => break,
                count => vm_init::write(port, Kind::Files, &bytes[..count])?,
            }
        }
    }
    let output = tar.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!(
            "{} for the host: {}",
            path.display(),
            said.trim_end()
        )));
    }
    vm_init::write(port, Kind::Files, b"")
}
