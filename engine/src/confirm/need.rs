//! What must follow in a match, at some distance from its start: many starts fail for want of one byte further on; a `://`
//! without a `@` behind it is no URL with a password.
//!
//! A [`Need`] is up to three classes in a row that every match holds. It is read off the pattern's HIR, and is exact in one
//! direction: what it turns away is no match. Where the row stands next is remembered ([`Clear`]), so that a line is searched
//! once, however many starts it has: hostile rows of starts cost what one pass costs.
//!
//! Limits: without a rare byte behind a variable part there is no need.

use std::ops::Range;

use regex_syntax::hir::{Hir, HirKind};

use crate::rule::byte_set::ByteSet;
use crate::rule::frequency::probability;
use crate::rule::run::bytes_of;

/// What every match holds behind its start.
#[derive(Debug)]
pub(super) struct Need {
    /// Classes in a row.
    row: Vec<ByteSet>,
    /// The place in the row of a class of at most three bytes, which are these.
    rare: usize,
    bytes: Vec<u8>,
    /// Between so many bytes behind the start.
    distance: Range<usize>,
}

/// A stretch, in bytes of the stream, in which no row of a [`Need`] begins.
pub(super) type Clear = Range<u64>;

/// From where on a line must be looked at that starts at `offset` of the stream, if `from` is where to begin: not where it is
/// clear. Whoever looks says then how far that goes.
pub(super) fn look_from(clear: &mut Clear, offset: u64, from: usize) -> usize {
    let start = offset + from as u64;
    if clear.contains(&start) {
        return (clear.end - offset) as usize;
    }
    clear.start = start;
    from
}

/// The longest row of classes.
const LONGEST_ROW: usize = 3;
/// Rows that are likelier than this at a position of log text turn too little away.
pub(super) const LIKELIEST: f64 = 0.02;
/// What stands nearer than this, in bytes, an automaton has seen as soon.
const NEAR: usize = 16;

impl Need {
    /// The rarest row of bytes at a varying distance from the start of a match, if there is one; rows of `known` windows are
    /// what the scanner looked for.
    pub(super) fn new<'w>(
        hir: &Hir,
        known: impl Iterator<Item = &'w [ByteSet]> + Clone,
    ) -> Option<Need> {
        let mut parts = Vec::new();
        flatten(hir, &mut parts);
        let (mut lo, mut hi) = (0, 0);
        let mut best: Option<(f64, Need)> = None;
        for (i, part) in parts.iter().enumerate() {
            let row = row(&parts[i..]).0;
            let few = |set: &ByteSet| (1..=3).contains(&set.len());
            let rare = row.iter().position(few);
            let is_known = |window: &[ByteSet]| window.windows(row.len()).any(|w| *w == *row);
            let odds = probability(&row);
            if let Some(rare) = rare
                && lo < hi
                && hi >= NEAR
                && odds < LIKELIEST
                && best.as_ref().is_none_or(|(least, _)| odds < *least)
                && !known.clone().any(is_known)
            {
                let bytes = row[rare].iter().collect();
                best = Some((odds, Need { row, rare, bytes, distance: lo..hi + 1 }));
            }
            let properties = part.properties();
            lo += properties.minimum_len().unwrap_or(0);
            hi += properties.maximum_len()?;
        }
        best.map(|(_, need)| need)
    }

    /// Whether what is needed stands where it must for a match at `at` of `line`, whose first byte is number `offset` of the
    /// stream.
    pub(super) fn follows(&self, line: &[u8], at: usize, offset: u64, clear: &mut Clear) -> bool {
        let from = at + self.distance.start;
        let Some(last) = (line.len() + 1).checked_sub(self.row.len()) else { return false };
        let to = last.min(at + self.distance.end);
        let mut next = look_from(clear, offset, from);
        while next < to {
            let text = &line[next + self.rare..to + self.rare];
            let found = match self.bytes[..] {
                [a] => memchr::memchr(a, text),
                [a, b] => memchr::memchr2(a, b, text),
                [a, b, c] => memchr::memchr3(a, b, c, text),
                _ => unreachable!("a row is kept for a class of one to three bytes"),
            };
            let Some(found) = found else { break };
            next += found;
            if self.row.iter().zip(&line[next..]).all(|(set, byte)| set.contains(*byte)) {
                clear.end = offset + next as u64;
                return true;
            }
            next += 1;
        }
        clear.end = offset + next.max(to) as u64;
        false
    }
}

