//! Heads: the first bytes of tokens that are one long word, looked for only where such a word starts (`rule/run.rs`).

use std::ops::Range;

use super::Candidate;
use super::long_heads::LongHeads;
use super::lookup::{Keys, Lookup};
use super::runs::Runs;
use super::windows::{Use, Window};
use crate::kernel::Kernel;
use crate::kernel::classes::{Class, STEP};

/// Steps whose words are looked at together: few, since short texts pay for the space too.
const AT_A_TIME: usize = 32;

/// The heads of a rule set.
pub(crate) struct Heads {
    /// Those that can be spelt out, nearly.
    short: Lookup,
    long: LongHeads,
}

impl Heads {
    /// The heads of windows; `keys` are those of the short ones, if they are known.
    pub(crate) fn new(short: Vec<Window>, long: Vec<Window>, keys: Option<&Keys>) -> Heads {
        let short = match keys {
            Some(keys) => Lookup::with(short, keys),
            None => Lookup::new(short),
        };
        Heads { short, long: LongHeads::new(&long) }
    }

    /// Adds the candidates of `block` that start in `part`, and some around it; `near` is space for positions.
    #[inline(always)]
    pub(crate) fn scan(
        &self,
        kernel: Kernel,
        block: &[u8],
        part: Range<usize>,
        runs: Runs<'_>,
        near: &mut Vec<u32>,
        out: &mut Vec<Candidate>,
    ) {
        // The last mask stands for what is behind the end.
        let of_part = |class| {
            let masks = runs.0.of(class);
            &masks[part.start / STEP..masks.len().min(part.end / STEP + 1)]
        };
        let (starts, long_starts) = (of_part(Class::Starts), of_part(Class::LongStarts));
        let some = starts.chunks(AT_A_TIME).zip(long_starts.chunks(AT_A_TIME));
        let first = (part.start / STEP * STEP) as u32;
        for ((starts, long_starts), first) in some.zip((first..).step_by(AT_A_TIME * STEP)) {
            if !self.short.is_empty() {
                near.clear();
                kernel.positions(first, starts, near);
                self.short.keep(block, near, 0);
                for at in near.iter() {
                    self.short.each(block, i64::from(*at), |window| {
                        window.uses.iter().for_each(|u| nominate(u, *at, runs, out));
                    });
                }
            }
            if !self.long.is_empty() {
                near.clear();
                kernel.positions(first, long_starts, near);
                near.iter().for_each(|at| self.long.look(block, *at, runs, out));
            }
        }
    }

    /// Whether a short head may stand in a short text where a bit is set in `starts`, the first of which stands for the line end
    /// before it; `near` is left as it is.
    #[inline(always)]
    pub(crate) fn may_stand(&self, text: &[u8], starts: &[u64], near: &mut Vec<u32>) -> bool {
        let before = near.len();
        if !self.short.is_empty() {
            self.short.near(text, starts, near);
        }
        let may = near.len() > before;
        near.truncate(before);
        may
    }
}

/// Adds the candidate of a head at the start of a word, if the word is long enough.
#[inline(always)]
fn nominate(u: &Use, at: u32, runs: Runs<'_>, out: &mut Vec<Candidate>) {
    let needs = u.run_len as usize;
    if u.run.is_some_and(|(class, ..)| runs.length(class, at as usize, needs) == needs) {
        out.push(Candidate { lo: at, hi: at, rule: u.rule });
    }
}
