//! Archives that mean no good. Whatever is in them, nothing outside of the layer's folder changes;
//! what is refused names the entry and the reason; and nobody is kept waiting, or short of memory.

mod layers;

use std::env;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;
use layers::{Archive, Folder, canary, list};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use sol06_image_pull::compression::{Compression, decompress};
use sol06_image_pull::unpack::unpack;
use testbed::{Host, Who, stderr, stdout};

/// A layer's folder, with a canary beside it.
struct Cage {
    folder: Folder,
    layer: PathBuf,
}

impl Cage {
    fn new() -> Self {
        let folder = Folder::new();
        canary(&folder.make("canary"));
        let layer = folder.make("layer");
        Self { folder, layer }
    }

    /// A path to the canary, as a hostile archive knows it.
    fn outside(&self, path: &str) -> String {
        format!("{}/canary{path}", self.folder.path().display())
    }

    /// Unpacks and finishes a layer, and looks at the canary.
    fn unpack(&self, archive: impl Read) -> Result<()> {
        let before = list(&self.folder.path().join("canary"));
        let result =
            unpack(archive, &self.layer).and_then(|pending| pending.finish(&self.layer, &[]));
        layers::assert_same(&before, &list(&self.folder.path().join("canary")));
        assert_eq!(fs::read_dir(self.folder.path()).unwrap().count(), 2, "something is new");
        result
    }

    /// The archive is unpacked.
    fn stays_inside(&self, archive: Archive) {
        self.unpack(&archive.end()[..]).unwrap();
    }

    /// The archive is refused; the sentence has these words.
    fn refuses(&self, archive: Archive, words: &[&str]) {
        let error = self.unpack(&archive.end()[..]).expect_err("it is refused");
        let error = format!("{error:#}");
        for word in words {
            assert!(error.contains(word), "no {word:?} in: {error}");
        }
        assert!(!error.chars().any(char::is_control), "{error:?}");
        overlay_layers::remove_tree(&self.layer).unwrap();
        fs::create_dir(&self.layer).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.layer.join(path)).unwrap()
    }

    fn mode(&self, path: &str) -> u32 {
        fs::symlink_metadata(self.layer.join(path)).unwrap().mode() & 0o7777
    }

    fn has(&self, path: &str) -> bool {
        fs::symlink_metadata(self.layer.join(path)).is_ok()
    }
}

fn refused(archive: Archive, words: &[&str]) {
    Cage::new().refuses(archive, words);
}

// Paths.

#[test]
fn a_path_that_goes_up() {
    refused(Archive::new().file("../../x", ""), &["../../x", "goes up"]);
    refused(Archive::new().file("..", ""), &["goes up"]);
    refused(Archive::new().folder("a", 0o755).file("a/../../canary/x", ""), &["goes up"]);
    refused(Archive::new().pax(&[("path", b"a/../../x")]).file("x", ""), &["goes up"]);
}

#[test]
fn an_absolute_path() {
    let cage = Cage::new();
    let name = cage.outside("/secret");
    cage.stays_inside(
        Archive::new().long(b'L', name.as_bytes()).file("", "mine").file("//a//b", ""),
    );
    assert_eq!(cage.read(&name[1..]), "mine");
    assert!(cage.has("a/b"));
}

#[test]
fn a_file_through_an_absolute_link() {
    let cage = Cage::new();
    let outside = cage.outside("");
    cage.stays_inside(Archive::new().symlink("out", &outside).file("out/secret", "mine"));
    assert_eq!(cage.read(&format!("{}/secret", &outside[1..])), "mine");
}

#[test]
fn a_file_through_a_relative_link() {
    for target in ["../canary", "../../../../../../../../../../../../canary", "./../canary/."] {
        let cage = Cage::new();
        cage.stays_inside(Archive::new().symlink("out", target).file("out/secret", "mine"));
        assert_eq!(cage.read("canary/secret"), "mine");
    }
}

#[test]
fn a_file_through_a_chain_of_links() {
    let cage = Cage::new();
    let archive = Archive::new()
        .folder("a", 0o755)
        .symlink("a/one", "..")
        .symlink("a/two", "one/..")
        .symlink("three", "a/two/canary")
        .file("three/secret", "mine")
        .file("a/one/a/two/canary/sub/file", "mine");
    cage.stays_inside(archive);
    assert_eq!(cage.read("canary/secret"), "mine");
    assert_eq!(cage.read("canary/sub/file"), "mine");
}

