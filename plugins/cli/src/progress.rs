//! Progress of long file work, on a terminal.
//!
//! The bar appears only after half a second, when standard error is a terminal and the output is not.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const APPEARS_AFTER: Duration = Duration::from_millis(500);

/// Counts the bytes of all inputs.
pub(crate) struct Progress {
    /// All bytes there are; 0 if nothing is to be shown.
    total: u64,
    done: u64,
    start: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new(total_bytes: u64, output_is_terminal: bool) -> Progress {
        let shown = std::io::stderr().is_terminal() && !output_is_terminal;
        let total = if shown { total_bytes } else { 0 };
        Progress { total, done: 0, start: Instant::now(), bar: None }
    }

    pub(crate) fn add(&mut self, bytes: usize) {
        if self.total == 0 {
            return;
        }
        self.done += bytes as u64;
        if let Some(bar) = &self.bar {
            // Unpacked data has more bytes than its file.
            bar.set_length(self.total.max(self.done));
            bar.set_position(self.done);
        } else if self.start.elapsed() > APPEARS_AFTER {
            let form = "{bar:30} {percent:>3}%  {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
            let style = ProgressStyle::with_template(form);
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            self.bar = Some(ProgressBar::new(self.total).with_style(style));
        }
    }

    /// Takes the bar away while something else is written.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
