//! A block of code of the language `questions`: questions with answers, each explained.
//!
//! Without JavaScript a question is a list to choose from and a fold with the explanations; with it
//! (`theme/questions.js`) it can be answered.

use serde::Deserialize;

use crate::book::Book;
use crate::html;
use crate::page::{Page, Use};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    question: Vec<Question>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    id: String,
    ask: String,
    answer: Vec<Answer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    text: String,
    #[serde(default)]
    right: bool,
    why: String,
}

pub(crate) fn render(book: &Book, page: &mut Page, text: &str) -> Result<String, String> {
    let block: Block =
        toml::from_str(text).map_err(|error| format!("these questions are no TOML: {error}"))?;
    let known: Vec<_> = page.uses.iter().filter_map(names).flatten().cloned().collect();
    let mut ids: Vec<String> = Vec::new();
    let mut html = String::new();
    for question in &block.question {
        if ids.contains(&question.id) || known.contains(&question.id) {
            return Err(format!("there are two questions {:?}: an id stands for one", question.id));
        }
        question.refuse_faults()?;
        html.push_str(&question.html(book, page.name()));
        ids.push(question.id.clone());
    }
    page.uses.push(Use::Questions(ids));
    let page = page.name();
    Ok(format!("<div class=\"questions\" data-page=\"{page}\">{html}</div>"))
}

fn names(include: &Use) -> Option<&Vec<String>> {
    match include {
        Use::Questions(ids) => Some(ids),
        _ => None,
    }
}

impl Question {
    fn refuse_faults(&self) -> Result<(), String> {
        let id = &self.id;
        let well_formed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || !id.chars().all(well_formed) {
            return Err(format!("{id:?} is no id: small letters, digits and hyphens"));
        }
        if self.answer.len() < 2 {
            return Err(format!(
                "question {id} has nothing to choose from: write two answers or more"
            ));
        }
        if !self.answer.iter().any(|answer| answer.right) {
            return Err(format!("question {id} has no right answer: write `right = true` at one"));
        }
        match self.answer.iter().find(|answer| answer.why.trim().is_empty()) {
            Some(answer) => Err(format!("in question {id} {:?} has no `why`", answer.text)),
            None => Ok(()),
        }
    }

    fn html(&self, book: &Book, page: &str) -> String {
        let texts = &book.texts;
        let id = &self.id;
        let several = self.answer.iter().filter(|answer| answer.right).count() > 1;
        let kind = if several { "checkbox" } else { "radio" };
        let note = match several {
            true => format!(" <small>{}</small>", texts.get("questions.several")),
            false => String::new(),
        };
        let (mut choices, mut reasons) = (String::new(), String::new());
        for (place, answer) in self.answer.iter().enumerate() {
            let text = html::phrase(&answer.text);
            choices.push_str(&format!(
                "<label class=\"choice\"><input type=\"{kind}\" name=\"{page}-{id}\" \
                 value=\"{place}\"> <span>{text}</span></label>"
            ));
            let (class, verdict) = match answer.right {
                true => ("right", texts.get("questions.right")),
                false => ("wrong", texts.get("questions.wrong")),
            };
            let why = html::phrase(&answer.why);
            reasons.push_str(&format!(
                "<li class=\"{class}\"><span class=\"text\">{text}</span> \
                 <span class=\"why\"><strong>{verdict}</strong> {why}</span></li>"
            ));
        }
        let summary = texts.get("questions.summary");
        let ask = html::phrase(&self.ask);
        // A legend holds a phrase; what else the question has (code) comes below it.
        let (legend, rest) = match ask.split_once("</p>") {
            Some((first, rest)) => (first.trim_start_matches("<p>").to_owned(), rest.to_owned()),
            None => (ask, String::new()),
        };
        format!(
            "<div class=\"question\" id=\"question-{id}\" data-id=\"{id}\">\
             <fieldset><legend>{legend}{note}</legend>{rest}{choices}</fieldset>\
             <details class=\"reasons\"><summary>{summary}</summary><ol>{reasons}</ol></details></div>"
        )
    }
}
