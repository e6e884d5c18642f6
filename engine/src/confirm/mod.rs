//! Step 2 of 5: confirm. From candidates to exact spans, by one piece of code for all scanners.
//!
//! For each rule the matches of a line are those of `captures_iter`: leftmost-first, one after the other, except that a
//! match which a condition refuses hides nothing; the search goes on one byte after its start. Candidates only say where
//! to look: an anchored lazy DFA runs at each position that a scanner nominated.
//!
//! Lines: the haystack of a match is its line, up to the line feed. A [`View`] says which part of a long or open line is
//! decided: matches that start at or after `limit` are left for later, when their whole reach is there.
//!
//! Before: [`crate::scan`]; after: [`crate::resolve`].

use std::ops::Range;

use crate::scan::Candidate;

pub(crate) mod assignment;
mod bounds;
mod budget;
pub(crate) mod check;
mod compiled;
pub(crate) mod condition;
mod decide;
pub(crate) mod fate;
mod filler;
mod long_run;
mod need;
mod opening;
mod order;
pub(crate) mod personal;
mod place;
mod recent;
mod sweep;
mod walk;
pub(crate) mod words;

use budget::{Refused, Vain};
pub(crate) use compiled::Compiled;
use compiled::States;
use decide::Job;
use need::Clear;
use order::Order;

/// One accepted match of one rule: what is to be masked, in bytes from the block's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) rule: u32,
    /// The rest of a secret that something else interrupts: it goes without a mask of its own.
    pub(crate) silent: bool,
    /// In a JSON string, as far as that is known.
    pub(crate) in_string: bool,
}

impl Hit {
    pub(crate) fn new(span: Range<usize>, rule: u32) -> Hit {
        Hit { start: span.start, end: span.end, rule, silent: false, in_string: false }
    }
}

/// Which part of a haystack may be decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// The haystack's first byte, counted from the start of the stream.
    pub(crate) base: u64,
    /// Where the haystack's first line starts in the stream: before `base` if it is cut.
    pub(crate) first_line: u64,
    /// No match starts before this position.
    pub(crate) min_start: usize,
    /// Matches that start before this position were decided before.
    pub(crate) decided: usize,
    /// No match starts at or after this position.
    pub(crate) limit: usize,
    /// More bytes of the last line may follow: a match that could still grow or change is not decided, but noted.
    pub(crate) growing: bool,
    /// Nothing is there but one line.
    pub(crate) is_line: bool,
}

impl View {
    /// Whole lines.
    pub(crate) fn closed(base: u64, len: usize) -> View {
        View {
            base,
            first_line: base,
            min_start: 0,
            decided: 0,
            limit: len,
            growing: false,
            is_line: false,
        }
    }

    /// One line, with or without its line feed.
    pub(crate) fn line(len: usize) -> View {
        View { is_line: true, ..View::closed(0, len) }
    }
}

/// How far a rule has come.
#[derive(Clone, Default)]
struct Progress {
    /// The stream offset before which no match starts any more.
    next: u64,
    /// Where what its matches need does not stand.
    clear: Clear,
    /// Where no long run begins.
    without_run: Clear,
    /// Its next match is not decided yet.
    blocked: bool,
    refused: Refused,
    vain: Vain,
    /// Anything of this was set.
    touched: bool,
}

/// What one thread needs to confirm: the lazy DFAs' states, and how far each rule has come.
pub(crate) struct Scratch {
    /// By rule: its automata's states.
    states: Vec<Option<Box<States>>>,
    /// By rule.
    progress: Vec<Progress>,
    /// The rules that have come somewhere.
    touched: Vec<u32>,
    values: assignment::Memo,
    /// The match that was looked at last is a link of a chain ([`assignment::is_link`]).
    is_link: bool,
    order: Order,
    /// The least position that may still become part of a secret: what a flush may not release.
    pub(crate) hold: usize,
    /// Begin markers of multi-line secrets, in order of position: the marker's span and rule.
    pub(crate) begins: Vec<Hit>,
}

impl Scratch {
    pub(crate) fn new(rules: usize) -> Scratch {
        Scratch { states: (0..rules).map(|_| None).collect(), ..Scratch::without_caches(rules) }
    }

    /// For use with the caches of another ([`Scratch::swap_caches`]).
    pub(crate) fn without_caches(rules: usize) -> Scratch {
        Scratch {
            states: Vec::new(),
            progress: vec![Progress::default(); rules],
            touched: Vec::new(),
            values: assignment::Memo::default(),
            is_link: false,
            order: Order::default(),
            hold: usize::MAX,
            begins: Vec::new(),
        }
    }

    /// Forgets what automata said, for tests that use one space for several rules.
    #[cfg(test)]
    fn forget_states(&mut self) {
        self.states.iter_mut().for_each(|states| *states = None);
    }

    pub(crate) fn swap_caches(&mut self, other: &mut Scratch) {
        std::mem::swap(&mut self.states, &mut other.states);
    }

    /// Lets a rule match from a stream offset on again.
    pub(crate) fn unadvance(&mut self, rule: usize, to: u64) {
        self.progress[rule].next = to;
    }

    /// How far a rule has come, to be changed.
    fn progress(&mut self, rule: usize) -> &mut Progress {
        let progress = &mut self.progress[rule];
        if !progress.touched {
            progress.touched = true;
            self.touched.push(rule as u32);
        }
        progress
    }

