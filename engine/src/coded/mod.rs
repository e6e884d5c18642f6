//! Step 2½ of 5: decode. Secrets behind a coding: inside terminal escapes, JSON escapes, percent-encoding, base64, hex.
//!
//! A line that holds something coded is written out plainly beside the line itself, and both are looked at:
//!
//! ```text
//! line:   {"q":"\u0067hp_…","data":"eyJwYXNzd29yZCI6…"}
//! plain:  {"q":"ghp_…","data":"{"password":…"}
//! map:           ^ 6 bytes        ^ the whole run
//! ```
//!
//! Each coded *unit* ([`inline`]: an escape; [`payload`]: a run of base64 or hex that decodes to text) is one step of the map,
//! so what is found in the plain text is masked in the line from unit to unit, never half of one. Lines without units cost
//! one search for the three bytes that begin an escape and a look at every 24th byte.
//!
//! With a depth of 2, the plain text is decoded once more, and so on: for text that was encoded twice.
//!
//! Limits: of a run of base64 or hex the first [`payload::LONGEST`] bytes are decoded; compressed or encrypted payloads are
//! not; in a line longer than the window a unit that the window cuts is taken as it is.

use std::ops::Range;

use zeroize::Zeroize as _;

use crate::confirm::{self, Hit, Scratch, View};
use crate::engine::Engine;
use crate::kernel::classes::{Class, Classes, positions};
use crate::scan::{Candidate, Space};
use inline::Unit;

pub(crate) mod inline;
pub(crate) mod payload;

/// Positions in a text that stands for another: spans of it, and the spans they stand for; in bytes, disjoint, in order. What is
/// in no span stands for itself.
pub(crate) type Map = Vec<(Range<usize>, Range<usize>)>;

/// A position in the text of a [`Map`] as one in the original: inside a span, the start or end of what it stands for.
pub(crate) fn original(map: &Map, at: usize, end: bool) -> usize {
    let before = map.partition_point(|(m, _)| if end { m.end < at } else { m.end <= at });
    let (mapped, original) =
        before.checked_sub(1).map_or((0, 0), |last| (map[last].0.end, map[last].1.end));
    match map.get(before) {
        Some((m, o)) if m.start < at || (!end && m.start == at) => {
            if end {
                o.end
            } else {
                o.start
            }
        }
        _ => original + (at - mapped),
    }
}

/// The plain text of a block's coded lines, and what is needed to look at it.
pub(crate) struct Coded {
    /// By level: each is made from the one before it, the first from the block.
    levels: Vec<Plain>,
    candidates: Vec<Candidate>,
    hits: Vec<Hit>,
    scratch: Scratch,
}

/// Coded lines, decoded.
#[derive(Default)]
struct Plain {
    text: Vec<u8>,
    map: Map,
    /// Whether the first and the last line are those of what it was made from, the last without a line feed.
    has_start: bool,
    has_end: bool,
    /// Where a unit begins that may go on behind the end.
    open: Option<usize>,
    /// What one unit stands for.
    unit: Vec<u8>,
}

/// What [`Coded::find`] needs of its caller.
pub(crate) struct Context<'c> {
    pub(crate) engine: &'c Engine,
    /// Of the block that was decoded, which has this many bytes.
    pub(crate) view: View,
    pub(crate) len: usize,
    pub(crate) space: &'c mut Space,
    /// Whose caches are used.
    pub(crate) scratch: &'c mut Scratch,
}

impl Coded {
    pub(crate) fn new(engine: &Engine) -> Coded {
        Coded {
            levels: (0..engine.decode_depth()).map(|_| Plain::default()).collect(),
            candidates: Vec::new(),
            hits: Vec::new(),
            scratch: Scratch::without_caches(engine.program().len()),
        }
    }

    /// Decodes the coded lines of `hay`; false if there are none, and nothing at the end that may become one.
    pub(crate) fn decode(&mut self, hay: &[u8], classes: &Classes, view: View) -> bool {
        let Some(first) = self.levels.first_mut() else { return false };
        first.clear();
        first.fill(hay, classes, view.min_start > 0, view.growing || view.limit < hay.len());
        !first.map.is_empty() || first.open.is_some()
    }

    /// Adds what the decoded lines hold to `hits`; answers from where on the block must wait.
    pub(crate) fn find(&mut self, mut context: Context<'_>, hits: &mut Vec<Hit>) -> usize {
        let mut hold = usize::MAX;
        for level in 0..self.levels.len() {
            if level > 0 {
                let (before, after) = self.levels.split_at_mut(level);
                let outer = &before[level - 1];
                let open = context.view.growing && outer.has_end;
                after[0].clear();
                after[0].fill(&outer.text, &context.space.classes, false, open);
                after[0].has_start &= outer.has_start;
                after[0].has_end &= outer.has_end;
            }
            if let Some(open) = self.levels[level].open {
                hold = hold.min(self.original(level, open, false));
            }
            if self.levels[level].map.is_empty() {
                break;
            }
            hold = hold.min(self.look(level, &mut context, hits));
        }
        hold
    }

    /// A position in what a level was made from as one in the block.
    fn original(&self, level: usize, at: usize, end: bool) -> usize {
        self.levels[..level].iter().rev().fold(at, |at, plain| original(&plain.map, at, end))
    }

