//! What a pull shows: a bar a layer in a terminal, a line a layer anywhere else. The words are
//! Docker's, which people and scripts know.

use std::io::{self, IsTerminal, Write};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::digest::Digest;

/// How a pull is shown.
#[derive(Debug)]
pub enum Progress {
    /// A bar for each layer.
    Bars(MultiProgress),
    /// A line whenever something about a layer changes.
    Lines,
    /// Not at all.
    Quiet,
}

impl Progress {
    /// Bars if standard output is a terminal, lines if not, nothing if `quiet`.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        match (quiet, io::stdout().is_terminal()) {
            (true, _) => Self::Quiet,
            (false, true) => {
                Self::Bars(MultiProgress::with_draw_target(ProgressDrawTarget::stdout()))
            }
            (false, false) => Self::Lines,
        }
    }

    /// Shows a line, above the bars.
    pub fn line(&self, text: &str) {
        match self {
            Self::Bars(bars) => drop(bars.println(text)),
            Self::Lines => print(text),
            Self::Quiet => {}
        }
    }

    /// Begins to show a layer of `size` bytes.
    #[must_use]
    pub fn layer(&self, digest: &Digest, size: u64) -> LayerProgress {
        let id = digest.hex()[..12].to_owned();
        let bar = match self {
            Self::Bars(bars) => {
                let bar = bars.add(ProgressBar::new(size));
                bar.set_style(style(WAITING));
                bar.set_prefix(id.clone());
                bar.set_message("Waiting");
                bar.tick();
                Some(bar)
            }
            Self::Lines | Self::Quiet => None,
        };
        LayerProgress { id, bar, lines: matches!(self, Self::Lines) }
    }
}

const WAITING: &str = "{prefix}: {msg}";
const RUNNING: &str = "{prefix}: {msg:12} [{wide_bar}] {bytes:>10}/{total_bytes:10}";

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

/// Nobody may be reading any more; the pull goes on.
fn print(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// One layer of it.
#[derive(Debug)]
pub struct LayerProgress {
    id: String,
    bar: Option<ProgressBar>,
    lines: bool,
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
        if self.lines {
            print(&format!("{}: {text}", self.id));
        }
    }
}
