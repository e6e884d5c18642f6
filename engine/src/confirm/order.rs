//! Candidates in order: those of one rule that touch become one, and all are sorted by position.
//!
//! A scanner nominates in rows: by position within one of its passes, pass after pass, and ranges of one rule overlap where
//! words that it needs come close together. Joined first, there are fewer to sort; and by position they are sorted in two
//! passes over their number, not by comparing.

use super::Compiled;
use crate::rule::{Rule, ValueSyntax};
use crate::scan::Candidate;

/// Fewer candidates are sorted by comparing them.
const FEW: usize = 96;

/// So many bits of a position are sorted by at a time, twice: positions in blocks are smaller.
const DIGIT: u32 = 10;

/// Scratch space for [`Order::sort`].
#[derive(Default)]
pub(super) struct Order {
    last: Vec<Last>,
    /// The number of the call.
    call: u32,
    other: Vec<Candidate>,
}

/// Of one rule.
struct Last {
    /// In which call its last candidate was seen.
    call: u32,
    /// The place of that candidate.
    place: u32,
    /// Whether candidates that touch may become one: not those of keys and markers, which are looked at in the order of
    /// their text.
    joins: bool,
}

impl Order {
    /// Joins and sorts `candidates`. The positions that are nominated for each rule stay the same.
    pub(super) fn sort(&mut self, rules: &[Compiled], candidates: &mut Vec<Candidate>) {
        if candidates.len() <= FEW {
            candidates.sort_unstable();
            return;
        }
        let last = self.join(rules, candidates);
        if last >> (2 * DIGIT) > 0 {
            candidates.sort_unstable();
            return;
        }
        if !candidates.is_sorted_by_key(|c| c.lo) {
            if self.other.len() < candidates.len() {
                self.other.resize(candidates.len(), Candidate { lo: 0, hi: 0, rule: 0 });
            }
            let other = &mut self.other[..candidates.len()];
            by_digit(candidates, other, 0);
            by_digit(other, candidates, DIGIT);
        }
        // The same position was nominated for some rules at most.
        let mut from = 0;
        while let Some([a, b]) = candidates.get(from..from + 2) {
            if a.lo != b.lo {
                from += 1;
                continue;
            }
            let lo = a.lo;
            let count = candidates[from..].iter().take_while(|c| c.lo == lo).count();
            candidates[from..from + count].sort_unstable();
            from += count;
        }
    }

    /// Joins candidates of one rule that touch, where they come in order; answers the greatest position.
    fn join(&mut self, rules: &[Compiled], candidates: &mut Vec<Candidate>) -> u32 {
        if self.last.len() != rules.len() {
            let joins = |r: &Rule| r.value == ValueSyntax::Match && r.block.is_none();
            let last = |r: &Compiled| Last { call: 0, place: 0, joins: joins(&r.rule) };
            self.last = rules.iter().map(last).collect();
        }
        self.call = self.call.wrapping_add(1);
        if self.call == 0 {
            self.last.iter_mut().for_each(|last| last.call = 0);
            self.call = 1;
        }
        let (mut kept, mut greatest) = (0, 0);
        for i in 0..candidates.len() {
            let candidate = candidates[i];
            let last = &mut self.last[candidate.index()];
            if last.call == self.call {
                let before = &mut candidates[last.place as usize];
                let end = if last.joins { before.hi.saturating_add(1) } else { before.lo };
                if (before.lo..=end).contains(&candidate.lo)
                    && (last.joins || candidate.hi <= before.hi)
                {
                    before.hi = before.hi.max(candidate.hi);
                    continue;
                }
            }
            (last.call, last.place) = (self.call, kept as u32);
            greatest = greatest.max(candidate.lo);
            candidates[kept] = candidate;
            kept += 1;
        }
        candidates.truncate(kept);
        greatest
    }
}

/// Writes `from` to `to`, sorted by the digit of the position that begins at bit `shift`; those with the same digit keep
/// their order.
fn by_digit(from: &[Candidate], to: &mut [Candidate], shift: u32) {
    let digit = |c: &Candidate| (c.lo >> shift) as usize & ((1 << DIGIT) - 1);
    let mut places = [0u32; 1 << DIGIT];
    from.iter().for_each(|c| places[digit(c)] += 1);
    let mut sum = 0;
    for place in &mut places {
        sum += std::mem::replace(place, sum);
    }
    for candidate in from {
        let place = &mut places[digit(candidate)];
        to[*place as usize] = *candidate;
        *place += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Vec<Compiled> {
        let text = "[[rule]]\nid='a'\npattern='aaaa'\n[[rule]]\nid='b'\npattern='bbbb'\n\
                    [[rule]]\nid='c'\npattern='cccc'\nvalue='assignment'";
        let set = crate::RuleSet::parse("t", text).unwrap();
        set.into_rules().into_iter().map(Compiled::new).collect()
    }

    /// Candidates in a few rows, as scanners give them.
    fn rows(count: u32, seed: u32) -> Vec<Candidate> {
        let mut state = seed;
        let mut draw = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        let row = |i: u32| (i % (count / 3 + 1)) * 7;
        (0..count)
            .map(|i| {
                let lo = row(i).saturating_sub(draw(40))
                    + if draw(9) == 0 { 1 << (18 + seed % 3) } else { 0 };
                Candidate { lo, hi: lo + draw(60), rule: draw(3) }
            })
            .collect()
    }

    #[test]
    fn sorted_candidates_nominate_the_same_positions() {
        let rules = rules();
        let mut order = Order::default();
        let positions = |all: &[Candidate], rule: u32| {
            let mut set: Vec<u32> =
                all.iter().filter(|c| c.rule == rule).flat_map(|c| c.lo..=c.hi).collect();
            set.sort_unstable();
            set.dedup();
            set
        };
        for (count, seed) in [(0, 1), (1, 2), (FEW as u32, 3), (97, 4), (400, 5), (5000, 6)] {
            let given = rows(count, seed);
            let mut sorted = given.clone();
            order.sort(&rules, &mut sorted);
            assert!(sorted.is_sorted(), "{count}");
            for rule in 0..3 {
                assert!(positions(&given, rule) == positions(&sorted, rule), "{count} {rule}");
            }
            let keys = |all: &[Candidate]| all.iter().filter(|c| c.rule == 2).count();
            let joined = |all: &[Candidate]| all.iter().filter(|c| c.rule != 2).count();
            assert!(count < 97 || joined(&sorted) < joined(&given));
            assert!(keys(&sorted) * 10 >= keys(&given) * 9);
        }
    }
}
