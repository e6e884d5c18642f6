//! Values assigned to keys that name a secret: `password=…`, `"api_key": "…"`, `--token …`, `<secret>…</secret>`.
//!
//! A rule with `value = "assignment"` matches the key word; [`value`] then reads, by the syntax around it, what is assigned:
//! 1. [`syntax`] (and [`insert`], for SQL): the rest of the key's identifier, its closing quote, the operator, the value's opening quote, the value;
//! 2. [`judge`]: placeholders, references to variables, types, words and other things that are no secrets are left alone;
//!    how much a value must look like one depends on the key and on the operator.
//!
//! Only the value is masked; the key, quotes and syntax stay. Reading is bounded by [`MAX_REACH`] bytes behind the key.
//!
//! Limits: a value stands on the line of its key; a secret made of plain words is found only behind a key
//! that promises a password.

use std::ops::Range;

mod between;
mod chosen;
mod classes;
mod extent;
mod insert;
pub(crate) mod judge;
pub(crate) mod key;
mod kind;
mod other;
pub(crate) mod syntax;

/// How many bytes behind the key a value may end.
pub(crate) const MAX_REACH: usize = 4096 + 256;

/// How many bytes behind the key decide whether an operator and a value follow.
const LONGEST_OPERATOR: usize = 256;

/// Keys further than this from the end of a value inside it are not looked at: what a hostile line costs per byte is bounded
/// by it.
pub(crate) const LONG_VALUE: usize = 256;

/// How far from a key that is a link of a chain what makes it one stands, in bytes, at most.
pub(crate) const OF_LINK: usize = 128;

/// Where the last unquoted value ended, so that keys inside one long value do not each read to its end again.
#[derive(Default)]
pub(crate) struct Memo {
    /// Address of the line, start and end of a run without a terminator.
    pub(crate) run: (usize, usize, usize),
}

impl Memo {
    /// Whether `span` of `line` lies in that run.
    fn holds(&self, line: &[u8], span: &Range<usize>) -> bool {
        let (address, start, end) = self.run;
        address == line.as_ptr() as usize && start <= span.start && span.end <= end
    }

    /// Whether the key at `key` may be a link of a chain: what stands behind it was read.
    pub(super) fn may_link(&self, line: &[u8], key: &Range<usize>) -> bool {
        self.holds(line, &behind_sign(line, key))
    }
}

/// What stands behind a key.
pub(crate) enum Value {
    /// A value that looks like a secret, and its repetition behind a `|`.
    Secret(Range<usize>, Option<Range<usize>>),
    /// No assignment, or a value that is none.
    None,
    /// The line may go on, and the value with it: from here.
    Open(usize),
}

/// Reads and judges the value assigned to the key that matched at `key`.
///
/// `growing` says that more bytes of the line may follow.
pub(crate) fn value(line: &[u8], key: Range<usize>, growing: bool, memo: &mut Memo) -> Value {
    // Too little stands behind the key to say that it is none.
    let none = match growing && line.len() - key.end <= LONGEST_OPERATOR {
        true => Value::Open(line.len()),
        false => Value::None,
    };
    let Some(name) = syntax::identifier(line, key) else { return none };
    // With `waits`, which of the two it is is not known before more comes.
    let (parsed, waits) = match insert::parse(line, &name) {
        Some(syntax::Parsed::Value(found)) => (syntax::Parsed::Value(found), false),
        other => (syntax::parse(line, &name, memo), growing && other.is_some()),
    };
    let found = match parsed {
        syntax::Parsed::Value(found) if waits => return Value::Open(found.span.start),
        syntax::Parsed::Value(found) => found,
        _ if waits => return Value::Open(line.len()),
        syntax::Parsed::Incomplete if growing => return Value::Open(line.len()),
        syntax::Parsed::Incomplete | syntax::Parsed::None => return none,
    };
    if growing && (!found.complete || found.span.end + judge::END_OF_LINE >= line.len()) {
        return Value::Open(found.span.start);
    }
    let Some(secret) = judge::secret(line, &name, &found) else { return Value::None };
    match extent::repetition(line, &found) {
        extent::Repetition::Cut if growing => Value::Open(found.span.start),
        extent::Repetition::At(again) => Value::Secret(secret, Some(again)),
        _ => Value::Secret(secret, None),
    }
}

/// Whether `key=` of a complete line goes on as a chain of assignments does (`key=key=key=…`), of which the judge says that it
/// is no value: known without reading it, if it stands in what was read for a key before.
///
/// Nothing farther than [`OF_LINK`] from the key has a say in it, but for what was read.
#[inline]
pub(super) fn is_link(line: &[u8], key: &Range<usize>, memo: &Memo) -> bool {
    let value = behind_sign(line, key);
    line.get(value.start - 1) == Some(&b'=')
        && line[value.start - 2].is_ascii_alphanumeric()
        && memo.holds(line, &value)
        && line[value.start].is_ascii_alphanumeric()
        && judge::is_chain(&line[value])
}

/// What counts of the value, if a sign stands between it and the key, or is the last byte of what matched as the key.
fn behind_sign(line: &[u8], key: &Range<usize>) -> Range<usize> {
    let start = if line[key.end - 1] == b'=' { key.end } else { key.end + 1 };
    start..start + judge::LOOKED_AT
}
