//! What the probe does. Each action is one that a real program does, or that a bad one tries.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::CloneFlags;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::time::TimeValLike;
use nix::unistd::{Pid, chdir, chroot, getpid, sethostname};
use process::{Process, sys};

use crate::Reporter;
use crate::see::{self, errno};

/// Performs one action; its status where the action is to end.
pub(crate) fn perform(reporter: &Reporter, action: &str, argument: &str) -> Option<u8> {
    match action {
        "report" => see::report(reporter),
        "stat" => see::stat(reporter, argument),
        "read" => see::read(reporter, argument),
        "list" => see::list(reporter, argument),
        "write" => write(reporter, argument),
        "append" => append(reporter, argument),
        "mkdir" => {
            let made = errno(fs::create_dir(argument).map(|()| "ok"));
            reporter.outcome(&format!("mkdir:{argument}"), made);
        }
        "remove" => reporter.outcome(&format!("remove:{argument}"), remove(argument)),
        "hold" => hold(reporter),
        "catch" => catch(reporter, argument),
        "orphans" => orphans(reporter, argument),
        "fork" => fork(reporter, argument),
        "eat" => eat(reporter, argument),
        "burn" => burn(reporter, argument),
        "escape" => escape(reporter),
        "mount" => reporter.outcome(&format!("mount:{argument}"), mount_at(argument)),
        "sethostname" => reporter.outcome(action, sethostname(argument).map(|()| "ok")),
        "serve" => serve(reporter, argument),
        "ask" => ask(reporter, argument),
        "sleep" => sleep(Duration::from_millis(number(argument))),
        "say" => reporter.say("say", argument),
        "exit" => return Some(number(argument) as u8),
        "die" => die(argument),
        unknown => reporter.say("unknown", unknown),
    }
    None
}

fn number(argument: &str) -> u64 {
    argument.parse().unwrap_or(0)
}

fn signal(argument: &str) -> Signal {
    Signal::try_from(number(argument) as i32).unwrap_or(Signal::SIGTERM)
}

/// Says that all lines before this one have been said: they may come by a long way.
const HOLDING: &str = "holding";

/// Waits for the checker to look: our name says that we do, and SIGUSR1 lets us go on. (A blocked
/// signal reaches even PID 1, which has no handler.) At most a minute, if nobody comes.
fn hold(reporter: &Reporter) {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGUSR1);
    signals.add(Signal::SIGALRM);
    let _ = signals.thread_block();
    let _ = nix::unistd::alarm::set(60);
    reporter.say(HOLDING, 1);
    set_name("held");
    let _ = signals.wait();
    set_name("went-on");
}

/// Waits for one signal, as a server that closes its files before it goes.
fn catch(reporter: &Reporter, argument: &str) {
    let mut signals = SigSet::empty();
    signals.add(signal(argument));
    signals.add(Signal::SIGALRM);
    let _ = signals.thread_block();
    let _ = nix::unistd::alarm::set(60);
    reporter.say(HOLDING, 1);
    set_name("held");
    if let Ok(caught) = signals.wait() {
        reporter.say("caught", caught as i32);
    }
}

/// The name that `/proc/PID/comm` shows: to be read from outside, whatever root folder and whatever
/// standard output we have been given.
fn set_name(name: &str) {
    // `nix` has a typed call for it; a name is fifteen bytes at most.
    if let Ok(name) = std::ffi::CString::new(name) {
        let _ = nix::sys::prctl::set_name(&name);
    }
}

/// Ends by a signal, as a program that crashes.
fn die(argument: &str) {
    let _ = kill(getpid(), signal(argument));
    // As PID 1 of its namespace a process can't be ended by itself.
    sleep(Duration::from_millis(200));
}

/// Leaves so many children behind that nobody waits for: their parent ends before they do.
fn orphans(reporter: &Reporter, argument: &str) {
    let count = number(argument);
    let parent = Process::spawn(CloneFlags::empty(), None, || {
        for _ in 0..count {
            let _ = Process::spawn(CloneFlags::empty(), None, || {
                sleep(Duration::from_millis(20));
                0
            });
        }
        0
    });
    match parent.and_then(|parent| parent.wait()) {
        Ok(_) => {
            // They end in 20 ms.
            sleep(Duration::from_millis(60));
            reporter.say("orphans", count);
        }
        Err(error) => reporter.say("orphans", format_args!("{error:#}")),
    }
}

/// Makes so many children, which wait; says how many the kernel allowed, and ends them.
fn fork(reporter: &Reporter, argument: &str) {
    let mut children = Vec::new();
    let mut refused = None;
    for _ in 0..number(argument) {
        match sys::clone(CloneFlags::empty()) {
            Ok(sys::Cloned::Child) => {
                sleep(Duration::from_secs(60));
                sys::exit(0);
            }
            Ok(sys::Cloned::Parent { pid, pidfd }) => children.push((pid, pidfd)),
            Err(errno) => {
                refused = Some(errno);
                break;
            }
        }
    }
    reporter.say("forked", children.len());
    if let Some(errno) = refused {
        reporter.say("refused", format_args!("{errno:?}"));
    }
    for (pid, pidfd) in children {
        let _ = kill(Pid::from_raw(pid.as_raw()), Signal::SIGKILL);
        let _ = sys::waitid(std::os::fd::AsFd::as_fd(&pidfd));
    }
}

