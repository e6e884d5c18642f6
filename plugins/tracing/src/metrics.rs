//! What was masked, in numbers: rules and how often, never contents.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::redactor::Shared;

/// What a [`crate::Redactor`] has masked since it was made, on all threads.
///
/// Texts are counted, not events: an error counts with its `Display` and its `Debug`, and each wrapper that looks at an event
/// counts for itself.
///
/// ```
/// let redactor = tracing_redact::Redactor::new(
///     tracing_redact::Engine::builder().build()?,
///     tracing_redact::FieldPolicy::new(),
/// );
/// redactor.text("password=only4docs!");
/// let counts = redactor.counts();
/// assert_eq!(counts.by_rule().collect::<Vec<_>>(), [("assignment", 1)]);
/// # Ok::<(), tracing_redact::BuildError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    by_rule: Vec<(String, u64)>,
    /// Values masked for the name of their field.
    pub by_name: u64,
    /// Values that could not be looked at, since their `Debug` or `Display` panicked or failed: masked.
    pub unreadable: u64,
    /// Events, spans' values and records that were dropped: they arose too deep inside others, or belonged to no known span.
    pub dropped: u64,
}

impl Counts {
    pub(crate) fn of(shared: &Shared) -> Counts {
        let load = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let rules = shared.engine.rules().zip(&shared.by_rule);
        let found = rules.map(|(rule, n)| (rule, load(n))).filter(|(_, n)| *n > 0);
        Counts {
            by_rule: found.map(|(rule, n)| (rule.id().to_owned(), n)).collect(),
            by_name: load(&shared.by_name),
            unreadable: load(&shared.unreadable),
            dropped: load(&shared.dropped),
        }
    }

    /// The ids of the rules that found something, and how often.
    pub fn by_rule(&self) -> impl Iterator<Item = (&str, u64)> {
        self.by_rule.iter().map(|(id, n)| (id.as_str(), *n))
    }

    /// Everything that was masked.
    pub fn total(&self) -> u64 {
        self.by_rule().map(|(_, n)| n).sum::<u64>() + self.by_name + self.unreadable
    }
}
