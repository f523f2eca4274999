//! The grammar of a session's file: what is typed into which terminal.
//!
//! The book's README describes it for those who write one. It is read completely, and every
//! mistake is named with its line, before anything is typed.

use anyhow::{Context, Result, anyhow, bail, ensure};
use regex_lite::Regex;

/// A session as it is written in its file.
#[derive(Debug)]
pub struct Session {
    /// What the page calls it.
    pub title: String,
    /// Who sits at the terminals.
    pub user: User,
    /// The machine's name.
    pub hostname: String,
    /// Whether the user owns the cgroup that the shells are in.
    pub delegate: bool,
    /// Whether all of the machine's processes are seen, and not only the session's.
    pub all_processes: bool,
    /// Whether it can be done in the page, on the machine there.
    pub live: Live,
    /// What differs from run to run, besides what always does.
    pub masks: Vec<Regex>,
    /// What the machine in the page shows differently.
    pub differs: Vec<Regex>,
    /// What root does before, in `sh`.
    pub setup: Vec<String>,
    /// In the order of the file.
    pub parts: Vec<Part>,
}

/// Who sits at the terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// The one with all rights.
    Root,
    /// An ordinary one, with uid 1000.
    Student,
}

impl User {
    /// The account's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Student => "student",
        }
    }
}

/// Where a session can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Live {
    /// Where it is recorded alone.
    #[default]
    No,
    /// There, and in the page: all of it, or up to a part.
    Yes,
    /// In the page alone: nothing of it is recorded.
    Only,
}

/// What the book includes by one name.
#[derive(Debug)]
pub struct Part {
    /// Unique in its session, and the name of its files.
    pub name: String,
    /// Into which terminal it is typed; `None` is the one that is there from the beginning.
    pub terminal: Option<String>,
    /// One after the other.
    pub steps: Vec<Step>,
}

/// Something that is typed, and what then has to happen.
#[derive(Debug)]
pub struct Step {
    /// Where it stands in the file, from 1.
    pub line: usize,
    /// What is typed.
    pub action: Action,
    /// Go on when this is printed, rather than at the next prompt.
    pub until: Option<Regex>,
    /// How it must end; `None` where nothing is said.
    pub status: Option<i32>,
}

/// What is typed.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// A command behind a prompt, perhaps over several lines.
    Command {
        /// `$` or `#`.
        prompt: char,
        /// At least one.
        lines: Vec<String>,
    },
    /// One key, as the bytes that a terminal sends for it.
    Key(Vec<u8>),
    /// A command that nobody sees.
    Quiet(String),
}

impl Session {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// `line N: …` for the first line that is not as the README says.
    pub fn parse(text: &str) -> Result<Self> {
        let session = Self::stage(text)?;
        ensure!(!session.parts.is_empty(), "there is no [part]");
        Ok(session)
    }

