//! The facts of two views, side by side, by chapter.

use std::ffi::OsString;

use colored::Colorize;

use super::facts::{Fact, facts, is_way_out};
use super::texts::{self, TOPICS};
use crate::observe::{Difference, View, shown};
use crate::table::{Row, Table, fold};

const WIDTH: usize = 78;

pub(super) fn page(process: &View, host: &View, difference: &Difference) -> String {
    let heads = [texts::process(process.pid), texts::HOST.to_owned()];
    let table = Table { heads, lines: 6, mark: '*' };
    let mut page = paragraph(&texts::verdict(difference));
    page += &format!("\n{}\n", table.head());
    for topic in &TOPICS {
        let rule = "─".repeat(70_usize.saturating_sub(topic.title.chars().count()));
        let heading = format!("── {}  {} {rule}", topic.chapter, topic.title);
        page += &format!("{}\n", heading.bold());
        let both = facts(process, topic).into_iter().zip(facts(host, topic));
        let rows: Vec<_> = both.map(|(its, hosts)| row(its, hosts)).collect();
        page += &table.body(&rows);
        for note in notes(topic.chapter, process, difference) {
            page += &format!("{}\n", paragraph(&note).trim_end().yellow());
        }
    }
    page += &format!("\n{}", paragraph(texts::MARKED));
    for unread in &process.unread {
        page += &paragraph(&texts::unread(&unread.reason));
    }
    page
}

fn row(its: Fact, hosts: Fact) -> Row {
    let changed = its.telling && its.value != hosts.value && its.value != texts::UNKNOWN;
    let (inside, outside) = (its.value + &its.aside, hosts.value + &hosts.aside);
    Row { question: its.question, inside, outside, changed }
}

/// What is worth a sentence.
fn notes(chapter: &str, process: &View, difference: &Difference) -> Vec<String> {
    match chapter {
        "00" if is_contained(difference) => environment(process, difference),
        "01" if difference.outside_root == Some(true) => vec![texts::OUTSIDE_ROOT.into()],
        "02" => {
            let leaks = difference.leaks.iter();
            leaks.map(|it| texts::leak(&it.inside, &it.outside)).collect()
        }
        "03" => difference.cables.iter().map(texts::cable).collect(),
        "09" => {
            let outside = process.descriptors.iter().filter(|it| is_way_out(it));
            outside.map(|it| texts::descriptor_outside(it.number, &shown(&it.target))).collect()
        }
        _ => Vec::new(),
    }
}

fn is_contained(difference: &Difference) -> bool {
    difference.own_root == Some(true) || !difference.own_namespaces.is_empty()
}

fn environment(process: &View, difference: &Difference) -> Vec<String> {
    let all = process.environment.as_ref().map_or(0, Vec::len);
    let name = |it: &OsString| shown(it).split('=').next().unwrap_or_default().to_owned();
    let shared: Vec<_> = difference.environment_shared.iter().map(name).collect();
    (!shared.is_empty()).then(|| texts::environment(&shared, all)).into_iter().collect()
}

fn paragraph(text: &str) -> String {
    fold(text, WIDTH).into_iter().map(|line| line + "\n").collect()
}
