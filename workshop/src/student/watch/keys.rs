//! What each key does.

use anyhow::Result;

use super::screen::FRAME;
use super::terminal::{self, Terminal};
use super::{Watching, texts};
use crate::student::solve::{self, By};
use crate::student::standing::{self, Standing};
use crate::student::{hint, texts as student_texts};

impl Watching<'_> {
    /// Does what the pressed keys ask for; `false` when that is to end.
    pub(super) fn keys(&mut self) -> Result<bool> {
        let Some(keys) = self.terminal.as_ref().and_then(Terminal::keys) else { return Ok(false) };
        for key in keys {
            if key == 'q' {
                return Ok(false);
            }
            self.note = None;
            if let Some(exercise) = self.asked.take() {
                self.text = None;
                if key == 'y' {
                    self.solve(&exercise);
                }
                self.draw()?;
                continue;
            }
            self.text = match key {
                'h' => Some(self.hint()),
                's' => Some(self.ask()),
                'l' => Some(texts::short_list(&self.all)),
                _ => None,
            };
            match key {
                'c' => self.start()?,
                'n' => self.go_on()?,
                _ => self.draw()?,
            }
        }
        Ok(true)
    }

    fn standing(&self) -> Option<&Standing> {
        self.all.iter().find(|standing| standing.chapter == self.chapter)
    }

    fn hint(&self) -> String {
        let Some(standing) = self.standing() else { return String::new() };
        let Some(exercise) = standing.next() else { return student_texts::nothing_left(standing) };
        match hint::next(self.project, &self.chapter, exercise) {
            Ok((hints, step)) => {
                let rows = terminal::size().0.saturating_sub(FRAME);
                student_texts::hint_on_screen(exercise, hints, step, rows)
            }
            Err(error) => texts::failed(&error),
        }
    }

    fn ask(&mut self) -> String {
        let Some(standing) = self.standing() else { return String::new() };
        let Some(exercise) = standing.next() else { return student_texts::nothing_left(standing) };
        let question = texts::take_solution(exercise);
        self.asked = Some(exercise.name.clone());
        question
    }

    fn solve(&mut self, exercise: &str) {
        let put = solve::put(self.project, &self.chapter, Some(exercise), By::Solution);
        let kept = put.as_ref().ok().and_then(Option::as_ref);
        self.note = Some(match &put {
            Ok(_) => student_texts::replaced(&self.chapter, Some(exercise), By::Solution, kept),
            Err(error) => texts::failed(error),
        });
    }

    /// Goes on to the next chapter, if this one passes.
    fn go_on(&mut self) -> Result<()> {
        let passed = self.standing().is_some_and(|standing| standing.passed);
        let next = match standing::current(&self.all) {
            Some(next) if passed => next.chapter.clone(),
            Some(_) => {
                self.note = Some(texts::not_yet(&self.chapter, self.standing()));
                return self.draw();
            }
            None => {
                self.text = Some(student_texts::next(&self.all));
                return self.draw();
            }
        };
        self.chapter = next;
        self.start()
    }
}