    /// The same where nothing needs to be typed: a stage for somebody who types there.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn stage(text: &str) -> Result<Self> {
        let mut reader = Reader::default();
        for (index, line) in text.lines().enumerate() {
            reader.line(index + 1, line).with_context(|| format!("line {}", index + 1))?;
        }
        reader.finish()
    }

    /// Whether the two want the same stage: whatever else they do, both can begin on either's.
    #[must_use]
    pub fn same_stage(&self, other: &Self) -> bool {
        let wants = |it: &Self| (it.user, it.delegate, it.all_processes);
        wants(self) == wants(other) && self.hostname == other.hostname && self.setup == other.setup
    }

    /// Its terminals, in the order in which they are used.
    #[must_use]
    pub fn terminals(&self) -> Vec<Option<&str>> {
        let mut names = Vec::new();
        for part in &self.parts {
            let name = part.terminal.as_deref();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    title: Option<String>,
    user: Option<User>,
    hostname: Option<String>,
    delegate: Option<bool>,
    all_processes: Option<bool>,
    live: Option<Live>,
    masks: Vec<Regex>,
    differs: Vec<Regex>,
    setup: Vec<String>,
    /// Belongs to the first part, which has not begun.
    first: Vec<Step>,
    parts: Vec<Part>,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<()> {
        let line = line.trim_end();
        if line.is_empty() || line == "//" || line.starts_with("// ") {
            return Ok(());
        }
        if let Some(name) = line.strip_prefix('[') {
            return self.part(name);
        }
        let Some(part) = self.parts.last_mut() else { return self.head(number, line) };
        part.line(number, line)
    }

    fn head(&mut self, number: usize, line: &str) -> Result<()> {
        if let Some(command) = line.strip_prefix("quiet:") {
            self.first.push(quiet(number, command)?);
            return Ok(());
        }
        let (key, value) = line
            .strip_prefix("# ")
            .and_then(|line| line.split_once(':'))
            .context("before the first [part] stand lines such as \"# title: Some words\"")?;
        let value = value.trim();
        ensure!(!value.is_empty(), "\"{key}\" says nothing");
        let again = match key {
            "title" => self.title.replace(value.into()).is_some(),
            "as" => self.user.replace(user(value)?).is_some(),
            "hostname" => self.hostname.replace(value.into()).is_some(),
            "delegate" => self.delegate.replace(yes(value)?).is_some(),
            "all-processes" => self.all_processes.replace(yes(value)?).is_some(),
            "live" => self.live.replace(live(value)?).is_some(),
            "mask" => {
                self.masks.push(regex(value)?);
                false
            }
            "differs" => {
                self.differs.push(regex(value)?);
                false
            }
            "setup" => {
                self.setup.push(value.into());
                false
            }
            _ => bail!(
                "there is no \"{key}\": title, as, hostname, delegate, all-processes, live, mask, \
                 differs and setup are known"
            ),
        };
        ensure!(!again, "\"{key}\" stands twice");
        Ok(())
    }

    fn part(&mut self, name: &str) -> Result<()> {
        let wrong = "a part begins as [name] or as [name @terminal]";
        let mut words = name.strip_suffix(']').context(wrong)?.split_whitespace();
        let name = words.next().filter(|name| is_name(name)).context(wrong)?;
        let terminal = match words.next() {
            None => None,
            Some(word) => {
                let name = word.strip_prefix('@').filter(|name| is_name(name)).context(wrong)?;
                Some(name.to_owned())
            }
        };
        ensure!(words.next().is_none(), wrong);
        ensure!(self.parts.iter().all(|part| part.name != name), "there are two parts [{name}]");
        let steps = std::mem::take(&mut self.first);
        self.parts.push(Part { name: name.into(), terminal, steps });
        Ok(())
    }

    fn finish(self) -> Result<Session> {
        let Self { title, user, hostname, delegate, all_processes, live, .. } = self;
        let Self { masks, differs, setup, parts, .. } = self;
        for part in &parts {
            let shown = |step: &Step| !matches!(step.action, Action::Quiet(_));
            ensure!(part.steps.iter().any(shown), "nothing is typed in [{}]", part.name);
        }
        let (user, delegate) = (user.unwrap_or(User::Student), delegate.unwrap_or(false));
        ensure!(!delegate || user == User::Student, "root needs no delegated cgroup");
        Ok(Session {
            title: title.context("there is no \"# title:\"")?,
            user,
            hostname: hostname.unwrap_or_else(|| "laptop".into()),
            delegate,
            all_processes: all_processes.unwrap_or(false),
            live: live.unwrap_or_default(),
            masks,
            differs,
            setup,
            parts,
        })
    }
}

impl Part {
    fn line(&mut self, number: usize, line: &str) -> Result<()> {
        let mut add = |action| {
            self.steps.push(Step { line: number, action, until: None, status: None });
        };
        if let Some((prompt, command)) = command(line)? {
            add(Action::Command { prompt, lines: vec![command.into()] });
            return Ok(());
        }
        if let Some(text) = line.strip_prefix("> ").or((line == ">").then_some("")) {
            return match self.steps.last_mut() {
                Some(Step {
                    action: Action::Command { lines, .. },
                    until: None,
                    status: None,
                    ..
                }) => {
                    typable(text)?;
                    lines.push(text.into());
                    Ok(())
                }
                _ => Err(anyhow!("a line that begins with \"> \" stands right after a command's")),
            };
        }
        let (word, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.trim();
        match word {
            "key" => add(Action::Key(key(value)?)),
            "quiet" => self.steps.push(quiet(number, value)?),
            "until" | "status" => return self.expectation(word, value),
            _ => bail!(
                "{line:?} is neither a command (\"$ …\" or \"# …\") nor one of \
                 key:, until:, status:, quiet:"
            ),
        }
        Ok(())
    }

    fn expectation(&mut self, word: &str, value: &str) -> Result<()> {
        let none = || format!("\"{word}:\" stands after a command or a key");
        let step = self.steps.last_mut().with_context(none)?;
        ensure!(!matches!(step.action, Action::Quiet(_)), none());
        ensure!(
            step.until.is_none() && step.status.is_none(),
            "a command has one \"until:\" or one \"status:\""
        );
        if word == "until" {
            ensure!(!value.is_empty(), "\"until:\" says nothing");
            step.until = Some(regex(value)?);
        } else {
            let status = value.parse::<u8>().ok().with_context(|| {
                format!("a status is a number from 0 to 255, which {value:?} is not")
            })?;
            step.status = Some(status.into());
        }
        Ok(())
    }
}

/// A line that begins with a prompt.
fn command(line: &str) -> Result<Option<(char, &str)>> {
    for prompt in ['$', '#'] {
        if let Some(command) = line.strip_prefix(prompt).and_then(|rest| rest.strip_prefix(' ')) {
            ensure!(!command.trim().is_empty(), "there is no command behind the prompt");
            typable(command)?;
            return Ok(Some((prompt, command)));
        }
    }
    Ok(None)
}

fn quiet(line: usize, command: &str) -> Result<Step> {
    let command = command.trim();
    ensure!(!command.is_empty(), "\"quiet:\" says nothing");
    typable(command)?;
    Ok(Step { line, action: Action::Quiet(command.into()), until: None, status: None })
}

fn typable(text: &str) -> Result<()> {
    let control = text.chars().any(char::is_control);
    ensure!(!control, "a command is typed as it stands: without tabs and other control characters");
    Ok(())
}

/// The bytes that a terminal sends.
fn key(name: &str) -> Result<Vec<u8>> {
    let mut characters = name.chars();
    match (characters.next(), characters.next(), characters.next()) {
        _ if name == "Enter" => Ok(b"\r".into()),
        (Some('^'), Some(letter @ ('A'..='Z' | '[' | '\\')), None) => Ok(vec![letter as u8 & 0x1f]),
        (Some(letter), None, None) if !letter.is_control() => Ok(letter.to_string().into()),
        _ => bail!("{name:?} is no key: ^C, ^D, ^Z and their like, Enter, and a letter are"),
    }
}

fn user(name: &str) -> Result<User> {
    match name {
        "root" => Ok(User::Root),
        "student" => Ok(User::Student),
        _ => bail!("nobody is called {name:?}: root and student are known"),
    }
}

fn yes(value: &str) -> Result<bool> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => bail!("{value:?} is neither yes nor no"),
    }
}

