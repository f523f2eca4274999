//! Pieces of HTML.
//!
//! A piece stands in Markdown, where an empty line would end it. So each is one line: a line break
//! that means something is written as a character reference.

use pulldown_cmark::{Options, Parser, html};

use crate::directives::man;

/// Text as HTML, on one line.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Markdown as HTML, on one line.
pub(crate) fn markdown(text: &str) -> String {
    let text = man::link(text);
    let mut output = String::new();
    html::push_html(&mut output, Parser::new_ext(&text, options()));
    // Inside `<pre>` the line breaks mean something; a reference is right everywhere.
    output.trim().replace('\n', "&#10;")
}

/// Markdown that begins with a sentence, without the tags of a paragraph if it is one.
pub(crate) fn phrase(text: &str) -> String {
    // With a full stop before it "50." is no list and "# ls" no heading.
    let html = markdown(&format!(".{}", text.trim())).replacen("<p>.", "<p>", 1);
    let inner = html.strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>"));
    match inner {
        Some(inner) if !inner.contains("<p>") => inner.to_owned(),
        _ => html,
    }
}

/// What mdBook understands of Markdown, too.
pub(crate) fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_DEFINITION_LIST
        | Options::ENABLE_GFM
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_piece_has_a_line_break_that_markdown_could_see() {
        assert_eq!(escape("a <b>\n\n\"c\""), "a &lt;b&gt;&#10;&#10;&quot;c&quot;");
        assert!(!markdown("one\n\n```sh\na\n\nb\n```\n").contains('\n'));
    }

    #[test]
    fn a_phrase_has_no_paragraph_but_two_paragraphs_stay_two() {
        assert_eq!(phrase("the `/proc` folder"), "the <code>/proc</code> folder");
        assert_eq!(phrase("50."), "50.");
        assert_eq!(phrase("*why*, [see](b)"), "<em>why</em>, <a href=\"b\">see</a>");
        assert_eq!(phrase("one\n\ntwo"), "<p>one</p>&#10;<p>two</p>");
    }
}
