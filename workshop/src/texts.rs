//! What the workshop's command says to people. All words stand here, so that they can be translated
//! in one place; only the help of the command line stands in `main.rs`, where clap wants it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;

use chroot_jail::Copied;
use image_pull::digest::Digest;
use image_pull::name::Name;
use nix::errno::Errno;
use process::Step;

use crate::author::{Change, Difference};

/// What was tried when writing to standard output failed.
pub const STANDARD_OUTPUT: &str = "can't write to standard output";

/// What was tried when this program could not find itself.
pub const OUR_OWN_PROGRAM: &str = "can't tell which program this is";

pub(crate) const PIPE: &str = "can't read what the container prints";
pub(crate) const CURRENT_FOLDER: &str = "can't tell which folder this is; change to another one";
pub(crate) const NO_PROJECT: &str = "this is not the workshop's folder, nor a folder in it; \
     change to your copy of the workshop (the folder with chapters/ in it) and try again";
pub(crate) const NO_CARGO: &str = "can't start cargo, which builds your program; is Rust installed (https://rustup.rs), and may this user execute it?";
pub(crate) const NO_GIT: &str =
    "can't start git, which knows whether chapters/ holds edits of yours; install it";

/// The remedy when chapters/ is not what solutions/ makes of it.
pub const MAKE_STARTERS: &str =
    "chapters/ is not in step with solutions/; run `coracle author starters`";
/// The remedy when exercises and hints don't match.
pub const WRITE_HINTS: &str =
    "every exercise needs hints and a claim, and all hints and claims an exercise";
/// All is well.
pub const IN_STEP: &str = "chapters/ is in step with solutions/";

pub(crate) const MALFORMED_MARKER: &str = "not understood; the forms are `// ANCHOR: name`, \
     `// EXERCISE name: title` and `// ANCHOR_END: name`, a name being letters, digits, _ and -";

/// What `coracle rootfs` has done, and what to do with it.
#[must_use]
pub fn root_filled(copied: &Copied, folder: &Path) -> String {
    let Copied { files, bytes, unchanged } = copied;
    let megabytes = bytes.div_ceil(1_000_000);
    let there = if *unchanged == 0 {
        String::new()
    } else {
        format!(", {unchanged} of them there already")
    };
    format!(
        "{files} files, {megabytes} MB, in {folder:?}{there}.\n\
         Next: coracle run 01 -- run --root {folder:?} sh"
    )
}

pub(crate) fn no_chapters(folder: &Path) -> String {
    format!("there are no chapters in {}; `coracle author starters` makes them", folder.display())
}

pub(crate) fn unknown_chapter(name: &str, chapters: &[String]) -> String {
    format!("there is no chapter {name:?}; choose one of {}", chapters.join(", "))
}

pub(crate) fn does_not_compile(package: &str) -> String {
    format!("{package} could not be built; the first error above is the one to begin with")
}

pub(crate) fn no_program(package: &str) -> String {
    format!("cargo built {package} but named no program; is there a src/main.rs in its folder?")
}

pub(crate) fn cannot_read(path: &Path) -> String {
    format!("can't read {}", path.display())
}

pub(crate) fn cannot_start(program: &Path) -> String {
    format!("can't start {}", program.display())
}

pub(crate) fn cannot_make(folder: &Path) -> String {
    format!("can't make the folder {}", folder.display())
}

pub(crate) fn cannot_write(path: &Path) -> String {
    format!("can't bring {} in step", path.display())
}

/// One line of `coracle author starters --check`.
#[must_use]
pub fn out_of_step(change: &Change) -> String {
    let what = match change.difference {
        Difference::Missing => "is missing",
        Difference::Differs => "differs from what its solution makes",
        Difference::Extra => "comes from no solution",
    };
    format!("chapters/{}: {what}; `coracle author starters` puts it right", change.path.display())
}

