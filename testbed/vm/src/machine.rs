//! A machine from start to end.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::mkdtemp;
use vm_init::Kind;
use vm_init::job::{Job, User};

use crate::kernel::{self, Architecture, Kernel};
use crate::qemu::{self, Accelerator, Parts};
use crate::{Project, cache, initramfs, terminal, tool, userland};

/// How long a machine may take until it says hello, where the processor helps.
const KVM_PATIENCE: Duration = Duration::from_secs(5);

/// And where QEMU translates: half a minute on a busy host, and not for ever on any.
const TCG_PATIENCE: Duration = Duration::from_secs(120);

/// What a machine is to have. Nothing of it exists before [`Machine::run`].
#[derive(Clone, Debug)]
pub struct Machine {
    kernel: Kernel,
    memory: u32,
    patience: Duration,
    put: Vec<(PathBuf, PathBuf)>,
    get: Vec<(PathBuf, PathBuf)>,
    disks: Vec<PathBuf>,
    job: Job,
}

/// How a command ended, and what it wrote.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The exit status as a shell tells it: 128 and the signal's number for one that was killed.
    pub status: u8,
    /// Standard output.
    pub out: Vec<u8>,
    /// Standard error.
    pub error: Vec<u8>,
}

/// Why there is no outcome, though the machine was started.
#[derive(Debug)]
pub enum Lost {
    /// Time was up.
    TimedOut(Duration),
    /// No first process said hello in this time.
    Silent(Duration),
    /// QEMU would not be such a machine; what it said.
    Refused(String),
    /// The machine ended before its command; what QEMU and its console said last.
    Died(String),
}

impl std::error::Error for Lost {}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TimedOut(after) => {
                write!(f, "the command had not ended after {} s: machine stopped", after.as_secs())
            }
            Self::Silent(after) => {
                write!(f, "the machine had not started after {} s: stopped", after.as_secs())
            }
            Self::Refused(said) if said.is_empty() => f.write_str("QEMU ended without a word"),
            Self::Refused(said) => write!(f, "QEMU refuses: {said}"),
            Self::Died(said) if said.is_empty() => {
                f.write_str("the machine ended before its command, and did not say why")
            }
            Self::Died(said) => {
                write!(f, "the machine ended before its command. It said last:\n{said}")
            }
        }
    }
}

/// What a machine does while the host watches.
pub(crate) trait Watcher {
    /// The command wrote something.
    fn heard(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<()>;

    /// The command is about to start; this is the way to its input.
    fn started(&mut self, port: UnixStream) -> io::Result<()>;
}

impl Machine {
    /// What the programs are to be built for.
    #[must_use]
    pub fn architecture(&self) -> Architecture {
        self.kernel.architecture()
    }

    /// A machine with this kernel, and its command as root.
    #[must_use]
    pub fn new(kernel: Kernel) -> Self {
        Self {
            kernel,
            memory: 1024,
            patience: Duration::MAX,
            put: Vec::new(),
            get: Vec::new(),
            disks: Vec::new(),
            job: Job::default(),
        }
    }

    /// Who runs the command.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.job.user = user;
        self
    }

    /// Makes the command's cgroup the user's own, as `systemd-run --user --scope -p Delegate=yes`
    /// does.
    #[must_use]
    pub fn delegate(mut self) -> Self {
        self.job.delegate = true;
        self
    }

    /// Copies a file, or a folder with all in it, to a path in the machine.
    #[must_use]
    pub fn put(mut self, from: impl Into<PathBuf>, to: impl Into<PathBuf>) -> Self {
        self.put.push((from.into(), to.into()));
        self
    }

    /// When the command has ended, copies what is in a folder of the machine, or one file, into a
    /// folder here.
    #[must_use]
    pub fn get(mut self, from: impl Into<PathBuf>, to: impl Into<PathBuf>) -> Self {
        self.get.push((from.into(), to.into()));
        self
    }

    /// Mounts a disk, made by [`crate::disk::make`], at this path.
    #[must_use]
    pub fn disk(mut self, image: impl Into<PathBuf>, at: &Path) -> Self {
        let mut line = OsString::from(format!("{}=", device(2 + self.disks.len())));
        self.disks.push(image.into());
        line.push(at);
        self.job.mounts.push(line);
        self
    }

    /// Mounts the project where it is here, with its programs in `PATH`.
    #[must_use]
    pub fn project(self, project: &Project) -> Self {
        self.disk(&project.image, &project.root).programs(&project.programs)
    }

    /// Sets a value in `/proc/sys` first: `user.max_user_namespaces=0`.
    #[must_use]
    pub fn sysctl(mut self, setting: impl Into<OsString>) -> Self {
        self.job.sysctls.push(setting.into());
        self
    }