#[test]
fn a_folder_through_a_link() {
    let cage = Cage::new();
    let outside = cage.outside("/sub");
    let archive =
        Archive::new().symlink("out", &outside).folder("out/deep", 0o777).folder("out/", 0o777);
    cage.stays_inside(archive);
    assert_eq!(cage.mode(&format!("{}/deep", &outside[1..])), 0o777);
}

#[test]
fn links_in_a_circle() {
    let archive = Archive::new().symlink("a", "b").symlink("b", "a").file("a/x", "");
    refused(archive, &["a/x", "links"]);
    let archive = Archive::new().symlink("a", "a/a").file("a/x", "");
    refused(archive, &["a/x", "links"]);
}

/// What a folder is like that nobody described is taken from the layer below: this folder, not
/// what a link of the same name leads to.
#[test]
fn a_link_where_the_layer_below_has_a_folder() {
    let cage = Cage::new();
    let below = cage.folder.make("below");
    let outside = cage.outside("");
    unpack(&Archive::new().folder("out/sub", 0o777).end()[..], &below)
        .and_then(|pending| pending.finish(&below, &[]))
        .unwrap();
    let before = list(&cage.folder.path().join("canary"));
    let archive = Archive::new().symlink("out", &outside).file("out/sub/deep/new", "").end();
    let pending = unpack(&archive[..], &cage.layer).unwrap();
    pending.finish(&cage.layer, std::slice::from_ref(&below)).unwrap();
    layers::assert_same(&before, &list(&cage.folder.path().join("canary")));
}

#[test]
fn a_link_and_then_a_file_of_the_same_name() {
    let cage = Cage::new();
    let archive = Archive::new()
        .symlink("a", cage.outside("/secret"))
        .file("a", "mine")
        .symlink("b", "../canary/secret")
        .with(b'0', "b", b"mine", |header| header.set_mode(0o777));
    cage.stays_inside(archive);
    assert_eq!((cage.read("a"), cage.read("b")), ("mine".into(), "mine".into()));
    assert!(fs::symlink_metadata(cage.layer.join("a")).unwrap().is_file());
}

#[test]
fn a_file_twice() {
    let cage = Cage::new();
    let archive = Archive::new().file("a", "first").hard_link("b", "a").file("a", "second");
    cage.stays_inside(archive);
    assert_eq!((cage.read("a"), cage.read("b")), ("second".into(), "first".into()));
}

#[test]
fn a_file_in_the_way() {
    refused(Archive::new().file("a", "").file("a/b", ""), &["a/b", "where a folder is needed"]);
    refused(Archive::new().file("a", "").folder("a/b/c", 0o755), &["a/b/c", "folder"]);
    refused(Archive::new().file(".", ""), &["root"]);
    refused(Archive::new().symlink("./", "/etc"), &["root"]);
}

#[test]
fn long_paths() {
    let long = [b"a/".repeat(2500), b"x".to_vec()].concat();
    refused(Archive::new().long(b'L', &long).file("", ""), &["a/a/a", "5001 bytes"]);
    let deep = [b"a/".repeat(5000), b"x".to_vec()].concat();
    refused(Archive::new().long(b'L', &deep).file("", ""), &["10001 bytes"]);
    refused(Archive::new().pax(&[("path", &[b'n'; 256])]).file("", ""), &["nnn", "256 bytes"]);
    let target = vec![b't'; 5000];
    refused(Archive::new().long(b'K', &target).symlink("l", ""), &["\"l\"", "ENAMETOOLONG"]);
    let cage = Cage::new();
    cage.stays_inside(Archive::new().pax(&[("path", &[b'n'; 255])]).file("", "long"));
    assert_eq!(cage.read(&"n".repeat(255)), "long");
}

#[test]
fn deep_folders() {
    let deep = |levels: usize| "d/".repeat(levels) + "x";
    refused(Archive::new().long(b'L', deep(256).as_bytes()).file("", ""), &["deeper than 256"]);
    // Through links a path is longer than it looks.
    let archive = Archive::new()
        .long(b'L', deep(250).as_bytes())
        .file("", "")
        .long(b'K', "d/".repeat(250).as_bytes())
        .symlink("l", "")
        .long(b'L', format!("l/{}", deep(100)).as_bytes())
        .file("", "");
    refused(archive, &["deeper than 256"]);
    // And what is allowed can be removed.
    let cage = Cage::new();
    cage.stays_inside(Archive::new().long(b'L', deep(255).as_bytes()).file("", ""));
}

