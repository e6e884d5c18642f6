//! Names around triggers: rules that know a service by its name need thousands of windows, too many to look for everywhere.
//! But their matches hold a word about secrets (`rule/trigger.rs`), and most of them a run behind it: the names are looked for
//! only around the words.

use std::sync::OnceLock;

use super::lookup::Lookup;
use super::runs::Runs;
use super::windows::{self, Named};
use super::{Candidate, nominate, word_from};
use crate::rule::Rule;

/// Rules that are looked for around triggers only.
pub(crate) struct Context {
    rules: Vec<Named>,
    /// Made when the first trigger is met.
    names: OnceLock<Lookup>,
    /// How far before and behind a trigger the windows stand, in bytes.
    left: usize,
    right: usize,
}

impl Context {
    pub(crate) fn new(rules: &[&Rule]) -> Context {
        let arounds = || rules.iter().filter_map(|r| r.around);
        let chosen = (0..).zip(rules).filter(|(_, r)| r.around.is_some());
        Context {
            rules: chosen.map(|(index, rule)| Named::new(index, rule)).collect(),
            names: OnceLock::new(),
            left: arounds().map(|a| a.left).max().unwrap_or(0) as usize,
            right: arounds().map(|a| a.right).max().unwrap_or(0) as usize,
        }
    }

    fn names(&self) -> &Lookup {
        self.names.get_or_init(|| Lookup::new(windows::names(&self.rules)))
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
        let names = self.names();
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
                if names.may_start(word_from(block, p)) {
                    at.push(p);
                }
            }
            for p in at.iter() {
                names.each(word_from(block, *p), |window| {
                    nominate(block, *p, window, runs, out);
                });
            }
        }
    }
}
