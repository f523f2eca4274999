//! The command line of `scripts/vm`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, anyhow};
use clap::{Args, Parser, Subcommand, ValueEnum};
use vm::{Kernel, Lost, Machine, Project};

/// Virtual machines: a kernel of one's own for a command, and gone afterwards.
#[derive(Parser)]
#[command(name = "scripts/vm", disable_help_subcommand = true)]
struct Line {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Runs a command in a new machine.
    ///
    /// The exit status is the command's own; 124 when time was up, 125 when the machine could not
    /// be made or ended by itself.
    Run(Run),
    /// A terminal in a new machine. Break what you like, and leave with `exit`.
    Shell(Options),
    /// Runs the project's tests in a new machine.
    Test(Test),
    /// Makes ready all that a shell in a 64-bit machine needs: kernels and programs from Debian, and
    /// the project's own programs.
    ///
    /// Afterwards it starts without a network, as long as the project is not changed.
    Fetch,
}

/// Which machine.
#[derive(Args)]
struct Options {
    /// The kernel: 5.10, 6.1, 6.1-686 (32 bits) or 6.12.
    #[arg(long, default_value = "6.12")]
    kernel: Kernel,
    /// Who runs the command.
    #[arg(long, value_enum, default_value_t = User::Root)]
    user: User,
    /// Makes the command's cgroup the user's own.
    #[arg(long)]
    delegate: bool,
    /// Copies a file or a folder in, to the same path or to another one.
    #[arg(long, value_name = "PATH[=GUEST]")]
    put: Vec<String>,
    /// When the command has ended, copies a folder's content, or a file, into a folder here.
    #[arg(long, value_name = "GUEST=FOLDER")]
    get: Vec<String>,
    /// Takes something away first.
    #[arg(long, value_enum, value_name = "WHAT")]
    without: Vec<Without>,
    /// Sets a value in /proc/sys first.
    #[arg(long, value_name = "NAME=VALUE")]
    sysctl: Vec<OsString>,
    /// Memory in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    memory: u32,
    /// How long all of it may take; as long as it likes if not said.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum User {
    /// The superuser.
    Root,
    /// An ordinary user, number 1000.
    Student,
}

#[derive(Clone, Copy, ValueEnum)]
enum Without {
    /// The program nft.
    Nft,
    /// User namespaces.
    Userns,
}

#[derive(Args)]
struct Test {
    #[command(flatten)]
    options: Options,
    /// What each test program is told: a part of names, and its other options.
    #[arg(last = true)]
    words: Vec<String>,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    options: Options,
    /// The command.
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

fn main() -> ExitCode {
    let done = match Line::parse().verb {
        Verb::Run(Run { options, command }) => run(&options, command),
        Verb::Shell(options) => shell(&options),
        Verb::Test(Test { options, words }) => test(&options, &words),
        Verb::Fetch => fetch(),
    };
    match done {
        Ok(status) => status.into(),
        Err(error) => {
            eprintln!("vm: {error:#}");
            let late = matches!(error.downcast_ref(), Some(Lost::TimedOut(_)));
            (if late { 124 } else { 125 }).into()
        }
    }
}

fn run(options: &Options, command: Vec<OsString>) -> Result<u8> {
    options.machine()?.project(&options.programs()?).stream(command)
}

fn shell(options: &Options) -> Result<u8> {
    let machine = options.machine()?.project(&options.programs()?);
    eprintln!(
        "A machine of its own, with kernel {}. Nothing that you do in it stays: leave with `exit`.",
        options.kernel.name()
    );
    machine.converse(["bash"])
}

fn test(options: &Options, words: &[String]) -> Result<u8> {
    let project = Project::with_tests(options.kernel.architecture())?;
    let command = vm::tests::command(&project, words);
    options.machine()?.project(&project).stream(command)
}

fn fetch() -> Result<u8> {
    vm::fetch()?;
    println!(
        "kernels 5.10, 6.1, 6.12 and Debian's programs are in {}, the project's in target/vm",
        vm::cache::folder()?.display()
    );
    Ok(0)
}

impl Options {
    fn programs(&self) -> Result<Project> {
        Project::with_programs(self.kernel.architecture())
    }

    fn machine(&self) -> Result<Machine> {
        let mut machine = Machine::new(self.kernel)
            .user(match self.user {
                User::Root => vm::User::Root,
                User::Student => vm::User::Student,
            })
            .memory(self.memory);
        if let Some(seconds) = self.timeout {
            machine = machine.patience(Duration::from_secs(seconds));
        }
        if self.delegate {
            machine = machine.delegate();
        }
        for path in &self.put {
            let (from, to) = match path.split_once('=') {
                Some((from, to)) => (PathBuf::from(from), PathBuf::from(to)),
                None => (PathBuf::from(path), std::path::absolute(path)?),
            };
            machine = machine.put(from, to);
        }
        for path in &self.get {
            let (from, to) =
                path.split_once('=').ok_or_else(|| anyhow!("--get {path}: GUEST=FOLDER"))?;
            machine = machine.get(from, to);
        }
        for setting in &self.sysctl {
            machine = machine.sysctl(setting);
        }
        for what in &self.without {
            machine = match what {
                Without::Nft => machine.without("/usr/sbin/nft"),
                Without::Userns => machine.sysctl("user.max_user_namespaces=0"),
            };
        }
        Ok(machine)
    }
}