#[test]
fn odd_names() {
    let cage = Cage::new();
    let names: [&[u8]; 4] = [b"new\nline", b"\x1b[2Jescape", b"not \xff\xfe utf-8", b" - *\\\"'"];
    let archive = names.iter().fold(Archive::new(), |archive, name| archive.file(name, ""));
    cage.stays_inside(archive);
    let there = list(&cage.layer);
    for name in names {
        assert!(there.contains_key(name), "{}", name.escape_ascii());
        let up = [name, b"/../x"].concat();
        cage.refuses(Archive::new().file(up, ""), &["goes up"]);
    }
    refused(Archive::new().pax(&[("path", b"a\0b")]).file("", ""), &["NUL"]);
    refused(Archive::new().pax(&[("linkpath", b"a\0b")]).symlink("l", ""), &["\"l\"", "NUL"]);
}

// Links.

#[test]
fn a_hard_link_to_the_outside() {
    let cage = Cage::new();
    let outside = cage.outside("/secret");
    let archive = Archive::new().long(b'K', outside.as_bytes()).hard_link("h", "");
    cage.refuses(archive, &["\"h\"", "neither in this layer"]);
    cage.refuses(Archive::new().hard_link("h", "../canary/secret"), &["\"h\"", "goes up"]);
    cage.refuses(Archive::new().hard_link("h", "/etc/passwd"), &["\"h\"", "neither"]);
    let archive = Archive::new().symlink("out", cage.outside("")).hard_link("h", "out/secret");
    cage.refuses(archive, &["\"h\"", "behind a link"]);
    let archive = Archive::new().symlink("out", "../canary").hard_link("h", "out/secret");
    cage.refuses(archive, &["\"h\"", "behind a link"]);
}

#[test]
fn a_hard_link_to_an_absolute_path_of_the_layer() {
    let cage = Cage::new();
    cage.stays_inside(Archive::new().file("usr/bin/a", "a").hard_link("usr/bin/b", "/usr/bin/a"));
    let inode = |path: &str| fs::metadata(cage.layer.join(path)).unwrap().ino();
    assert_eq!(inode("usr/bin/a"), inode("usr/bin/b"));
}

/// CVE-2021-32760: the mode of the second name went to the link's target.
#[test]
fn a_hard_link_to_a_link() {
    let cage = Cage::new();
    let archive = Archive::new()
        .symlink("a", cage.outside("/secret"))
        .hard_link("b", "a")
        .symlink("c", cage.outside("/sub"))
        .hard_link("d", "c")
        .folder("c", 0o777);
    cage.stays_inside(archive);
    assert!(fs::symlink_metadata(cage.layer.join("b")).unwrap().is_symlink());
    assert_eq!(cage.mode("c"), 0o777);
}

/// CVE-2026-33056: the mode of the folder went to the link's target.
#[test]
fn a_link_and_then_a_folder_of_the_same_name() {
    let cage = Cage::new();
    let archive = Archive::new()
        .symlink("a", cage.outside("/sub"))
        .folder("a", 0o777)
        .symlink("b", "../canary/sub")
        .folder("b/", 0o777)
        .file("b/file", "mine");
    cage.stays_inside(archive);
    assert_eq!((cage.mode("a"), cage.mode("b")), (0o777, 0o777));
    assert!(cage.layer.join("b").symlink_metadata().unwrap().is_dir());
}

#[test]
fn hard_links_to_nothing() {
    refused(Archive::new().hard_link("a", "a"), &["\"a\"", "itself"]);
    refused(Archive::new().file("a", "").hard_link("a", "./a"), &["\"a\"", "itself"]);
    refused(Archive::new().hard_link("a", "missing"), &["\"a\"", "\"missing\"", "neither"]);
    refused(Archive::new().hard_link("a", "no/b"), &["\"a\"", "neither"]);
    refused(Archive::new().hard_link("a", "later").file("later", ""), &["\"a\"", "before it"]);
    refused(Archive::new().hard_link("a", "/"), &["\"a\"", "root"]);
    refused(Archive::new().hard_link("a", ""), &["\"a\""]);
    refused(Archive::new().symlink("a", ""), &["\"a\""]);
    refused(Archive::new().folder("d", 0o755).hard_link("a", "d"), &["\"a\"", "two names"]);
    // Its own folder goes when it comes.
    refused(Archive::new().file("d/f", "").hard_link("d", "d/f"), &["\"d\"", "neither"]);
    refused(Archive::new().file(".wh.gone", "").hard_link("a", "gone"), &["\"a\""]);
}

