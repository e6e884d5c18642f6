//! Step 3 of 4: the values of one event, and one look at all of them.
//!
//! What is to be looked at stands as lines in one text, a [`Piece`] for each value: one call of the engine for an event. A value
//! stands for itself in that: rules match within a line; should one begin a secret of several lines, or a value be looked at
//! behind its name, each piece is looked at again alone.
//!
//! All buffers are kept from event to event; they are wiped when something was found, and given back when they grew large.

use std::ops::Range;

use redact_stream::TextRedactor;
use zeroize::optimization_barrier;

use crate::edits::Edits;
use crate::known::Known;
use crate::rebuild::CopiedError;
use crate::redactor::Shared;
use crate::state::{count, look, look_at_bytes, utf8, with_name};

/// Buffers larger than this, in bytes, are not kept for the next event.
const MOST_KEPT: usize = 64 << 10;
/// How many copies of errors are kept for the next event.
const MOST_SPARE: usize = 16;

/// One value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    Empty,
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Bool(bool),
    Text(Kind, Place),
    /// In [`Values::bytes`].
    Bytes(usize, usize),
    /// The same, not looked at yet.
    OpenBytes(usize, usize),
    /// The first of [`Values::errors`] that it is made of.
    Error(usize),
}

/// How a text is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Str,
    Debug,
    /// As these [`Values::bytes`] if nothing is masked, else as a `str`.
    Bytes(usize, usize),
}

/// Where a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In [`Values::text`]: it was clean.
    Text(usize, usize),
    /// In [`Values::done`].
    Done(usize, usize),
    /// The text of this number of the field's [`Known`] ones.
    Known(u8),
}

/// Whose text a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Slot(usize),
    /// A value once more, behind its name.
    Named(usize, &'static str),
    Display(usize),
    Debug(usize),
}

/// Lines of [`Values::text`], without the last line feed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    owner: Owner,
    start: usize,
    end: usize,
}

/// The values of one event, and buffers for those of the next.
#[expect(
    clippy::vec_box,
    reason = "errors are linked to chains and taken apart again: they stay where they are"
)]
#[derive(Default)]
pub(crate) struct Values {
    pub(crate) slots: Vec<Slot>,
    /// What is to be looked at.
    pub(crate) text: String,
    pieces: Vec<Piece>,
    /// Whether a piece stands behind its name.
    has_names: bool,
    /// Texts that need no look any more.
    pub(crate) done: String,
    pub(crate) bytes: Vec<u8>,
    /// Errors, each followed by its source.
    pub(crate) errors: Vec<Box<CopiedError>>,
    /// The same in chains, by the index of the outermost.
    chains: Vec<(usize, Box<CopiedError>)>,
    pub(crate) spare: Vec<Box<CopiedError>>,
    /// What the engine masks of the text.
    edits: Edits,
    /// Whether something was found or masked.
    pub(crate) is_secret: bool,
}

impl Values {
    /// Makes room for the values of this many fields.
    pub(crate) fn begin(&mut self, fields: usize) {
        self.slots.clear();
        self.slots.resize(fields, Slot::Empty);
    }

    /// The text from `start` on is a piece.
    pub(crate) fn end_piece(&mut self, owner: Owner, start: usize) {
        self.pieces.push(Piece { owner, start, end: self.text.len() });
        self.text.push('\n');
    }

    /// Adds a value that stands in the text behind its name.
    pub(crate) fn add_named(&mut self, index: usize, name: &'static str, value: Range<usize>) {
        let start = self.text.len();
        self.text.push_str(name);
        self.text.push('=');
        self.text.extend_from_within(value);
        self.end_piece(Owner::Named(index, name), start);
        self.has_names = true;
    }

    pub(crate) fn add_done(&mut self, text: &str) -> Place {
        let start = self.done.len();
        self.done.push_str(text);
        Place::Done(start, self.done.len())
    }

    /// Takes what stands in the text from `start` on.
    pub(crate) fn move_to_done(&mut self, start: usize) -> Place {
        let from = self.done.len();
        self.done.push_str(&self.text[start..]);
        self.text.truncate(start);
        Place::Done(from, self.done.len())
    }

