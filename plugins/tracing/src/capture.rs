//! Step 2 of 4: values are written down, each in its own kind.
//!
//! [`Capture`] is the visitor. It takes what the [`Plan`] of a field says: what is kept or masked for its name is dealt with at
//! once; what is to be looked at becomes a line of [`Values::text`].
//!
//! A value's own code runs here (`Debug`, `Display`, `Error::source`). Where it panics or fails, the value is masked and counted.
//! It runs once: what is looked at is what is passed on.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use redact_stream::TextRedactor;
use tracing_core::Field;
use tracing_core::field::Visit;

use crate::known::Known;
use crate::policy::{Plan, Reason};
use crate::redactor::Shared;
use crate::state::{Site, mask_by_name};
use crate::values::{Kind, Owner, Place, Slot, Values, wipe_from};

/// What stands for a value that could not be read.
const UNREADABLE: &str = "[REDACTED:unreadable]";
/// How many sources of an error are followed: some go in circles.
const MOST_SOURCES: usize = 32;

pub(crate) struct Capture<'s> {
    pub(crate) shared: &'s Shared,
    pub(crate) texts: &'s mut TextRedactor,
    pub(crate) site: &'s mut Site,
    pub(crate) values: &'s mut Values,
}

impl Capture<'_> {
    fn plan(&self, field: &Field) -> Option<Plan> {
        self.site.plans.get(field.index()).copied()
    }

    fn set(&mut self, field: &Field, slot: Slot) {
        self.values.slots[field.index()] = slot;
    }

    /// The bytes of [`Values::text`] from `start` on are a value: keeps, masks or looks at it.
    fn text(&mut self, field: &Field, kind: Kind, start: usize) {
        let known = self.site.known.get(field.index());
        match known.and_then(|known| known.find(&self.values.text[start..])) {
            Some(number) => {
                self.values.text.truncate(start);
                self.set(field, Slot::Text(kind, Place::Known(number)));
            }
            None => self.new_text(field, kind, start),
        }
    }

    /// The same, if it is not known to be clean.
    fn new_text(&mut self, field: &Field, kind: Kind, start: usize) {
        let Some(plan) = self.plan(field) else { return };
        let index = field.index();
        let values = &mut *self.values;
        let text = &values.text[start..];
        // What moves is passed on as text, which bytes are not.
        let may_move = plan == Plan::Look && !matches!(kind, Kind::Bytes(..));
        let is_quiet = |known: &mut Known| known.is_quiet_change(self.texts, text);
        let place = match plan {
            _ if may_move && self.site.known.get_mut(index).is_some_and(is_quiet) => {
                values.move_to_done(start)
            }
            Plan::Look | Plan::LookWithName => {
                let end = values.text.len();
                values.end_piece(Owner::Slot(index), start);
                if plan == Plan::LookWithName {
                    values.add_named(index, field.name(), start..end);
                }
                Place::Text(start, end)
            }
            Plan::Keep => values.move_to_done(start),
            Plan::Mask(_) if kind == Kind::Debug && is_hidden(text) => values.move_to_done(start),
            Plan::Mask(_) => {
                let from = values.done.len();
                mask_by_name(self.shared, text, &mut values.done);
                wipe_from(&mut values.text, start);
                Place::Done(from, values.done.len())
            }
        };
        self.set(field, Slot::Text(kind, place));
    }

    /// A number, which is only written out where something may be found in it.
    fn number(&mut self, field: &Field, slot: Slot, value: &dyn fmt::Display) {
        let Some(plan) = self.plan(field) else { return };
        let index = field.index();
        self.values.slots[index] = slot;
        let start = self.values.text.len();
        match plan {
            Plan::Keep => return,
            Plan::Look if !self.shared.numbers => return,
            _ => {
                let _ = write!(self.values.text, "{value}");
            }
        }
        let text = &self.values.text[start..];
        match plan {
            Plan::Mask(reason) => {
                match reason.masks_number(text.bytes().filter(u8::is_ascii_digit).count()) {
                    true => self.text(field, Kind::Str, start),
                    false => self.values.text.truncate(start),
                }
            }
            Plan::Look | Plan::LookWithName => {
                let end = self.values.text.len();
                self.values.end_piece(Owner::Slot(index), start);
                if plan == Plan::LookWithName {
                    self.values.add_named(index, field.name(), start..end);
                }
            }
            Plan::Keep => {}
        }
    }

    fn unreadable(&mut self, field: &Field, start: usize) {
        wipe_from(&mut self.values.text, start);
        self.shared.unreadable.fetch_add(1, Ordering::Relaxed);
        let place = self.values.add_done(UNREADABLE);
        self.set(field, Slot::Text(Kind::Debug, place));
    }

    /// Writes an error and its sources down; false if that failed.
    fn error(&mut self, error: &(dyn Error + 'static)) -> Result<(), ()> {
        let mut next = Some(error);
        let first = self.values.errors.len();
        while let Some(error) = next {
            let mut copy = self.values.spare.pop().unwrap_or_default();
            let read = write_to(&mut copy.display, format_args!("{error}"))
                .and_then(|()| write_to(&mut copy.debug, format_args!("{error:?}")));
            self.values.errors.push(copy);
            read?;
            if self.values.errors.len() - first >= MOST_SOURCES {
                break;
            }
            next = catch(|| error.source())?;
        }
        Ok(())
    }
}

