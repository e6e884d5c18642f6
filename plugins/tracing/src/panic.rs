//! A panic hook that redacts: the message, its place, and the backtrace.
//!
//! The standard hook writes the message of a panic as it is, past all loggers. [`install`] puts one in its place that writes the
//! same text redacted. A hook cannot be made to pass on another message, so hooks that were there before are not called:
//! [`hook`] makes one that gives the redacted text to a function of yours.
//!
//! Limits: what is printed by `eprintln!`, by a hook that is installed later, or by the system at an abort is not redacted.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::PanicHookInfo;

use zeroize::Zeroizing;

use crate::redactor::Redactor;

/// Replaces the panic hook by one that writes the redacted message, and the backtrace if `RUST_BACKTRACE` asks for it, to
/// standard error.
///
/// ```
/// tracing_redact::panic::install(&Default::default());
/// let _ = std::panic::catch_unwind(|| panic!("cannot connect with password=only4docs!"));
/// // thread 'main' panicked at …: cannot connect with password=[REDACTED:secret]
/// ```
pub fn install(redactor: &Redactor) {
    std::panic::set_hook(Box::new(hook(redactor, |report| {
        // Nobody is left to tell that this failed.
        let _ = std::io::stderr().lock().write_all(report.as_bytes());
    })));
}

/// A panic hook that gives its redacted report to `write`: lines of the thread, the place, the message, and the backtrace.
///
/// ```
/// std::panic::set_hook(Box::new(tracing_redact::panic::hook(&Default::default(), |report| {
///     tracing::error!("{report}");
/// })));
/// ```
pub fn hook(
    redactor: &Redactor,
    write: impl Fn(&str) + Send + Sync + 'static,
) -> impl Fn(&PanicHookInfo<'_>) + Send + Sync + 'static {
    let redactor = redactor.clone();
    move |info| write(&redactor.text(&report(info)))
}

fn report(info: &PanicHookInfo<'_>) -> Zeroizing<String> {
    let mut report = Zeroizing::new(String::new());
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("<unnamed>");
    let payload = info.payload();
    let message = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "(a value that is no text)",
    };
    let _ = write!(report, "\nthread '{name}' panicked");
    if let Some(place) = info.location() {
        let _ = write!(report, " at {place}");
    }
    let _ = writeln!(report, ":\n{message}");
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => {
            let _ = writeln!(report, "stack backtrace:\n{backtrace}");
        }
        BacktraceStatus::Disabled => {
            report.push_str("note: set RUST_BACKTRACE=1 to see the stack backtrace\n");
        }
        _ => {}
    }
    report
}
