//! Heads: the first bytes of tokens that are one long word, looked for only where such a word starts (`rule/run.rs`).

use super::Candidate;
use super::lookup::Lookup;
use super::runs::Runs;
use super::windows::{Use, Window};
use crate::kernel::Kernel;
use crate::kernel::classes::STEP;

/// Steps whose words are looked at together: few, since short texts pay for the space too.
const AT_A_TIME: usize = 32;

/// The heads of a rule set.
pub(crate) struct Heads {
    /// Those that can be spelt out, nearly.
    short: Lookup,
    /// Uses of the others, each with its window's place in `long`, by the length of the run that they need.
    uses: Vec<(Use, usize)>,
    long: Vec<Window>,
}

impl Heads {
    pub(crate) fn new(short: Vec<Window>, long: Vec<Window>) -> Heads {
        let uses = |(i, window): (usize, &Window)| -> Vec<_> {
            window.uses.iter().map(|u| (*u, i)).collect()
        };
        let mut uses: Vec<_> = long.iter().enumerate().flat_map(uses).collect();
        uses.sort_by_key(|(u, _)| u.run_len);
        Heads { short: Lookup::new(short), uses, long }
    }

    /// Adds the candidates of `block`; `near` is space for positions.
    #[inline(always)]
    pub(crate) fn scan(
        &self,
        kernel: Kernel,
        block: &[u8],
        runs: Runs<'_>,
        near: &mut Vec<u32>,
        out: &mut Vec<Candidate>,
    ) {
        let mut first = 0;
        while first < runs.0.len() {
            let count = (runs.0.len() - first).min(AT_A_TIME);
            let mut broad = [(0, 0); AT_A_TIME];
            let mut long = [(0, 0); AT_A_TIME];
            for i in 0..count {
                let (at, starts) = (((first + i) * STEP) as u32, runs.word_starts(first + i));
                (broad[i], long[i]) = ((at, starts.broad), (at, starts.long));
            }
            near.clear();
            if !self.short.is_empty() {
                kernel.positions(&broad[..count], near);
                self.short.keep(block, near, 0, true);
            }
            for at in near.iter() {
                self.short.each(block, i64::from(*at), |window| {
                    for u in &window.uses {
                        nominate(u, *at, runs, out);
                    }
                });
            }
            near.clear();
            if !self.uses.is_empty() {
                kernel.positions(&long[..count], near);
            }
            for at in near.iter() {
                self.look_at_long(block, *at, runs, out);
            }
            first += count;
        }
    }

    fn look_at_long(&self, block: &[u8], at: u32, runs: Runs<'_>, out: &mut Vec<Candidate>) {
        for (u, window) in &self.uses {
            if u.run.is_some_and(|(class, ..)| !runs.goes_on(class, at as usize, u.run_len as usize)) {
                // The others need more, if not of another class.
                continue;
            }
            let classes = &self.long[*window].classes;
            let stands = classes.iter().zip(&block[at as usize..]).all(|(set, b)| set.contains(*b));
            if stands && block.len() - at as usize >= classes.len() {
                out.push(Candidate { lo: at, hi: at, rule: u.rule });
            }
        }
    }
}

/// Adds the candidate of a head at the start of a word, if the word is long enough.
#[inline(always)]
fn nominate(u: &Use, at: u32, runs: Runs<'_>, out: &mut Vec<Candidate>) {
    if u.run.is_some_and(|(class, ..)| runs.goes_on(class, at as usize, u.run_len as usize)) {
        out.push(Candidate { lo: at, hi: at, rule: u.rule });
    }
}
