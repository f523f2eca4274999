//! The container: a command, and a list of mechanisms.
//!
//! [`Container::run`] is `create`, `start` and `wait`. They are apart because later chapters need
//! them apart; each is a type of its own, so that no step can be forgotten or done twice:
//!
//! ```text
//! Container ──create──▶ Created ──start──▶ Running ──wait──▶ Ended
//! ```
//!
//! Dropping a `Created` or a `Running` kills the process and releases every mechanism.
//!
//! # What later chapters add, and where
//!
//! - **07, ranges of user ids**: a mechanism with `CLONE_NEWUSER` whose `attach` writes the maps
//!   while the child waits. The list's order puts it first. ([`rootless`] enters a
//!   user namespace *before* the list is prepared; with ranges, a helper that stays outside writes
//!   the maps at the same spot.)
//! - **08, capabilities and seccomp**: mechanisms at the end of the list, since what they take away
//!   the earlier ones still need. One that changes ids has to ask for `PR_SET_PDEATHSIG` again.
//! - **09, entering a running container**: a mechanism that joins instead of making. PID namespaces
//!   are joined by `setns` in `prepare` (it acts on children only), all others in `enter`.
//!   Outliving the caller: the shim is the process that calls `create`, `start` and `wait`.
//! - **11, create and start as two commands**: a last mechanism whose `enter` hands the waiting
//!   over: it sends "entered" itself, and waits on a FIFO that `start` opens.

use std::convert::Infallible;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context, Result, anyhow};
use nix::libc::{SIGKILL, SIGTERM};
use nix::sched::CloneFlags;
use nix::sys::stat::{Mode, umask};
use nix::unistd::Pid;

use crate::failure::{self, Attempt, Failed};
use crate::launch::{self, ContainerEnd, HostEnd, News};
use crate::signals::Signals;
use crate::{Command, Ended, Mechanism, Process, explain, rootless, sys, texts};

/// A command, and what is to be done to the process that will execute it.
pub struct Container {
    command: Command,
    mechanisms: Vec<Box<dyn Mechanism>>,
    stop_signal: i32,
}

impl Container {
    /// A container without any mechanism: a process.
    #[must_use]
    pub fn new(command: Command) -> Self {
        Self { command, mechanisms: Vec::new(), stop_signal: SIGTERM }
    }

    /// Adds one mechanism. Each of them is prepared, attached and entered in this order.
    #[must_use]
    pub fn with(mut self, mechanism: impl Mechanism + 'static) -> Self {
        self.mechanisms.push(Box::new(mechanism));
        self
    }

    /// Adds a mechanism if there is one.
    #[must_use]
    pub fn with_some(self, mechanism: Option<impl Mechanism + 'static>) -> Self {
        match mechanism {
            Some(mechanism) => self.with(mechanism),
            None => self,
        }
    }

    /// The number of the signal that asks this command to end, if that is not SIGTERM: whoever sends
    /// SIGTERM to us means that one.
    #[must_use]
    pub fn stop_signal(mut self, signal: i32) -> Self {
        self.stop_signal = signal;
        self
    }

    /// Starts the container, waits until its command has ended, and leaves nothing behind.
    ///
    /// # Errors
    ///
    /// Whatever kept it from being made; [`failure::exit_code`] has the status for it.
    pub fn run(self) -> Result<Ended> {
        self.create()?.start()?.wait()
    }

    /// Makes the new process and lets it enter every mechanism. It then waits for
    /// [`Created::start`].
    ///
    /// # Errors
    ///
    /// Whatever a mechanism or the kernel refused. Nothing is left behind.
    pub fn create(self) -> Result<Created> {
        if !self.mechanisms.is_empty() && !sys::may_administer() {
            rootless::enter()?;
        }
        let signals = Signals::hold(self.stop_signal)?;
        let mut mechanisms = Prepared { mechanisms: self.mechanisms, begun: 0 };
        mechanisms.prepare()?;

        let (host, container) = launch::line()?;
        // The copy would print what is still in the buffer a second time.
        io::stdout().flush().tried(&texts::LINE, "write(standard output)")?;
        // A descriptor of our own, so that the child may change what the mechanisms hold.
        let cgroup = mechanisms.cgroup()?;
        let cgroup = cgroup.as_ref().map(AsFd::as_fd);
        let process = Process::spawn(mechanisms.namespaces(), cgroup, || {
            let failed = catch_failure(|| {
                container.only(&host)?;
                enter(&mut mechanisms.mechanisms, &self.command, &container)
            });
            // If the line is broken there is nobody left to tell.
            let _ = container.failed(&failed);
            failed.exit_code
        })?;
        let mut created = Created { launched: Launched { process, mechanisms, signals }, host };
        container.close()?;
        created.attach()?;
        Ok(created)
    }
}

/// The new process's side, from its birth to `execve`.
fn enter(
    mechanisms: &mut [Box<dyn Mechanism>],
    command: &Command,
    host: &ContainerEnd,
) -> Result<Infallible> {
    explain::is_container();
    sys::die_with_parent().step(&texts::DIE_WITH_PARENT, "prctl(PR_SET_PDEATHSIG, SIGKILL)")?;
    if !host.wait()? {
        sys::exit(failure::NOT_MADE);
    }
    // What the caller's umask keeps from others, the container's own users may need. This is the
    // umask of most systems' users, and of every runtime's containers.
    umask(Mode::from_bits_truncate(0o022));
    for mechanism in &mut *mechanisms {
        mechanism.enter()?;
    }
    let each = mechanisms.iter_mut();
    let command = each.fold(command.clone(), |command, mechanism| mechanism.command(command));
    host.entered()?;
    if !host.wait()? {
        sys::exit(failure::NOT_MADE);
    }
    // The command inherits neither our habits nor our files.
    sys::default_signals().step(&texts::CLEAN_SLATE, "rt_sigaction(every signal, SIG_DFL)")?;
    Signals::unblock_all()?;
    sys::close_all_but(host.as_fd()).step(&texts::CLEAN_SLATE, "close_range(3, ~0)")?;
    Err(command.exec())
}

