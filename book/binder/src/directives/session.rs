//! `{{#session 02-by-hand:inside}}`: a part of a recorded session, as text. With JavaScript
//! (`theme/session.js`) it can be played, and its commands copied.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::book::Book;
use crate::html;
use crate::page::{Page, Use};

/// Where the recordings are, which `scripts/record` makes.
pub(crate) const RECORDINGS: &str = "book/recordings";
/// What is typed in them.
pub(crate) const SESSIONS: &str = "book/sessions";

pub(crate) fn render(
    book: &Book,
    page: &mut Page,
    argument: &str,
    caption: &str,
) -> Result<String, String> {
    let (session, part) = argument.split_once(':').ok_or_else(|| {
        format!("{argument:?} names no part: write `{{{{#session 02-by-hand:inside}}}}`")
    })?;
    let script = Script::read(book, session)?;
    let Some(typed) = script.parts.get(part) else {
        let others: Vec<_> = script.parts.keys().map(String::as_str).collect();
        return Err(format!("session {session} has no part {part}; it has {}", others.join(", ")));
    };
    let first = !page.uses.iter().any(|used| matches!(used, Use::Session(of, _) if of == session));
    page.uses.push(Use::Session(session.into(), part.into()));

    let folder = Path::new(RECORDINGS).join(session);
    let Ok(transcript) = book.read(&folder.join(format!("{part}.txt"))) else {
        page.warn(format!(
            "part {part} of session {session} is not recorded: `scripts/record {session}`"
        ));
        let missing = book.texts.fill("session.missing", &[("session", session), ("part", part)]);
        return Ok(format!("<p class=\"missing\">{missing}</p>"));
    };
    let recorded = Recorded::read(book, &folder, part);
    let title = html::escape(&script.title);
    let label = book.texts.fill("session.label", &[("title", &title)]);
    let who = match script.user.as_str() {
        "root" => book.texts.get("session.as-root").to_owned(),
        user => book.texts.fill("session.as-user", &[("user", &html::escape(user))]),
    };
    let terminal = match &recorded.terminal {
        Some(name) => format!(
            " <span class=\"terminal\">{}</span>",
            book.texts.fill("session.terminal", &[("terminal", &html::escape(name))])
        ),
        None => String::new(),
    };
    let heading = match (caption, first) {
        ("", true) => format!("<span class=\"title\">{title}</span> "),
        ("", false) => String::new(),
        (text, _) => format!("<span class=\"title\">{}</span> ", html::phrase(text)),
    };
    let cast = match book.project.join(&folder).join(format!("{part}.cast")).exists() {
        true => format!(" data-cast=\"recordings/{session}/{part}.cast\""),
        false => String::new(),
    };
    let lines = lines(&transcript, typed);
    Ok(format!(
        "<figure class=\"session\" id=\"session-{session}-{part}\"{cast}>\
         <figcaption>{heading}<span class=\"who\">{who}</span>{terminal}</figcaption>\
         <div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"{label}\">\
         <pre><code>{lines}</code></pre></div></figure>"
    ))
}

/// What is typed in a session.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) title: String,
    pub(crate) user: String,
    /// The lines that are typed in each part.
    pub(crate) parts: BTreeMap<String, Vec<String>>,
}

impl Script {
    /// Reads `book/sessions/NAME.session`; what else it says, the recorder knows.
    pub(crate) fn read(book: &Book, name: &str) -> Result<Self, String> {
        let file = Path::new(SESSIONS).join(format!("{name}.session"));
        let text = book
            .read(&file)
            .map_err(|_| format!("there is no session {}: write what is typed", file.display()))?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut script = Self { user: "student".into(), ..Self::default() };
        let mut part: Option<&mut Vec<String>> = None;
        for line in text.lines() {
            let header = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            if let Some(header) = header {
                let name = header.split_whitespace().next().unwrap_or_default();
                part = Some(script.parts.entry(name.into()).or_default());
            } else if let Some(part) = &mut part {
                let typed = ["$ ", "# ", "> "].iter().find_map(|prompt| line.strip_prefix(prompt));
                part.extend(typed.map(str::to_owned));
            } else if let Some(title) = line.strip_prefix("# title:") {
                script.title = title.trim().into();
            } else if let Some(user) = line.strip_prefix("# as:") {
                script.user = user.trim().into();
            }
        }
        script
    }
}

/// What the recorder noted of a part.
#[derive(Debug, Default)]
struct Recorded {
    /// The terminal's name, when it has one.
    terminal: Option<String>,
}

impl Recorded {
    fn read(book: &Book, folder: &Path, part: &str) -> Self {
        let text = book.read(&folder.join("session.json")).unwrap_or_default();
        let session: Value = serde_json::from_str(&text).unwrap_or_default();
        let parts = session["parts"].as_array();
        let of = parts.into_iter().flatten().find(|of| of["name"] == part);
        let terminal = of.and_then(|of| of["terminal"].as_str()).filter(|name| !name.is_empty());
        Self { terminal: terminal.map(str::to_owned) }
    }
}

/// A transcript as HTML. Lines that were typed are marked, each with its prompt apart from it, so
/// that it can be read, seen and copied as a command.
fn lines(transcript: &str, typed: &[String]) -> String {
    let mut expected = typed.iter().peekable();
    let mut html = Vec::new();
    for line in transcript.trim_end().lines() {
        let prompt = ["$ ", "# ", "> "].into_iter().find(|prompt| line.starts_with(prompt));
        // A line of output may begin so, too.
        let command = prompt.map(|prompt| &line[prompt.len()..]);
        match (prompt, command) {
            (Some(prompt), Some(command))
                if expected.peek().is_some_and(|next| *next == command) =>
            {
                expected.next();
                let class = if prompt == "> " { "continued" } else { "command" };
                html.push(format!(
                    "<span class=\"prompt\">{}</span><span class=\"{class}\">{}</span>",
                    html::escape(prompt),
                    html::escape(command)
                ));
            }
            _ => html.push(html::escape(line)),
        }
    }
    html.join("&#10;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_typed_is_a_command() {
        let typed = ["cat notes".to_owned(), "echo a \\".to_owned(), "b".to_owned()];
        assert_eq!(
            lines("$ cat notes\n# a title\n$ echo a \\\n> b\na b\n", &typed),
            "<span class=\"prompt\">$ </span><span class=\"command\">cat notes</span>&#10;\
             # a title&#10;\
             <span class=\"prompt\">$ </span><span class=\"command\">echo a \\</span>&#10;\
             <span class=\"prompt\">&gt; </span><span class=\"continued\">b</span>&#10;a b"
        );
    }

    #[test]
    fn a_session_has_a_title_a_user_and_parts() {
        let script = Script::parse(
            "# title: Numbers\n# as: root\n# mask: \\d+\n\n[inside]\n# ps ax\nstatus: 0\n\n\
             [outside @host]\n// why\n# lsns \\\n> -t pid\n",
        );
        assert_eq!((script.title.as_str(), script.user.as_str()), ("Numbers", "root"));
        assert_eq!(script.parts["inside"], ["ps ax"]);
        assert_eq!(script.parts["outside"], ["lsns \\", "-t pid"]);
    }
}
