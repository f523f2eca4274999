//! What is examined without any wire: the name, the files that tell of it, and two namespaces.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::Result;
use nix::unistd::Pid;

use super::{in_the_end, own_namespace};
use crate::check::claim::expect;
use crate::check::exam::Exam;
use crate::check::world::{Host, wire};

/// Gives the host two name servers: one that only the host itself can reach, and one for everybody,
/// which is returned.
pub(super) fn name_servers(exam: &mut Exam, host: &Host) -> Option<Ipv4Addr> {
    let server = Ipv4Addr::new(192, 0, 2, exam.world.number(250) as u8 + 1);
    let text = format!("nameserver 127.0.0.53\nnameserver {server}\n");
    match host.lay_over(Path::new("/etc/resolv.conf"), &text, &exam.world) {
        Ok(()) => Some(server),
        Err(_) => {
            exam.leave_out("resolv-conf", "this machine has no /etc/resolv.conf");
            None
        }
    }
}

/// What is to be seen while a command with a name, and without a network, runs.
pub(super) fn held(exam: &mut Exam, host: &Host, root: &Path) -> Result<()> {
    let name = exam.world.word();
    let options = ["--hostname", &name, "--network", "none"];
    let call = exam.world.call().root(root).options(&options).probe("/bin/probe", &["hold"]);
    let mut running = host.start(&exam.world, &call)?;
    let held = running.held();
    let hosts_name = host.snapshot()?.name;
    let kept = expect(hosts_name == host.name, || {
        format!("`hostname` on the host: {hosts_name}, before {}", host.name)
    });
    // Also where the program did not come far.
    if held.is_ok() || kept.is_err() {
        exam.finding("host-keeps-name", kept);
    }
    let Some(pid) = exam.found("runs", held) else { return Ok(()) };

    own_namespace(exam, host, pid, "uts-namespace", "uts")?;
    own_namespace(exam, host, pid, "ipc-namespace", "ipc")?;
    own_namespace(exam, host, pid, "net-namespace", "net")?;
    let its = wire::host_name(pid)?;
    exam.finding(
        "hostname",
        expect(its == name, || {
            format!("`nsenter --target {pid} --uts hostname`: {its}, and not {name}")
        }),
    );
    files(exam, pid, &name, None);
    let interfaces = in_the_end(pid, |all| all.iter().any(|it| it.name == "lo" && it.up))?;
    loopback(exam, pid, &interfaces);
    let more: Vec<_> = interfaces.iter().filter(|it| it.name != "lo" && it.up).collect();
    exam.finding(
        "none",
        expect(more.is_empty() || !exam.holds("net-namespace"), || {
            let names: Vec<_> = more.iter().map(ToString::to_string).collect();
            format!("`nsenter --target {pid} --net ip addr`: {}", names.join(", "))
        }),
    );
    let outcome = running.release(pid);
    exam.found("runs", outcome);
    Ok(())
}

/// The two files that tell of a name. The container's own `address` may stand beside it, if it has one
/// and that is known, or one of the loopback's.
pub(super) fn files(exam: &mut Exam, pid: Pid, name: &str, address: Option<Ipv4Addr>) {
    let file = format!("/proc/{pid}/root/etc/hostname");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| error.to_string());
    exam.finding("etc-hostname", expect(text.trim() == name, || format!("{file}: {text:?}")));
    let file = format!("/proc/{pid}/root/etc/hosts");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| error.to_string());
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let mut of_name = lines.filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next()?.parse::<Ipv4Addr>().ok()?;
        words.any(|word| word == name).then_some(address)
    });
    let right =
        of_name.next().is_some_and(|it| it.is_loopback() || address.is_none_or(|own| it == own));
    exam.finding(
        "etc-hosts",
        expect(right, || match address {
            Some(address) => format!("{file} has no line `{address} {name}`: {text:?}"),
            None => format!("{file} has no line with an address and {name}: {text:?}"),
        }),
    );
}

/// `lo` is there everywhere, but down.
pub(super) fn loopback(exam: &mut Exam, pid: Pid, interfaces: &[wire::Interface]) {
    let lo = interfaces.iter().find(|it| it.name == "lo");
    let right = lo.is_some_and(|it| it.up && it.address == Some(Ipv4Addr::LOCALHOST));
    exam.finding(
        "loopback",
        expect(right, || {
            let seen = lo.map_or_else(|| "no lo".into(), ToString::to_string);
            format!("`nsenter --target {pid} --net ip addr`: {seen}")
        }),
    );
}

/// The longest name that the kernel takes, and one that it refuses.
pub(super) fn lengths(exam: &mut Exam, host: &Host, root: &Path) -> Result<()> {
    const LONGEST: usize = 64;
    let long: String = (0..LONGEST / 8).map(|_| exam.world.word()).collect();
    if exam.holds("eth0") {
        let call = exam.world.call().root(root).options(&["--hostname", &long]);
        let mut running = host.start(&exam.world, &call.probe("/bin/probe", &["hold"]))?;
        let held = running.held();
        if let Some(pid) = exam.found("long-name", held) {
            let its = wire::host_name(pid)?;
            exam.finding(
                "long-name",
                expect(its == long, || {
                    format!("`nsenter --target {pid} --uts hostname`: {its}, and not {long}")
                }),
            );
            let all = wire::interfaces(pid)?;
            exam.finding(
                "long-name",
                expect(all.iter().any(|it| it.name == "eth0" && it.address.is_some()), || {
                    let all: Vec<_> = all.iter().map(ToString::to_string).collect();
                    format!("`nsenter --target {pid} --net ip addr`: {}", all.join(", "))
                }),
            );
            let outcome = running.release(pid);
            exam.found("long-name", outcome);
        }
    }
    let longer = format!("{long}x");
    let options = ["--hostname", &longer, "--network", "none"];
    let call = exam.world.call().root(root).options(&options);
    let outcome = host.start(&exam.world, &call.probe("/bin/probe", &["say:1", "exit:3"]))?.wait();
    if let Some(outcome) = exam.found("refused-name", outcome) {
        let ran = outcome.facts.get("say").is_some();
        exam.finding(
            "refused-name",
            expect(!ran && outcome.status() != 0, || match ran {
                true => format!("the command ran, with a name of {} letters", LONGEST + 1),
                false => format!("status 0 from `{}`", outcome.shown),
            }),
        );
    }
    Ok(())
}