/// One line of `coracle author starters`.
#[must_use]
pub fn brought_in_step(change: &Change) -> String {
    let what = match change.difference {
        Difference::Missing => "new",
        Difference::Differs => "changed",
        Difference::Extra => "removed",
    };
    format!("chapters/{}: {what}", change.path.display())
}

pub(crate) fn exercise_without_hints(name: &str, file: &Path) -> String {
    format!("{}: exercise {name:?} has no hints; write `## {name}` and three steps", file.display())
}

pub(crate) fn exercise_without_claim(name: &str, chapter: &str) -> String {
    format!("{chapter}: no claim of `coracle check` points to exercise {name:?}; write one")
}

pub(crate) fn claim_without_exercise(claim: &str, name: &str, chapter: &str) -> String {
    format!("{chapter}: the claim {claim:?} points to exercise {name:?}, which is not there")
}

pub(crate) fn hints_without_exercise(name: &str, file: &Path) -> String {
    format!(
        "{}: there is no exercise {name:?} for these hints; remove or rename them",
        file.display()
    )
}

pub(crate) fn hints_in(path: &Path) -> String {
    format!("the hints in {} are not in order", path.display())
}

pub(crate) fn stray_line(name: &str, line: &str) -> String {
    format!("in {name:?} this line belongs to no step: {line:?}")
}

pub(crate) fn three_steps(name: &str) -> String {
    format!("{name:?} needs three steps, `1. `, `2. ` and `3. `")
}

pub(crate) fn minutes_missing(name: &str) -> String {
    format!("{name:?} does not say how long it takes; write `10 minutes` above its first step")
}

pub(crate) fn would_lose_edits(files: &[&Path]) -> String {
    let files: Vec<_> = files.iter().map(|file| format!("chapters/{}", file.display())).collect();
    format!(
        "edits that are not committed would be lost in {}; commit them, move them to solutions/, or take them back",
        files.join(", ")
    )
}

pub(crate) fn git_cannot_tell(said: &str) -> String {
    format!("git can't tell whether chapters/ holds edits of yours, so nothing was written: {said}")
}

pub(crate) fn fault_at(file: &Path, line: usize, sentence: &str) -> String {
    format!("{}:{line}: {sentence}", file.display())
}

pub(crate) fn faults(faults: &[String]) -> String {
    format!("the exercises in solutions/ are not in order\n{}", faults.join("\n"))
}

pub(crate) fn duplicated_exercise(name: &str, file: &Path, line: usize) -> String {
    format!(
        "the chapter has an exercise {name:?} already, at {}:{line}; give this one another name",
        file.display()
    )
}

pub(crate) fn anchor_opened_twice(name: &str) -> String {
    format!("{name:?} is open already; close it first, or give this one another name")
}

pub(crate) fn anchor_not_open(name: &str) -> String {
    format!("closes {name:?}, which is not open; is there an `// ANCHOR: {name}` above?")
}

pub(crate) fn anchor_not_closed(name: &str) -> String {
    format!("{name:?} is never closed; put `// ANCHOR_END: {name}` behind its last line")
}

pub(crate) fn anchor_crosses_exercise(name: &str) -> String {
    format!("{name:?} is half inside of an exercise; put both of its ends inside, or both outside")
}

pub(crate) fn exercise_without_anchor(name: &str) -> String {
    format!("exercise {name:?} has no region; put `// ANCHOR: {name}` in the line above")
}

pub(crate) fn exercise_of_other_name(name: &str, anchor: &str) -> String {
    format!("the exercise is called {name:?} and its region {anchor:?}; give both one name")
}

pub(crate) fn exercise_in_exercise(name: &str) -> String {
    format!("exercise {name:?} is inside of another one; close that one first")
}

pub(crate) fn nothing_to_write(name: &str) -> String {
    format!("exercise {name:?} has no finished lines, so there is nothing to write")
}

