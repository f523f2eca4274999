//! `{{#live NAME}}`, `{{#live NAME:PART}}`: an example that is done in the page, a session without a
//! recording. `{{#playground}}`: the session `playground`, to do in it what one likes. Without
//! JavaScript the first is what to type, and the second is nothing.

use super::session::{Live, Part, Script, figure};
use crate::book::Book;
use crate::html;
use crate::page::{Page, Use};

/// The session that is a machine for everything. Tasks are done in it, too.
pub(super) const PLAYGROUND: &str = "playground";

pub(crate) fn render(
    book: &Book,
    page: &mut Page,
    argument: &str,
    caption: &str,
) -> Result<String, String> {
    let (session, part) = match argument.split_once(':') {
        Some((session, part)) => (session, Some(part)),
        None => (argument, None),
    };
    let script = Script::read(book, session)?;
    if script.live != Live::Only {
        return Err(format!(
            "session {session} is recorded: write `{{{{#session {session}:PART}}}}`, or say \
             `# live: only` in its head"
        ));
    }
    let parts: Vec<&Part> = match part {
        Some(part) => vec![script.part(session, part)?],
        None => script.parts.iter().collect(),
    };
    if parts.is_empty() {
        return Err(format!("session {session} has no part: nothing is typed in it"));
    }
    let first = !page.uses.iter().any(|used| matches!(used, Use::Session(of, _) if of == session));
    let mut html = String::new();
    for (place, part) in parts.into_iter().enumerate() {
        page.uses.push(Use::Session(session.into(), part.name.clone()));
        let heading = match (place, caption) {
            (0, "") if first => html::escape(&script.title),
            (0, text) if !text.is_empty() => html::phrase(text),
            _ => String::new(),
        };
        let lines: Vec<_> = part.typed.iter().map(|line| typed(line)).collect();
        let lines = lines.join("&#10;");
        html.push_str(&figure(book, &script, part, session, &heading, "", &lines));
    }
    Ok(html)
}

/// A line behind its prompt, as in a transcript.
fn typed(line: &str) -> String {
    let (prompt, text) = line.split_at(2);
    let class = if prompt == "> " { "continued" } else { "command" };
    let (prompt, text) = (html::escape(prompt), html::escape(text));
    format!("<span class=\"prompt\">{prompt}</span><span class=\"{class}\">{text}</span>")
}

pub(crate) fn playground(book: &Book, page: &mut Page) -> Result<String, String> {
    let script = Script::read(book, PLAYGROUND)?;
    if script.live != Live::Only {
        return Err(format!("session {PLAYGROUND} needs `# live: only` in its head"));
    }
    page.uses.push(Use::Session(PLAYGROUND.into(), String::new()));
    Ok(format!("<div class=\"playground\" data-session=\"{PLAYGROUND}\" data-live=\"only\"></div>"))
}
