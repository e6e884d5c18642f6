//! Another thing that is looked at before an automaton runs: the long run of plain characters that every match holds.
//!
//! The scanner nominates where some run stands; a value of 40 hex digits is a run that log text hardly ever has. So most
//! rules of key words never need their automaton: it is not even compiled ([`LongRun`]). What is turned away is no match.
//!
//! Limits: a pattern without a run of [`RUN`] bytes has none, and of several only one is looked for. See [`super::opening`]
//! for what else is looked at.

use std::ops::Range;

use regex_syntax::hir::{Hir, HirKind};

use super::need::{Clear, look_from};
use crate::rule::byte_set::ByteSet;
use crate::rule::frequency::probability;
use crate::rule::run::{Part, RUN, RunClass, lead, parts};

/// Longer runs are looked for no further, so that no place costs much.
const LONGEST: usize = 64;

/// A run that every match holds.
#[derive(Debug, PartialEq)]
pub(super) struct LongRun {
    set: ByteSet,
    /// In bytes.
    len: usize,
    /// It begins between so many bytes behind the start.
    distance: Range<usize>,
}

impl LongRun {
    /// The run that stands least often in text, if there is one.
    pub(super) fn new(hir: &Hir) -> Option<LongRun> {
        let all = parts(hir);
        let mut sets = vec![RunClass::Narrow.set(), RunClass::Broad.set()];
        classes(&all, &mut sets);
        let longest = sets.into_iter().filter_map(|set| {
            let (len, lo, hi) = longest(&all, &set)?;
            let len = len.min(LONGEST);
            Some(LongRun { set, len, distance: lo..hi + 1 })
        });
        let odds = |run: &LongRun| probability(&[run.set]).powi(run.len as i32);
        longest.min_by(|a, b| odds(a).total_cmp(&odds(b)))
    }

    /// Whether it stands where it must for a match at `at` of `line`, whose first byte is number `offset` of the stream.
    pub(super) fn follows(&self, line: &[u8], at: usize, offset: u64, clear: &mut Clear) -> bool {
        let from = at + self.distance.start;
        let Some(last) = (line.len() + 1).checked_sub(self.len) else { return false };
        let to = last.min(at + self.distance.end);
        let mut next = look_from(clear, offset, from);
        let mut found = false;
        while next < to && !found {
            // The last of the bytes that are not in it: no run begins before.
            match line[next..next + self.len].iter().rposition(|b| !self.set.contains(*b)) {
                Some(other) => next += other + 1,
                None => found = true,
            }
        }
        clear.end = offset + next as u64;
        found
    }
}

/// Adds the classes of several bytes that stand in a row somewhere in `all`.
fn classes(all: &[Part<'_>], out: &mut Vec<ByteSet>) {
    for part in all {
        match part {
            Part::Bytes(set, min, _) if *min >= RUN / 2 && !out.contains(set) => out.push(*set),
            Part::Other(hir) => {
                if let HirKind::Alternation(ways) = hir.kind() {
                    ways.iter().for_each(|way| classes(&parts(way), out));
                }
            }
            _ => {}
        }
    }
}

/// The length of the longest run of `set` in every match of `all`, at least [`RUN`], and where it begins at the earliest and
/// at the latest.
fn longest(all: &[Part<'_>], set: &ByteSet) -> Option<(usize, usize, usize)> {
    let mut best: Option<(usize, usize, usize)> = None;
    let (mut lo, mut hi) = (0, 0);
    for (i, part) in all.iter().enumerate() {
        let here = Some((lead(&all[i..], set).0, lo, hi)).filter(|(len, ..)| *len >= RUN);
        let inside = match part {
            Part::Other(hir) => longest_of_any(hir, set).map(|(len, a, b)| (len, lo + a, hi + b)),
            _ => None,
        };
        for run in [here, inside].into_iter().flatten() {
            best = best.filter(|(len, ..)| *len >= run.0).or(Some(run));
        }
        let Some((min, max)) = part.len() else { break };
        (lo, hi) = (lo + min, hi + max);
    }
    best
}

/// The same of whichever alternative a match takes.
fn longest_of_any(hir: &Hir, set: &ByteSet) -> Option<(usize, usize, usize)> {
    let HirKind::Alternation(ways) = hir.kind() else { return None };
    let runs: Option<Vec<_>> = ways.iter().map(|way| longest(&parts(way), set)).collect();
    let both = |a: (usize, usize, usize), b: (usize, usize, usize)| {
        (a.0.min(b.0), a.1.min(b.1), a.2.max(b.2))
    };
    runs?.into_iter().reduce(both)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::parse;

    fn run_of(pattern: &str) -> Option<LongRun> {
        LongRun::new(&parse::hir(pattern).unwrap())
    }

    #[test]
    fn the_rarest_run_of_every_match_is_known() {
        let run = |class: &str, len, distance| {
            let set = parse::hir(class).unwrap();
            let HirKind::Class(class) = set.kind() else { unreachable!("a class is written here") };
            let set = crate::rule::run::bytes_of(class).unwrap();
            Some(LongRun { set, len, distance })
        };
        for (pattern, wanted) in [
            ("key[ =]{1,3}(?P<secret>[0-9a-f]{40})", run("[0-9a-f]", 40, 4..7)),
            ("(?:aa|b)(?:x[0-9]{20}|[a-f]{2}-[0-9]{16})z", run("[0-9]", 16, 2..6)),
            (r"\bk_[a-z]{200}", run("[a-z]", 64, 2..3)),
            ("k=[0-9]{8}-[0-9]{8}", run("[0-9A-Za-z_-]", 17, 2..3)),
            ("k=(?:[0-9]{16}|[a-z ]{16})", None),
            ("k [0-9]{15}", None),
        ] {
            assert_eq!(run_of(pattern), wanted, "{pattern}");
        }
    }

    #[test]
    fn a_run_is_looked_for_once_and_found_wherever_it_is() {
        let run = run_of("k.{0,20}[0-9]{16}").unwrap();
        let digits = |len: usize| "7".repeat(len);
        let line = format!("k k{} k k k{} k {}k{}k", digits(15), digits(17), digits(40), digits(9));
        let line = line.as_bytes();
        let mut clear = 0..0;
        let possible: Vec<usize> =
            (0..line.len()).filter(|at| run.follows(line, *at, 100, &mut clear)).collect();
        let is_run =
            |p: usize| line.get(p..p + 16).is_some_and(|w| w.iter().all(u8::is_ascii_digit));
        let wanted = (0..line.len()).filter(|at| (at + 1..at + 22).any(is_run));
        assert_eq!(possible, wanted.collect::<Vec<_>>());
    }
}
