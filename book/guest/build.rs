//! Makes modules of the programs whose `main.rs` is no library: the finished chapters, and `coracle`.
//!
//! A chapter's `main.rs` is written for those who read it, and knows nothing of this. As a module it
//! differs in three things: it has no comment about the whole file, which only a file may have; its
//! `main` is called from outside; and its name is not the package's, but the program's.

use std::path::Path;
use std::{env, fs};

const PROGRAMS: [(&str, &str); 8] = [
    ("coracle", "workshop"),
    ("sol00-process", "solutions/00-process"),
    ("sol01-chroot-jail", "solutions/01-chroot-jail"),
    ("sol02-pid-namespace", "solutions/02-pid-namespace"),
    ("sol03-uts-net", "solutions/03-uts-net"),
    ("sol04-cgroup-limits", "solutions/04-cgroup-limits"),
    ("sol05-overlay-layers", "solutions/05-overlay-layers"),
    ("sol06-image-pull", "solutions/06-image-pull"),
];

fn main() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    for (name, folder) in PROGRAMS {
        let path = project.join(folder).join("src/main.rs");
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read_to_string(&path).expect("a program's text");
        let text: String = text
            .lines()
            .filter(|line| !line.starts_with("//!"))
            .fold(String::new(), |text, line| text + line + "\n");
        let text = text.replacen("\nfn main()", "\npub(crate) fn main()", 1).replacen(
            "#[command(version)]",
            &format!("#[command(name = \"{name}\", version)]"),
            1,
        );
        fs::write(Path::new(&out).join(format!("{name}.rs")), text).expect("room for a file");
    }
}