    /// Goes on behind a key at `span` of a line, all of `hay`, that is a link of a chain where it stood before; false if it must
    /// be looked at again.
    fn goes_on(&mut self, rule: usize, hay: &[u8], span: Range<usize>) -> bool {
        if !self.values.may_link(hay, &span) || self.progress[rule].next > span.start as u64 {
            return false;
        }
        self.progress(rule).next = span.end as u64;
        true
    }

    /// Forgets where the rules stood, for text that does not follow what was confirmed before.
    pub(crate) fn rewind(&mut self) {
        for rule in self.touched.drain(..) {
            self.progress[rule as usize] = Progress::default();
        }
    }
}

/// Confirms `candidates` in `hay` and appends the accepted hits; begin markers go to `scratch.begins`.
///
/// `candidates` are put in order here, and links of chains are marked. With [`View::growing`], `scratch.hold` is lowered to the
/// first byte that may belong to a match not yet decided.
pub(crate) fn confirm(
    rules: &[Compiled],
    accept: &condition::Accept,
    hay: &[u8],
    view: View,
    candidates: &mut Vec<Candidate>,
    scratch: &mut Scratch,
    hits: &mut Vec<Hit>,
) {
    scratch.order.sort(rules, candidates);
    // The same buffer holds other text now.
    scratch.values = assignment::Memo::default();
    let Some(last) = view.limit.checked_sub(1) else { return };
    let first = view.min_start.max(view.decided);
    let mut job = Job { accept, line: 0..0, text: &[], growing: false, view };
    for i in 0..candidates.len() {
        let mut candidate = candidates[i];
        if i > 0 && candidate == candidates[i - 1] {
            continue;
        }
        let index = candidate.index();
        if candidate.is_link() {
            let span = candidate.lo as usize..candidate.hi as usize;
            if view.is_line && scratch.goes_on(index, hay, span) {
                continue;
            }
            candidate = candidate.unknown();
        }
        let next = scratch.progress(index).next.saturating_sub(view.base) as usize;
        let mut lo = (candidate.lo as usize).max(first).max(next);
        let hi = last.min(candidate.hi as usize);
        while lo <= hi {
            if !(job.line.start <= lo && lo < job.line.end) {
                job.line = if view.is_line { 0..hay.len() } else { line_around(hay, lo) };
                job.text = &hay[job.line.clone()];
                job.text = job.text.strip_suffix(b"\n").unwrap_or(job.text);
                job.growing = view.growing && job.line.end == hay.len();
            }
            let in_line = hi.min(job.line.end - 1);
            scratch.is_link = false;
            lo = job.run((&rules[index], index), lo, in_line, scratch, hits);
            let progress = &mut scratch.progress[index];
            if !job.growing {
                // What was looked at says nothing new to the next candidate.
                progress.next = progress.next.max(view.base + lo as u64);
            }
            lo = lo.max(progress.next.saturating_sub(view.base) as usize);
            if scratch.is_link && candidate.lo == candidate.hi {
                candidates[i] = Candidate {
                    hi: lo as u32,
                    rule: candidate.rule | Candidate::LINK,
                    ..candidate
                };
            }
        }
    }
    // A candidate is a range of starts: what begins in one may begin behind what begins in the next.
    scratch.begins.sort_unstable_by_key(|begin| (begin.start, begin.rule));
    if view.growing {
        for rule in &scratch.touched {
            scratch.progress[*rule as usize].blocked = false;
        }
    }
}

/// The line that holds position `at`, with its line feed.
pub(crate) fn line_around(hay: &[u8], at: usize) -> Range<usize> {
    let start = memchr::memrchr(b'\n', &hay[..at]).map_or(0, |p| p + 1);
    let end = memchr::memchr(b'\n', &hay[at..]).map_or(hay.len(), |p| at + p + 1);
    start..end
}

/// The same, if `last` is the line that was asked for last.
pub(crate) fn line_around_again(hay: &[u8], at: usize, last: &mut Range<usize>) -> Range<usize> {
    if !last.contains(&at) {
        *last = line_around(hay, at);
    }
    last.clone()
}

/// Widens a span so that it does not cut a UTF-8 sequence.
fn whole_characters(line: &[u8], span: Range<usize>) -> Range<usize> {
    let start = match character_around(line, span.start) {
        Some((start, Some(_))) => start,
        _ => span.start,
    };
    let end = character_around(line, span.end).and_then(|(_, end)| end).unwrap_or(span.end);
    start..end
}

/// The UTF-8 sequence that goes on at position `at`, begun before: where it starts, and where it ends if all of it is there.
///
/// A sequence that another byte breaks off is none.
pub(crate) fn character_around(line: &[u8], at: usize) -> Option<(usize, Option<usize>)> {
    if line.get(at).is_some_and(|b| b & 0xc0 != 0x80) {
        return None;
    }
    let start = (at.saturating_sub(3)..at).rev().find(|p| line[*p] & 0xc0 != 0x80)?;
    let len = match line[start] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let sequence = &line[start..line.len().min(start + len)];
    match std::str::from_utf8(sequence) {
        Ok(_) if at < start + len => Some((start, Some(start + len))),
        Err(error) if error.error_len().is_none() => Some((start, None)),
        _ => None,
    }
}
