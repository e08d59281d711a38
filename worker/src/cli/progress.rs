//! What happens while one waits: a spinner on a terminal, a line per change in a pipe; on stderr, so
//! that stdout stays the log.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::output::Format;

/// Between two turns of the spinner.
const TICK: Duration = Duration::from_millis(120);

/// How waiting is shown.
pub(super) enum Progress {
    /// A line that is drawn anew.
    Spinner(ProgressBar),
    /// A line per change.
    Lines {
        /// What was said last.
        last: String,
    },
    /// Not at all.
    Silent,
}

impl Progress {
    /// As stderr allows. JSON is for programs, which watch the run itself.
    pub(super) fn new(format: Format) -> Self {
        match format {
            Format::Json => Self::Silent,
            Format::Human if std::io::stderr().is_terminal() => {
                let bar = ProgressBar::new_spinner().with_style(
                    ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}")
                        .unwrap_or_else(|_| ProgressStyle::default_spinner()),
                );
                bar.enable_steady_tick(TICK);
                Self::Spinner(bar)
            }
            Format::Human => Self::Lines { last: String::new() },
        }
    }

    /// Shows nothing.
    pub(super) fn none() -> Self {
        Self::Silent
    }

    /// What is being waited for now.
    pub(super) fn note(&mut self, text: &str) {
        match self {
            Self::Spinner(bar) => bar.set_message(text.to_owned()),
            Self::Lines { last } if last != text => {
                eprintln!("{text}");
                text.clone_into(last);
            }
            Self::Lines { .. } | Self::Silent => {}
        }
    }

    /// Writes to the terminal without the spinner in the way.
    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        match self {
            Self::Spinner(bar) => bar.suspend(write),
            Self::Lines { .. } | Self::Silent => write(),
        }
    }

    /// Takes the spinner away.
    pub(super) fn finish(&self) {
        match self {
            Self::Spinner(bar) => bar.finish_and_clear(),
            Self::Lines { .. } | Self::Silent => {}
        }
    }
}
