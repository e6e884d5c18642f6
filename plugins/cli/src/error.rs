//! What the user is told when something goes wrong, and how the program ends.
//!
//! A message names the thing, says what happened, and where it helps ends with a hint on what to do. No message ever
//! holds bytes of the input: only names, rule ids, offsets and numbers.

use std::fmt::Display;
use std::io::{self, Write};

/// `--check` found something.
pub(crate) const EXIT_FOUND: u8 = 1;
/// Something could not be done.
pub(crate) const EXIT_ERROR: u8 = 2;

/// Why the program, or its work on one file, cannot go on.
#[derive(Debug)]
pub(crate) struct Error {
    /// One line each.
    problems: Vec<String>,
    hint: Option<String>,
}

impl Error {
    pub(crate) fn new(problem: impl Into<String>) -> Error {
        Error { problems: vec![problem.into()], hint: None }
    }

    pub(crate) fn all(problems: Vec<String>) -> Error {
        Error { problems, hint: None }
    }

    /// `thing`: `what` failed, for the system's reason.
    pub(crate) fn io(thing: impl Display, what: &str, error: &io::Error) -> Error {
        let new = Error::new(format!("{thing}: {what}: {}", reason(error)));
        match advice(error) {
            Some(hint) => new.hint(hint),
            None => new,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = Some(hint.into());
        self
    }

    /// Tells the user.
    pub(crate) fn tell(&self) {
        let mut text = String::new();
        for problem in &self.problems {
            text.push_str(&format!("redact: {problem}\n"));
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("  hint: {hint}\n"));
        }
        write_stderr(&text);
    }
}

/// Why a stream of bytes ended before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The reader of the output has gone: the work is done.
    ReaderGone,
    /// Of this input no more can be read; others may go on.
    Input(Error),
    /// No more can be written: nothing goes on.
    Fatal(Error),
}

/// Tells the user one thing in passing.
pub(crate) fn warn(text: impl Display) {
    write_stderr(&format!("redact: warning: {text}\n"));
}

/// Writes to standard error; if that fails there is nobody to tell.
pub(crate) fn write_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The system's reason without Rust's `(os error 2)`.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

fn advice(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull => Some("make room, or write elsewhere with -o"),
        io::ErrorKind::IsADirectory => {
            Some("name files, or: find DIR -type f -exec redact --in-place {} +")
        }
        _ => None,
    }
}

/// A panic is a defect of this program. Its message may quote what was worked on, so only the place is shown.
pub(crate) fn hide_panic_messages() {
    std::panic::set_hook(Box::new(|info| {
        let place =
            info.location().map_or_else(String::new, |l| format!(" at {}:{}", l.file(), l.line()));
        write_stderr(&format!(
            "redact: internal error{place}; the output ends here. Please report this place, without your input\n"
        ));
    }));
}