    /// Removes a file first: what a machine lacks.
    #[must_use]
    pub fn without(mut self, path: impl Into<PathBuf>) -> Self {
        self.job.without.push(path.into());
        self
    }

    /// Sets a variable of the command's environment, `NAME=VALUE`.
    #[must_use]
    pub fn environment(mut self, variable: impl Into<OsString>) -> Self {
        self.job.environment.push(variable.into());
        self
    }

    /// Puts a folder before the others in the command's `PATH`.
    #[must_use]
    pub fn programs(mut self, folder: impl Into<PathBuf>) -> Self {
        self.job.programs.push(folder.into());
        self
    }

    /// Starts the command in this folder, not in the user's home.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.job.folder = Some(folder.into());
        self
    }

    /// How much memory, in MiB. 1024 if not said.
    #[must_use]
    pub fn memory(mut self, mebibytes: u32) -> Self {
        self.memory = mebibytes;
        self
    }

    /// How long all of it may take; as long as it likes if not said.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Runs a command in the machine; its standard input is empty.
    ///
    /// # Errors
    ///
    /// When the machine can't be made, or [`Lost`].
    pub fn run<W: Into<OsString>>(&self, command: impl IntoIterator<Item = W>) -> Result<Outcome> {
        let mut kept = Kept::default();
        let status = self.watched(command, &mut kept)?;
        Ok(Outcome { status, out: kept.out, error: kept.error })
    }

    /// The same, with what it writes going to this process's own standard output and error as it
    /// comes.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn stream<W: Into<OsString>>(&self, command: impl IntoIterator<Item = W>) -> Result<u8> {
        self.watched(command, &mut PassedOn)
    }

    /// The same, with all of it going to `log`, in the order in which it comes.
    ///
    /// # Errors
    ///
    /// As above, and when the log can't be written.
    pub fn log<W: Into<OsString>>(
        &self,
        command: impl IntoIterator<Item = W>,
        log: &File,
    ) -> Result<u8> {
        self.watched(command, &mut Logged(log))
    }

    /// Runs a command that is connected with this process's own terminal. The terminal is as before
    /// when this returns.
    ///
    /// # Errors
    ///
    /// As above, and when there is no terminal.
    pub fn converse<W: Into<OsString>>(&self, command: impl IntoIterator<Item = W>) -> Result<u8> {
        let mut machine = self.clone();
        machine.job.terminal = Some(terminal::size()?);
        if let Some(kind) = env::var_os("TERM") {
            let mut variable = OsString::from("TERM=");
            variable.push(kind);
            machine = machine.environment(variable);
        }
        let mut terminal = terminal::Terminal::default();
        // Once: who broke the machine is not to find another one in its place.
        machine.attempt(&machine.job(command), &mut terminal)
    }

    /// What the machine is told to do.
    fn job<W: Into<OsString>>(&self, command: impl IntoIterator<Item = W>) -> Job {
        let mut job = self.job.clone();
        job.command = command.into_iter().map(Into::into).collect();
        job.get = self.get.iter().map(|(from, _)| from.clone()).collect();
        if !self.put.is_empty() {
            // The last disk.
            job.archive = Some(device(2 + self.disks.len()).into());
        }
        job
    }

    fn watched<W: Into<OsString>>(
        &self,
        command: impl IntoIterator<Item = W>,
        watcher: &mut dyn Watcher,
    ) -> Result<u8> {
        let job = self.job(command);
        match self.attempt(&job, watcher) {
            // QEMU's translation has faults of its own: once is chance.
            Err(error) if matches!(error.downcast_ref(), Some(Lost::Died(_))) => {
                eprintln!("vm: {error}\nvm: once more");
                self.attempt(&job, watcher)
            }
            other => other,
        }
    }

    fn attempt(&self, job: &Job, watcher: &mut dyn Watcher) -> Result<u8> {
        self.started()?.work(job, watcher, &self.get)
    }

    /// A machine that has said hello; where KVM turns out not to work, an emulated one.
    fn started(&self) -> Result<Running> {
        let emulated = || Running::hello(self, Accelerator::Tcg, TCG_PATIENCE);
        if Accelerator::best()? == Accelerator::Tcg {
            return emulated();
        }
        match Running::hello(self, Accelerator::Kvm, KVM_PATIENCE) {
            Err(error) if error.is::<Lost>() && !is_late(&error) => {
                // KVM is to blame only if the same machine starts without.
                let running = emulated()?;
                Accelerator::kvm_failed()?;
                eprintln!(
                    "vm: KVM starts no kernel here, so QEMU translates, which is some ten times \
                     slower. After the next boot KVM is tried again."
                );
                Ok(running)
            }
            other => other,
        }
    }
}

