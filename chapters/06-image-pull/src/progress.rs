//! What a pull shows: a bar a layer in a terminal, a line a layer anywhere else. The words are
//! Docker's, which people and scripts know.

use std::io::{self, IsTerminal, Write};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::digest::Digest;

/// Where a pull is shown. `pull` itself is asked for it; `run` has to leave standard output to the
/// command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
    /// Nowhere.
    Nobody,
}

/// How a pull is shown.
#[derive(Debug)]
pub struct Progress {
    to: To,
    /// A bar for each layer, in a terminal.
    bars: Option<MultiProgress>,
}

impl Progress {
    /// Bars if it goes to a terminal, lines if not.
    #[must_use]
    pub fn new(to: To) -> Self {
        let target = match to {
            To::Output if io::stdout().is_terminal() => Some(ProgressDrawTarget::stdout()),
            To::Error if io::stderr().is_terminal() => Some(ProgressDrawTarget::stderr()),
            _ => None,
        };
        Self { to, bars: target.map(MultiProgress::with_draw_target) }
    }

    /// Shows a line, above the bars.
    pub fn line(&self, text: &str) {
        match &self.bars {
            Some(bars) => drop(bars.println(text)),
            None => print(self.to, text),
        }
    }

    /// Begins to show a layer of `size` bytes.
    #[must_use]
    pub fn layer(&self, digest: &Digest, size: u64) -> LayerProgress {
        let id = digest.hex()[..12].to_owned();
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new(size));
            bar.set_style(style(WAITING));
            bar.set_prefix(id.clone());
            bar.set_message("Waiting");
            bar.tick();
            bar
        });
        LayerProgress { id, to: self.to, bar }
    }
}

const WAITING: &str = "{prefix}: {msg}";
const RUNNING: &str = "{prefix}: {msg:12} [{wide_bar}] {bytes:>10}/{total_bytes:10}";

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

/// Nobody may be reading any more; the pull goes on.
fn print(to: To, text: &str) {
    let _ = match to {
        To::Output => writeln!(io::stdout(), "{text}"),
        To::Error => writeln!(io::stderr(), "{text}"),
        To::Nobody => Ok(()),
    };
}

/// One layer of it.
#[derive(Debug)]
pub struct LayerProgress {
    id: String,
    to: To,
    bar: Option<ProgressBar>,
}

impl LayerProgress {
    /// It has begun, or goes on with `received` bytes from the last time.
    pub fn begin(&self) {
        self.say("Pulling fs layer");
        if let Some(bar) = &self.bar {
            bar.set_style(style(RUNNING));
            bar.set_message("Pulling");
            bar.set_position(0);
        }
    }

    /// Somebody else is pulling the same layer.
    pub fn waiting(&self) {
        self.say("Waiting for another pull");
        if let Some(bar) = &self.bar {
            bar.set_message("Waiting for another pull");
        }
    }

    /// So many bytes more.
    pub fn add(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }

    /// It is here.
    pub fn done(&self) {
        self.end("Pull complete");
    }

    /// It was here.
    pub fn exists(&self) {
        self.end("Already exists");
    }

    /// It can't be had; the error will say why.
    pub fn failed(&self) {
        self.end("Failed");
    }

    fn end(&self, text: &str) {
        self.say(text);
        if let Some(bar) = &self.bar {
            bar.set_style(style(WAITING));
            bar.finish_with_message(text.to_owned());
        }
    }

    fn say(&self, text: &str) {
        if self.bar.is_none() {
            print(self.to, &format!("{}: {text}", self.id));
        }
    }
}
