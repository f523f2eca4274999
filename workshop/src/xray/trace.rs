//! Following a command and all that it makes: `ptrace(2)`.
//!
//! ```text
//!   the tracer                                   a traced thread
//!
//!   wait ◀── SECCOMP ─────────────────────────── begins a call that the filter picks, and stops
//!   read registers and memory, put into words
//!   go on to the exit (PTRACE_SYSCALL) ────────▶ … the kernel does the call …
//!   wait ◀── exit ────────────────────────────── stops again
//!   write the line with the result
//!   go on (PTRACE_CONT) ───────────────────────▶ runs at full speed to the next one
//! ```
//!
//! Three calls have stops of their own in between, after which no exit needs to be waited for:
//! `execve` (the memory that its arguments were in is gone by then), and `fork` and `clone`, whose
//! children the kernel attaches to us before their first instruction.
//!
//! What else stops a traced thread is none of the story, but has to be handled with care:
//!
//! - A signal stops it before it is delivered. It is passed on unchanged.
//! - SIGSTOP and its like stop the whole process. It stays so (PTRACE_LISTEN) until SIGCONT.
//! - A new thread or process may report before its maker does. It is held until then, so that its
//!   lines come after the line that makes it.
//! - `execve` by another thread than the first ends all others, and takes the first one's number.
//! - A call that a signal interrupted is made anew by the kernel; it is told only once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;

use anyhow::Result;
use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;
use process::{Attempt, Ended, explain};

use super::calls::CALLS;
use super::decode::{Entry, Told};
use super::memory::Memory;
use super::story::{Outcome, Story};
use super::sys;
use super::texts;

/// If the tracer is killed, the kernel kills all that it traces: without it they could not go on,
/// since the filter finds nobody to ask.
pub(super) const OPTIONS: i32 = libc::PTRACE_O_EXITKILL
    | libc::PTRACE_O_TRACESECCOMP
    | libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEEXEC;

/// The event of a group's stop, and of a new thread's first one.
const EVENT_STOP: i32 = 128;
/// Bit 7 marks the stop at a call's exit (TRACESYSGOOD).
const SYSCALL_STOP: i32 = libc::SIGTRAP | 0x80;
/// Results from here on mean that the kernel will make the call anew.
const RESTARTS: std::ops::RangeInclusive<i32> = 512..=517;

/// The thread that follows all others.
pub(super) struct Tracer {
    threads: HashMap<Pid, Thread>,
    /// New ones whose makers have not reported them yet.
    held: BTreeSet<Pid>,
    /// Each living process, and who made it.
    processes: BTreeMap<Pid, Option<Pid>>,
    story: Option<Story>,
}

struct Thread {
    process: Pid,
    /// The call that it is in.
    call: Option<Told>,
}

impl Tracer {
    /// Follows a process that has been seized.
    pub(super) fn new(first: Pid, story: Story) -> Self {
        Self {
            threads: HashMap::from([(first, Thread { process: first, call: None })]),
            held: BTreeSet::new(),
            processes: BTreeMap::from([(first, None)]),
            story: Some(story),
        }
    }

    /// Tells what happens until `process` has ended.
    ///
    /// # Errors
    ///
    /// What `ptrace(2)` refuses.
    pub(super) fn until_end_of(&mut self, process: Pid) -> Result<()> {
        while self.processes.contains_key(&process) && self.next()? {}
        Ok(())
    }

    /// Ends the story, and says whether there are processes left. That it could not be written is
    /// said, and changes nothing for them.
    pub(super) fn end_story(&mut self) -> bool {
        let left: Vec<_> = self.processes.keys().copied().collect();
        if let Some(mut story) = self.story.take() {
            story.summary(&left);
            if let Err(error) = story.close() {
                explain::say(texts::incomplete(&error));
            }
        }
        !left.is_empty()
    }

    /// Follows those that are left, and tells nothing.
    ///
    /// # Errors
    ///
    /// What `ptrace(2)` refuses.
    pub(super) fn until_all_ended(&mut self) -> Result<()> {
        while self.next()? {}
        Ok(())
    }

    /// Waits for whatever happens next; `false` when there is nobody left.
    fn next(&mut self) -> Result<bool> {
        let (tid, status) = match sys::wait_any() {
            Err(Errno::ECHILD) => return Ok(false),
            result => result.tried(&texts::TRACE, "waitpid(-1, __WALL)")?,
        };
        let handled = if libc::WIFSTOPPED(status) {
            self.stopped(tid, libc::WSTOPSIG(status), status >> 16)
        } else {
            self.ended(tid, status)
        };
        match handled {
            // It was killed while it was stopped; its end is reported next.
            Err(Errno::ESRCH) => Ok(true),
            handled => handled.map(|()| true).tried(&texts::TRACE, "ptrace()"),
        }
    }

