//! 01: a root folder of the command's own, and all that programs need in it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::look::{ended_with, identity, link};
use crate::check::claim::{Claim, expect};
use crate::check::exam::{Exam, Lesson};
use crate::check::world::{Host, Outcome, Trouble};

pub(super) const LESSON: Lesson = Lesson {
    chapter: "01",
    claims: &CLAIMS,
    refusals: &[("copy(", "copy"), ("symlink(", "copy")],
    examine,
};

const CLAIMS: [Claim; 13] = [
    Claim {
        id: "source-untouched",
        title: "the host's own files stay as they are",
        expected: "the program that is copied has the same content as before",
        why: "`Path::join` with a path that begins with / gives that path: the copy's place would be the original's.",
        exercise: "place",
        book: "01#place",
        after: &[],
    },
    Claim {
        id: "jail-made",
        title: "`jail DIR PROGRAM` fills a folder",
        expected: "status 0, and DIR/PATH-OF-PROGRAM is there",
        why: "A root folder without programs is nothing to run a command in.",
        exercise: "place",
        book: "01#jail",
        after: &["source-untouched"],
    },
    Claim {
        id: "programs-work",
        title: "a copied program can be executed in the jail",
        expected: "`run --root DIR -- PROGRAM` executes it",
        why: "\"No such file\" for a file that is there means its loader or a library is not.",
        exercise: "collect",
        book: "01#libraries",
        after: &["jail-made", "source-untouched"],
    },
    Claim {
        id: "needs-of-needs",
        title: "what is needed by what is needed comes along",
        expected: "a script works, whose interpreter is a program with libraries",
        why: "A script needs its interpreter, which needs a loader, which the script does not name.",
        exercise: "collect",
        book: "01#libraries",
        after: &["jail-made", "programs-work"],
    },
    Claim {
        id: "links-kept",
        title: "a link is copied as a link, with what it leads to",
        expected: "DIR has the link, with the host's text, and the file behind it",
        why: "Libraries are named by links; a copy of each would be twice the size, and other programs look for the link.",
        exercise: "copy",
        book: "01#links",
        after: &["jail-made"],
    },
    Claim {
        id: "modes-kept",
        title: "a copy has the mode of the original",
        expected: "the same permission bits in DIR as on the host",
        why: "A program without its x can't be executed; a secret with an r too many is none.",
        exercise: "copy",
        book: "01#copies",
        after: &["jail-made"],
    },
    Claim {
        id: "runs",
        title: "`run --root DIR` executes the command",
        expected: "a process in /proc that runs DIR's program",
        why: "Everything else is looked at while it runs.",
        exercise: "enter",
        book: "01#chroot",
        after: &[],
    },
    Claim {
        id: "root-folder",
        title: "DIR is its root folder",
        expected: "/proc/PID/root leads to DIR",
        why: "A path that begins with / is looked up there. That is all that chroot(2) changes.",
        exercise: "enter",
        book: "01#chroot",
        after: &["runs"],
    },
    Claim {
        id: "working-folder",
        title: "it stands inside of it",
        expected: "/proc/PID/cwd is DIR, which the command sees as /",
        why: "chroot moves your root and not your feet: whoever stands outside can walk anywhere.",
        exercise: "enter",
        book: "01#feet",
        after: &["runs", "root-folder"],
    },
    Claim {
        id: "host-hidden",
        title: "a file of the host's can't be opened from inside",
        expected: "ENOENT for the path of a file that is outside of DIR",
        why: "Not to see the host's files is what the jail is for.",
        exercise: "enter",
        book: "01#chroot",
        after: &["runs", "root-folder"],
    },
    Claim {
        id: "own-program",
        title: "DIR's program is executed, not the host's of the same path",
        expected: "/proc/PID/exe is the file in DIR",
        why: "The path is looked up after the root has changed, or it is the host's.",
        exercise: "enter",
        book: "01#place",
        after: &["runs", "root-folder"],
    },
    Claim {
        id: "no-host-programs",
        title: "only programs in DIR are found",
        expected: "127 for a program that only the host has",
        why: "A name is looked for inside, or the command depends on a host that it does not know.",
        exercise: "enter",
        book: "01#chroot",
        after: &["runs", "root-folder"],
    },
    Claim {
        id: "exit-status",
        title: "the exit status is passed on",
        expected: "the program ends with the command's own status",
        why: "What chapter 00 does is still true.",
        exercise: "enter",
        book: "00#status",
        after: &["runs"],
    },
];