/// What is to be told to the host's side when `body` fails or panics.
fn catch_failure(body: impl FnOnce() -> Result<Infallible>) -> Failed {
    match failure::catch(body) {
        Ok(never) => match never {},
        Err(error) => {
            Failed { exit_code: failure::exit_code(&error), sentence: format!("{error:#}") }
        }
    }
}

/// A container whose process has entered every mechanism and waits to execute its command.
pub struct Created {
    launched: Launched,
    host: HostEnd,
}

impl Created {
    /// The process's number, as the host sees it.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.launched.process.pid()
    }

    /// The host's part of every mechanism; then the new process enters them.
    fn attach(&mut self) -> Result<()> {
        let pid = self.pid();
        for mechanism in &mut self.launched.mechanisms.mechanisms {
            if let Err(error) = mechanism.attach(pid) {
                // If the process has failed meanwhile, that is the cause.
                return Err(self.host.failure().map_or(error, Into::into));
            }
        }
        self.host.attached()?;
        self.launched.signals.wait_for(self.host.as_fd())?;
        match self.host.receive()? {
            News::Entered => Ok(()),
            News::Failed(failed) => Err(failed.into()),
            News::Closed => Err(self.died()),
        }
    }

    /// Lets the process execute its command.
    ///
    /// # Errors
    ///
    /// When the command can't be executed: not found (127), not executable (126).
    pub fn start(self) -> Result<Running> {
        self.host.start()?;
        self.launched.signals.wait_for(self.host.as_fd())?;
        match self.host.receive()? {
            News::Failed(failed) => Err(failed.into()),
            // The kernel closed the socket at `execve`. (Or the process was killed in between:
            // then that is how the command ended.)
            News::Closed | News::Entered => Ok(Running { launched: self.launched }),
        }
    }

    /// The line is closed, but the command was never to be executed yet.
    fn died(&self) -> anyhow::Error {
        match self.launched.process.wait() {
            Ok(ended) => anyhow!(texts::died_early(ended)),
            Err(error) => error,
        }
    }
}

/// A container whose command runs.
pub struct Running {
    launched: Launched,
}

impl Running {
    /// The process's number, as the host sees it.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.launched.process.pid()
    }

    /// Waits until the command has ended, passing on the signals that we get meanwhile, and
    /// releases every mechanism.
    ///
    /// # Errors
    ///
    /// When something of the container could not be taken down.
    pub fn wait(mut self) -> Result<Ended> {
        let Launched { process, mechanisms, signals } = &mut self.launched;
        signals.forward_until_end(process, || mechanisms.wake())?;
        let ended = process.wait()?;
        mechanisms.release().with_context(|| texts::not_released(ended))?;
        Ok(ended)
    }
}

/// What a launched container holds. However it ends, the process does not outlive this value, and
/// the mechanisms are released after it: in an error's case by the order of the fields.
struct Launched {
    process: Process,
    mechanisms: Prepared,
    signals: Signals,
}

impl Drop for Launched {
    fn drop(&mut self) {
        // Both fail once the process has been waited for, and are not needed then. (Not
        // `Process::wait`: while that exercise is open it panics, and we may be here for a panic.)
        if self.process.signal(SIGKILL).is_ok() {
            let _ = self.mechanisms.wake();
            let _ = sys::waitid(self.process.as_fd());
        }
    }
}

/// The mechanisms, of which the first `begun` are to be released.
struct Prepared {
    mechanisms: Vec<Box<dyn Mechanism>>,
    begun: usize,
}

impl Prepared {
    fn namespaces(&self) -> CloneFlags {
        self.mechanisms.iter().map(|mechanism| mechanism.namespaces()).collect()
    }

    fn cgroup(&self) -> Result<Option<OwnedFd>> {
        let cgroup = self.mechanisms.iter().find_map(|mechanism| mechanism.cgroup());
        let copied = cgroup.map(|cgroup| cgroup.try_clone_to_owned()).transpose();
        copied.tried(&texts::CLONE, "fcntl(the cgroup, F_DUPFD_CLOEXEC)")
    }

    fn prepare(&mut self) -> Result<()> {
        for mechanism in &mut self.mechanisms {
            self.begun += 1;
            mechanism.prepare()?;
        }
        Ok(())
    }

    fn wake(&mut self) -> Result<()> {
        self.mechanisms.iter_mut().try_for_each(|mechanism| mechanism.wake())
    }

    /// Releases all of them, also when one fails; the first failure is the one that is returned.
    fn release(&mut self) -> Result<()> {
        let mut result = Ok(());
        for mechanism in self.mechanisms[..std::mem::take(&mut self.begun)].iter_mut().rev() {
            result = result.and(mechanism.release());
        }
        result
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if let Err(error) = self.release() {
            explain::say(format_args!("{error:#}"));
        }
    }
}
