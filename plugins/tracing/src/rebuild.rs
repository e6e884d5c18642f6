//! Step 4 of 4: a value set of the redacted values, over the same static metadata.
//!
//! Each value keeps the kind it was recorded with (a number stays a number, an error an error with its sources) unless it is
//! masked: then numbers and bytes become text. The set is built on the stack for up to 32 fields, which is the most that
//! `tracing`'s macros took for long; for more it allocates.
//!
//! Limits: an error is a copy of its texts, so nobody behind can downcast it; `{:#?}` of a value shows what `{:?}` does.

use std::error::Error;
use std::fmt;

use tracing_core::field::{DebugValue, FieldSet, Value, ValueSet, debug};
use zeroize::Zeroize;

use crate::known::Known;
use crate::values::{Kind, Place, Slot, Values};

/// Gives to `then` the values in place of those they came from.
pub(crate) fn with<R>(
    fields: &FieldSet,
    values: &Values,
    known: &[Known],
    then: impl FnOnce(&ValueSet<'_>) -> R,
) -> R {
    match fields.len() {
        0..=8 => with_at_most::<8, R>(fields, values, known, then),
        9..=32 => with_at_most::<32, R>(fields, values, known, then),
        _ => {
            let held: Vec<Held<'_>> =
                (0..fields.len()).map(|index| hold(values, known, index)).collect();
            let set: Vec<Option<&dyn Value>> = held.iter().map(Held::value).collect();
            then(&fields.value_set_all(&set))
        }
    }
}

fn with_at_most<const N: usize, R>(
    fields: &FieldSet,
    values: &Values,
    known: &[Known],
    then: impl FnOnce(&ValueSet<'_>) -> R,
) -> R {
    let held: [Held<'_>; N] = std::array::from_fn(|index| hold(values, known, index));
    let set: [Option<&dyn Value>; N] = std::array::from_fn(|index| held[index].value());
    then(&fields.value_set_all(&set[..fields.len()]))
}

/// A value in a type that `tracing` takes.
enum Held<'v> {
    Nothing,
    Plain(&'v dyn Value),
    Str(&'v str),
    Debug(DebugValue<Verbatim<'v>>),
    Bytes(&'v [u8]),
    Error(&'v (dyn Error + 'static)),
}

impl Held<'_> {
    fn value(&self) -> Option<&dyn Value> {
        match self {
            Held::Nothing => None,
            Held::Plain(value) => Some(*value),
            Held::Str(value) => Some(value),
            Held::Debug(value) => Some(value),
            Held::Bytes(value) => Some(value),
            Held::Error(value) => Some(value),
        }
    }
}

// Inlined, it writes into the array; else its result is copied there, which costs as much as all the rest.
#[inline(always)]
fn hold<'v>(values: &'v Values, known: &'v [Known], index: usize) -> Held<'v> {
    match values.slots.get(index) {
        None | Some(Slot::Empty) => Held::Nothing,
        Some(Slot::I64(value)) => Held::Plain(value),
        Some(Slot::U64(value)) => Held::Plain(value),
        Some(Slot::I128(value)) => Held::Plain(value),
        Some(Slot::U128(value)) => Held::Plain(value),
        Some(Slot::F64(value)) => Held::Plain(value),
        Some(Slot::Bool(value)) => Held::Plain(value),
        Some(Slot::Text(kind, place)) => {
            let text = values.text_at(*place, &known[index]);
            match (kind, place) {
                (Kind::Debug, _) => Held::Debug(debug(Verbatim(text))),
                (Kind::Bytes(start, end), Place::Text(..) | Place::Known(_)) => {
                    Held::Bytes(&values.bytes[*start..*end])
                }
                (Kind::Str | Kind::Bytes(..), _) => Held::Str(text),
            }
        }
        Some(Slot::Bytes(start, end)) => Held::Bytes(&values.bytes[*start..*end]),
        // Never looked at: not passed on.
        Some(Slot::OpenBytes(..)) => Held::Nothing,
        Some(Slot::Error(first)) => match values.error(*first) {
            Some(error) => Held::Error(error),
            None => Held::Nothing,
        },
    }
}

/// A text that was somebody's `Debug`.
struct Verbatim<'v>(&'v str);

impl fmt::Debug for Verbatim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The texts of an error, and of its sources.
#[derive(Default)]
pub(crate) struct CopiedError {
    pub(crate) display: String,
    pub(crate) debug: String,
    pub(crate) source: Option<Box<CopiedError>>,
    pub(crate) is_outermost: bool,
}

impl CopiedError {
    /// Empties it for the next error.
    pub(crate) fn clear(&mut self, wipe: bool) {
        for text in [&mut self.display, &mut self.debug] {
            if wipe {
                text.zeroize();
            }
            text.clear();
        }
        self.is_outermost = false;
    }
}

impl fmt::Display for CopiedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display)
    }
}

impl fmt::Debug for CopiedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.debug)
    }
}

impl Error for CopiedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