pub(crate) fn title_too_long(by: usize) -> String {
    format!("the title makes a line of more than 100 columns in the starter; shorten it by {by}")
}

/// Writes a line to standard output.
///
/// # Errors
///
/// When it is closed.
pub fn print(line: impl Display) -> io::Result<()> {
    // In one write, so that the lines of several threads don't mix.
    io::stdout().write_all(format!("{line}\n").as_bytes())
}

pub(crate) const LISTEN: Step = Step {
    section: "06#registry",
    why: "a port on which the registry can be reached",
    causes: &[(Errno::EAGAIN, "the limit on processes is reached; see `ulimit -u`")],
};

pub(crate) const LAYOUT: Step = Step {
    section: "06#registry",
    why: "the folder that holds the registry's images",
    causes: &[
        (
            Errno::EACCES,
            "the cache belongs to somebody else; set XDG_CACHE_HOME to a folder of yours",
        ),
        (Errno::ENOSPC, "the disk is full"),
        (Errno::EROFS, "the cache is read-only; set XDG_CACHE_HOME to a folder of yours"),
    ],
};

pub(crate) const PACK: Step = Step {
    section: "06#layers",
    why: "a folder's files become a layer",
    causes: &[(Errno::ENOENT, "somebody removed it meanwhile; try again")],
};

pub(crate) const OUR_PROGRAM: Step = Step {
    section: "06#registry",
    why: "this program is the web server of the registry's images",
    causes: &[(Errno::ENOENT, "it was built anew meanwhile; try again")],
};

pub(crate) const WEB_FOLDER: Step = Step {
    section: "06#registry",
    why: "the folder whose files are served",
    causes: &[(Errno::ENOENT, "there is no such folder"), (Errno::ENOTDIR, "it is no folder")],
};

pub(crate) fn port_taken(address: SocketAddr) -> String {
    format!(
        "{address} is in use, perhaps by another `coracle registry`; end it, or choose another port"
    )
}

pub(crate) fn not_our_address(address: SocketAddr) -> String {
    format!("this host has no address {}; `ip address` shows those it has", address.ip())
}

pub(crate) fn low_port(address: SocketAddr) -> String {
    let port = address.port();
    format!("port {port} is root's, as all below 1024; choose a higher one")
}

pub(crate) fn web_listens(folder: &Path, address: SocketAddr) -> String {
    format!("The files in {} are on http://{address}/. Ctrl-C ends it.", folder.display())
}

pub(crate) fn book_is_on(address: &str) -> String {
    format!("The book is on {address} . Ctrl-C ends it.")
}

pub(crate) const BOOK_IS_BUILT: &str = "Making the book, the first time: scripts/book";
pub(crate) const BOOK_NOT_BUILT: &str =
    "the book could not be made; what is missing stands above. It can be read in book/en/src, too";

pub(crate) fn no_such_page(section: &str) -> String {
    format!("the book has no page for {section}: name a chapter and a section, as in 02#pivot-root")
}

pub(crate) fn no_such_section(section: &str) -> String {
    format!(
        "the book has no section {section}; `scripts/book` makes it anew if it is older than that"
    )
}

pub(crate) const WEB_READS_ONLY: &str = "this server only shows files\n";
pub(crate) const WEB_NOT_FOUND: &str = "there is no such file\n";

/// What no browser and no client knows better than to save it.
pub(crate) const BLOB_TYPE: &str = "application/octet-stream";
pub(crate) const ONLY_PULL: &str = "this registry only gives; to push is chapter 10's";
pub(crate) const NO_SUCH_CALL: &str = "the OCI distribution API has no such call";

pub(crate) fn no_repository(name: &str) -> String {
    format!("there is no repository {name:?} here; /v2/_catalog lists those that are")
}

pub(crate) fn no_manifest(reference: &str) -> String {
    format!("there is no manifest {reference:?} here; tags/list lists the tags")
}

