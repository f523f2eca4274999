//! 05: layers on top of each other, what is written on top of them, and what was changed.

mod claims;
mod scene;
mod texts;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};

use super::look::{holds_text, is_overlay, is_whiteout};
use crate::check::claim::{Finding, Wrong, expect};
use crate::check::exam::{Exam, Lesson};
use crate::check::world::{Call, Facts, Host, Outcome, Trouble, World};
use scene::{Scene, at, difference, lone, on, put, search};

pub(super) const LESSON: Lesson =
    Lesson { chapter: "05", claims: &claims::CLAIMS, refusals: &[], examine };

/// Where the probe is in a container.
const PROBE: &str = "/bin/probe";

fn examine(exam: &mut Exam) -> Result<()> {
    if let Err(errno) = possible(&exam.world)? {
        for claim in &claims::CLAIMS {
            exam.leave_out(claim.id, texts::no_overlay(&errno));
        }
        return Ok(());
    }
    let host = Host::new(&exam.world)?;
    let scene = Scene::new(&exam.world)?;
    // Beside it is room for whatever a program keeps there.
    let upper = exam.world.folder("writes")?.join("upper");
    fs::create_dir(&upper).with_context(|| texts::cannot_write(&upper))?;
    let before = (host.snapshot()?, scene.state()?);

    changes(exam, &host, &scene, &upper)?;
    let examinations = [again, upper_as_layer, told, thrown_away, apart];
    for examination in examinations {
        if exam.goes_on() && exam.holds("runs") {
            examination(exam, &host, &scene, &upper)?;
        }
    }
    if exam.goes_on() && exam.holds("runs") {
        many(exam, &host, &scene.root)?;
        odd_names(exam, &host, &scene.root)?;
    }
    if exam.goes_on() && exam.holds("runs") {
        let state = scene.state()?;
        let difference = difference(&before.1, &state);
        exam.finding("layers-untouched", difference.map_or(Ok(()), |it| Err(Wrong::Seen(it))));
        let after = host.snapshot()?;
        let left: Vec<_> = after.mounts.difference(&before.0.mounts).cloned().collect();
        exam.finding(
            "no-mount-left",
            expect(left.is_empty(), || format!("/proc/self/mountinfo: {}", left.join("; "))),
        );
    }
    Ok(())
}

/// Whether this user can have an overlay whose folders can be removed; if not, what the kernel says.
fn possible(world: &World) -> Result<Result<(), String>> {
    let folder = world.folder("trial")?;
    for name in ["lower/folder", "upper", "work", "merged"] {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).with_context(|| texts::cannot_write(&folder))?;
    }
    let told = Host::new(world)?.visit(|| {
        let at = |name: &str| folder.join(name).display().to_string();
        let (lower, upper, work) = (at("lower"), at("upper"), at("work"));
        let options = format!("lowerdir={lower},upperdir={upper},workdir={work},userxattr");
        let none = MsFlags::empty();
        let tried = mount(Some("trial"), &*at("merged"), Some("overlay"), none, Some(&*options))
            .map_err(std::io::Error::from)
            .and_then(|()| fs::remove_dir(folder.join("merged/folder")))
            .and_then(|()| fs::create_dir(folder.join("merged/folder")));
        Ok(tried.map_or_else(|error| error.to_string(), |()| String::new()))
    })?;
    Ok(if told.is_empty() { Ok(()) } else { Err(told) })
}