    fn stopped(&mut self, tid: Pid, signal: i32, event: i32) -> nix::Result<()> {
        if !self.threads.contains_key(&tid) {
            self.held.insert(tid);
            return Ok(());
        }
        match event {
            libc::PTRACE_EVENT_SECCOMP => self.call_begins(tid),
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                self.child_made(tid, event)
            }
            libc::PTRACE_EVENT_EXEC => self.program_executed(tid),
            EVENT_STOP if signal != libc::SIGTRAP => sys::listen(tid),
            0 if signal == SYSCALL_STOP => self.call_ends(tid),
            0 => sys::resume(tid, signal),
            _ => sys::resume(tid, 0),
        }
    }

    fn call_begins(&mut self, tid: Pid) -> nix::Result<()> {
        if self.story.is_none() {
            return sys::resume(tid, 0);
        }
        let info = sys::syscall_info(tid)?;
        let call = CALLS.get(info.filter_data as usize).filter(|_| info.op == sys::AT_SECCOMP);
        let told = call.and_then(|call| {
            // `__AUDIT_ARCH_64BIT` of `linux/audit.h`.
            let word = if info.arch & 0x8000_0000 != 0 { 8 } else { 4 };
            let memory = Memory { tid, word };
            (call.decode)(&Entry { name: call.name, memory, args: info.args })
        });
        let (Some(told), Some(thread)) = (told, self.threads.get(&tid)) else {
            return sys::resume(tid, 0);
        };
        // Dropping all capabilities is forty calls: one that is only counted needs no second stop.
        if self.story.as_mut().is_some_and(|story| story.folds(thread.process, &told)) {
            return sys::resume(tid, 0);
        }
        self.threads.entry(tid).and_modify(|thread| thread.call = Some(told));
        sys::resume_to_exit(tid)
    }

    fn call_ends(&mut self, tid: Pid) -> nix::Result<()> {
        let info = sys::syscall_info(tid)?;
        if info.op == sys::AT_EXIT {
            let result = info.number_or_result as i64;
            let failed = info.args[0] & 0xff != 0;
            let outcome = match (-result) as i32 {
                errno if failed && RESTARTS.contains(&errno) => None,
                // A program is looked for in each folder of PATH.
                libc::ENOENT | libc::ENOTDIR | libc::EACCES if failed && self.executes(tid) => None,
                errno if failed => Some(Outcome::Failed(Errno::from_raw(errno))),
                _ => Some(Outcome::Returned(result)),
            };
            self.tell(tid, outcome);
        }
        sys::resume(tid, 0)
    }

    fn child_made(&mut self, tid: Pid, event: i32) -> nix::Result<()> {
        let child = sys::event_message(tid)?;
        let Some(thread) = self.threads.get(&tid) else { return sys::resume(tid, 0) };
        let maker = thread.process;
        // The filter lets a thread's birth pass, so no call is known then.
        let is_thread = event == libc::PTRACE_EVENT_CLONE && thread.call.is_none();
        if !is_thread {
            self.processes.insert(child, Some(maker));
            self.tell(tid, Some(Outcome::Returned(child.as_raw().into())));
        }
        self.release(child, if is_thread { maker } else { child })?;
        sys::resume(tid, 0)
    }

    /// Begins to follow a new thread, which may be held already.
    fn release(&mut self, tid: Pid, process: Pid) -> nix::Result<()> {
        self.threads.insert(tid, Thread { process, call: None });
        match self.held.remove(&tid).then(|| sys::resume(tid, 0)) {
            // Killed meanwhile.
            None | Some(Err(Errno::ESRCH)) => Ok(()),
            Some(resumed) => resumed,
        }
    }

    fn program_executed(&mut self, tid: Pid) -> nix::Result<()> {
        // The thread that called `execve` has become the first one of its process.
        let caller = sys::event_message(tid)?;
        let call = self.threads.get_mut(&caller).and_then(|thread| thread.call.take());
        self.threads.retain(|_, thread| thread.process != tid);
        self.threads.insert(tid, Thread { process: tid, call });
        self.tell(tid, Some(Outcome::Returned(0)));
        sys::resume(tid, 0)
    }

    fn ended(&mut self, tid: Pid, status: i32) -> nix::Result<()> {
        // It may have been in a call: in one that ends a process, or killed.
        self.tell(tid, Some(Outcome::Unfinished));
        self.held.remove(&tid);
        self.threads.remove(&tid);
        if self.processes.remove(&tid).is_some() {
            self.threads.retain(|_, thread| thread.process != tid);
            let ended = match libc::WIFEXITED(status) {
                true => Ended::Exited(libc::WEXITSTATUS(status)),
                false => Ended::Signalled(libc::WTERMSIG(status)),
            };
            if let Some(story) = &mut self.story {
                story.ended(tid, ended);
            }
        }
        // If this was the maker of one that is held, it won't report it any more.
        let orphans: Vec<_> = self.held.iter().copied().collect();
        for orphan in orphans {
            if let Some((process, maker)) = relations(orphan) {
                if !self.threads.contains_key(&maker) {
                    if process == orphan {
                        self.processes.insert(process, None);
                    }
                    self.release(orphan, process)?;
                }
            }
        }
        Ok(())
    }

    /// Whether the call that a thread is in is told as one that executes a program.
    fn executes(&self, tid: Pid) -> bool {
        let told = self.threads.get(&tid).and_then(|thread| thread.call.as_ref());
        told.is_some_and(|told| told.topics.contains(&&texts::PROGRAM))
    }

    /// Tells the call that a thread is in, if there is one, with what came of it; without that it is
    /// forgotten.
    fn tell(&mut self, tid: Pid, outcome: Option<Outcome>) {
        let Some(thread) = self.threads.get_mut(&tid) else { return };
        let (process, told) = (thread.process, thread.call.take());
        let maker = self.processes.get(&process).copied().flatten();
        if let (Some(story), Some(told), Some(outcome)) = (&mut self.story, told, outcome) {
            story.call(process, maker, &told, outcome);
        }
    }
}

/// The process that a thread belongs to, and who made it: `proc_pid_status(5)`.
fn relations(tid: Pid) -> Option<(Pid, Pid)> {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    let field = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name))?;
        value.trim().parse().ok().map(Pid::from_raw)
    };
    let (process, parent) = (field("Tgid:")?, field("PPid:")?);
    Some((process, if process == tid { parent } else { process }))
}