    pub(crate) fn add_bytes(&mut self, bytes: &[u8]) -> (usize, usize) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        (start, self.bytes.len())
    }

    /// The errors from `first` on are one chain, to be looked at.
    pub(crate) fn look_at_errors(&mut self, first: usize) {
        self.errors[first].is_outermost = true;
        for index in first..self.errors.len() {
            let start = self.text.len();
            self.text.push_str(&self.errors[index].display);
            self.end_piece(Owner::Display(index), start);
            let start = self.text.len();
            self.text.push_str(&self.errors[index].debug);
            self.end_piece(Owner::Debug(index), start);
        }
    }

    pub(crate) fn drop_errors(&mut self, first: usize) {
        self.is_secret = true;
        self.errors.drain(first..).for_each(|mut error| error.clear(true));
    }

    /// Looks at everything.
    pub(crate) fn decide(
        &mut self,
        shared: &Shared,
        texts: &mut TextRedactor,
        known: &mut [Known],
    ) {
        if !self.text.is_empty() {
            self.look_at_text(shared, texts, known);
        }
        if !self.bytes.is_empty() {
            self.look_at_bytes(shared, texts);
        }
        self.link_errors();
    }

    fn look_at_text(&mut self, shared: &Shared, texts: &mut TextRedactor, known: &mut [Known]) {
        let Ok(()) = texts.redact_to(self.text.as_bytes(), &mut self.edits);
        if self.edits.is_empty() {
            return self.learn(texts, known);
        }
        self.is_secret = true;
        let goes_on = |rule: &usize| shared.engine.rule(*rule).block().is_some();
        if self.has_names || self.edits.rules.iter().any(goes_on) || !self.edit() {
            self.one_by_one(shared, texts);
        } else {
            self.learn(texts, known);
            count(shared, &mut self.edits.rules);
        }
    }

    /// Remembers the pieces in which nothing is masked.
    fn learn(&self, texts: &mut TextRedactor, known: &mut [Known]) {
        for piece in &self.pieces {
            if let Owner::Slot(index) = piece.owner
                && !matches!(self.slots[index], Slot::Text(_, Place::Done(..)))
            {
                known[index].learn(texts, &self.text[piece.start..piece.end]);
            }
        }
    }

    /// Masks in each piece what the engine masks there; false if some of that is no part of one line of one piece.
    fn edit(&mut self) -> bool {
        let mut edits = self.edits.all();
        let mut next = edits.next();
        for piece in &self.pieces {
            let mut at = piece.start;
            let start = self.done.len();
            while let Some((span, mask)) = next.take_if(|(span, _)| span.end <= piece.end) {
                let kept = self.text.get(at..span.start);
                let (Some(kept), Ok(mask)) = (kept, std::str::from_utf8(mask)) else {
                    return false;
                };
                if self.text.as_bytes()[span.clone()].contains(&b'\n') {
                    return false;
                }
                self.done.push_str(kept);
                self.done.push_str(mask);
                at = span.end;
                next = edits.next();
            }
            if at == piece.start {
                continue;
            }
            let Some(kept) = self.text.get(at..piece.end) else { return false };
            self.done.push_str(kept);
            let place = start..self.done.len();
            give(&mut self.slots, &mut self.errors, &self.done, piece.owner, place);
        }
        next.is_none()
    }

    fn one_by_one(&mut self, shared: &Shared, texts: &mut TextRedactor) {
        // What the value has become without its name.
        let mut last = None;
        for piece in &self.pieces {
            let text = &self.text[piece.start..piece.end];
            let new = match piece.owner {
                Owner::Named(_, name) => {
                    let value = last.take();
                    let value = value.as_deref().unwrap_or(&text[name.len() + 1..]);
                    with_name(shared, texts, name, value)
                }
                _ => {
                    last = look(shared, texts, text);
                    last.clone()
                }
            };
            if let Some(new) = new {
                let start = self.done.len();
                self.done.push_str(&new);
                let place = start..self.done.len();
                give(&mut self.slots, &mut self.errors, &self.done, piece.owner, place);
            }
        }
    }

    /// Bytes that are no UTF-8.
    fn look_at_bytes(&mut self, shared: &Shared, texts: &mut TextRedactor) {
        for index in 0..self.slots.len() {
            let Slot::OpenBytes(start, end) = self.slots[index] else { continue };
            self.slots[index] = match look_at_bytes(shared, texts, &self.bytes[start..end]) {
                None => Slot::Bytes(start, end),
                Some(new) => {
                    self.is_secret = true;
                    let (start, end) = self.add_bytes(&new);
                    Slot::Bytes(start, end)
                }
            };
        }
    }

    /// Makes chains of the errors, from the last source outwards.
    fn link_errors(&mut self) {
        let mut inner = None;
        while let Some(mut error) = self.errors.pop() {
            error.source = inner.take();
            match error.is_outermost {
                true => self.chains.push((self.errors.len(), error)),
                false => inner = Some(error),
            }
        }
    }

    /// The error of a slot.
    pub(crate) fn error(&self, first: usize) -> Option<&CopiedError> {
        self.chains.iter().find(|(index, _)| *index == first).map(|(_, error)| &**error)
    }

    /// The text at a place.
    pub(crate) fn text_at<'v>(&'v self, place: Place, known: &'v Known) -> &'v str {
        match place {
            Place::Text(start, end) => &self.text[start..end],
            Place::Done(start, end) => &self.done[start..end],
            Place::Known(number) => known.text(number),
        }
    }

    /// Forgets the values.
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.pieces.clear();
        self.has_names = false;
        let mut next = None;
        while let Some(mut error) =
            next.take().or_else(|| self.errors.pop()).or_else(|| Some(self.chains.pop()?.1))
        {
            next = error.source.take();
            error.clear(self.is_secret);
            if self.spare.len() < MOST_SPARE {
                self.spare.push(error);
            }
        }
        if std::mem::take(&mut self.is_secret) {
            wipe_from(&mut self.text, 0);
            wipe_from(&mut self.done, 0);
            wipe(&mut self.bytes);
            self.edits.wipe();
        }
        for text in [&mut self.text, &mut self.done] {
            text.clear();
            text.shrink_to(MOST_KEPT);
        }
        self.bytes.clear();
        self.bytes.shrink_to(MOST_KEPT);
        self.edits.clear(MOST_KEPT);
    }
}

