//! Names around triggers: rules that know a service by its name need thousands of windows, too many to look for everywhere.
//! But their matches hold a word about secrets (`rule/trigger.rs`), and most of them a run behind it: the names are looked for
//! only around the words, and only where a run stands at the right distance from the word.

use std::sync::OnceLock;

use super::lookup::Lookup;
use super::runs::Runs;
use super::windows::{self, Named, Trigger};
use super::{Candidate, nominate};
use crate::rule::Rule;
use crate::rule::run::RunClass;

/// Rules that are looked for around triggers only, by the run that their matches hold.
pub(crate) struct Context {
    groups: Vec<Group>,
    /// How far behind a trigger some run may begin, in bytes, and one more.
    farthest: usize,
}

/// A word that stands somewhere.
pub(crate) struct Triggered {
    pub(crate) at: u32,
    pub(crate) trigger: Trigger,
    /// How many bytes of its line follow from it on, as far as runs matter.
    reach: u32,
}

impl Triggered {
    pub(crate) fn new(at: u32, trigger: Trigger) -> Triggered {
        Triggered { at, trigger, reach: 0 }
    }
}

struct Group {
    rules: Vec<Named>,
    /// Made when the first trigger is met.
    names: OnceLock<Lookup>,
    /// How far before and behind a trigger the windows stand, in bytes.
    left: i64,
    right: i64,
    /// The run that must stand there, and how far behind the trigger it begins at least and at most, in bytes. Without one, only
    /// rare words call.
    class: Option<RunClass>,
    run_lo: usize,
    run_hi: usize,
}

impl Context {
    pub(crate) fn new(rules: &[&Rule]) -> Context {
        let classes = [None, Some(RunClass::Narrow), Some(RunClass::Broad)];
        let of_class = |class| Group::new(rules, class);
        let groups: Vec<Group> = classes.into_iter().filter_map(of_class).collect();
        let farthest = groups.iter().map(|group| group.run_hi + 1).max().unwrap_or(0);
        Context { groups, farthest }
    }

    /// Looks around the triggers, which are in order but for repeats.
    #[inline(always)]
    pub(crate) fn scan(
        &self,
        block: &[u8],
        runs: Runs<'_>,
        triggers: &mut [Triggered],
        near: &mut Vec<u32>,
        out: &mut Vec<Candidate>,
    ) {
        // The next line end, looked for once up to there.
        let (mut line_end, mut looked) = (None, 0);
        for trigger in triggers.iter_mut() {
            // Matches stay on their line.
            let at = trigger.at as usize;
            let to = block.len().min(at + self.farthest);
            if line_end.is_some_and(|end| end < at) {
                line_end = None;
            }
            if line_end.is_none() && looked.max(at) < to {
                let from = looked.max(at);
                line_end = memchr::memchr(b'\n', &block[from..to]).map(|n| from + n);
                looked = line_end.unwrap_or(to);
            }
            let reach = line_end.filter(|end| *end < to).map(|end| end - at);
            trigger.reach = reach.unwrap_or(self.farthest) as u32;
        }
        for group in &self.groups {
            group.scan(block, runs, triggers, near, out);
        }
    }
}

impl Group {
    /// The rules whose matches hold a run of this class.
    fn new(rules: &[&Rule], class: Option<RunClass>) -> Option<Group> {
        let chosen = || {
            let all = (0..).zip(rules).filter_map(|(i, r)| Some((i, *r, r.around?)));
            all.filter(|(_, r, _)| r.run.map(|run| run.class) == class)
        };
        Some(Group {
            left: chosen().map(|(_, _, around)| around.left.into()).max()?,
            right: chosen().map(|(_, _, around)| around.right.into()).max()?,
            rules: chosen().map(|(index, rule, ..)| Named::new(index, rule)).collect(),
            names: OnceLock::new(),
            class,
            run_lo: chosen().map(|(_, _, around)| around.run_lo as usize).min()?,
            run_hi: chosen().map(|(_, _, around)| around.run_hi as usize).max()?,
        })
    }

    #[inline(always)]
    fn scan(
        &self,
        block: &[u8],
        runs: Runs<'_>,
        triggers: &[Triggered],
        near: &mut Vec<u32>,
        out: &mut Vec<Candidate>,
    ) {
        let calls = |t: &&Triggered| {
            let Some(class) = self.class else { return t.trigger == Trigger::Rare };
            let (at, end) = (t.at as usize, (t.reach as usize).min(self.run_hi + 1));
            self.run_lo < end && runs.run_in(class, at + self.run_lo, at + end - 1)
        };
        let called = triggers.iter().filter(calls);
        let mut triggers = called.map(|t| i64::from(t.at)).peekable();
        while let Some(first) = triggers.next() {
            // Triggers near one another are looked around together.
            let region = |t: i64| {
                // Before the block there is a line end, which a window may start with.
                (t - self.left).max(-1)..(t + self.right).min(block.len() as i64)
            };
            let mut all = region(first);
            while let Some(next) = triggers.next_if(|t| region(*t).start <= all.end) {
                all.end = all.end.max(region(next).end);
            }
            let names = self.names.get_or_init(|| Lookup::new(windows::names(&self.rules)));
            let mut look = |p: i64| {
                names.each(block, p, |window| nominate(block, p, window, runs, out));
            };
            if all.start < 0 {
                look(-1);
            }
            near.clear();
            near.extend(all.start.max(0) as u32..all.end as u32);
            names.keep(block, near, 0);
            for p in near.iter() {
                look(i64::from(*p));
            }
        }
    }
}