pub(crate) fn no_blob(digest: &Digest) -> String {
    format!("there is no {digest} here")
}

pub(crate) fn bad_count(count: &str) -> String {
    format!("n={count:?} is no number")
}

pub(crate) const NO_JSON: &str = "can't write JSON";

pub(crate) fn broken_index(path: &Path) -> String {
    format!("{} is broken; remove its folder, and it is made anew", path.display())
}

pub(crate) fn blob_missing(digest: &Digest) -> String {
    format!("{digest} is not there, so the image that needs it gets no name")
}

pub(crate) fn no_program_file(path: &Path) -> String {
    format!("{} is no ELF program", path.display())
}

pub(crate) fn making_images(folder: &Path) -> String {
    format!(
        "making the images base, web and webapp from this host's programs, in {}",
        folder.display()
    )
}

pub(crate) const WAITING: &str =
    "waiting for another `coracle registry`, which fetches or makes images";

pub(crate) fn mirrored_already(name: &Name) -> String {
    format!("{name} is here already")
}

pub(crate) fn mirroring(name: &Name, digest: &Digest, bytes: u64) -> String {
    let megabytes = bytes.div_ceil(1_000_000);
    format!("{name}: fetching {} ({megabytes} MB)", &digest.hex()[..12])
}

pub(crate) fn cannot_mirror(name: &Name) -> String {
    format!("can't fetch {name}")
}

/// How the line begins that tells where.
pub(crate) const REGISTRY_LISTENS: &str = "A registry listens on ";

/// What the registry says when it is ready.
pub(crate) fn registry_serves(
    address: SocketAddr,
    reachable: Option<SocketAddr>,
    repositories: &BTreeMap<String, BTreeSet<String>>,
) -> String {
    let mut text = format!("{REGISTRY_LISTENS}{address}. It has\n");
    for (name, tags) in repositories {
        let tags: Vec<_> = tags.iter().map(String::as_str).collect();
        let _ = writeln!(text, "  {name:20} {}", tags.join(", "));
    }
    let port = address.port();
    let _ = match reachable {
        None => writeln!(
            text,
            "Next, in another terminal:\n  \
             cargo run -p sol06-image-pull -- pull localhost:{port}/webapp"
        ),
        Some(reachable) => writeln!(
            text,
            "Next, on every machine of the class:\n  \
             export CORACLE_REGISTRY=http://{reachable}\n  \
             cargo run -p sol06-image-pull -- pull webapp"
        ),
    };
    text + "Ctrl-C ends it. What it is asked for:"
}

/// One request. The path comes from a stranger, so what a terminal would act upon is escaped.
pub(crate) fn request(path: &str, status: u16, bytes: u64) -> String {
    let path: String = path.chars().take(120).flat_map(char::escape_debug).collect();
    format!("  {status} {bytes:>10} bytes  {path}")
}

/// Where the web server's files are, in the images.
pub const WEB_FOLDER_INSIDE: &str = "/srv/www";

pub(crate) const BASE_HISTORY: &str = "this host's everyday programs";
pub(crate) const WEB_HISTORY: &str = "a web server, and a first page";
pub(crate) const PAGE_HISTORY: &str = "another page; README is removed";

/// The files that come with the web server.
pub(crate) const WEB_FILES: [(&str, &str); 2] = [
    ("index.html", "<!doctype html>\n<title>web</title>\n<p>The web server works.\n"),
    ("README", "Put your pages into this folder.\n"),
];

/// What the page's layer changes of them: one file is another, and one is gone. A layer can't take
/// anything away, it can only say that it is gone: by a *whiteout*, an empty file whose name says
/// whose end it is (image-spec, `layer.md`).
pub const PAGE_FILES: [(&str, &str); 2] = [
    (
        "index.html",
        "<!doctype html>\n<title>webapp</title>\n\
         <p>Hello from an image of three layers. I was pulled, not installed.\n",
    ),
    (".wh.README", ""),
];