// Whiteouts.

#[test]
fn a_whiteout_through_a_link() {
    let cage = Cage::new();
    let archive = Archive::new()
        .symlink("a", cage.outside(""))
        .file("a/.wh.secret", "")
        .symlink("b", "../canary/sub")
        .file("b/.wh..wh..opq", "")
        .symlink("c", cage.outside("/link"))
        .file(".wh.c", "");
    cage.stays_inside(archive);
    assert!(cage.has("c"));
}

#[test]
fn a_whiteout_of_what_the_same_layer_has() {
    let cage = Cage::new();
    let archive = Archive::new()
        .file("a/before", "here")
        .file("a/.wh.before", "")
        .file("a/.wh.after", "")
        .file("a/after", "here")
        .file(".wh.folder", "")
        .file("folder/inside", "here")
        .file("opaque/before", "here")
        .file("opaque/.wh..wh..opq", "")
        .file("opaque/after", "here")
        .folder("emptied", 0o755)
        .file(".wh.emptied", "");
    cage.stays_inside(archive);
    for name in ["a/before", "a/after", "folder/inside", "opaque/before", "opaque/after"] {
        assert_eq!(cage.read(name), "here", "{name}");
    }
    assert!(!list(&cage.layer).keys().any(|name| name.windows(4).any(|part| part == b".wh.")));
}

#[test]
fn whiteouts_of_nothing() {
    for name in [".wh.", "a/.wh.", ".wh..", "a/.wh...", ".wh./"] {
        refused(Archive::new().file("a/x", "").file(name, ""), &[name, "whiteout"]);
    }
    refused(Archive::new().file(".wh.a/b", ""), &[".wh.a/b", "begins with"]);
    let cage = Cage::new();
    let archive = Archive::new()
        .folder(".wh..wh.plnk", 0o700)
        .file(".wh..wh.plnk/1.2", "old")
        .file("a/.wh..wh.aufs", "");
    cage.stays_inside(archive);
    assert_eq!(list(&cage.layer).len(), 1);
}

/// Overlayfs would take it for a whiteout, or for an order.
#[test]
fn what_speaks_to_overlayfs() {
    refused(Archive::new().device(b'3', "a", 0, 0), &["\"a\"", "whiteout"]);
    // 4096, 0 is 0, 0 where only 12 bits are looked at.
    refused(Archive::new().device(b'3', "a", 4096, 0), &["\"a\"", "number"]);
    refused(Archive::new().device(b'4', "a", 8, 1 << 20), &["\"a\"", "number"]);
    let cage = Cage::new();
    let orders: [(&str, &[u8]); 5] = [
        ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
        ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
        ("SCHILY.xattr.user.overlay.opaque", b"y"),
        ("SCHILY.xattr.user.overlay.metacopy", b""),
        ("SCHILY.xattr.user.kept", b"yes"),
    ];
    cage.stays_inside(Archive::new().pax(&orders).folder("a", 0o755).pax(&orders).file("b", ""));
    for (name, line) in list(&cage.layer) {
        assert!(!line.contains("overlay"), "{line}");
        assert_eq!(line.contains("user.kept"), !name.is_empty(), "{line}");
    }
}

// Kinds.

#[test]
fn devices() {
    let cage = Cage::new();
    let archive = Archive::new().device(b'3', "dev/null", 1, 3).device(b'4', "dev/sda", 8, 0);
    cage.stays_inside(archive);
    if overlay_layers::sys::is_hosts_root() {
        let kind = |path| fs::symlink_metadata(cage.layer.join(path)).unwrap().file_type();
        assert!(kind("dev/null").is_char_device() && kind("dev/sda").is_block_device());
    } else {
        // Never a file in its stead.
        assert!(!cage.has("dev/null") && !cage.has("dev/sda"));
    }
}

#[test]
fn pipes_are_not_opened() {
    let cage = Cage::new();
    let pipe = |archive: Archive, name: &str| archive.with(b'6', name, b"", |_| {});
    let archive = pipe(pipe(Archive::new(), "a"), "b").file("b", "mine");
    cage.stays_inside(pipe(archive.hard_link("c", "a"), "d"));
    assert!(fs::symlink_metadata(cage.layer.join("a")).unwrap().file_type().is_fifo());
    assert_eq!(cage.read("b"), "mine");
}