fn examine(exam: &mut Exam) -> Result<()> {
    let host = Host::new(&exam.world)?;
    jail(exam, &host)?;
    if exam.goes_on() {
        run(exam, &host)?;
    }
    Ok(())
}

/// A program in a folder of its own, and what the jail makes of it.
fn jail(exam: &mut Exam, host: &Host) -> Result<()> {
    let source = exam.world.folder("programs")?;
    let program = source.join(exam.world.word());
    fs::copy(exam.world.probe(), &program)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o751))?;
    let link = source.join(exam.world.word());
    let text = program.file_name().unwrap_or_default();
    symlink(text, &link)?;
    let script = source.join(exam.world.word());
    fs::write(&script, format!("#!{}\n", program.display()))?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;

    let folder = exam.world.folder("jail")?;
    let words = |more: &[&Path]| {
        let words = [Path::new("jail"), &folder].into_iter().chain(more.iter().copied());
        words.map(PathBuf::from).collect::<Vec<_>>()
    };
    let before = fs::read(&program)?;
    let call = exam.world.call().words(&words(&[&program]));
    let outcome = host.start(&exam.world, &call)?.wait();
    // It counts whatever came of it.
    let unchanged = fs::read(&program)? == before;
    exam.finding(
        "source-untouched",
        expect(unchanged, || {
            let size = fs::metadata(&program).map_or(0, |found| found.len());
            format!("{} had {} bytes, and has {size}", program.display(), before.len())
        }),
    );
    if !unchanged {
        return Ok(());
    }
    let Some(outcome) = exam.found("jail-made", outcome) else { return Ok(()) };
    let copy = inside(&folder, &program);
    if !made(exam, "jail-made", &outcome, &copy) {
        return Ok(());
    }
    let mode = |path: &Path| fs::metadata(path).map_or(0, |found| found.mode() & 0o7777);
    exam.finding(
        "modes-kept",
        expect(mode(&copy) == 0o751, || {
            format!("stat {}: {:o}, on the host 751", copy.display(), mode(&copy))
        }),
    );
    let call = exam.world.call().root(&folder).probe(&program, &["exit:0"]);
    let outcome = host.start(&exam.world, &call)?.wait();
    let Some(outcome) = exam.found("programs-work", outcome) else { return Ok(()) };
    exam.finding("programs-work", ended_with(&outcome, 0));
    if !exam.goes_on() || !exam.holds("programs-work") {
        return Ok(());
    }

    let call = exam.world.call().words(&words(&[&link]));
    let outcome = host.start(&exam.world, &call)?.wait();
    if let Some(outcome) = exam.found("links-kept", outcome) {
        let copy = inside(&folder, &link);
        if made(exam, "links-kept", &outcome, &copy) {
            let found = fs::read_link(&copy);
            exam.finding(
                "links-kept",
                expect(found.as_ref().is_ok_and(|it| it.as_os_str() == text), || match &found {
                    Ok(other) => format!("{} -> {}", copy.display(), other.display()),
                    Err(_) => format!("{} is no link", copy.display()),
                }),
            );
        }
    }
    // A folder in which nothing is that came by another way.
    let folder = exam.world.folder("jail")?;
    let words = [Path::new("jail"), &folder, &script].map(PathBuf::from);
    let outcome = host.start(&exam.world, &exam.world.call().words(&words))?.wait();
    let Some(outcome) = exam.found("needs-of-needs", outcome) else { return Ok(()) };
    if made(exam, "needs-of-needs", &outcome, &inside(&folder, &script)) {
        // The interpreter gets the script's path for its first argument: the probe's token.
        let call = exam.world.call().root(&folder).command(&[&script]);
        let outcome = host.start(&exam.world, &call)?.wait();
        let Some(outcome) = exam.found("needs-of-needs", outcome) else { return Ok(()) };
        exam.finding("needs-of-needs", ended_with(&outcome, 0));
    }
    Ok(())
}