/// Whether the caller's own time was up.
fn is_late(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Lost::TimedOut(_)))
}

/// Disks are named in the order in which they are given: first the root, then the modules.
fn device(number: usize) -> String {
    let letters = ["vda", "vdb", "vdc", "vdd", "vde", "vdf", "vdg", "vdh"];
    format!("/dev/{}", letters.get(number).unwrap_or(&"vdi"))
}

/// QEMU at work.
struct Running {
    qemu: Child,
    port: UnixStream,
    console: File,
    began: Instant,
    patience: Duration,
    /// The files that QEMU opens when it starts.
    scratch: Option<Scratch>,
}

/// Why nothing more comes.
enum Silence {
    Late,
    Ended,
}

impl Running {
    fn start(machine: &Machine, accelerator: Accelerator) -> Result<Self> {
        let architecture = machine.kernel.architecture();
        let lock = cache::lock()?;
        let kernel = kernel::files(machine.kernel)?;
        let mut disks = vec![userland::image(architecture)?, kernel.modules];
        drop(lock);
        disks.extend(machine.disks.clone());
        let scratch = Scratch::new()?;
        let folder = scratch.0.as_path();
        if !machine.put.is_empty() {
            let archive = folder.join("put.tar");
            pack(&machine.put, &archive)?;
            disks.push(archive);
        }
        let initramfs = folder.join("initramfs");
        let mut first = fs::read(&kernel.drivers)?;
        first.extend(init(architecture, folder)?);
        fs::write(&initramfs, first)?;
        let (socket, console) = (folder.join("port"), folder.join("console"));
        let listener = UnixListener::bind(&socket)?;
        fs::write(&console, "")?;
        let parts = Parts {
            accelerator,
            memory: machine.memory,
            kernel: &kernel.vmlinux,
            initramfs: &initramfs,
            disks: &disks,
            port: &socket,
            console: &console,
        };
        let began = Instant::now();
        let (qemu, port) = connect(&qemu::arguments(&parts), &listener)?;
        let console = File::open(console)?;
        Ok(Self { qemu, port, console, began, patience: machine.patience, scratch: Some(scratch) })
    }

    /// Starts a machine and waits until its first process is there.
    fn hello(machine: &Machine, accelerator: Accelerator, patience: Duration) -> Result<Self> {
        let mut running = Self::start(machine, accelerator)?;
        match running.next(patience.min(running.patience)) {
            Ok((Kind::Hello, _)) => {
                running.scratch = None;
                Ok(running)
            }
            Ok(_) => bail!("the machine does not greet"),
            Err(Silence::Late) if patience < running.patience => Err(Lost::Silent(patience).into()),
            Err(silence) => Err(running.lost(&silence)),
        }
    }

    /// Hands over the job and listens until the command has ended.
    fn work(
        &mut self,
        job: &Job,
        watcher: &mut dyn Watcher,
        get: &[(PathBuf, PathBuf)],
    ) -> Result<u8> {
        vm_init::write(&mut self.port, Kind::Job, &job.encode())?;
        watcher.started(self.port.try_clone()?)?;
        let mut folders = get.iter().map(|(_, to)| to);
        let mut archive = Vec::new();
        loop {
            let (kind, bytes) = match self.next(self.patience) {
                Ok(frame) => frame,
                Err(silence) => return Err(self.lost(&silence)),
            };
            match kind {
                Kind::Out | Kind::Error => watcher.heard(kind, &bytes)?,
                Kind::Files if bytes.is_empty() => {
                    let to = folders.next().context("the machine sends what nobody asked for")?;
                    unpack(&std::mem::take(&mut archive), to)?;
                }
                Kind::Files => archive.extend(bytes),
                Kind::Exit => return bytes.first().copied().context("an exit without a status"),
                Kind::Failed => bail!("in the machine: {}", String::from_utf8_lossy(&bytes)),
                other => bail!("the machine says {other:?} out of turn"),
            }
        }
    }

    /// The next frame, if it begins within this time of the machine's start.
    fn next(&mut self, patience: Duration) -> Result<(Kind, Vec<u8>), Silence> {
        let left = patience.saturating_sub(self.began.elapsed());
        let wait = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut port = [PollFd::new(self.port.as_fd(), PollFlags::POLLIN)];
        match poll(&mut port, wait) {
            Ok(0) => Err(Silence::Late),
            _ => vm_init::read(&mut self.port).ok().flatten().ok_or(Silence::Ended),
        }
    }