/// One container that reads, writes, changes and removes, with an upper folder that stays.
fn changes(exam: &mut Exam, host: &Host, scene: &Scene, upper: &Path) -> Result<()> {
    let path = |name: &str| scene.path(name);
    let new = exam.world.word();
    let actions = [
        format!("read:{}", path("only-0")),
        format!("read:{}", path("only-1")),
        format!("read:{}", path("only-2")),
        format!("read:{}", path("in-all")),
        format!("read:{}", path("in-two")),
        format!("list:{}", path("folder")),
        format!("write:{}={new}", path("new")),
        format!("append:{}={new}", path("changed")),
        format!("remove:{}", path("deleted")),
        format!("stat:{}", path("deleted")),
        format!("remove:{}", path("removed")),
        format!("remove:{}", path("anew")),
        format!("mkdir:{}", path("anew")),
        format!("write:{}={new}", path("anew/new")),
        format!("list:{}", path("anew")),
        "hold".to_owned(),
    ];
    let call = scene.call(&exam.world).options(&["--upper".as_ref(), upper.as_os_str()]);
    let mut running = host.start(&exam.world, &call.probe(PROBE, &actions))?;
    let held = running.held();
    let Some(pid) = exam.found("runs", held) else { return Ok(()) };
    exam.finding("overlay", is_overlay(pid));
    let facts = running.facts();
    seen(exam, scene, &facts);
    let outcome = running.release(pid);
    if exam.found("runs", outcome).is_none() {
        return Ok(());
    }
    written(exam, scene, upper, &facts, &new);
    removed(exam, scene, upper, &facts);
    Ok(())
}

/// A fact is what it should be.
fn says(facts: &Facts, key: &str, expected: &str) -> Finding {
    let said = facts.text(key);
    expect(said == expected, || match expected {
        "ok" => format!("{}: {said}", spoken(key)),
        _ => format!("{}: {said:?}, expected {expected:?}", spoken(key)),
    })
}

/// The command that shows in the container what the probe's action says.
fn spoken(key: &str) -> String {
    let (action, path) = key.split_once(':').unwrap_or((key, ""));
    let command = match action {
        "read" => "cat",
        "list" => "ls",
        "stat" => "stat",
        "remove" => "rm -r",
        "mkdir" => "mkdir",
        _ => "echo >",
    };
    format!("`{command} {path}` in the container")
}

/// What the container saw of the layers.
fn seen(exam: &mut Exam, scene: &Scene, facts: &Facts) {
    let read = |name: &str| format!("read:{}", scene.path(name));
    for layer in 0..3 {
        exam.finding("merged", says(facts, &read(&format!("only-{layer}")), &scene.says(layer)));
    }
    exam.finding("topmost", says(facts, &read("in-two"), &scene.says(1)));
    exam.finding("topmost", says(facts, &read("in-all"), &scene.says(2)));
    exam.finding("folders", says(facts, &format!("list:{}", scene.path("folder")), "0\n1\n2"));
}

/// What is in the upper folder for what the container wrote.
fn written(exam: &mut Exam, scene: &Scene, upper: &Path, facts: &Facts, new: &str) {
    let (path, place) = (|name: &str| scene.path(name), |name: &str| at(upper, &scene.path(name)));
    exam.finding("writes", says(facts, &format!("write:{}", path("new")), "ok"));
    exam.finding("writes", holds_text(&place("new"), new));
    exam.finding("copied-up", says(facts, &format!("append:{}", path("changed")), "ok"));
    let whole = format!("{}{new}", scene.says(0));
    exam.finding("copied-up", holds_text(&place("changed"), &whole));
}

/// What is in the upper folder for what the container removed.
fn removed(exam: &mut Exam, scene: &Scene, upper: &Path, facts: &Facts) {
    let (path, place) = (|name: &str| scene.path(name), |name: &str| at(upper, &scene.path(name)));
    let whiteout = |name: &str| is_whiteout(&place(name));
    exam.finding("whiteout", says(facts, &format!("remove:{}", path("deleted")), "ok"));
    exam.finding("whiteout", says(facts, &format!("stat:{}", path("deleted")), "ENOENT"));
    exam.finding("whiteout", whiteout("deleted"));
    exam.finding("folder-removed", says(facts, &format!("remove:{}", path("removed")), "ok"));
    exam.finding("folder-removed", whiteout("removed"));
    exam.finding("folder-removed", says(facts, &format!("remove:{}", path("anew")), "ok"));
    exam.finding("opaque", says(facts, &format!("mkdir:{}", path("anew")), "ok"));
    exam.finding("opaque", says(facts, &format!("list:{}", path("anew")), "new"));
}

