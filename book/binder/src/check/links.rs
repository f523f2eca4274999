//! Links lead somewhere: inside the book to a page and an id, to a man page that there is, and
//! outside only to what was looked at, at a place that stays.

use super::Tree;
use super::outline::Outline;
use crate::directives::man;
use crate::fault::Fault;
use crate::page::Page;

const MAN_PAGES: &str = "https://manpages.debian.org/";

/// Every link that leads nowhere, and every address in the lists to which none leads.
pub(super) fn faults(tree: &Tree) -> Vec<Fault> {
    let (known, mut faults) = known(tree);
    let mut used = Vec::new();
    for (page, outline) in &tree.pages {
        for (line, link) in &outline.links {
            if let Err(sentence) = look(tree, page, outline, link, &known) {
                faults.push(Fault::new(&page.file, *line, sentence));
            }
            used.push(link.as_str());
        }
    }
    // As long as pages are missing, it may be theirs.
    let complete = !tree.faults.iter().any(|fault| fault.tolerable);
    for known in known.iter().filter(|known| complete && !used.contains(&known.url.as_str())) {
        let sentence = format!("no page links to {}: take the line out", known.url);
        faults.push(Fault::new(&known.file, known.line, sentence));
    }
    faults
}

/// A line of `book/en/links/*.txt`: an address, a tab, how it was looked at.
struct Known {
    file: std::path::PathBuf,
    line: usize,
    url: String,
}

fn known(tree: &Tree) -> (Vec<Known>, Vec<Fault>) {
    let folder = tree.book.source().with_file_name("links");
    let (mut known, mut faults) = (Vec::new(), Vec::new());
    for name in tree.book.list(&folder) {
        let file = folder.join(name);
        let text = tree.book.read(&file).unwrap_or_default();
        for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match line.split_once('\t') {
                Some((url, how)) if !how.trim().is_empty() => {
                    known.push(Known { file: file.clone(), line: place + 1, url: url.into() });
                }
                _ => {
                    let sentence = "a line is an address, a tab, and how it was looked at";
                    faults.push(Fault::new(&file, place + 1, sentence));
                }
            }
        }
    }
    (known, faults)
}

fn look(
    tree: &Tree,
    page: &Page,
    outline: &Outline,
    link: &str,
    known: &[Known],
) -> Result<(), String> {
    if let Some(rest) = link.strip_prefix(MAN_PAGES) {
        let name = rest.rsplit('/').next().unwrap_or_default();
        let name = name.strip_suffix(".en.html").unwrap_or(name);
        let unknown = || format!("{name} is no known man page: see the top of book/man-pages.txt");
        return man::address(name).map(drop).ok_or_else(unknown);
    }
    if link.contains("://") {
        if let Some(branch) = branch(link) {
            return Err(format!("{link} follows the branch {branch}: link to a tag"));
        }
        let listed = known.iter().any(|known| known.url == link);
        let unlisted = || format!("{link} is in none of the lists in book/en/links/");
        return listed.then_some(()).ok_or_else(unlisted);
    }
    let (path, id) = link.split_once('#').unwrap_or((link, ""));
    if path.is_empty() {
        let missing = || format!("this page has no id {id}");
        return outline.has(id).then_some(()).ok_or_else(missing);
    }
    let name = path.strip_suffix(".md").or_else(|| path.strip_suffix(".html"));
    let Some(name) = name.filter(|name| tree.expects(name)) else {
        return Err(format!("there is no page {path}"));
    };
    match tree.page(name) {
        Some((_, outline)) if !id.is_empty() && !outline.has(id) => {
            Err(format!("{path} has no id {id} (from {})", page.name()))
        }
        _ => Ok(()),
    }
}

/// The branch that an address of source code names, which will show something else tomorrow.
fn branch(link: &str) -> Option<&str> {
    const BRANCHES: [&str; 5] = ["main", "master", "HEAD", "trunk", "develop"];
    let mut parts = link.split('/').skip_while(|part| !matches!(*part, "blob" | "tree" | "raw"));
    parts.next();
    parts.next().filter(|part| BRANCHES.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_seen() {
        let link = "https://github.com/opencontainers/runc/blob/main/signals.go";
        assert_eq!(branch(link), Some("main"));
        assert_eq!(branch(&link.replace("main", "v1.5.1")), None);
        assert_eq!(branch("https://rustup.rs"), None);
    }
}
