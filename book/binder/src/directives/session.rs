//! `{{#session 02-by-hand:inside}}`: a part of a recorded session, as text. With JavaScript
//! (`theme/session.js`) it can be played, and its commands copied; one whose head says `live: yes`
//! can be done in the page (`theme/live.js`).

use std::path::Path;

use serde::Deserialize;

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
    let scripted = script.part(session, part)?;
    if script.live == Live::Only {
        return Err(format!(
            "session {session} is done in the page alone: write `{{{{#live {argument}}}}}`"
        ));
    }
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
    let recorded = Recorded::read(book, &folder, part)?;
    let cast = match book.project.join(&folder).join(format!("{part}.cast")).exists() {
        true => format!(" data-cast=\"recordings/{session}/{part}.cast\""),
        false => String::new(),
    };
    let heading = match (caption, first) {
        ("", true) => html::escape(&script.title),
        ("", false) => String::new(),
        (text, _) => html::phrase(text),
    };
    let lines = lines(&transcript, &recorded.commands);
    Ok(figure(book, &script, scripted, session, &heading, &cast, &lines))
}

/// A part as a figure: who types, where, and the lines.
pub(super) fn figure(
    book: &Book,
    script: &Script,
    part: &Part,
    session: &str,
    heading: &str,
    attributes: &str,
    lines: &str,
) -> String {
    let label = book.texts.fill("session.label", &[("title", &html::escape(&script.title))]);
    let who = match script.user.as_str() {
        "root" => book.texts.get("session.as-root").to_owned(),
        user => book.texts.fill("session.as-user", &[("user", &html::escape(user))]),
    };
    let terminal = match part.terminal.as_str() {
        "" => String::new(),
        name => format!(
            " <span class=\"terminal\">{}</span>",
            book.texts.fill("session.terminal", &[("terminal", &html::escape(name))])
        ),
    };
    let heading = match heading {
        "" => String::new(),
        text => format!("<span class=\"title\">{text}</span> "),
    };
    let live = match script.live {
        Live::Yes if part.live => " data-live=\"yes\"",
        Live::No | Live::Yes => "",
        Live::Only => " data-live=\"only\"",
    };
    let Part { name, terminal: place, .. } = part;
    format!(
        "<figure class=\"session\" id=\"session-{session}-{name}\" data-session=\"{session}\" \
         data-part=\"{name}\" data-terminal=\"{place}\"{live}{attributes}>\
         <figcaption>{heading}<span class=\"who\">{who}</span>{terminal}</figcaption>\
         <div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"{label}\">\
         <pre><code>{lines}</code></pre></div></figure>"
    )
}

/// What is typed in a session.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) title: String,
    pub(crate) user: String,
    pub(crate) live: Live,
    pub(crate) parts: Vec<Part>,
}

/// Whether it can be done in the page, or there alone.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Live {
    #[default]
    No,
    Yes,
    Only,
}