#[test]
fn a_kind_that_nobody_knows() {
    for kind in [b'D', b'M', b'V', b'N', b'8', b'\xff', b' '] {
        refused(Archive::new().with(kind, "odd", b"", |_| {}), &["\"odd\"", "kind"]);
    }
}

#[test]
fn one_kind_after_another() {
    let cage = Cage::new();
    let archive = Archive::new()
        .file("a/b/c", "")
        .file("a", "now a file")
        .file("d", "")
        .folder("d", 0o755)
        .file("d/e", "now a folder")
        .file("f/g/h", "")
        .symlink("f", cage.outside(""))
        .file("f/secret", "mine")
        .folder("i/j", 0o755)
        .file("i/j/k", "")
        .hard_link("i/j", "a");
    cage.stays_inside(archive);
    assert_eq!(cage.read("a"), "now a file");
    assert_eq!(cage.read("d/e"), "now a folder");
    assert_eq!(cage.read("i/j"), "now a file");
    assert!(cage.layer.join("f").is_symlink());
}

// Modes, owners, times.

#[test]
fn set_user_id_bits_are_kept() {
    let cage = Cage::new();
    let archive = Archive::new()
        .with(b'0', "su", b"x", |header| header.set_mode(0o106_755))
        .folder("shared", 0o42_775)
        .folder("tmp", 0o41_777);
    cage.stays_inside(archive);
    assert_eq!(cage.mode("su"), 0o6755);
    assert_eq!((cage.mode("shared"), cage.mode("tmp")), (0o2775, 0o1777));
}

