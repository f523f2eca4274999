//! Rust in colours, made when the book is built: the browser needs no program for it.
//!
//! `proc_macro2` cuts the text into tokens and tells where each stands. What stands between two of
//! them is space and comments.

use std::ops::Range;
use std::str::FromStr;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::html;

const KEYWORDS: [&str; 38] = [
    "Self", "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum",
    "extern", "false", "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move",
    "mut", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true", "type",
    "unsafe", "use", "where", "while",
];

/// Lines of Rust as HTML. What is no Rust, half of a block for instance, comes without colours.
pub(crate) fn colour(text: &str) -> String {
    let text = text.trim_end_matches('\n');
    let Ok(tokens) = TokenStream::from_str(text) else { return html::escape(text) };
    let mut marks = Vec::new();
    collect(tokens, &mut marks);

    let mut html = String::with_capacity(text.len() * 2);
    let mut done = 0;
    for (range, class) in marks {
        // A documentation comment is several tokens at one spot.
        if range.start < done {
            continue;
        }
        between(&text[done..range.start], &mut html);
        let token = &text[range.clone()];
        let class = if token.starts_with("//") || token.starts_with("/*") { "c" } else { class };
        mark(token, class, &mut html);
        done = range.end;
    }
    between(&text[done..], &mut html);
    html
}

/// Where each word stands, and what it is.
fn collect(tokens: TokenStream, marks: &mut Vec<(Range<usize>, &'static str)>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (place, token) in tokens.iter().enumerate() {
        let next = tokens.get(place + 1);
        match token {
            TokenTree::Group(group) => {
                marks.push((group.span_open().byte_range(), ""));
                collect(group.stream(), marks);
                marks.push((group.span_close().byte_range(), ""));
            }
            TokenTree::Ident(ident) => {
                let after_quote = place > 0 && is(tokens.get(place - 1), '\'');
                let class = if after_quote { "l" } else { class(&ident.to_string(), next) };
                marks.push((ident.span().byte_range(), class));
            }
            TokenTree::Punct(punct) => {
                let class = if punct.as_char() == '\'' { "l" } else { "" };
                marks.push((punct.span().byte_range(), class));
            }
            TokenTree::Literal(literal) => {
                let number = literal.to_string().starts_with(|c: char| c.is_ascii_digit());
                marks.push((literal.span().byte_range(), if number { "n" } else { "s" }));
            }
        }
    }
}

/// What a name is, by itself and by what follows.
fn class(name: &str, next: Option<&TokenTree>) -> &'static str {
    let called = |group: &Group| group.delimiter() == Delimiter::Parenthesis;
    if KEYWORDS.contains(&name) {
        "k"
    } else if is(next, '!') {
        "m"
    } else if name.starts_with(char::is_uppercase) {
        "t"
    } else if matches!(next, Some(TokenTree::Group(group)) if called(group)) {
        "f"
    } else {
        ""
    }
}

fn is(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

/// What stands between two tokens.
fn between(text: &str, html: &mut String) {
    let comment = text.trim();
    if comment.is_empty() {
        html.push_str(&html::escape(text));
        return;
    }
    let start = text.find(comment).unwrap_or_default();
    html.push_str(&html::escape(&text[..start]));
    mark(comment, "c", html);
    html.push_str(&html::escape(&text[start + comment.len()..]));
}

fn mark(text: &str, class: &str, html: &mut String) {
    let text = html::escape(text);
    match class {
        "" => html.push_str(&text),
        class => html.push_str(&format!("<span class=\"{class}\">{text}</span>")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_get_their_class_and_nothing_is_lost() {
        let source = "/// Doc.\nfn f<'a>(x: &'a str) -> u8 {\n    // Why.\n    g(x, \"<\\n\", 1); // 안녕\n    \
                      println!(\"{x}\")\n}";
        let html = colour(source);
        for piece in [
            "<span class=\"c\">/// Doc.</span>",
            "<span class=\"k\">fn</span>",
            "<span class=\"f\">g</span>",
            "<span class=\"l\">'</span><span class=\"l\">a</span>",
            "<span class=\"c\">// Why.</span>",
            "<span class=\"s\">&quot;&lt;\\n&quot;</span>",
            "<span class=\"n\">1</span>",
            "<span class=\"c\">// 안녕</span>",
            "<span class=\"m\">println</span>",
        ] {
            assert!(html.contains(piece), "{piece} is not in {html}");
        }
        let mut plain = String::new();
        let mut inside = false;
        for character in html.chars() {
            match character {
                '<' => inside = true,
                '>' => inside = false,
                other if !inside => plain.push(other),
                _ => {}
            }
        }
        assert_eq!(plain, html::escape(source));
    }

    #[test]
    fn what_is_no_rust_comes_plain() {
        assert_eq!(colour("if x {"), "if x {");
    }
}