/// What is typed into one terminal.
#[derive(Debug, Default)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// The terminal's name; the first one has none.
    pub(crate) terminal: String,
    /// Its commands with their prompts, and their continuations.
    pub(crate) typed: Vec<String>,
    /// Whether it can be done in the page, if anything of the session can.
    live: bool,
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

    /// Its part of this name. `session` is its own, for who asks for one that is not there.
    pub(super) fn part(&self, session: &str, name: &str) -> Result<&Part, String> {
        self.parts.iter().find(|part| part.name == name).ok_or_else(|| {
            let others: Vec<_> = self.parts.iter().map(|part| part.name.as_str()).collect();
            format!("session {session} has no part {name}; it has {}", others.join(", "))
        })
    }

    fn parse(text: &str) -> Self {
        let mut script = Self { user: "student".into(), ..Self::default() };
        let mut last = None;
        for line in text.lines() {
            let header = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            if let Some(header) = header {
                let (name, terminal) = header.split_once(" @").unwrap_or((header, ""));
                let (name, terminal) = (name.trim().into(), terminal.trim().into());
                script.parts.push(Part { name, terminal, ..Part::default() });
            } else if let Some(part) = script.parts.last_mut() {
                if ["$ ", "# ", "> "].iter().any(|prompt| line.starts_with(prompt)) {
                    part.typed.push(line.trim_end().into());
                }
            } else if let Some(title) = line.strip_prefix("# title:") {
                script.title = title.trim().into();
            } else if let Some(user) = line.strip_prefix("# as:") {
                script.user = user.trim().into();
            } else if let Some(live) = line.strip_prefix("# live:") {
                script.live = if live.trim() == "only" { Live::Only } else { Live::Yes };
                last = live.trim().strip_prefix("until ").map(str::trim);
            }
        }
        let end = script.parts.iter().position(|part| Some(part.name.as_str()) == last);
        for (place, part) in script.parts.iter_mut().enumerate() {
            part.live = end.is_none_or(|end| place <= end);
        }
        script
    }
}

/// What the recorder noted of a session, as far as it is shown.
#[derive(Deserialize)]
struct Index {
    parts: Vec<Recorded>,
}

#[derive(Deserialize)]
struct Recorded {
    name: String,
    commands: Vec<Command>,
}

/// A command in a transcript.
#[derive(Deserialize)]
struct Command {
    /// Its first line, from 1.
    line: usize,
    /// What was typed, without prompts; several lines if it was continued.
    text: String,
}

impl Recorded {
    fn read(book: &Book, folder: &Path, part: &str) -> Result<Self, String> {
        let file = folder.join("session.json");
        let text = book.read(&file).map_err(|error| format!("{error:#}"))?;
        let index: Index = serde_json::from_str(&text)
            .map_err(|error| format!("{}: {error}; record it again", file.display()))?;
        let recorded = index.parts.into_iter().find(|recorded| recorded.name == part);
        recorded.ok_or_else(|| format!("{} has no part {part}; record it again", file.display()))
    }
}

/// A transcript as HTML. Lines that were typed are marked, each with its prompt apart from it, so
/// that it can be read, seen and copied as a command.
fn lines(transcript: &str, commands: &[Command]) -> String {
    let lines: Vec<_> = transcript.trim_end().lines().collect();
    let mut html: Vec<_> = lines.iter().map(|line| html::escape(line)).collect();
    for command in commands {
        for (place, typed) in command.text.lines().enumerate() {
            let at = command.line.saturating_sub(1) + place;
            let Some(prompt) = lines.get(at).and_then(|line| line.strip_suffix(typed)) else {
                continue;
            };
            let class = if place == 0 { "command" } else { "continued" };
            html[at] = format!(
                "<span class=\"prompt\">{}</span><span class=\"{class}\">{}</span>",
                html::escape(prompt),
                html::escape(typed)
            );
        }
    }
    html.join("&#10;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_typed_is_a_command() {
        let command = |line, text: &str| Command { line, text: text.into() };
        let commands = [command(1, "cat notes"), command(3, "echo a \\\nb")];
        assert_eq!(
            lines("$ cat notes\n# a title\n$ echo a \\\n> b\na b\n", &commands),
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
        let parts: Vec<_> = script.parts.iter().map(|it| (&*it.name, &*it.terminal)).collect();
        assert_eq!(parts, [("inside", ""), ("outside", "host")]);
        assert_eq!(script.parts[1].typed, ["# lsns \\", "> -t pid"]);
        assert_eq!(script.live, Live::No);
        assert_eq!(Script::parse("# live: only").live, Live::Only);
        let script = Script::parse("# live: until b\n[a]\n$ true\n[b]\n$ true\n[c]\n$ true\n");
        let live: Vec<_> = script.parts.iter().map(|part| part.live).collect();
        assert_eq!(live, [true, true, false]);
    }
}