/// Puts what stands at `place` of `done` in the place of a piece.
fn give(
    slots: &mut [Slot],
    errors: &mut [Box<CopiedError>],
    done: &str,
    owner: Owner,
    place: Range<usize>,
) {
    match owner {
        Owner::Slot(index) | Owner::Named(index, _) => {
            let kind = match slots[index] {
                Slot::Text(kind, _) => kind,
                // The mask of a number is none.
                _ => Kind::Str,
            };
            slots[index] = Slot::Text(kind, Place::Done(place.start, place.end));
        }
        Owner::Display(index) => replace(&mut errors[index].display, &done[place]),
        Owner::Debug(index) => replace(&mut errors[index].debug, &done[place]),
    }
}

fn replace(text: &mut String, new: &str) {
    wipe_from(text, 0);
    text.push_str(new);
}

/// Cuts a text, and wipes what is cut off.
pub(crate) fn wipe_from(text: &mut String, start: usize) {
    let mut bytes = std::mem::take(text).into_bytes();
    wipe(&mut bytes[start..]);
    bytes.truncate(start);
    *text = utf8(bytes);
}

/// Overwrites bytes, many at a time, in a way that is not optimised away.
pub(crate) fn wipe(bytes: &mut [u8]) {
    if bytes.len() >= FILLED {
        bytes.fill(0);
        return optimization_barrier(bytes);
    }
    let (eights, rest) = bytes.as_chunks_mut::<8>();
    for eight in eights {
        *eight = [0; 8];
        optimization_barrier(eight);
    }
    for byte in rest {
        *byte = 0;
        optimization_barrier(byte);
    }
}

/// Fewer bytes are overwritten without `memset`: some CPUs take long for what is less than a vector, and longer for nothing.
const FILLED: usize = 64;
