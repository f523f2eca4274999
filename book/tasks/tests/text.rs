//! The book and the tasks are in step: each task stands in its chapter, with the values that it makes
//! up and with the right commands as its hint.

use std::fs;
use std::path::Path;

/// The text of the chapter with this number.
fn chapter(number: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../en/src");
    let entries = fs::read_dir(&folder).expect("the book's text").flatten();
    let mut names = entries.map(|entry| entry.path());
    let page = names.find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(number))
    });
    fs::read_to_string(page.expect("a chapter")).expect("its text")
}

#[test]
fn every_task_stands_in_its_chapter() {
    for name in tasks::list() {
        let text = chapter(&name[..2]);
        let begin = format!("{{{{#task {name}}}}}\n");
        let (_, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
        let (task, _) = rest.split_once("{{#end}}").expect("an end");
        let begun = tasks::start(name).expect("a task");
        let values = begun["values"].as_object().expect("values");
        for key in values.keys() {
            assert!(task.contains(&format!("{{{key}}}")), "{name}: the text has no {key}");
        }
        let played = Path::new(env!("CARGO_MANIFEST_DIR")).join("played");
        let session =
            fs::read_to_string(played.join(format!("{name}.session"))).expect("a session");
        // Only a test has to wait.
        let does = |line: &&str| line.starts_with("# ") && !line.starts_with("# until ");
        let last = session.lines().rfind(does).expect("a command");
        let last = last.trim_start_matches("# ").replace("{two}", "{one}");
        // The second of two like it has other names, and a long line may be broken.
        let shown = task.replace("\n  ", "; ");
        let is_there = shown.contains(&last) || name == "03-bridge";
        assert!(is_there, "{name}: the hint has no `{last}`\n{task}");
    }
}

#[test]
fn every_task_of_the_book_is_there() {
    for number in ["00", "01", "02", "03", "04", "05", "06"] {
        let text = chapter(number);
        let named = text.lines().filter_map(|it| it.strip_prefix("{{#task ")?.strip_suffix("}}"));
        let named: Vec<_> = named.collect();
        let listed: Vec<_> =
            tasks::list().into_iter().filter(|name| name.starts_with(number)).collect();
        assert_eq!(named, listed);
    }
}
