//! `coracle tour`: the whole story, live.
//!
//! One process after another is started on this machine's own kernel, each with one mechanism more
//! than the one before. The first four are asked the same five questions, from inside; the host is
//! asked the same about them, from outside. What has changed is what the mechanism did. The later
//! mechanisms change what a process may do, and where its files come from: they are shown at work.
//!
//! # Layout
//!
//! - `stage`: starts a container, catches what its command prints, and lets the host look at it
//!   while it runs.
//! - `view`: the five questions, and the two answers to each, side by side.
//! - `page`: a web server of a few lines, as one more mechanism.
//! - `limits`, `layers`, `image`: the stops of the chapters 04 to 06.
//! - `texts`: what is told.

mod image;
mod layers;
mod limits;
mod page;
mod stage;
mod texts;
mod view;

use std::fmt::Display;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};
use cgroup_limits::Cgroup;
use chroot_jail::{Jail, breakout, default_root};
use colored::Colorize;
use overlay_layers::Overlay;
use pid_namespace::{PidNamespace, Root};
use process::{Command, Container, rootless, sys};

use uts_net::network::Address;
use uts_net::{Files, Hostname, Ipc, Mode, Network, RunFolder};

use page::Page;
use texts::Stop;
use view::Answers;

/// Shows how a process becomes a container.
///
/// # Errors
///
/// When this machine does not allow it, or standard output is closed.
pub fn tour() -> Result<()> {
    say(format_args!("\n{}\n\n{}", texts::TITLE.bold(), texts::INTRODUCTION))?;
    if !sys::may_administer() {
        say("")?;
        rootless::enter()?;
    }
    let mut last = None;
    for stop in [
        process,
        jail,
        out_of_the_jail,
        pid_namespace,
        no_way_out,
        network,
        limits::limits,
        layers::layers,
        image::image,
    ] {
        last = stop(last)?;
        if !go_on()? {
            return Ok(());
        }
    }
    say(format_args!("\n{}", texts::END))
}

/// What the process before saw: what differs from it stands out.
type Last = Option<Answers>;

fn process(last: Last) -> Result<Last> {
    begin(&texts::PROCESS)?;
    let inside = look(Container::new(probe()?), last.as_ref())?;
    say(texts::PROCESS.look)?;
    Ok(Some(inside))
}

fn jail(last: Last) -> Result<Last> {
    begin(&texts::JAIL)?;
    let jail = Jail::new(&default_root()?)?;
    let inside = look(Container::new(probe()?.clean_environment()).with(jail), last.as_ref())?;
    say(texts::JAIL.look)?;
    Ok(Some(inside))
}

fn out_of_the_jail(last: Last) -> Result<Last> {
    say(format_args!("\n{}\n", texts::BREAKS_OUT))?;
    let container = Container::new(nothing()?).with(Jail::new(&default_root()?)?);
    stage::aloud(|| breakout::attempt(container))?;
    Ok(last)
}

fn pid_namespace(last: Last) -> Result<Last> {
    begin(&texts::PID_NAMESPACE)?;
    let inside = look(in_pid_namespace(probe()?)?, last.as_ref())?;
    say(texts::PID_NAMESPACE.look)?;
    Ok(Some(inside))
}

fn no_way_out(last: Last) -> Result<Last> {
    say(format_args!("\n{}\n", texts::WHAT_PS_SAYS))?;
    in_pid_namespace(Command::new(&["ps", "-e"])?)?.run()?;
    say(format_args!("\n{}\n", texts::STAYS_IN))?;
    stage::aloud(|| breakout::attempt(in_pid_namespace(nothing()?)?))?;
    Ok(last)
}

fn in_pid_namespace(command: Command) -> Result<Container> {
    let root = Root::new(&default_root()?)?;
    Ok(Container::new(command.clean_environment()).with(PidNamespace).with(root))
}