    fn lost(&mut self, silence: &Silence) -> anyhow::Error {
        match silence {
            Silence::Late => Lost::TimedOut(self.patience).into(),
            Silence::Ended => {
                let mut said = Vec::new();
                if let Some(mut qemu) = self.qemu.stderr.take() {
                    let _ = qemu.read_to_end(&mut said);
                }
                // A machine that ends by itself is a success to QEMU, whatever its kernel said.
                let refused = self.qemu.wait().is_ok_and(|it| it.code().is_some_and(|it| it != 0));
                if refused {
                    return Lost::Refused(text(&said)).into();
                }
                let _ = self.console.read_to_end(&mut said);
                let said = text(&said);
                let lines: Vec<_> = said.lines().collect();
                Lost::Died(lines[lines.len().saturating_sub(60)..].join("\n")).into()
            }
        }
    }
}

/// What was said, to be shown.
fn text(said: &[u8]) -> String {
    String::from_utf8_lossy(said).replace('\r', "").trim_end().into()
}

impl Drop for Running {
    /// Nothing of a machine is worth an orderly end.
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// Starts QEMU, and waits until it has taken hold of its end of the port.
fn connect(arguments: &[OsString], listener: &UnixListener) -> Result<(Child, UnixStream)> {
    let mut command = Command::new(qemu::PROGRAM);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut qemu = match with_us(&mut command).spawn() {
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(tool::missing(qemu::PROGRAM)),
        other => other.context("QEMU can't be started")?,
    };
    listener.set_nonblocking(true)?;
    loop {
        match listener.accept() {
            Ok((port, _)) => {
                port.set_nonblocking(false)?;
                return Ok((qemu, port));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        if qemu.try_wait()?.is_some() {
            let output = qemu.wait_with_output()?;
            return Err(Lost::Refused(text(&output.stderr)).into());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A machine does not outlive the program that started it, however that ends.
#[allow(unsafe_code)]
fn with_us(command: &mut Command) -> &mut Command {
    let with_parent = || Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?);
    // SAFETY: the closure makes one system call, and takes no lock and no memory.
    unsafe { command.pre_exec(with_parent) }
}

/// Puts files into an archive: all root's, readable by everyone.
fn pack(files: &[(PathBuf, PathBuf)], archive: &Path) -> Result<()> {
    let mut builder = tar::Builder::new(File::create(archive)?);
    builder.mode(tar::HeaderMode::Deterministic);
    builder.follow_symlinks(false);
    for (from, to) in files {
        let to = to
            .strip_prefix("/")
            .with_context(|| format!("{} does not begin with /", to.display()))?;
        let packed = if from.is_dir() {
            builder.append_dir_all(to, from)
        } else {
            builder.append_path_with_name(from, to)
        };
        packed.with_context(|| format!("{} can't be put into the machine", from.display()))?;
    }
    builder.finish()?;
    Ok(())
}

fn unpack(archive: &[u8], to: &Path) -> Result<()> {
    fs::create_dir_all(to)
        .and_then(|()| tar::Archive::new(archive).unpack(to))
        .with_context(|| format!("{} can't be filled", to.display()))
}

/// The first process, as an archive for the initramfs: built here if it is not up to date.
fn init(architecture: Architecture, folder: &Path) -> Result<Vec<u8>> {
    let program = crate::build::init(architecture)?;
    fs::copy(program, folder.join("init"))?;
    initramfs::archive(folder, &["init".into()])
}

/// Keeps what a command writes.
#[derive(Default)]
struct Kept {
    out: Vec<u8>,
    error: Vec<u8>,
}

impl Watcher for Kept {
    fn heard(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        if kind == Kind::Error { &mut self.error } else { &mut self.out }.extend(bytes);
        Ok(())
    }

    fn started(&mut self, mut port: UnixStream) -> io::Result<()> {
        // A second attempt begins anew.
        *self = Self::default();
        vm_init::write(&mut port, Kind::Input, b"")
    }
}

/// Passes on what a command writes.
struct PassedOn;

impl Watcher for PassedOn {
    fn heard(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        if kind == Kind::Error {
            return io::stderr().write_all(bytes);
        }
        let mut out = io::stdout();
        out.write_all(bytes)?;
        out.flush()
    }

    fn started(&mut self, mut port: UnixStream) -> io::Result<()> {
        vm_init::write(&mut port, Kind::Input, b"")
    }
}

/// Writes down what a command writes.
struct Logged<'a>(&'a File);

impl Watcher for Logged<'_> {
    fn heard(&mut self, _: Kind, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn started(&mut self, mut port: UnixStream) -> io::Result<()> {
        vm_init::write(&mut port, Kind::Input, b"")
    }
}

/// A folder that is removed again: as soon as QEMU has all its files open, nobody looks for them.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        Ok(Self(mkdtemp(&env::temp_dir().join("coracle-vm-XXXXXX"))?))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