/// Runs the probe, which does not hold, and gives what it said.
fn ask(exam: &mut Exam, host: &Host, id: &str, call: Call) -> Result<Option<Outcome>> {
    let outcome = host.start(&exam.world, &call)?.wait();
    let Some(outcome) = exam.found(id, outcome) else { return Ok(None) };
    // Whoever did not get as far as the command says why.
    if outcome.facts.get("say").is_none() {
        exam.finding(id, Err(Wrong::Trouble(outcome.trouble())));
        return Ok(None);
    }
    Ok(Some(outcome))
}

/// A second container with the same upper folder.
fn again(exam: &mut Exam, host: &Host, scene: &Scene, upper: &Path) -> Result<()> {
    let call = scene.call(&exam.world).options(&["--upper".as_ref(), upper.as_os_str()]);
    left(exam, host, "kept", scene, call)
}

/// A container on the layers, and the upper folder for one more.
fn upper_as_layer(exam: &mut Exam, host: &Host, scene: &Scene, upper: &Path) -> Result<()> {
    let call = on(scene.call(&exam.world), upper);
    left(exam, host, "upper-as-layer", scene, call)
}

/// Whether a container finds what the first one left.
fn left(exam: &mut Exam, host: &Host, id: &str, scene: &Scene, call: Call) -> Result<()> {
    let list = |name: &str| format!("list:{}", scene.path(name));
    let actions = ["say:here".into(), list(""), list("anew")];
    let Some(outcome) = ask(exam, host, id, call.probe(PROBE, &actions))? else { return Ok(()) };
    let expected = "anew\nchanged\nfolder\nin-all\nin-two\nnew\nonly-0\nonly-1\nonly-2";
    exam.finding(id, says(&outcome.facts, &list(""), expected));
    exam.finding(id, says(&outcome.facts, &list("anew"), "new"));
    Ok(())
}

/// `diff`, after two runs.
fn told(exam: &mut Exam, host: &Host, scene: &Scene, upper: &Path) -> Result<()> {
    let call = exam.world.call().words(&["diff".as_ref(), upper.as_os_str()]);
    let outcome = host.start(&exam.world, &call)?.wait();
    let Some(outcome) = exam.found("diff", outcome) else { return Ok(()) };
    if let Some(trouble) = Trouble::told(&outcome.errors) {
        exam.finding("diff", Err(Wrong::Trouble(trouble)));
        return Ok(());
    }
    let within = |line: &&str| {
        line.split_once(' ')
            .is_some_and(|(_, path)| path == scene.top || path.starts_with(&scene.path("")))
    };
    let lines: Vec<&str> = outcome.output.lines().map(str::trim_end).filter(within).collect();
    let shown = || match &lines[..] {
        [] => texts::no_changes(&outcome.shown, &scene.top),
        lines => format!("`{}`: {}", outcome.shown, lines.join(", ")),
    };
    let expected = [("C", ""), ("A", "new"), ("C", "changed"), ("D", "deleted"), ("D", "removed")];
    let mut other = lines.clone();
    for (letter, name) in expected {
        let line = format!("{letter} {}", scene.path(name).trim_end_matches('/'));
        other.retain(|it| *it != line);
        exam.finding(
            "diff",
            expect(lines.contains(&&*line), || format!("{}, expected `{line}`", shown())),
        );
    }
    // Of a folder that is gone, some name each file, too.
    other.retain(|line| {
        let path = line.split_once(' ').map_or("", |(_, path)| path);
        !["anew", "removed"].iter().any(|name| path.starts_with(&scene.path(name)))
    });
    exam.finding(
        "diff",
        expect(other.is_empty(), || {
            format!("`{}`: {}, which did not change so", outcome.shown, other.join(", "))
        }),
    );
    let anew = scene.path("anew");
    let has = |line: String| lines.contains(&&*line);
    let gone = has(format!("D {anew}")) || has(format!("D {anew}/0"));
    exam.finding(
        "diff-opaque",
        expect(gone && has(format!("A {anew}/new")), || {
            format!("{}, expected `A {anew}/new` and `D {anew}/0`", shown())
        }),
    );
    Ok(())
}

