//! `[unshare(1)](man:unshare.1)`: a link to a man page.
//!
//! They lead to Debian's collection, which has the pages of all packages, each at an address that
//! stays: suite, package, page. `book/man-pages.txt` tells the package.

use std::sync::OnceLock;

/// The suite that the sessions are recorded on.
const SUITE: &str = "https://manpages.debian.org/bookworm";
const LIST: &str = include_str!("../../../man-pages.txt");

/// The address of a page, `unshare.1`; `None` when it is not in the list.
pub(crate) fn address(page: &str) -> Option<String> {
    static PAGES: OnceLock<Vec<(&str, &str)>> = OnceLock::new();
    let pages = PAGES.get_or_init(|| {
        let lines = LIST.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| line.split_once('\t')).collect()
    });
    let (_, package) = pages.iter().find(|(known, _)| *known == page)?;
    Some(format!("{SUITE}/{package}/{page}.en.html"))
}

/// A line of Markdown with its links to man pages led to where they are.
pub(crate) fn link(text: &str) -> String {
    let mut linked = String::with_capacity(text.len());
    let mut pieces = text.split("](man:");
    linked.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        linked.push_str("](");
        match piece.split_once(')') {
            Some((page, rest)) => {
                // What is not in the list, `check` refuses.
                let address = address(page).unwrap_or_else(|| format!("{SUITE}/{page}"));
                linked.push_str(&format!("{address}){rest}"));
            }
            None => linked.push_str(piece),
        }
    }
    linked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_man_page_has_an_address() {
        assert_eq!(
            link("See [unshare(1)](man:unshare.1)."),
            "See [unshare(1)](https://manpages.debian.org/bookworm/util-linux/unshare.1.en.html)."
        );
        assert_eq!(address("no-such-page.1"), None);
    }
}