impl Visit for Capture<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, Slot::I64(value), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, Slot::U64(value), &value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.number(field, Slot::I128(value), &value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.number(field, Slot::U128(value), &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number(field, Slot::F64(value), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        match self.plan(field) {
            // One bit is no secret of a family; what was named is masked whatever it is.
            Some(Plan::Mask(Reason::Named)) => {
                let start = self.values.text.len();
                self.values.text.push_str(if value { "true" } else { "false" });
                self.text(field, Kind::Str, start);
            }
            Some(_) => self.set(field, Slot::Bool(value)),
            None => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let known = self.site.known.get(field.index());
        if let Some(number) = known.and_then(|known| known.find(value)) {
            // Not even written down.
            return self.set(field, Slot::Text(Kind::Str, Place::Known(number)));
        }
        let start = self.values.text.len();
        self.values.text.push_str(value);
        self.new_text(field, Kind::Str, start);
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        let Some(plan) = self.plan(field) else { return };
        let bytes = self.values.add_bytes(value);
        self.values.is_secret |= matches!(plan, Plan::Mask(_));
        match (plan, std::str::from_utf8(value)) {
            (Plan::Keep, _) => self.set(field, Slot::Bytes(bytes.0, bytes.1)),
            (_, Ok(text)) => {
                let start = self.values.text.len();
                self.values.text.push_str(text);
                self.text(field, Kind::Bytes(bytes.0, bytes.1), start);
            }
            (Plan::Mask(_), Err(_)) => {
                let start = self.values.text.len();
                self.values.text.push_str(&String::from_utf8_lossy(value));
                self.text(field, Kind::Str, start);
            }
            (_, Err(_)) => self.set(field, Slot::OpenBytes(bytes.0, bytes.1)),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        match self.plan(field) {
            Some(Plan::Look | Plan::LookWithName) => {}
            // What is kept or masked as a whole needs no sources.
            Some(_) => return self.record_debug(field, &format_args!("{value}")),
            None => return,
        }
        let first = self.values.errors.len();
        match self.error(value) {
            Ok(()) => {
                self.values.look_at_errors(first);
                self.set(field, Slot::Error(first));
            }
            Err(()) => {
                self.values.drop_errors(first);
                let start = self.values.text.len();
                self.unreadable(field, start);
            }
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let start = self.values.text.len();
        match write_to(&mut self.values.text, format_args!("{value:?}")) {
            Ok(()) => self.text(field, Kind::Debug, start),
            Err(()) if self.plan(field).is_some() => self.unreadable(field, start),
            Err(()) => wipe_from(&mut self.values.text, start),
        }
    }
}

fn write_to(out: &mut String, text: fmt::Arguments<'_>) -> Result<(), ()> {
    catch(|| out.write_fmt(text))?.map_err(|_| ())
}

/// Runs a value's own code.
fn catch<R>(run: impl FnOnce() -> R) -> Result<R, ()> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        // Dropping it would run code of the value's again.
        std::mem::forget(payload);
    })
}

/// Whether a value hides itself: `secrecy`'s types, and [`redact_stream::SecretBytes`].
fn is_hidden(text: &str) -> bool {
    let of_type = |b: u8| b.is_ascii_alphanumeric() || b"_:<>&[](); ,".contains(&b);
    let secrecy =
        text.strip_prefix("SecretBox<").and_then(|rest| rest.strip_suffix(">([REDACTED])"));
    let older = text.strip_prefix("Secret([REDACTED").and_then(|rest| rest.strip_suffix("])"));
    let own = text.strip_prefix("SecretBytes(").and_then(|rest| rest.strip_suffix(" bytes)"));
    secrecy.or(older).is_some_and(|name| name.bytes().all(of_type))
        || own.is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_hide_themselves_are_known() {
        let own = redact_stream::SecretBytes::new(b"only4docs!".to_vec());
        let secrecy = secrecy::SecretString::from("only4docs!");
        let boxed = secrecy::SecretBox::new(Box::new(vec![1u8]));
        for text in [
            format!("{own:?}"),
            format!("{secrecy:?}"),
            format!("{boxed:?}"),
            "Secret([REDACTED alloc::string::String])".to_owned(),
        ] {
            assert!(is_hidden(&text), "{text}");
        }
        for text in ["", "SecretBytes(only4docs! bytes)", "SecretBox<x>(only4docs!)", "only4docs!"]
        {
            assert!(!is_hidden(text), "{text}");
        }
    }
}
