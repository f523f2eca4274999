//! What the book says in its own name, in the language of its tree: buttons, labels.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

/// The languages, each a file beside this crate's source.
const LANGUAGES: [(&str, &str); 1] = [("en", include_str!("../texts/en.toml"))];

/// The texts of one language, by their names: `session.label`.
#[derive(Debug)]
pub(crate) struct Texts(BTreeMap<String, String>);

impl Texts {
    /// The texts of a language.
    ///
    /// # Errors
    ///
    /// When there are none.
    pub(crate) fn of(language: &str) -> Result<Self> {
        let Some((_, file)) = LANGUAGES.iter().find(|(name, _)| *name == language) else {
            bail!("there is no book/binder/texts/{language}.toml: copy en.toml and translate it");
        };
        let table: toml::Table =
            file.parse().with_context(|| format!("read book/binder/texts/{language}.toml"))?;
        let mut texts = BTreeMap::new();
        for (name, value) in table {
            match value {
                toml::Value::String(text) => drop(texts.insert(name, text)),
                toml::Value::Table(section) => {
                    for (key, text) in section {
                        let text = text.as_str().unwrap_or_default().to_owned();
                        texts.insert(format!("{name}.{key}"), text);
                    }
                }
                _ => bail!("book/binder/texts/{language}.toml: {name} is no text"),
            }
        }
        Ok(Self(texts))
    }

    /// A text.
    pub(crate) fn get<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, String::as_str)
    }

    /// A text with its `{…}` filled in.
    pub(crate) fn fill(&self, name: &str, values: &[(&str, &str)]) -> String {
        values.iter().fold(self.get(name).to_owned(), |text, (key, value)| {
            text.replace(&format!("{{{key}}}"), value)
        })
    }

    /// The texts of one section, by their names without it.
    pub(crate) fn section(&self, section: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(move |(name, text)| {
            let key = name.strip_prefix(section)?.strip_prefix('.')?;
            Some((key, text.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every name that the source asks for.
    fn asked_for() -> Vec<&'static str> {
        let sources = [
            include_str!("directives/code.rs"),
            include_str!("directives/course.rs"),
            include_str!("directives/exercise.rs"),
            include_str!("directives/minutes.rs"),
            include_str!("directives/not_run.rs"),
            include_str!("directives/predict.rs"),
            include_str!("directives/questions.rs"),
            include_str!("directives/session.rs"),
            include_str!("directives/task.rs"),
        ];
        let calls = ["texts.get(\"", "texts.fill(\""];
        let of_source = |source: &'static str| {
            calls.into_iter().flat_map(move |call| {
                source.split(call).skip(1).filter_map(|rest| rest.split('"').next())
            })
        };
        sources.into_iter().flat_map(of_source).collect()
    }

    #[test]
    fn every_language_has_every_text() {
        let english = Texts::of("en").unwrap();
        for (language, _) in LANGUAGES {
            let texts = Texts::of(language).unwrap();
            assert_eq!(
                texts.0.keys().collect::<Vec<_>>(),
                english.0.keys().collect::<Vec<_>>(),
                "texts/{language}.toml has other names than texts/en.toml"
            );
            for name in asked_for() {
                assert!(texts.0.contains_key(name), "texts/{language}.toml lacks {name}");
            }
        }
        assert!(asked_for().len() > 10, "the calls are written otherwise now");
    }

    #[test]
    fn a_text_is_filled_in() {
        let texts = Texts::of("en").unwrap();
        assert_eq!(texts.fill("minutes", &[("minutes", "20")]), "20 minutes to read");
    }
}
