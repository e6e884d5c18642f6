//! Heads: the first bytes of tokens that are one long word, looked for only where such a word starts (`rule/run.rs`).

use std::ops::Range;

use super::Candidate;
use super::lookup::{Keys, Lookup};
use super::runs::Runs;
use super::windows::{Use, Window};
use crate::kernel::Kernel;
use crate::kernel::classes::{Class, STEP, first_clear};
use crate::rule::run::{LONG_RUN, RunClass, Sign};

/// Steps whose words are looked at together: few, since short texts pay for the space too.
const AT_A_TIME: usize = 32;

/// The heads of a rule set.
pub(crate) struct Heads {
    /// Those that can be spelt out, nearly.
    short: Lookup,
    /// Uses of the others, each with its window's place in `long`, by the class of the run that they need, and by its length.
    narrow: Vec<(Use, usize)>,
    broad: Vec<(Use, usize)>,
    long: Vec<Window>,
    /// How many classes the shortest of these has.
    shortest: usize,
}

impl Heads {
    /// The heads of windows; `keys` are those of the short ones, if they are known.
    pub(crate) fn new(short: Vec<Window>, long: Vec<Window>, keys: Option<&Keys>) -> Heads {
        let uses = |(i, window): (usize, &Window)| -> Vec<_> {
            window.uses.iter().map(|u| (*u, i)).collect()
        };
        let mut uses: Vec<_> = long.iter().enumerate().flat_map(uses).collect();
        uses.sort_by_key(|(u, _)| u.run_len);
        let is_narrow = |u: &Use| u.run.is_some_and(|(class, ..)| class == RunClass::Narrow);
        let (narrow, broad) = uses.into_iter().partition(|(u, _)| is_narrow(u));
        let short = match keys {
            Some(keys) => Lookup::with(short, keys),
            None => Lookup::new(short),
        };
        let shortest = long.iter().map(|window| window.classes.len()).min().unwrap_or(0);
        Heads { short, narrow, broad, long, shortest }
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
                near.iter().for_each(|at| self.look_at_long(block, *at, runs, out));
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

    fn look_at_long<'h>(&'h self, block: &[u8], at: u32, runs: Runs<'_>, out: &mut Vec<Candidate>) {
        let rest = &block[at as usize..];
        if rest.len() < self.shortest {
            return;
        }
        let fit = |uses: &'h [(Use, usize)], class| {
            let (Some((shortest, _)), Some((longest, _))) = (uses.first(), uses.last()) else {
                return uses;
            };
            if !runs.may_have(class, at as usize, shortest.run_len as usize) {
                return &[];
            }
            let length = runs.length(class, at as usize, longest.run_len as usize) as u32;
            &uses[..uses.iter().take_while(|(u, _)| u.run_len <= length).count()]
        };
        let narrow = fit(&self.narrow, RunClass::Narrow);
        let broad = fit(&self.broad, RunClass::Broad);
        if narrow.is_empty() && broad.is_empty() {
            return;
        }
        // Letters and digits: what is left of the word before its first `_`.
        let word = first_clear(runs.0.of(Class::Word), at as usize) - at as usize;
        let word = &rest[..word.min(rest.len()).min(LONG_RUN)];
        let plain = memchr::memchr(b'_', word).unwrap_or(word.len());
        // Behind the end of the block it may go on in any way.
        let fits = |sign: Sign| match rest.get(plain) {
            Some(byte) => {
                sign.lo as usize <= plain && plain <= sign.hi as usize && sign.set.contains(*byte)
            }
            None => plain <= sign.hi as usize,
        };
        for (u, window) in narrow.iter().chain(broad) {
            if !u.sign.is_none_or(fits) {
                continue;
            }
            let classes = &self.long[*window].classes;
            let stands = classes.iter().zip(rest).all(|(set, b)| set.contains(*b));
            if stands && rest.len() >= classes.len() {
                out.push(Candidate { lo: at, hi: at, rule: u.rule });
            }
        }
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