#[test]
fn a_folder_that_nobody_may_enter() {
    let cage = Cage::new();
    cage.stays_inside(Archive::new().folder("a", 0).folder("a/b", 0).file("a/b/c", "inside"));
    assert_eq!((cage.mode("a"), cage.mode("a/b")), (0, 0));
    fs::set_permissions(cage.layer.join("a"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(cage.layer.join("a/b"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(cage.read("a/b/c"), "inside");
}

#[test]
fn folders_that_nobody_described() {
    let cage = Cage::new();
    cage.stays_inside(Archive::new().file("a/b/c", ""));
    assert_eq!((cage.mode("a"), cage.mode("a/b"), cage.mode("")), (0o755, 0o755, 0o755));
}

#[test]
fn owners_that_nobody_can_be() {
    for (key, value) in [("uid", "4294967296"), ("gid", "4294967295"), ("uid", "-1")] {
        let archive = Archive::new().pax(&[(key, value.as_bytes())]).file("a", "");
        refused(archive, &[]);
    }
    let archive = Archive::new().with(b'0', "a", b"", |header| header.set_uid(1 << 40));
    refused(archive, &["\"a\"", "owner"]);
}

#[test]
fn times_beyond_all_bounds() {
    let cage = Cage::new();
    let archive = Archive::new()
        .pax(&[("mtime", b"99999999999999999999999.5")])
        .file("late", "")
        .pax(&[("mtime", b"-99999999999999999999999")])
        .folder("early", 0o755)
        .pax(&[("mtime", b"9223372036854775807.999999999")])
        .symlink("late-link", "x")
        .with(b'0', "byte", b"", |header| {
            header.as_old_mut().mtime = *b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe";
        });
    cage.stays_inside(archive);
    let time = |path| fs::symlink_metadata(cage.layer.join(path)).unwrap().mtime();
    assert!(time("late") > 4_000_000_000 && time("late-link") > 4_000_000_000);
    assert!(time("early") < -1_000_000);
    assert_eq!(time("byte"), -2);
}

// Headers.

#[test]
fn the_size_of_the_extra_entry_counts() {
    let cage = Cage::new();
    let archive = Archive::new()
        .pax(&[("size", b"600")])
        .with(b'0', "a", b"", |header| header.set_size(1))
        .content(&[b'x'; 600])
        .file("b", "follows");
    cage.stays_inside(archive);
    assert_eq!((cage.read("a").len(), cage.read("b")), (600, "follows".into()));
    // Only files have content.
    let cage = Cage::new();
    let archive =
        [b'1', b'2', b'5', b'6'].iter().fold(Archive::new().file("a", ""), |archive, &kind| {
            let name = format!("k{}", char::from(kind));
            archive.with(kind, name, b"", |header| {
                header.set_size(5000);
                header.as_old_mut().linkname[0] = b'a';
            })
        });
    cage.stays_inside(archive.file("last", "here"));
    assert_eq!(cage.read("last"), "here");
}

#[test]
fn an_extra_entry_for_all_is_ignored() {
    let cage = Cage::new();
    let records = Archive::records(&[("path", b"../x"), ("uid", b"77"), ("comment", b"git")]);
    cage.stays_inside(Archive::new().with(b'g', "g", &records, |_| {}).file("a", "a"));
    assert_eq!(cage.read("a"), "a");
}

#[test]
fn extra_entries_that_make_no_sense() {
    let records: [&[u8]; 8] = [
        b"5 a=b",
        b"99 path=x\n",
        b"0 path=x\n",
        b"path=x\n",
        b"11 path x\n\n",
        b"-9 path=x\n",
        b"18446744073709551616 path=x\n",
        b"13 mtime=now\n",
    ];
    for records in records {
        refused(Archive::new().with(b'x', "x", records, |_| {}).file("a", ""), &["extra header"]);
    }
    refused(Archive::new().pax(&[("SCHILY.xattr.", b"x")]).file("a", ""), &["extra header"]);
    refused(Archive::new().pax(&[("SCHILY.xattr.user.a\0b", b"x")]).file("a", ""), &[]);
    refused(
        Archive::new().pax(&[("SCHILY.xattr.security.capability", b"x")]).file("a", ""),
        &["\"a\""],
    );
}

#[test]
fn headers_that_make_no_sense() {
    let size = |size: [u8; 12]| {
        Archive::new()
            .file("first", "")
            .with(b'0', "a", b"", |header| header.as_old_mut().size = size)
    };
    refused(size(*b"-0000000001\0"), &["after \"first\"", "size"]);
    refused(size([0xff; 12]), &["after \"first\"", "size"]);
    refused(size(*b"\x80\0\0\0\x80\0\0\0\0\0\0\0"), &["size"]);
    refused(size(*b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"), &["\"a\"", "room"]);
    refused(size(*b"what a size!"), &["size"]);
    refused(
        Archive::new().pax(&[("size", b"9223372036854775808")]).file("a", ""),
        &["\"a\"", "room"],
    );
    let with = |change: fn(&mut tar::Header)| Archive::new().with(b'0', "a", b"", change);
    refused(with(|header| header.as_old_mut().mode = *b"rw-r--r-"), &["\"a\"", "number"]);
    refused(with(|header| header.as_old_mut().mtime = *b"12:00, today"), &["\"a\"", "number"]);
    refused(with(|header| header.as_old_mut().uid = [0xff; 8]), &["\"a\"", "owner"]);
    let mut bad = Archive::new().file("first", "").file("a", "content");
    bad.0[512 + 3] ^= 1;
    refused(bad, &["after \"first\"", "checksum"]);
    refused(Archive(vec![b'x'; 512]), &["checksum"]);
    // A number that is left empty is 0.
    let cage = Cage::new();
    cage.stays_inside(with(|header| header.as_old_mut().uid = [b' '; 8]));
}

#[test]
fn an_archive_that_ends_too_early() {
    let archive = Archive::new().file("a", "content").pax(&[("path", b"bb")]).file("b", "content");
    let full = archive.0;
    let cage = Cage::new();
    for length in (1..full.len()).filter(|length| length % 512 < 2 || length % 37 == 0) {
        let unpacked = cage.unpack(&full[..length]);
        match length {
            // Between two entries. Blocks at the end are left out by some.
            1024 | 2048 => unpacked.unwrap(),
            _ => {
                let error = format!("{:#}", unpacked.unwrap_err());
                assert!(error.contains("in the middle"), "{length}: {error}");
            }
        }
    }
}

#[test]
fn what_follows_the_end_is_read_and_ignored() {
    struct Counted<R>(R, usize);
    impl<R: Read> Read for Counted<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.read(buffer)?;
            self.1 += count;
            Ok(count)
        }
    }
    let cage = Cage::new();
    let archive =
        [Archive::new().file("a", "").end(), Archive::new().file("../b", "").end()].concat();
    let mut counted = Counted(&archive[..], 0);
    cage.unpack(&mut counted).unwrap();
    assert_eq!(counted.1, archive.len());
    assert!(cage.has("a"));
}

#[test]
fn an_empty_layer() {
    for archive in [Vec::new(), vec![0; 512], vec![0; 1024], vec![0; 10240]] {
        let cage = Cage::new();
        cage.unpack(&archive[..]).unwrap();
        assert_eq!(list(&cage.layer).len(), 1);
    }
}

#[test]
fn a_damaged_stream_is_refused() {
    let tar = Archive::new().file("a", "content").end();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::Write::write_all(&mut gzip, &tar).unwrap();
    let mut gzip = gzip.finish().unwrap();
    let checksum = gzip.len() - 8;
    gzip[checksum] ^= 1;
    let cage = Cage::new();
    let archive = decompress(Compression::Gzip, &gzip[..]).unwrap();
    let error = format!("{:#}", cage.unpack(archive).unwrap_err());
    assert!(error.contains("checksum"), "{error}");
}

// Holes.

#[test]
fn maps_of_holes_that_make_no_sense() {
    let version_0 = |map: &[u8], size: &[u8]| {
        Archive::new().pax(&[("GNU.sparse.map", map), ("GNU.sparse.size", size)]).file("a", "xyz")
    };
    for (map, size) in [
        ("0,1,0,2", "100"),
        ("50,1,0,2", "100"),
        ("0,2", "100"),
        ("0,4", "100"),
        ("99,3", "100"),
        ("0,3,5", "100"),
        ("0,x", "100"),
        ("18446744073709551615,3", "18446744073709551615"),
    ] {
        refused(version_0(map.as_bytes(), size.as_bytes()), &["holes"]);
    }
    let version_1 = |content: &[u8]| {
        let records: [(&str, &[u8]); 3] = [
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.realsize", b"100"),
            ("GNU.sparse.name", b"a"),
        ];
        Archive::new().pax(&records).with(b'0', "x", content, |_| {})
    };
    for content in
        [&b""[..], b"1\n", b"1\n0\n3\n", b"99999999999999999999999\n", b"x\n", b"70000\n"]
    {
        refused(version_1(content), &["\"a\"", "holes"]);
    }
}

#[test]
fn a_tebibyte_of_nothing() {
    let size = (1_u64 << 40).to_string();
    let archive = Archive::new()
        .pax(&[("GNU.sparse.map", b"0,1"), ("GNU.sparse.size", size.as_bytes())])
        .file("a", "x");
    refused(archive, &["\"a\"", "1.00 TiB"]);
    let archive = Archive::new().with(b'S', "a", b"", |header| {
        header.as_gnu_mut().unwrap().set_real_size(1 << 40);
    });
    refused(archive, &["\"a\"", "1.00 TiB"]);
    // Nor in many pieces.
    let size = (100_u64 << 30).to_string();
    let one = [("GNU.sparse.map", &b"0,0"[..]), ("GNU.sparse.size", size.as_bytes())];
    let archive = ["a", "b", "c"]
        .iter()
        .fold(Archive::new(), |archive, name| archive.pax(&one).file(name, ""));
    refused(archive, &["\"c\"", "unpacks to"]);
}

// Bombs: each in a process that may take little memory and time.

/// Runs the test of this name again in a process with 200 MiB of address space, and half a minute.
/// Returns whether this is that process.
fn in_small_process(name: &str) -> bool {
    if env::var_os("CORACLE_SMALL_PROCESS").is_some() {
        return true;
    }
    let output = Command::new("prlimit")
        .args(["--as=209715200", "--cpu=120", "--"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1", "--nocapture"])
        .env("CORACLE_SMALL_PROCESS", "1")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .output()
        .expect("prlimit(1)");
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    false
}

/// A disk of the test's own, in memory; only this thread has it.
struct Disk(PathBuf);

impl Disk {
    fn new(place: &Path, options: &str) -> Option<Self> {
        let own = unshare(CloneFlags::CLONE_NEWNS).and_then(|()| {
            let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
            mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
        });
        if own.is_err() {
            testbed::skipped("a disk of the test's own needs root");
            return None;
        }
        mount(Some("tmpfs"), place, Some("tmpfs"), MsFlags::empty(), Some(options)).unwrap();
        Some(Self(place.into()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

/// A header that claims a size, and zeroes without end.
fn claims(kind: u8, size: u64) -> impl Read {
    let archive = Archive::new().with(kind, "a", b"", |header| header.set_size(size));
    io::Cursor::new(archive.0).chain(io::repeat(b'a'))
}

#[test]
fn extra_entries_without_end() {
    if in_small_process("extra_entries_without_end") {
        for kind in [b'x', b'L', b'K', b'g'] {
            let error = format!("{:#}", Cage::new().unpack(claims(kind, 1 << 30)).unwrap_err());
            assert!(error.contains("1073741824 bytes"), "{error}");
        }
        // Many that belong to one entry.
        let one = Archive::new().pax(&[("comment", &[b'a'; 500_000])]).0;
        let archive = Archive([one.clone(), one.clone(), one].concat()).file("a", "");
        refused(archive, &["extra header"]);
    }
}

#[test]
fn zeroes_without_end() {
    if !in_small_process("zeroes_without_end") {
        return;
    }
    let cage = Cage::new();
    let Some(_disk) = Disk::new(&cage.layer, "size=64m") else { return };
    // Gzip's members may follow each other: 32 times 64 MiB of zeroes in 64 KiB each.
    let gzip = |bytes: &mut dyn Read| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        io::copy(bytes, &mut gzip).unwrap();
        gzip.finish().unwrap()
    };
    let header = |size| Archive::new().with(b'0', "zeroes", b"", |header| header.set_size(size)).0;
    let piece = gzip(&mut io::repeat(0).take(64 << 20));
    let bomb = [gzip(&mut &header(2 << 30)[..]), piece.repeat(32)].concat();
    assert!(bomb.len() < 3 << 20);
    let archive = decompress(Compression::Gzip, &bomb[..]).unwrap();
    let error = format!("{:#}", unpack(archive, &cage.layer).unwrap_err());
    assert!(error.contains("\"zeroes\"") && error.contains("room"), "{error}");
    assert!(!cage.has("zeroes"));
}

/// What an iterator gives, piece by piece.
struct Pieces<I>(I, Vec<u8>);

impl<I: Iterator<Item = Vec<u8>>> Read for Pieces<I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.1.is_empty() {
            self.1 = self.0.next().unwrap_or_default();
        }
        let count = (&self.1[..]).read(buffer)?;
        self.1.drain(..count);
        Ok(count)
    }
}

#[test]
fn two_hundred_thousand_entries() {
    if in_small_process("two_hundred_thousand_entries") {
        let cage = Cage::new();
        let Some(_disk) = Disk::new(&cage.layer, "nr_inodes=0") else { return };
        let one = |count| Archive::new().folder(format!("{}/{count}", count % 100), 0o755).0;
        cage.unpack(Pieces((0..200_000).map(one), Vec::new())).unwrap();
        assert_eq!(fs::read_dir(cage.layer.join("7")).unwrap().count(), 2000);
    }
}

#[test]
fn folders_without_end() {
    if in_small_process("folders_without_end") {
        // Each entry names 255 new folders, all with long paths.
        let mut archive = Archive::new();
        for count in 0..3000 {
            let path = format!("{count:014}/").repeat(255) + "x";
            archive = archive.long(b'L', path.as_bytes()).file("", "");
        }
        let cage = Cage::new();
        let Some(_disk) = Disk::new(&cage.layer, "nr_inodes=0") else { return };
        let error = format!("{:#}", cage.unpack(&archive.0[..]).unwrap_err());
        assert!(error.contains("more folders"), "{error}");
    }
}

#[test]
fn attributes_without_end() {
    if in_small_process("attributes_without_end") {
        let names: Vec<String> = (0..20_000).map(|it| format!("SCHILY.xattr.user.{it}")).collect();
        let records: Vec<(&str, &[u8])> = names.iter().map(|it| (&it[..], &b"x"[..])).collect();
        let _ = Cage::new().unpack(&Archive::new().pax(&records).file("a", "").end()[..]);
        refused(
            Archive::new().pax(&[("SCHILY.xattr.user.a", &[b'x'; 70_000])]).file("a", ""),
            &["\"a\""],
        );
    }
}

// The same for an ordinary user, who is root in a namespace of his own.

#[test]
fn the_same_as_an_ordinary_user() {
    let Some(host) = Host::new() else { return };
    let program = env::current_exe().unwrap();
    let program = testbed::reachable(&host, program.to_str().expect("a path"));
    let output = host
        .command(Who::User, "unshare")
        .args(["--user", "--map-root-user", "--"])
        .arg(program)
        .args(["--test-threads=2", "--skip", "the_same", "--skip", "_end", "--skip", "thousand"])
        .env("TMPDIR", "/var/tmp")
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}
