//! `coracle book`: a book is served on this machine alone, at the section that was asked for, and made
//! when it is not there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use server::{Registry, cache, command, empty_cache};

mod server;

/// A project with a `scripts/book` that makes a book of one page.
fn project(name: &str) -> PathBuf {
    let root = empty_cache(name);
    for folder in ["chapters/00-process", "solutions/00-process", "scripts"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(root.join("Cargo.toml"), "").unwrap();
    let script = root.join("scripts/book");
    let text = "#!/bin/sh\ncd \"${0%/*}/..\" && mkdir -p target/book/en && cd target/book/en &&\n\
                echo front >index.html && echo '<h3 id=\"wait\">' >00-process.html\n";
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    root
}

fn book(root: &PathBuf, arguments: &[&str]) -> Command {
    let mut command = command(&cache());
    command.current_dir(root).args(["book", "--port", "0"]).args(arguments);
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command
}

#[test]
fn the_book_is_made_and_served_on_this_machine_alone() {
    let root = project("book-made");
    let mut served = Registry::serving(&mut book(&root, &["00#wait"]));
    assert!(served.said.contains("/00-process.html#wait "), "{}", served.said);
    assert!(served.address.starts_with("127.0.0.1:"), "{}", served.address);
    assert_eq!(served.get("/").body, b"front\n");
    assert_eq!(
        served.get("/00-process.html").field("Content-Type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(served.get("/../../../Cargo.toml").status, 404);
    assert_eq!(served.end(), Some(0));
}

#[test]
fn a_section_that_is_not_there_is_said_and_nothing_is_served() {
    let root = project("book-section");
    for (section, said) in [
        ("00#zombies", "the book has no section 00#zombies"),
        ("99", "the book has no page for 99"),
    ] {
        let output = book(&root, &[section]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn a_book_that_can_t_be_made_is_said() {
    let root = project("book-broken");
    fs::write(root.join("scripts/book"), "#!/bin/sh\nexit 3\n").unwrap();
    let output = book(&root, &[]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("the book could not be made"), "{error}");
}