/// Takes so many bytes of memory, and touches every page.
fn eat(reporter: &Reporter, argument: &str) {
    let bytes = number(argument) as usize;
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    while eaten.len() * BITE < bytes {
        eaten.push(vec![1; BITE]);
    }
    let total: usize = eaten.iter().map(Vec::len).sum();
    reporter.say("eaten", total);
}

const BITE: usize = 1 << 20;

/// Does nothing but count for so many milliseconds; says how many of them it had a processor.
fn burn(reporter: &Reporter, argument: &str) {
    let (begin, before) = (Instant::now(), processor_time());
    let wanted = Duration::from_millis(number(argument));
    let mut count = 0_u64;
    while begin.elapsed() < wanted {
        for _ in 0..1000 {
            count = std::hint::black_box(count + 1);
        }
    }
    let (used, took) = (processor_time() - before, begin.elapsed().as_millis());
    reporter.say("burnt", format_args!("{used} {took}"));
}

/// Milliseconds.
fn processor_time() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| {
        usage.user_time().num_milliseconds() + usage.system_time().num_milliseconds()
    })
}

/// The known way out of a `chroot`: another one further down, and up from outside of it.
fn escape(reporter: &Reporter) {
    let identity = |path: &str| {
        errno(fs::metadata(path).map(|found| format!("{} {}", found.dev(), found.ino())))
    };
    reporter.outcome("root-before", identity("/"));
    let climb = || -> nix::Result<&str> {
        chdir("/")?;
        let folder = "way-out";
        match nix::unistd::mkdir(folder, nix::sys::stat::Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
        chroot(folder)?;
        let _ = fs::remove_dir(folder);
        for _ in 0..1000 {
            chdir("..")?;
        }
        chroot(".")?;
        Ok("ok")
    };
    reporter.outcome("escape", climb());
    reporter.outcome("root-after", identity("/"));
}

fn mount_at(folder: &str) -> nix::Result<&'static str> {
    errno(fs::create_dir_all(folder))?;
    mount(Some("probe"), folder, Some("tmpfs"), MsFlags::empty(), None::<&str>)?;
    Ok("ok")
}

/// `PATH=TEXT`; without a text the file is made, or left as it is.
fn write(reporter: &Reporter, argument: &str) {
    let (path, text) = argument.split_once('=').unwrap_or((argument, ""));
    reporter.outcome(&format!("write:{path}"), errno(fs::write(path, text).map(|()| "ok")));
}

/// `PATH=TEXT`: adds to a file that is there.
fn append(reporter: &Reporter, argument: &str) {
    let (path, text) = argument.split_once('=').unwrap_or((argument, ""));
    let opened = fs::OpenOptions::new().append(true).open(path);
    let added = opened.and_then(|mut file| file.write_all(text.as_bytes()).map(|()| "ok"));
    reporter.outcome(&format!("append:{path}"), errno(added));
}

fn remove(path: &str) -> nix::Result<&'static str> {
    let folder = fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    errno(if folder { fs::remove_dir_all(path) } else { fs::remove_file(path) })?;
    Ok("ok")
}

/// `PORT=TEXT`: gives the text to everybody who connects, until somebody sends `end`.
fn serve(reporter: &Reporter, argument: &str) {
    let (port, text) = argument.split_once('=').unwrap_or((argument, ""));
    let listener = match TcpListener::bind(("0.0.0.0", number(port) as u16)) {
        Ok(listener) => listener,
        Err(error) => return reporter.outcome("serve", errno(Err::<&str, _>(error))),
    };
    reporter.say(HOLDING, 1);
    set_name("held");
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let _ = stream.write_all(text.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut said = String::new();
        let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
        let _ = stream.read_to_string(&mut said);
        if said.trim() == "end" {
            break;
        }
    }
}

/// `ADDRESS:PORT`: what somebody who listens there says.
fn ask(reporter: &Reporter, argument: &str) {
    let answer = || -> std::io::Result<String> {
        let address =
            argument.parse().map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(3))?;
        stream.set_read_timeout(Some(Duration::from_secs(3)))?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut said = String::new();
        stream.read_to_string(&mut said)?;
        Ok(said)
    };
    let key = format!("ask:{argument}");
    match answer() {
        Ok(said) => reporter.say(&key, said),
        Err(error) => match error.raw_os_error() {
            Some(errno) => reporter.say(&key, format_args!("{:?}", Errno::from_raw(errno))),
            None => reporter.say(&key, error.kind()),
        },
    }
}