/// Containers without an upper folder that stays.
fn thrown_away(exam: &mut Exam, host: &Host, scene: &Scene, _: &Path) -> Result<()> {
    let name = exam.world.word();
    let (file, list) = (scene.path(&name), format!("list:{}", scene.top));
    let call =
        |exam: &Exam, actions: &[String]| lone(&exam.world).root(&scene.root).probe(PROBE, actions);
    let actions = ["say:here".into(), format!("write:{file}={name}"), format!("read:{file}")];
    let first = call(exam, &actions);
    let Some(outcome) = ask(exam, host, "thrown-away", first)? else { return Ok(()) };
    exam.finding("thrown-away", says(&outcome.facts, &format!("read:{file}"), &name));
    let second = call(exam, &["say:here".into(), list.clone()]);
    let Some(outcome) = ask(exam, host, "thrown-away", second)? else { return Ok(()) };
    let names = outcome.facts.text(&list).to_owned();
    exam.finding(
        "thrown-away",
        expect(!names.lines().any(|it| it == name), || {
            format!("{}: {name} of the run before", spoken(&list))
        }),
    );
    let left = search(&name);
    exam.finding(
        "thrown-away",
        expect(left.is_empty(), || format!("still there after the run: {}", left[0].display())),
    );
    Ok(())
}

/// Two containers at once.
fn apart(exam: &mut Exam, host: &Host, scene: &Scene, _: &Path) -> Result<()> {
    let name = exam.world.word();
    let list = format!("list:{}", scene.top);
    let actions = ["say:here".into(), format!("write:{}", scene.path(&name)), "hold".into()];
    let call = lone(&exam.world).root(&scene.root).probe(PROBE, &actions);
    let mut first = host.start(&exam.world, &call)?;
    let held = first.held();
    let Some(pid) = exam.found("apart", held) else { return Ok(()) };
    let call = lone(&exam.world).root(&scene.root).probe(PROBE, &["say:here", &list]);
    if let Some(outcome) = ask(exam, host, "apart", call)? {
        let names = outcome.facts.text(&list).to_owned();
        exam.finding(
            "apart",
            expect(!names.lines().any(|it| it == name), || {
                format!("{}: {name}, which another container has written", spoken(&list))
            }),
        );
    }
    let outcome = first.release(pid);
    exam.found("apart", outcome);
    Ok(())
}

/// More layers than mount(2) has room for.
fn many(exam: &mut Exam, host: &Host, root: &Path) -> Result<()> {
    const COUNT: usize = 120;
    let folder = exam.world.folder("many")?;
    let layers: Vec<PathBuf> = (0..COUNT)
        .map(|number| folder.join(format!("layer-{number}-{}", exam.world.word())))
        .collect();
    stacked(exam, host, "many", root, &layers)
}

/// Names that mean something to mount(2).
fn odd_names(exam: &mut Exam, host: &Host, root: &Path) -> Result<()> {
    let folder = exam.world.folder("odd")?;
    let odd = ["sha256:", "a,upperdir=b", "two words ", "back\\slash", "c\\:d"];
    let layers = odd.map(|odd| folder.join(format!("{odd}{}", exam.world.word())));
    stacked(exam, host, "odd-names", root, &layers)
}

/// A container on the root folder and these layers: a file of each is there.
fn stacked(exam: &mut Exam, host: &Host, id: &str, root: &Path, layers: &[PathBuf]) -> Result<()> {
    let word = exam.world.word();
    for (number, layer) in layers.iter().enumerate() {
        put(layer, &format!("/{word}/{number}"), &word)?;
        put(layer, &format!("/{word}/all"), &number.to_string())?;
    }
    let call = layers.iter().fold(lone(&exam.world).root(root), |call, layer| on(call, layer));
    let (list, all) = (format!("list:/{word}"), format!("read:/{word}/all"));
    let actions = ["say:here", &list, &all];
    let Some(outcome) = ask(exam, host, id, call.probe(PROBE, &actions))? else { return Ok(()) };
    let count = outcome.facts.text(&list).lines().count();
    exam.finding(
        id,
        expect(count == layers.len() + 1, || {
            format!("{}: {count} names, expected {}", spoken(&list), layers.len() + 1)
        }),
    );
    exam.finding(id, says(&outcome.facts, &all, &(layers.len() - 1).to_string()));
    Ok(())
}