/// Where a file of the host's belongs in a jail.
fn inside(folder: &Path, path: &Path) -> PathBuf {
    folder.join(path.strip_prefix("/").unwrap_or(path))
}

/// Whether the program ended well and has made this.
fn made(exam: &mut Exam, id: &str, outcome: &Outcome, path: &Path) -> bool {
    if let Some(trouble) = Trouble::told(&outcome.errors) {
        exam.finding(id, Err(trouble.into()));
    } else if outcome.status() != 0 {
        exam.finding(id, Err(outcome.trouble().into()));
    } else {
        let there = fs::symlink_metadata(path).is_ok();
        exam.finding(id, expect(there, || format!("there is no {}", path.display())));
    }
    exam.holds(id)
}

/// A command in a root folder that was made by others.
fn run(exam: &mut Exam, host: &Host) -> Result<()> {
    let root = exam.world.root()?;
    let (name, text) = (exam.world.word(), exam.world.word());
    fs::write(root.join(&name), &text)?;
    let secret = exam.world.folder("host")?.join(&name);
    fs::write(&secret, "")?;
    // The host has a program at this path as well; the one in the root is a file of its own.
    let path = exam.world.probe().to_owned();
    let number = exam.world.number(100) as i32 + 20;
    let actions = [
        "report".into(),
        format!("stat:{}", secret.display()),
        "hold".into(),
        format!("exit:{number}"),
    ];
    let call = exam.world.call().root(&root).probe(&path, &actions);
    let mut running = host.start(&exam.world, &call)?;
    let held = running.held();
    let Some(pid) = exam.found("runs", held) else { return Ok(()) };
    let seen = fs::read_to_string(format!("/proc/{pid}/root/{name}")).unwrap_or_default();
    let link = |what: &str| link(pid, what);
    exam.finding(
        "root-folder",
        expect(seen == text, || {
            format!("/proc/{pid}/root -> {}, DIR is {}", link("root"), root.display())
        }),
    );
    let facts = running.facts();
    let stands = identity(&format!("/proc/{pid}/cwd")) == identity(&format!("/proc/{pid}/root"));
    exam.finding(
        "working-folder",
        expect(stands && facts.text("cwd") == "/", || {
            format!("/proc/{pid}/cwd -> {}; getcwd(2) says {}", link("cwd"), facts.text("cwd"))
        }),
    );
    let own = identity(&format!("/proc/{pid}/exe"));
    exam.finding(
        "own-program",
        expect(own == identity(&inside(&root, &path).display().to_string()), || {
            format!("/proc/{pid}/exe -> {}", link("exe"))
        }),
    );
    let key = format!("stat:{}", secret.display());
    exam.finding(
        "host-hidden",
        expect(facts.text(&key) == "ENOENT", || {
            format!("stat(\"{}\") inside: {}", secret.display(), facts.text(&key))
        }),
    );
    let outcome = running.release(pid);
    let Some(outcome) = exam.found("exit-status", outcome) else { return Ok(()) };
    exam.finding("exit-status", ended_with(&outcome, number));
    host.sweep()?;

    let only_hosts = exam.world.folder("host")?.join(exam.world.word());
    fs::copy(exam.world.probe(), &only_hosts)?;
    let call = exam.world.call().root(&root).probe(&only_hosts, &["exit:0"]);
    let outcome = host.start(&exam.world, &call)?.wait();
    let Some(outcome) = exam.found("no-host-programs", outcome) else { return Ok(()) };
    exam.finding("no-host-programs", ended_with(&outcome, 127));
    Ok(())
}