/// The parts of a sequence, groups opened.
pub(super) fn flatten<'h>(hir: &'h Hir, out: &mut Vec<&'h Hir>) {
    match hir.kind() {
        HirKind::Concat(parts) => parts.iter().for_each(|part| flatten(part, out)),
        HirKind::Capture(capture) => flatten(&capture.sub, out),
        _ => out.push(hir),
    }
}

/// The classes of the first bytes of `parts`, and whether these are all of its bytes.
fn row(parts: &[&Hir]) -> (Vec<ByteSet>, bool) {
    let mut sets = Vec::new();
    for part in parts {
        let (more, whole) = row_of(part);
        sets.extend(more);
        if !whole || sets.len() >= LONGEST_ROW {
            let whole = whole && sets.len() <= LONGEST_ROW;
            sets.truncate(LONGEST_ROW);
            return (sets, whole);
        }
    }
    (sets, true)
}

fn row_of(hir: &Hir) -> (Vec<ByteSet>, bool) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => (Vec::new(), true),
        HirKind::Literal(literal) => {
            let sets = literal.0.iter().take(LONGEST_ROW).map(|b| ByteSet::single(*b)).collect();
            (sets, literal.0.len() <= LONGEST_ROW)
        }
        HirKind::Class(class) => match bytes_of(class) {
            Some(set) => (vec![set], true),
            None => (Vec::new(), false),
        },
        HirKind::Capture(capture) => row_of(&capture.sub),
        HirKind::Concat(parts) => row(&parts.iter().collect::<Vec<_>>()),
        HirKind::Alternation(parts) => {
            let all: Vec<_> = parts.iter().map(row_of).collect();
            let len = all.iter().map(|(sets, _)| sets.len()).min().unwrap_or(0);
            let union = |i| all.iter().fold(ByteSet::default(), |u, (s, _)| u.union(&s[i]));
            let whole = all.iter().all(|(sets, whole)| *whole && sets.len() == len);
            ((0..len).map(union).collect(), whole)
        }
        HirKind::Repetition(repetition) => {
            let (sub, whole) = row_of(&repetition.sub);
            let copies = (repetition.min as usize).min(LONGEST_ROW);
            if !whole {
                return (if copies > 0 { sub } else { Vec::new() }, false);
            }
            let all = sub.repeat(copies);
            let whole = repetition.max == Some(repetition.min) && copies == repetition.min as usize;
            (all, whole)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::parse;

    fn need_of(pattern: &str) -> Option<Need> {
        Need::new(&parse::hir(pattern).unwrap(), std::iter::empty())
    }

    #[test]
    fn a_need_is_the_rarest_row_behind_a_part_of_any_length() {
        let need = need_of(r"://[^@/ ]{0,30}:(?P<secret>[^@]{2,30})@[a-z]").unwrap();
        assert_eq!((need.bytes.as_slice(), need.distance.clone()), (&b"@"[..], 6..65));
        let need = need_of(r"curl [^\n]{0,40} (?:-u|--user) [a-z]{1,9}").unwrap();
        assert_eq!((need.row.len(), need.distance.clone()), (3, 5..46));
        assert!(need_of("token=[a-z]{30}").is_none() && need_of("ab[^x]{1,3}@").is_none());
    }

    #[test]
    fn what_is_needed_is_looked_for_once() {
        let need = need_of("a[^@]{0,20}@[0-9]").unwrap();
        let line = b"a @x a @1  a a a a a a a a a a  @2";
        let mut clear = 0..0;
        let possible: Vec<usize> =
            (0..line.len()).filter(|at| need.follows(line, *at, 100, &mut clear)).collect();
        let wanted = (0..line.len()).filter(|at| {
            let row = |p: usize| line[p] == b'@' && line.get(p + 1).is_some_and(u8::is_ascii_digit);
            (at + 1..at + 22).any(|p| p < line.len() && row(p))
        });
        assert_eq!(possible, wanted.collect::<Vec<_>>());
        // The second row was found from the start that is 21 bytes before it, and no other pass was made.
        assert_eq!(clear.end, 100 + line.len() as u64);
    }
}
