//! The words of `run`.

use std::path::Path;

use nix::errno::Errno;
use process::Step;
use uts_net::Port;

use crate::name::Name;

pub(crate) const WORKDIR: Step = Step {
    section: "06#config",
    why: "the command begins in the folder that the image names; it is made if it is not there",
    causes: &[
        (Errno::ENOTDIR, "a file is in the way"),
        (Errno::ELOOP, "links lead in a circle, or through /proc to what is not the container's"),
    ],
};

pub(crate) const USER: Step = Step {
    section: "06#user",
    why: "from here on the process is the user that the image names; with root's number it gives up root's rights",
    causes: &[
        (
            Errno::EINVAL,
            "no such number is mapped here: as an ordinary user there is only your own, which is 0 in the container; run as root, or take `-u 0` (book 07)",
        ),
        (Errno::EAGAIN, "that user has too many processes on this host"),
    ],
};

pub(crate) const VOLUME: Step = Step {
    section: "06#volumes",
    why: "a folder that is mounted over a part of the container's file tree",
    causes: &[
        (Errno::EACCES, "the folder is not yours to make"),
        (Errno::ENOTDIR, "a file is in the way"),
    ],
};

pub(crate) const FILL: Step = Step {
    section: "06#volumes",
    why: "a fresh volume begins with what the image has at its place",
    causes: &[],
};

pub(crate) const PORTS: Step = Step {
    section: "06#ports",
    why: "a free port of the host's for each that the image listens on",
    causes: &[(Errno::EADDRINUSE, "all ports are taken")],
};

pub(crate) const NOTHING_TO_PUBLISH: &str =
    "-P publishes nothing here: only on the network `bridge` has a container ports of its own.";

pub(crate) fn published(port: &Port) -> String {
    let Port { address, host, container, protocol } = port;
    format!("{container}/{protocol} -> {address}:{host}")
}

pub(crate) fn no_command(image: &Name) -> String {
    format!("{image} does not say what to run; name a command behind it")
}

pub(crate) fn no_variable(text: &str) -> String {
    format!("--env {text:?} is not NAME or NAME=VALUE")
}

pub(crate) fn unknown_signal(text: &str) -> String {
    format!("the image's stop signal {text:?} is none")
}

pub(crate) fn relative_workdir(path: &Path) -> String {
    format!("--workdir {path:?} has to begin with /")
}

pub(crate) fn unknown_user(name: &str) -> String {
    format!("unable to find user {name:?}: the image's /etc/passwd has none of that name")
}

pub(crate) fn unknown_group(name: &str) -> String {
    format!("unable to find group {name:?}: the image's /etc/group has none of that name")
}

pub(crate) fn too_many_groups(user: &str, count: usize) -> String {
    format!("the image's /etc/group has user {user:?} in {count} groups; Linux allows 65536")
}

pub(crate) fn bad_volume(text: &str) -> String {
    format!("{text:?} is not SOURCE:TARGET[:ro]")
}

pub(crate) fn unknown_volume_option(option: &str) -> String {
    format!("a volume has no option {option:?}; there are ro and rw")
}

pub(crate) fn named_volume(name: &str) -> String {
    format!(
        "{name:?} would be a volume with a name, which comes in chapter 09; a folder is ./{name}"
    )
}

pub(crate) fn bad_target(text: &str) -> String {
    format!(
        "{text:?} is no place for a volume: it has to begin with /, without `..`, and be neither \
         / itself nor in /proc"
    )
}

pub(crate) fn same_target(path: &Path) -> String {
    format!("two volumes are to be at {path:?}")
}

pub(crate) fn made_source(path: &Path) -> String {
    format!("There was no {path:?} on this host; it has been made, empty.")
}
