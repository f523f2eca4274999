//! A small book in `tests/project`: what its directives become, and that each kind of mistake in it is
//! found and said.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_binder");

/// A copy of the project, which a test may spoil.
struct Project(PathBuf);

impl Project {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/project"), &folder);
        Self(folder)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    fn edit(&self, file: &str, from: &str, to: &str) -> &Self {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        fs::write(self.path(file), text.replacen(from, to, 1)).unwrap();
        self
    }

    /// What `binder check` says; `None` when nothing is wrong.
    fn check(&self, arguments: &[&str]) -> Option<String> {
        let mut command = Command::new(PROGRAM);
        let output =
            command.args(["check", "--project"]).arg(&self.0).args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (!output.status.success()).then_some(said)
    }

    /// The page as mdBook gets it back.
    fn page(&self, name: &str) -> String {
        let output = self.preprocess(name, false);
        assert!(output.status.success());
        let book: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        book["items"][0]["Chapter"]["content"].as_str().unwrap().to_owned()
    }

    fn preprocess(&self, name: &str, strict: bool) -> Output {
        let path = format!("{name}.md");
        let content = fs::read_to_string(self.path("book/en/src").join(&path)).unwrap();
        let config = serde_json::json!({ "preprocessor": { "binder": { "strict": strict } } });
        let input = serde_json::json!([
            { "root": self.path("book/en"), "config": config },
            { "items": [{ "Chapter": {
                "name": name, "content": content, "source_path": path, "sub_items": [],
            } }] },
        ]);
        let mut command = Command::new(PROGRAM);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

const CHAPTER: &str = "book/en/src/00-process.md";

#[test]
fn a_whole_book_is_well_also_when_nothing_may_be_missing() {
    assert_eq!(Project::new("well").check(&["--strict"]), None);
}

#[test]
fn directives_become_html_and_the_rest_stays() {
    let project = Project::new("html");
    let front = project.page("index");
    assert!(front.contains("{{not a directive}}"), "{front}");
    assert!(
        front.contains("<td>0:20</td><td>Exercise: <a href=\"00-process.html#exercise-wait\">")
    );
    assert!(front.contains("<td>0:35</td><th scope=\"row\">Together</th><td>35</td>"), "{front}");
    assert!(front.contains("<td>a process</td>"), "{front}");

    let page = project.page("00-process");
    for piece in [
        "<p class=\"minutes\">20 minutes to read</p>",
        "(https://manpages.debian.org/bookworm/manpages-dev/waitid.2.en.html)",
        "data-cast=\"recordings/00-first/shell.cast\"",
        "<span class=\"prompt\"># </span><span class=\"command\">echo $$</span>&#10;4711",
        "<span class=\"title\">Elsewhere.</span>",
        "data-session=\"00-first\" data-part=\"other\" data-terminal=\"host\" data-live=\"yes\"",
        "data-session=\"playground\" data-part=\"try\" data-terminal=\"\" data-live=\"only\"",
        "<span class=\"title\">Try it.</span>",
        "<span class=\"command\">cat &lt;&lt;END</span>&#10;<span class=\"prompt\">&gt; </span>\
         <span class=\"continued\">a &amp; b</span>",
        "data-task=\"memory\"",
        "\nGive `{name}` **8 MB**.\n",
        "<div class=\"playground\" data-session=\"playground\"",
        "<span class=\"terminal\">terminal “host”</span>",
        "<div class=\"guess\">",
        "\n- A guess in a list.\n",
        "<figcaption>One <em>box</em>.</figcaption>",
        "<p>Ask the <em>kernel</em> with <code>waitid</code>.</p>",
        "coracle hint 00 wait",
        "<span class=\"c\">// Nobody else knows.</span>",
        "<span class=\"k\">pub</span> <span class=\"k\">enum</span>",
        "\n  <figure class=\"not-run\">",
        "<input type=\"radio\" name=\"00-process-orphans\" value=\"1\">",
        "<li class=\"right\">",
    ] {
        assert!(page.contains(piece), "{piece} is not in\n{page}");
    }
    assert!(!page.contains("{{#"), "{page}");
}

#[test]
fn a_session_that_is_not_recorded_has_a_place_in_development_alone() {
    let project = Project::new("unrecorded");
    fs::remove_file(project.path("book/recordings/00-first/shell.txt")).unwrap();
    assert!(project.page("00-process").contains("<p class=\"missing\">"));
    assert_eq!(project.check(&[]), None);
    let said = project.check(&["--strict"]).unwrap();
    assert!(said.contains("book/en/src/00-process.md:13: warning: part shell of"), "{said}");
    assert!(!project.preprocess("00-process", true).status.success());
}

#[test]
fn a_mistake_has_a_file_a_line_and_a_remedy() {
    let cases = [
        ("{{#minutes 20}}", "{{#minutes many}}", ":3: \"many\" are no minutes: write"),
        ("{{#minutes 20}}", "{{#minute 20}}", ":3: there is no directive `minute`; there are"),
        ("**Goal:**", "See {{#minutes 20}}", ":5: a directive stands on a line of its own"),
        (":shell}}", ":shall}}", ":13: session 00-first has no part shall; it has shell, other"),
        (
            "{{#live playground:",
            "{{#session playground:",
            ": session playground is done in the page",
        ),
        ("{{#live playground:", "{{#live 00-first:", ": session 00-first is recorded: write"),
        ("{{#live playground:try", "{{#live playground:dry", "no part dry; it has try, see"),
        ("{{#live playground:", "{{#live nowhere:", "there is no session book/sessions/nowhere"),
        ("{{#task memory}}", "{{#task}}", ": a task has a name"),
        ("8 MB**.\n{{#end}}", "8 MB**.", ": this task has no `{{#end}}`"),
        ("{{#answer}}", "{{#end}}", ":23: a guess is `{{#predict}}`, then `{{#answer}}`"),
        ("{{#end}}", "", ":51: the guess above has no `{{#end}}`"),
        ("{{#picture one}}", "{{#picture two}}", ":29: there is no picture"),
        ("00/wait", "00/weight", ":33: chapter 00 has no exercise weight; it has wait"),
        (":Ended}}", ":Begun}}", "process.rs: it has no anchor and no item Begun"),
        ("console not-run", "console", ":41: a block of shell was not recorded"),
        ("right = true", "right = false", "question orphans has no right answer"),
        ("why = \"They", "wy = \"They", ": these questions are no TOML"),
        ("{#break}", "{#check}", "the id check stands for something above already"),
        ("{#trouble}", "{#sources}", "it has no section `{#trouble}`"),
        ("man:waitid.2", "man:wait-here.2", ":9: wait-here.2 is no known man page"),
        ("/at/v1", "/at/v2", ":9: https://example.org/at/v2 is in none of the lists"),
        ("/at/v1", "/blob/main/a", ":9: https://example.org/blob/main/a follows the branch main"),
        ("](man", "](index.md#nowhere) [](man", ":9: index.md has no id nowhere"),
        ("](man", "](nowhere.md) [](man", ":9: there is no page nowhere.md"),
        ("{{#picture one}} One *box*.", "", "one.svg: no page includes it"),
        ("{{#exercise 00/wait}}", "", "exercise wait is missing"),
        ("{{#end}}", "{{#end}}\n\n```rust\nlet a;\n```", "its blocks of Rust are not compiled"),
        ("{{#end}}", "{{#end}}\n\n```\na\n```", ":27: this block of code names no language"),
        ("{{#end}}", "{{#end}}\n\n| a | |\n|---|---|\n| 1 | 2 |", ":27: a column of this table"),
    ];
    for (from, to, said) in cases {
        let project = Project::new("mistake");
        let found = project.edit(CHAPTER, from, to).check(&[]).unwrap_or_default();
        assert!(found.contains(said), "{from} → {to}: {found}");
    }
}

#[test]
fn a_section_that_the_workshop_names_exists() {
    let project = Project::new("cited");
    let said = project.edit(CHAPTER, "{#by-hand}", "{#hand}").check(&[]).unwrap();
    assert!(said.contains("workshop/src/lessons/process.rs:1: "), "{said}");
    assert!(said.contains("has no section `{#by-hand}`"), "{said}");
}

#[test]
fn a_session_that_no_page_shows_is_said() {
    let project = Project::new("unused");
    fs::remove_dir_all(project.path("book/ko")).unwrap();
    project.edit(CHAPTER, "{{#session 00-first:other}} Elsewhere.", "");
    assert_eq!(project.check(&[]), None, "a part alone need not be shown");
    let said = project.edit(CHAPTER, "{{#session 00-first:shell}}", "").check(&[]).unwrap();
    assert!(said.contains("00-first.session: no page includes a part of it"), "{said}");
}

#[test]
fn what_is_done_by_hand_and_what_is_broken_can_be_done_in_the_page() {
    let project = Project::new("live");
    fs::remove_dir_all(project.path("book/ko")).unwrap();
    project.edit("book/sessions/00-first.session", "# live: yes\n", "");
    assert_eq!(project.check(&[]), None, "while the book is being written");
    let said = project.check(&["--strict"]).unwrap();
    assert!(said.contains(":11: warning: nothing of section by-hand can be done"), "{said}");
    assert!(!said.contains("section break"), "{said}");
}

#[test]
fn what_is_done_in_the_page_alone_has_no_recording() {
    let project = Project::new("live-only");
    fs::create_dir(project.path("book/recordings/playground")).unwrap();
    let said = project.check(&[]).unwrap();
    assert!(said.contains("no book/sessions/playground.session is recorded any more"), "{said}");
}

#[test]
fn the_template_knows_how_large_the_machine_is() {
    let project = Project::new("machine");
    let template = || {
        let folder = project.path("template");
        let mut command = Command::new(PROGRAM);
        let arguments = ["template", "en", folder.to_str().unwrap(), "--project"];
        assert!(command.args(arguments).arg(&project.0).status().unwrap().success());
        fs::read_to_string(folder.join("index.hbs")).unwrap()
    };
    fs::create_dir_all(project.path("book/theme")).unwrap();
    fs::write(project.path("book/theme/index.hbs"), "data-machine=\"[[machine]]\"").unwrap();
    assert_eq!(template(), "data-machine=\"\"");
    fs::create_dir_all(project.path("target/book/machine")).unwrap();
    let machine = project.path("target/book/machine/machine.json");
    fs::write(machine, "{\"bytes\": 9000000}").unwrap();
    assert_eq!(template(), "data-machine=\"9000000\"");
}

#[test]
fn a_course_that_takes_too_long_is_refused() {
    let project = Project::new("course");
    project.edit("book/en/src/courses.toml", "minutes = 60", "minutes = 30");
    let said = project.check(&[]).unwrap();
    assert!(said.contains("course short takes 35 minutes, and has 30"), "{said}");
}

#[test]
fn a_translation_differs_in_words_alone() {
    let page = "book/ko/src/00-process.md";
    let project = Project::new("translation");
    let said = project.edit(page, "## Build {#build}", "## Build {#bauen}").check(&[]).unwrap();
    assert!(said.contains("heading of level 2 here, `{#build}`"), "{said}");

    let project = Project::new("translation");
    let said = project.edit(page, "{{#exercise 00/wait}}", "").check(&[]).unwrap();
    assert!(said.contains("book/ko/src/00-process.md: it has Code"), "{said}");

    let project = Project::new("translation");
    fs::remove_file(project.path(page)).unwrap();
    let said = project.check(&["--strict"]).unwrap();
    assert!(said.contains("book/ko/src/00-process.md: it is not translated"), "{said}");

    // The original goes on: what it was is still shown, and told of.
    let project = Project::new("translation");
    project.edit(CHAPTER, "you can wait", "you can wait long");
    assert_eq!(project.check(&[]), None);
    let said = project.check(&["--strict"]).unwrap();
    assert!(
        said.contains("book/ko/src/00-process.md: warning: the original has changed"),
        "{said}"
    );
}
