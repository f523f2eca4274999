//! A folder becomes a disk, without any rights.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn all_is_roots_but_for_the_students() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("disk");
    let _ = fs::remove_dir_all(&folder);
    let tree = folder.join("tree");
    fs::create_dir_all(tree.join("home/student")).unwrap();
    fs::write(tree.join("home/student/two words"), "theirs").unwrap();
    fs::write(tree.join("program"), "all's").unwrap();
    fs::set_permissions(tree.join("program"), Permissions::from_mode(0o4755)).unwrap();
    symlink("program", tree.join("link")).unwrap();
    let image = folder.join("image");
    if let Err(error) = vm::disk::make(&tree, &image, 1, &[Path::new("/home/student")]) {
        let why = error.to_string();
        assert!(why.contains("install e2fsprogs"), "{why}");
        return testbed::skipped(&why);
    }
    let show = |command: &str| {
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap());
        let mut debugfs = Command::new("debugfs");
        let output = debugfs.env("PATH", path).args(["-R", command]).arg(&image).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let listed = |path: &str, name: &str| {
        let all = show(&format!("ls -l \"{path}\""));
        let line = all.lines().find(|line| line.ends_with(name)).unwrap_or_else(|| panic!("{all}"));
        // Number, mode, (kind), owner, group, size.
        let words: Vec<_> = line.split_whitespace().collect();
        (words[1].to_string(), words[3].to_string(), words[4].to_string())
    };
    let is = |mode: &str, owner: &str| (mode.to_string(), owner.to_string(), owner.to_string());
    assert_eq!(listed("/", " program"), is("104755", "0"));
    assert_eq!(listed("/", " link"), is("120777", "0"));
    assert_eq!(listed("/home", " student"), is("40755", "1000"));
    assert_eq!(listed("/home/student", " two words"), is("100644", "1000"));
    assert_eq!(show("cat \"/home/student/two words\""), "theirs");
    fs::remove_dir_all(&folder).unwrap();
}
