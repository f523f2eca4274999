//! Unpacking is right: it makes what GNU tar makes of the same archive, in each of the forms that tar
//! can write; it says in overlayfs's way what is gone; and it takes over from the layers below what
//! the archive leaves open.

mod layers;

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use layers::{Archive, Folder, assert_same, list};
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::libc::time_t;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, SFlag, makedev, mknod, utimensat};
use nix::sys::stat::{UtimensatFlags, umask};
use nix::sys::time::TimeSpec;
use nix::unistd::geteuid;
use overlay_layers::sys;
use sol06_image_pull::digest::Digest;
use sol06_image_pull::store::Store;
use sol06_image_pull::unpack::unpack;
use testbed::{Host, Who, stderr, stdout};

/// Unpacks an archive on top of others, the topmost first.
fn layer(folder: &Folder, name: &str, archive: Archive, below: &[&PathBuf]) -> PathBuf {
    let made = folder.make(name);
    let below: Vec<PathBuf> = below.iter().map(|&below| below.clone()).collect();
    unpack(&archive.end()[..], &made).unwrap().finish(&made, &below).unwrap();
    made
}

/// Why a layer that is unpacked on top of others is refused.
fn refusal(folder: &Folder, archive: Archive, below: &[&PathBuf]) -> String {
    let made = folder.make("refused");
    let below: Vec<PathBuf> = below.iter().map(|&below| below.clone()).collect();
    let unpacked = unpack(&archive.end()[..], &made);
    let refused = unpacked.and_then(|pending| pending.finish(&made, &below)).unwrap_err();
    overlay_layers::remove_tree(&made).unwrap();
    format!("{refused:#}")
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

// What GNU tar makes.

#[test]
fn the_same_as_gnu_tar() {
    if !geteuid().is_root() {
        return testbed::skipped("only root can give files away");
    }
    let forms: [&[&str]; 7] = [
        &["--format=v7"],
        &["--format=ustar"],
        &["--format=oldgnu", "--sparse"],
        &["--format=gnu", "--sparse", "--hole-detection=raw"],
        &["--format=posix", "--sparse", "--sparse-version=0.0", "--hole-detection=raw"],
        &["--format=posix", "--sparse", "--sparse-version=0.1", "--hole-detection=raw"],
        &["--format=posix", "--sparse", "--sparse-version=1.0", "--hole-detection=raw"],
    ];
    for form in forms {
        let folder = Folder::new();
        let source = folder.make("source");
        everything(&source, form[0]);
        let (ours, theirs) = (folder.make("ours"), folder.make("theirs"));
        let mut pack = tar(&source, &["--create", "--file=-"]);
        pack.args(form);
        if form[0] == "--format=posix" {
            pack.args(["--xattrs", "--xattrs-include=*"]);
        }
        let archive = pack.arg(".").output().unwrap();
        assert!(archive.status.success(), "{form:?}: {}", stderr(&archive));
        let archive = archive.stdout;

        let options = ["--extract", "--preserve-permissions", "--numeric-owner", "--file=-"];
        let mut unpacking = tar(&theirs, &options);
        unpacking.args(["--xattrs", "--xattrs-include=*"]).stdin(Stdio::piped());
        let mut unpacking = unpacking.spawn().unwrap();
        unpacking.stdin.take().unwrap().write_all(&archive).unwrap();
        assert!(unpacking.wait().unwrap().success(), "{form:?}");

        unpack(&archive[..], &ours).unwrap().finish(&ours, &[]).unwrap();
        assert!(list(&ours).len() > 20);
        if form[0] == "--format=posix" {
            // Nothing is lost in this one.
            assert_same(&list(&source), &list(&ours));
        }
        assert_same(&list(&theirs), &list(&ours));
        if form.contains(&"--sparse") {
            let holes = fs::metadata(ours.join("holes")).unwrap();
            assert!(holes.blocks() < 500, "{form:?}: the holes are filled");
        }
        let first = fs::metadata(ours.join("first")).unwrap();
        assert_eq!(first.ino(), fs::metadata(ours.join("dir/second")).unwrap().ino());
    }
}

fn tar(folder: &Path, options: &[&str]) -> Command {
    let mut tar = Command::new("tar");
    tar.args(["--warning=no-timestamp", "--directory"])
        .arg(folder)
        .args(options)
        .env("LC_ALL", "C");
    tar
}

/// One of everything that a form of archive can hold.
fn everything(root: &Path, form: &str) {
    let has_long_names = !matches!(form, "--format=v7" | "--format=ustar");
    let write = |name: &str, content: &[u8]| fs::write(root.join(name), content).unwrap();
    let set_mode = |name: &str, mode| {
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let own = |name: &str, uid, gid| lchown(root.join(name), Some(uid), Some(gid)).unwrap();
    for name in ["dir", "dir/closed", "dir/shared", "dir/readable", "dir/empty"] {
        fs::create_dir(root.join(name)).unwrap();
    }
    for size in [0, 1, 511, 512, 513, 4096, 131_072, 131_073, 1_000_000] {
        let content: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        write(&format!("size-{size}"), &content);
    }
    write("first", b"two names");
    fs::hard_link(root.join("first"), root.join("dir/second")).unwrap();
    write("dir/closed/file", b"inside");
    write("dir/readable/file", b"inside");
    symlink("dir/second", root.join("link")).unwrap();
    symlink("/nowhere/../at all", root.join("dangling")).unwrap();
    let raw = std::ffi::OsStr::from_bytes(b"new\nline, \xff\xfe, \xc3\xa9, \x1b");
    fs::write(root.join(raw), "odd").unwrap();
    // Up to 100 bytes there is room in every header; then it takes the other forms.
    let deep = "folder-of-twenty-abc/".repeat(if has_long_names { 30 } else { 4 });
    fs::create_dir_all(root.join(&deep)).unwrap();
    write(&format!("{deep}file"), b"deep");
    if has_long_names {
        let name = "n".repeat(255);
        write(&name, b"long");
        symlink("t/".repeat(300), root.join("long-target")).unwrap();
        fs::hard_link(root.join(&name), root.join("long-linked")).unwrap();
    } else if form == "--format=ustar" {
        let folder = "a".repeat(60) + "/" + &"b".repeat(60);
        fs::create_dir_all(root.join(&folder)).unwrap();
        write(&format!("{folder}/{}", "c".repeat(90)), b"a name in two parts");
    }
    if form != "--format=v7" {
        let node = |name: &str, kind, mode, major, minor| {
            let mode = Mode::from_bits_truncate(mode);
            mknod(&root.join(name), kind, mode, makedev(major, minor)).unwrap();
        };
        node("pipe", SFlag::S_IFIFO, 0o600, 0, 0);
        node("null", SFlag::S_IFCHR, 0o666, 1, 3);
        node("disk", SFlag::S_IFBLK, 0o660, 259, 70_000);
        set_mode("null", 0o666);
        own("null", 0, 5);
        own("pipe", 7, 8);
    }
    // Larger than eight octal digits hold: that takes a number of base 256, or an extra header.
    let large = if has_long_names { 3_000_000 } else { 60_000 };
    write("given", b"away");
    own("given", 1000, large);
    own("link", large, 1000);
    own("dir/shared", 1, 2);
    write("set-id", b"x");
    own("set-id", 3, 4);
    set_mode("set-id", 0o6755);
    set_mode("dir/shared", 0o3777);
    set_mode("dir/readable", 0o555);
    set_mode("size-1", 0);
    let mut holes = File::create(root.join("holes")).unwrap();
    for at in 0..40_u64 {
        holes.seek(SeekFrom::Start(at * 65_536)).unwrap();
        holes.write_all(&[b'x'; 512]).unwrap();
    }
    holes.set_len(40 * 65_536).unwrap();
    File::create(root.join("all-hole")).unwrap().set_len(1 << 20).unwrap();
    if form == "--format=posix" {
        let set = |name: &str, key, value: &[u8]| {
            let file = File::open(root.join(name)).unwrap();
            sys::set_attribute(file.as_fd(), key, value).unwrap();
        };
        set("first", c"user.note", b"some = \0 bytes\n");
        set("dir/empty", c"user.note", b"a folder's");
        // cap_net_raw=ep, as `setcap` writes it to `ping`.
        let capability = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        set("given", c"security.capability", capability);
        set("first", c"trusted.note", b"for root");
    }
    let set_time = |name: &str, seconds: i64, nanos| {
        // A 32-bit machine's clock ends in 2038.
        let time = TimeSpec::new(time_t::try_from(seconds).unwrap_or(time_t::MAX), nanos);
        let how = UtimensatFlags::NoFollowSymlink;
        utimensat(AT_FDCWD, &root.join(name), &time, &time, how).unwrap();
    };
    set_time("size-512", 1, 0);
    set_time("dangling", 1_000_000_000, 123_456_789);
    set_time("dir/second", 1_234_567_890, 987_654_321);
    set_time("dir/empty", 4_000_000_000, 1);
    if has_long_names {
        set_time("size-513", -1_000_000_000, 0);
    }
    set_mode("dir/closed", 0);
    set_time("dir/closed", 777, 0);
    set_time("dir", 888, 0);
}

/// The umask has no say in what the image says.
#[test]
fn modes_are_the_archives() {
    let before = umask(Mode::from_bits_truncate(0o077));
    let folder = Folder::new();
    let archive = Archive::new().folder("a", 0o777).with(b'0', "a/b", b"", |it| it.set_mode(0o666));
    let made = layer(&folder, "layer", archive, &[]);
    umask(before);
    assert_eq!((mode(made.join("a")), mode(made.join("a/b"))), (0o777, 0o666));
}

/// What overlayfs would take for an order is left out, the rest of the attributes is not.
#[test]
fn attributes_that_are_orders_to_overlayfs() {
    let folder = Folder::new();
    let orders: [(&str, &[u8]); 4] = [
        ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
        ("SCHILY.xattr.user.overlay.opaque", b"y"),
        ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
        ("SCHILY.xattr.user.note", b"kept"),
    ];
    let archive = Archive::new().pax(&orders).folder("a", 0o755).pax(&orders).file("b", "");
    let made = layer(&folder, "layer", archive, &[]);
    for name in ["a", "b"] {
        let file = File::open(made.join(name)).unwrap();
        let names = sys::attributes(file.as_fd()).unwrap();
        assert_eq!(names, [c"user.note".to_owned()], "{name}");
    }
}

// What is open in the archive, and the layers below know.

#[test]
fn folders_that_are_not_described_are_as_below() {
    let folder = Folder::new();
    let describe = |archive: Archive, name: &str, mode, id: u32, time: u64| {
        archive.pax(&[("SCHILY.xattr.user.note", id.to_string().as_bytes())]).with(
            b'5',
            name,
            b"",
            |header| {
                header.set_mode(mode);
                header.set_uid(id.into());
                header.set_mtime(time);
            },
        )
    };
    let lowest = describe(Archive::new(), "./", 0o751, 1, 11);
    let lowest = describe(lowest, "etc", 0o711, 2, 22);
    let lowest = describe(lowest, "etc/deep", 0o3770, 3, 33);
    let lowest = layer(&folder, "1", describe(lowest, "var", 0o700, 4, 44), &[]);
    let middle = describe(Archive::new().file("etc/new", ""), "var", 0o1777, 5, 55);
    let middle = layer(&folder, "2", middle, &[&lowest]);
    // It has become like the one below, so that the layers above need not look further.
    let same = |one: &Path, other: &Path, path: &str| {
        let (one, other) = (list(one), list(other));
        assert_eq!(one.get(path.as_bytes()), other.get(path.as_bytes()), "{path:?}");
    };
    same(&middle, &lowest, "");
    same(&middle, &lowest, "etc");
    let top = Archive::new().file("etc/deep/a", "").file("var/b", "").file("new/c", "");
    let top = layer(&folder, "3", top, &[&middle, &lowest]);
    for path in ["", "etc", "etc/deep"] {
        same(&top, &lowest, path);
    }
    same(&top, &middle, "var");
    assert_eq!(mode(top.join("new")), 0o755);
}

#[test]
fn folders_that_are_gone_below_are_new() {
    let folder = Folder::new();
    let lowest = Archive::new().folder("a", 0o700).folder("b", 0o700).folder("c/d", 0o700);
    let lowest = layer(&folder, "1", lowest, &[]);
    let middle = Archive::new().file(".wh.a", "").file("b", "a file").file("c/.wh..wh..opq", "");
    let middle = layer(&folder, "2", middle, &[&lowest]);
    let top = Archive::new().file("a/x", "").file(".wh.b", "").file("b/x", "").file("c/d/x", "");
    let top = layer(&folder, "3", top, &[&middle, &lowest]);
    for path in ["a", "b", "c/d"] {
        assert_eq!(mode(top.join(path)), 0o755, "{path}");
    }
}

// Hard links to files of other layers.

#[test]
fn a_second_name_for_a_file_below() {
    let folder = Folder::new();
    let lowest = Archive::new()
        .pax(&[("SCHILY.xattr.user.note", b"kept"), ("mtime", b"1.5")])
        .with(b'0', "bin/a", b"old", |header| header.set_mode(0o4711))
        .file("bin/b", "below")
        .symlink("bin/s", "a")
        .with(b'6', "bin/p", b"", |header| header.set_mode(0o620));
    let lowest = layer(&folder, "1", lowest, &[]);
    let middle = layer(&folder, "2", Archive::new().file("bin/b", "above"), &[&lowest]);
    let top = Archive::new()
        .hard_link("bin/c", "bin/a")
        .hard_link("d/e", "/bin/a")
        .hard_link("d/b", "bin/b")
        .hard_link("d/s", "bin/s")
        .hard_link("d/p", "bin/p");
    let top = layer(&folder, "3", top, &[&middle, &lowest]);
    let (below, here) = (list(&lowest), list(&top));
    let copied = below[&b"bin/a"[..]].replace(" 1 names", " 3 names");
    for path in ["bin/a", "bin/c", "d/e"] {
        assert_eq!(here[path.as_bytes()], copied, "{path}");
    }
    let inode = |path: &str| fs::symlink_metadata(top.join(path)).unwrap().ino();
    assert_eq!((inode("bin/a"), inode("bin/a")), (inode("bin/c"), inode("d/e")));
    assert_eq!((read(top.join("bin/b")), inode("bin/b")), ("above".into(), inode("d/b")));
    assert_eq!(here[&b"d/s"[..]], below[&b"bin/s"[..]]);
    assert_eq!(here[&b"d/p"[..]], below[&b"bin/p"[..]]);
    // The layer below has not changed.
    assert_eq!(list(&lowest), below);
}

#[test]
fn a_second_name_for_what_is_gone_below() {
    let folder = Folder::new();
    let lowest = Archive::new().file("a", "").file("d/b", "").file("e", "").folder("f", 0o755);
    let lowest = layer(&folder, "1", lowest, &[]);
    let middle = Archive::new().file(".wh.a", "").file("d/.wh..wh..opq", "").folder("e", 0o755);
    let middle = layer(&folder, "2", middle, &[&lowest]);
    for target in ["a", "d/b", "e", "f", "g", "a/x"] {
        let words = refusal(&folder, Archive::new().hard_link("x", target), &[&middle, &lowest]);
        assert!(words.contains("entry \"x\"") && words.contains(target), "{words}");
    }
    let archive = Archive::new().hard_link("x", "d/b").file("d/b", "later");
    let words = refusal(&folder, archive, &[&lowest]);
    assert!(words.contains("entry \"x\""), "{words}");
}

// What the kernel makes of it.

/// The folders in overlayfs, by a mount that only this thread has; none when it may not.
fn merged(folder: &Folder, layers: &[&PathBuf]) -> Option<PathBuf> {
    let own = unshare(CloneFlags::CLONE_NEWNS).and_then(|()| {
        let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
    });
    if own.is_err() {
        testbed::skipped("a mount of the test's own needs root");
        return None;
    }
    let at = folder.make("merged");
    let layers: Vec<_> = layers.iter().rev().map(|layer| layer.display().to_string()).collect();
    let mut options = format!("lowerdir={}", layers.join(":"));
    if !sys::is_hosts_root() {
        options += ",userxattr";
    }
    let kind = Some("overlay");
    match mount(kind, &at, kind, MsFlags::MS_RDONLY, Some(&options[..])) {
        Err(Errno::EPERM) if !sys::is_hosts_root() => {
            testbed::skipped("before Linux 5.11 overlayfs is for the host's root alone");
            return None;
        }
        mounted => mounted.expect("overlayfs"),
    }
    Some(at)
}

#[test]
fn whiteouts_hide_what_is_below_and_nothing_else() {
    let folder = Folder::new();
    let lowest = Archive::new()
        .file("a", "1")
        .file("b", "1")
        .file("c/one", "1")
        .file("d/one", "1")
        .file("d/sub/one", "1")
        .file("e/one", "1")
        .file("f/one", "1")
        .symlink("g", "c")
        .file("h/one", "1")
        .file("i", "1");
    let lowest = layer(&folder, "1", lowest, &[]);
    let top = Archive::new()
        .file(".wh.a", "")
        .file("b", "2")
        .file(".wh.b", "")
        .file("c/.wh.one", "")
        .file("c/two", "2")
        // The mark counts for all of the folder, also for what came before it.
        .file("d/two", "2")
        .file("d/.wh..wh..opq", "")
        .file("d/sub/two", "2")
        .file(".wh.e", "")
        .file("e/two", "2")
        .file("f/two", "2")
        .file(".wh.f", "")
        .file("g/two", "2")
        .file("h", "now a file")
        .file(".wh.never-there", "")
        .file("i/two", "2");
    // Where the layer below has a link, this one has a folder: it does not know better.
    let top = layer(&folder, "2", top, &[&lowest]);
    let Some(merged) = merged(&folder, &[&lowest, &top]) else { return };
    let names: Vec<_> =
        list(&merged).into_keys().map(|name| String::from_utf8(name).unwrap()).collect();
    let expected = " b c c/two d d/sub d/sub/two d/two e e/two f f/two g g/two h i i/two";
    assert_eq!(names.join(" "), expected);
    assert_eq!(read(merged.join("b")), "2");
    umount2(&merged, MntFlags::MNT_DETACH).unwrap();
}

/// Overlayfs asks no root of a layer whether it is opaque.
#[test]
fn everything_below_is_gone() {
    let folder = Folder::new();
    let lowest = Archive::new().file("a", "1").file("b/one", "1").file("c", "1");
    let lowest = layer(&folder, "1", lowest, &[]);
    let top = Archive::new().file("b/two", "2").file(".wh..wh..opq", "").file("d", "2");
    let top = layer(&folder, "2", top, &[&lowest]);
    let Some(merged) = merged(&folder, &[&lowest, &top]) else { return };
    let there: Vec<_> = list(&merged).into_keys().collect();
    assert_eq!(there, [&b""[..], b"b", b"b/two", b"d"]);
    umount2(&merged, MntFlags::MNT_DETACH).unwrap();
}

// An ordinary user, who is root in a namespace with one number.

#[test]
fn an_ordinary_user_gets_all_but_devices_and_owners() {
    const INSIDE: &str = "CORACLE_ONE_NUMBER";
    if std::env::var_os(INSIDE).is_none() {
        let Some(host) = Host::new() else { return };
        let program = std::env::current_exe().unwrap();
        let program = testbed::reachable(&host, program.to_str().expect("a path"));
        let output = host
            .command(Who::User, "unshare")
            .args(["--user", "--map-root-user", "--mount", "--"])
            .arg(program)
            .args(["--test-threads=1", "--skip", "the_same_as_gnu_tar"])
            .env(INSIDE, "1")
            .env("TMPDIR", "/var/tmp")
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        return;
    }
    let folder = Folder::new();
    let made = folder.make("layer");
    let archive = Archive::new()
        .with(b'0', "given", b"away", |header| {
            header.set_uid(1000);
            header.set_gid(u64::from(u32::MAX - 1));
            header.set_mode(0o4755);
        })
        .device(b'3', "null", 1, 3)
        .with(b'2', "link", b"", |header| {
            header.set_uid(7);
            header.as_old_mut().linkname[0] = b'x';
        })
        .pax(&[("SCHILY.xattr.trusted.note", b"for the host's root")])
        .folder("dir", 0);
    let pending = unpack(&archive.end()[..], &made).unwrap();
    assert_eq!(pending.left_out(), 1);
    pending.finish(&made, &[]).unwrap();
    let given = fs::metadata(made.join("given")).unwrap();
    assert_eq!((given.uid(), given.gid(), given.mode() & 0o7777), (0, 0, 0o4755));
    assert_eq!(mode(made.join("dir")), 0);
    assert!(!made.join("null").exists());
}

/// The kernel gives a number again, and a killed pull leaves what it had.
#[test]
fn what_a_process_of_the_same_number_left_is_in_nobodys_way() {
    let folder = Folder::new();
    let (store, chain) = (Store::at(folder.path()).unwrap(), Digest::of(b"layer"));
    for count in 0..10 {
        let left = format!("partial/{}.{}.{count}", chain.hex(), std::process::id());
        fs::create_dir(folder.path().join(left)).unwrap();
    }
    let new = store.new_layer(&chain).unwrap();
    new.keep(0).unwrap();
    assert_eq!(store.layer(&chain).unwrap().unwrap().size(), 0);
}
