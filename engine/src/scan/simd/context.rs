//! Names around triggers: rules that know a service by its name need thousands of windows, too many to look for everywhere.
//! But their matches hold a word about secrets (`rule/trigger.rs`), and most of them a run behind it: the names are looked for
//! only around the words.

use super::lookup::Lookup;
use super::runs::Runs;
use super::windows::Window;
use super::{Candidate, nominate, word_from};
use crate::rule::Rule;

/// Rules that are looked for around triggers only.
pub(crate) struct Context {
    windows: Vec<Window>,
    lookup: Lookup,
    /// How far before and behind a trigger the windows stand, in bytes.
    left: usize,
    right: usize,
}

impl Context {
    pub(crate) fn new(rules: &[&Rule], windows: Vec<Window>) -> Context {
        let arounds = || rules.iter().filter(|r| r.heads.is_empty()).filter_map(|r| r.around);
        let most = |values: &mut dyn Iterator<Item = u32>| values.max().unwrap_or(0) as usize;
        Context {
            lookup: Lookup::new(&windows),
            windows,
            left: most(&mut arounds().map(|a| a.left)),
            right: most(&mut arounds().map(|a| a.right)),
        }
    }

    /// Looks around the triggers, which are in order but for repeats.
    pub(crate) fn scan(
        &self,
        block: &[u8],
        runs: &Runs,
        triggers: &[u32],
        at: &mut Vec<i64>,
        out: &mut Vec<Candidate>,
    ) {
        let mut i = 0;
        while i < triggers.len() {
            // Triggers near one another are looked around together.
            let region = |t: u32| {
                let t = i64::from(t);
                // Before the block there is a line end, which a window may start with.
                (t - self.left as i64).max(-1)..(t + self.right as i64).min(block.len() as i64)
            };
            let mut all = region(triggers[i]);
            while i < triggers.len() && region(triggers[i]).start <= all.end {
                all.end = all.end.max(region(triggers[i]).end);
                i += 1;
            }
            at.clear();
            for p in all {
                if self.lookup.may_start(word_from(block, p)) {
                    at.push(p);
                }
            }
            for p in at.iter() {
                self.lookup.each(word_from(block, *p), |number| {
                    nominate(block, *p, &self.windows[number as usize], runs, out);
                });
            }
        }
    }
}
