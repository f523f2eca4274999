//! `coracle book`: the book on localhost, from `target/book/en`.
//!
//! The first time it is made by `scripts/book`. The port is always the same one: a browser keeps what
//! was answered for each address, and would forget it with every new port.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::http::Server;
use crate::project::Project;
use crate::{texts, web};

/// Where the book is when nobody asks for another port.
const PORT: u16 = 3020;

/// Serves the book until Ctrl-C, and shows it, or a section such as `02#pivot-root`, where there is
/// a desktop.
///
/// # Errors
///
/// When the book can't be made, has no such section, or the port is not to be had.
pub fn serve(project: &Project, section: Option<&str>, port: Option<u16>) -> Result<()> {
    let folder = project.root().join("target/book/en");
    if !folder.join("index.html").exists() {
        build(project)?;
    }
    let page = section.map_or_else(|| Ok(String::new()), |section| page(&folder, section))?;
    let server = bind(port)?;
    let address = format!("http://{}/{page}", server.address());
    open(&address);
    web::serve_on(server, &folder, texts::book_is_on(&address))
}

/// On this machine only: it is nobody else's book.
fn bind(port: Option<u16>) -> Result<Server> {
    let on = |port| Server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    match port {
        Some(port) => on(port),
        // Another copy of the workshop may be at it.
        None => on(PORT).or_else(|_| on(0)),
    }
}

fn build(project: &Project) -> Result<()> {
    texts::print(texts::BOOK_IS_BUILT.to_owned()).context(texts::STANDARD_OUTPUT)?;
    let script = project.root().join("scripts/book");
    let status = Command::new(&script)
        .stdin(Stdio::null())
        .status()
        .with_context(|| texts::cannot_start(&script))?;
    if !status.success() {
        bail!(texts::BOOK_NOT_BUILT);
    }
    Ok(())
}

/// What stands behind the address of the book for a section: `02#pivot-root`, `02`,
/// `troubleshooting`, `troubleshooting#eperm`.
fn page(folder: &Path, section: &str) -> Result<String> {
    let (name, id) = section.split_once('#').unwrap_or((section, ""));
    let file = file(folder, name).with_context(|| texts::no_such_page(section))?;
    let html = fs::read_to_string(&file).with_context(|| texts::cannot_read(&file))?;
    if !id.is_empty() && !html.contains(&format!(" id=\"{id}\"")) {
        bail!(texts::no_such_section(section));
    }
    let page = file.file_name().unwrap_or_default().to_string_lossy();
    Ok(if id.is_empty() { page.into() } else { format!("{page}#{id}") })
}

/// The page of that name, or the chapter of that number.
fn file(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut pages: Vec<_> =
        fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    pages.sort();
    let number = format!("{name}-");
    let is_number = name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_digit());
    pages.into_iter().find(|page| {
        let stem = page.file_stem().unwrap_or_default().to_string_lossy();
        let html = page.extension().is_some_and(|ending| ending == "html");
        html && (stem == name || is_number && stem.starts_with(&number))
    })
}

/// Asks the desktop to show it, if there is one. The address is printed anyway.
fn open(address: &str) {
    let desktop =
        ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(|name| env::var_os(name).is_some());
    if desktop {
        let mut command = Command::new("xdg-open");
        let silent = command.arg(address).stdin(Stdio::null()).stdout(Stdio::null());
        // It hands over to the browser and ends; nobody waits for it.
        let _ = silent.stderr(Stdio::null()).spawn();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_a_page_and_an_id() {
        let folder = env::temp_dir().join(format!("coracle-book-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("02-pid-namespace.html"), "<h3 id=\"pivot-root\">").unwrap();
        fs::write(folder.join("glossary.html"), "").unwrap();
        let found = |section| page(&folder, section);
        assert_eq!(found("02#pivot-root").unwrap(), "02-pid-namespace.html#pivot-root");
        assert_eq!(found("02").unwrap(), "02-pid-namespace.html");
        assert_eq!(found("glossary").unwrap(), "glossary.html");
        assert!(found("glossary#no").unwrap_err().to_string().contains("no section glossary#no"));
        assert!(found("0").is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