    fn look(&mut self, level: usize, context: &mut Context<'_>, hits: &mut Vec<Hit>) -> usize {
        let Context { engine, view, .. } = *context;
        let Plain { text, map, has_start, has_end, .. } = &self.levels[level];
        let cut = *has_end && view.limit < context.len;
        // Where the line goes on, a match is decided only if all that it may reach is there.
        let limit = if cut { text.len().saturating_sub(engine.reach()) } else { text.len() };
        let inner = View {
            base: 0,
            first_line: 0,
            min_start: usize::from(view.min_start > 0 && *has_start),
            decided: 0,
            limit,
            growing: view.growing && *has_end,
            is_line: false,
        };
        context.space.scan(engine, text, &mut self.candidates);
        self.hits.clear();
        self.scratch.rewind();
        self.scratch.begins.clear();
        self.scratch.hold = usize::MAX;
        self.scratch.swap_caches(context.scratch);
        let rules = engine.program();
        confirm::confirm(
            rules,
            engine.accept(),
            text,
            inner,
            &mut self.candidates,
            &mut self.scratch,
            &mut self.hits,
        );
        let hold = match (inner.growing, cut) {
            (true, _) => crate::hold::release_limit(rules, text, &mut self.scratch),
            (false, true) => limit,
            (false, false) => usize::MAX,
        };
        self.scratch.swap_caches(context.scratch);
        // A multi-line secret inside a payload goes with it; any other is followed in the block itself.
        let in_unit =
            |begin: &&Hit| map.iter().any(|(m, _)| m.start <= begin.start && begin.end <= m.end);
        self.hits.extend(self.scratch.begins.iter().filter(in_unit));
        hits.extend(self.hits.iter().map(|h| Hit {
            start: self.original(level + 1, h.start, false),
            end: self.original(level + 1, h.end, true),
            ..*h
        }));
        if hold == usize::MAX { hold } else { self.original(level + 1, hold, false) }
    }
}

impl Drop for Coded {
    fn drop(&mut self) {
        for plain in &mut self.levels {
            plain.text.zeroize();
            plain.unit.zeroize();
        }
    }
}

impl Plain {
    fn clear(&mut self) {
        self.text.clear();
        self.map.clear();
        (self.has_start, self.has_end, self.open) = (false, false, None);
    }

    /// Writes out the lines of `hay`, whose bytes are of these classes, that hold units. `cut`: it starts inside a line; `open`: its last line may go on.
    fn fill(&mut self, hay: &[u8], classes: &Classes, cut: bool, open: bool) {
        let none = |class: Class| classes.of(class).iter().all(|mask| *mask == 0);
        if !open && none(Class::Escape) && none(Class::Payloads) {
            return;
        }
        let mut runs = payload::Runs::new(hay, classes, cut);
        let mut run = runs.next();
        let mut escapes = positions(classes.of(Class::Escape)).peekable();
        // All before `at` is dealt with; the line that is being written ends at `line_end`.
        let (mut at, mut line_end) = (0, 0);
        loop {
            while escapes.next_if(|e| *e < at).is_some() {}
            // A run may begin with the last letter of an escape.
            while let Some(late) = run.take_if(|r| r.start < at) {
                run = if late.end > at { Some(at..late.end) } else { runs.next() };
            }
            let escape = escapes.peek().copied();
            let start = match (escape, &run) {
                (None, None) => break,
                (Some(e), Some(r)) => e.min(r.start),
                (Some(e), None) => e,
                (None, Some(r)) => r.start,
            };
            self.unit.clear();
            let unit = if escape == Some(start) {
                escapes.next();
                inline::decode(&hay[start..], open, &mut self.unit)
            } else {
                let this = run.take().expect("it starts here");
                run = runs.next();
                payload::decode(&hay[this.clone()], open && this.end == hay.len(), &mut self.unit)
            };
            let end = match unit {
                Unit::None => continue,
                // What stands before it may go on behind it, so it is looked at too.
                Unit::Open => {
                    self.open = Some(start);
                    // What it stands for so far is no part of the text: a match before it would end there.
                    self.unit.zeroize();
                    start
                }
                Unit::Bytes(len) => start + len,
            };
            if start >= line_end {
                self.text.extend_from_slice(&hay[at..line_end]);
                let line = confirm::line_around(hay, start);
                let here = self.text.len();
                if line.start > line_end {
                    self.map.push((here..here, line_end..line.start));
                }
                self.has_start |= line.start == 0;
                (at, line_end) = (line.start, line.end);
            }
            self.text.extend_from_slice(&hay[at..start]);
            let from = self.text.len();
            self.text.extend_from_slice(&self.unit);
            self.map.push((from..self.text.len(), start..end));
            at = end;
            if self.open.is_some() {
                break;
            }
        }
        self.text.extend_from_slice(&hay[at..line_end]);
        self.has_end = !self.map.is_empty() && line_end == hay.len() && hay.last() != Some(&b'\n');
        // What an open unit will say is not known.
        if let Some(open) = self.open.filter(|_| self.has_end) {
            self.text.truncate(self.text.len() - (hay.len() - open));
        }
    }
}