fn network(last: Last) -> Result<Last> {
    begin(&texts::UTS_NET)?;
    let machine = Machine::new(probe()?, RunFolder::new()?, None, None)?;
    let Machine { container, address } = machine;
    let container = container.with(Page(texts::PAGE));
    let (inside, page) = look_and(container, last.as_ref(), || fetch(&address))?;
    say(texts::UTS_NET.look)?;
    say(page)?;
    Ok(Some(inside))
}

/// A container with all that the chapters up to 03 give it, and what the later stops add.
struct Machine {
    container: Container,
    address: Address,
}

impl Machine {
    fn new(
        command: Command,
        folder: RunFolder,
        cgroup: Option<Cgroup>,
        overlay: Option<Overlay>,
    ) -> Result<Self> {
        let hostname = Hostname::new(texts::BOX)?;
        let network = Network::new(&folder, Mode::Bridge, Vec::new())?;
        let address = network.address();
        let files = Files::new(&folder, &hostname, &network);
        let root = match &overlay {
            Some(overlay) => Root::of(overlay.tree()),
            None => Root::new(&default_root()?)?,
        };
        let own = cgroup.iter().flat_map(Cgroup::mounts);
        let root = root.mounts(own).mounts(files.mounts());
        let container = Container::new(command.clean_environment())
            .with(folder)
            .with_some(overlay)
            .with_some(cgroup)
            .with(hostname)
            .with(Ipc)
            .with(network)
            .with(files)
            .with(PidNamespace)
            .with(root);
        Ok(Self { container, address })
    }
}

/// The command of every container on the tour.
fn probe() -> Result<Command> {
    Command::new(&["sh", "-c", &view::script()])
}

/// A command for a container in which a mechanism has done all that there is to see.
fn nothing() -> Result<Command> {
    Ok(Command::new(&["true"])?.clean_environment())
}

/// A stop's heading, its story, and how to get the same by hand.
fn begin(stop: &Stop) -> Result<()> {
    let rule = "─".repeat(70_usize.saturating_sub(stop.title.len()));
    let heading = format!("── {}  {} {rule}", stop.chapter, stop.title);
    say(format_args!("\n{}\n\n{}\n", heading.bold(), stop.story))?;
    say(format_args!("  {}\n", stop.command.cyan()))
}

/// Starts the container, and shows what it sees of itself and what the host sees of it; what
/// differs from the `last` one's answers stands out.
fn look(container: Container, last: Option<&Answers>) -> Result<Answers> {
    look_and(container, last, || ()).map(|(inside, ())| inside)
}

/// The same, and does something else as well while the container runs.
fn look_and<T>(
    container: Container,
    last: Option<&Answers>,
    meanwhile: impl FnOnce() -> T,
) -> Result<(Answers, T)> {
    let (said, (outside, own, done)) = stage::watch(container, |pid| {
        Ok((Answers::outside(pid)?, view::own_namespaces(pid)?, meanwhile()))
    })?;
    let inside = Answers::inside(&said);
    say(view::table(&inside.beside(&outside, last)))?;
    say(texts::namespaces(&own))?;
    Ok((inside, done))
}

/// Asks a container's web server for its page; what came of it, in words.
fn fetch(address: &Address) -> String {
    let address = address.get().unwrap_or(Ipv4Addr::LOCALHOST).to_string();
    match ask(&address) {
        Ok(page) => texts::fetched(&address, &page),
        Err(error) => texts::not_fetched(&address, &error),
    }
}

fn ask(address: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect((address, 80))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").map_or(String::new(), |(_, page)| page.into()))
}

/// Waits for Enter, where somebody sits at a terminal; `false` if they want to stop.
fn go_on() -> Result<bool> {
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return Ok(true);
    }
    say(texts::PRESS_ENTER.dimmed())?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer).context(texts::STANDARD_OUTPUT)?;
    Ok(read > 0 && answer.trim() != "q")
}

fn say(text: impl Display) -> Result<()> {
    writeln!(io::stdout(), "{text}").context(texts::STANDARD_OUTPUT)
}