fn live(value: &str) -> Result<Live> {
    match value {
        "yes" => Ok(Live::Yes),
        "only" => Ok(Live::Only),
        _ if value.starts_with("until ") => Ok(Live::Yes),
        _ => bail!("{value:?} is neither yes, only nor until PART"),
    }
}

fn regex(pattern: &str) -> Result<Regex> {
    Regex::new(pattern).with_context(|| format!("{pattern:?} is no regular expression"))
}

/// Names become names of files.
fn is_name(name: &str) -> bool {
    let plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    !name.is_empty() && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r"# title: A process numbering of its own
# as: root
# hostname: box
# mask: took \d+ ms
# setup: mkdir /run/a: b
quiet: touch /tmp/b

// What the page tells about first.
[inside]
quiet: mkdir /tmp/a
# cat <<END
> one
>
> END
# false
status: 1

[outside @host]
# sleep 100
until: never
key: ^C
status: 130
";

    #[test]
    fn a_whole_file_is_read() {
        let session = Session::parse(WHOLE).unwrap();
        assert_eq!(session.title, "A process numbering of its own");
        assert_eq!((session.user, session.hostname.as_str()), (User::Root, "box"));
        assert!(session.masks[0].is_match("took 12 ms"));
        assert_eq!(session.setup, ["mkdir /run/a: b"]);
        let [inside, outside] = &session.parts[..] else { panic!("two parts") };
        assert_eq!((inside.name.as_str(), &inside.terminal), ("inside", &None));
        let quiet = [&inside.steps[0], &inside.steps[1]].map(|step| &step.action);
        let commands = ["touch /tmp/b", "mkdir /tmp/a"].map(|it| Action::Quiet(it.into()));
        assert_eq!(quiet, commands.each_ref());
        let lines = ["cat <<END", "one", "", "END"].map(Into::into).into();
        assert_eq!(inside.steps[2].action, Action::Command { prompt: '#', lines });
        assert_eq!((inside.steps[3].line, inside.steps[3].status), (15, Some(1)));
        assert_eq!(outside.terminal.as_deref(), Some("host"));
        assert!(outside.steps[0].until.as_ref().unwrap().is_match("never"));
        assert_eq!(outside.steps[1].action, Action::Key(vec![3]));
    }

    #[test]
    fn what_is_not_said_is_as_the_readme_says() {
        let session = Session::parse("# title: t\n[a]\n$ true\n").unwrap();
        assert_eq!((session.user, session.hostname.as_str()), (User::Student, "laptop"));
        assert!(!session.delegate && session.masks.is_empty());
        assert_eq!(session.live, Live::No);
    }

    #[test]
    fn a_session_can_be_done_in_the_page_too_or_there_alone() {
        let head = "# title: t\n# live: yes\n# differs: x86_64|i686\n";
        let session = Session::parse(&format!("{head}[a]\n$ uname -m\n")).unwrap();
        assert_eq!(session.live, Live::Yes);
        assert!(session.differs[0].is_match("i686") && session.masks.is_empty());
        let free = Session::stage("# title: t\n# live: only\n").unwrap();
        assert_eq!(free.live, Live::Only);
    }

    #[test]
    fn keys_have_their_bytes() {
        for (name, bytes) in [("^D", "\x04"), ("^Z", "\x1a"), ("Enter", "\r"), ("q", "q")] {
            assert_eq!(key(name).unwrap(), bytes.as_bytes());
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, said) in [
            ("[a]\n$ true", "no \"# title:\""),
            ("# title: t", "no [part]"),
            ("title: t", "line 1: before the first [part]"),
            ("# name: t", "line 1: there is no \"name\""),
            ("# title: t\n# title: u", "line 2: \"title\" stands twice"),
            ("# live: no", "line 1: \"no\" is neither yes, only nor until PART"),
            ("# as: bob", "line 1: nobody is called \"bob\""),
            ("# mask: (", "line 1: \"(\" is no regular expression"),
            ("# title: t\n# as: root\n# delegate: yes\n[a]\n# true", "root needs no delegated"),
            ("# title: t\n[A b]", "line 2: a part begins"),
            ("# title: t\n[a]\n[b]\n$ true", "nothing is typed in [a]"),
            ("# title: t\n[a]\n$ true\n[a]", "line 4: there are two parts [a]"),
            ("# title: t\n[a]\nls", "line 3: \"ls\" is neither"),
            ("# title: t\n[a]\n> ls", "line 3: a line that begins with \"> \""),
            ("# title: t\n[a]\nuntil: x", "line 3: \"until:\" stands after"),
            ("# title: t\n[a]\n$ a\nuntil: x\nstatus: 1", "line 5: a command has one"),
            ("# title: t\n[a]\n$ a\nstatus: 256", "line 4: a status is a number"),
            ("# title: t\n[a]\nkey: Left", "line 3: \"Left\" is no key"),
            ("# title: t\n[a]\n$ a\tb", "line 3: a command is typed as it stands"),
        ] {
            let error = format!("{:#}", Session::parse(text).unwrap_err());
            assert!(error.contains(said), "{text:?} says {error:?}");
        }
    }
}
