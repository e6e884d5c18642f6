//! Names around triggers: rules that know a service by its name need thousands of windows, too many to look for everywhere.
//! But their matches hold a word about secrets (`rule/trigger.rs`), and most of them a run behind it: the names are looked for
//! only around the words, and only where a run stands at the right distance from the word. How far around and at what
//! distance depends on the word: `cred` calls for other rules than `passw`.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use super::finder::Finder;
use super::lookup::{Keys, Lookup};
use super::runs::Runs;
use super::tables::Tables;
use super::windows::{self, Named, Trigger, named};
use super::{Candidate, nominate};
use crate::kernel::classes::STEP;
use crate::kernel::{Hits, Kernel};
use crate::rule::Rule;
use crate::rule::run::{RUN, RunClass};
use crate::rule::trigger::{Around, WORDS};

/// Rules that are looked for around triggers only.
pub(crate) struct Context {
    rules: Vec<Named>,
    /// What leads to their names, if it is known.
    known: Option<(&'static Keys, &'static Tables)>,
    /// Made when the first trigger is met.
    names: OnceLock<Finder>,
    calls: [Call; 3],
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

/// What calls for rules whose matches hold a run of the same class.
struct Call {
    /// The run that must stand behind a trigger. Without one, only rare words call.
    class: Option<RunClass>,
    /// By word: where to look around it, if it calls for any rule.
    around: [Option<Reach>; WORDS.len()],
}

/// Where the windows and runs of the rules stand that a word calls for.
#[derive(Clone, Copy)]
struct Reach {
    /// How far before and behind a trigger the windows stand, in bytes.
    left: i64,
    right: i64,
    /// How far behind the trigger the run begins at least and at most, in bytes.
    run_lo: usize,
    run_hi: usize,
}

impl Reach {
    fn new(around: &Around) -> Reach {
        let Around { left, right, run_lo, run_hi, .. } = *around;
        let (run_lo, run_hi) = (run_lo as usize, run_hi as usize);
        Reach { left: left.into(), right: right.into(), run_lo, run_hi }
    }

    fn union(self, other: Reach) -> Reach {
        Reach {
            left: self.left.max(other.left),
            right: self.right.max(other.right),
            run_lo: self.run_lo.min(other.run_lo),
            run_hi: self.run_hi.max(other.run_hi),
        }
    }
}

impl Context {
    /// `known` is what leads to the names of `rules`, if it is known.
    pub(crate) fn new(rules: &[&Rule], known: Option<(&'static Keys, &'static Tables)>) -> Context {
        // What reaches farthest comes first.
        let classes = [None, Some(RunClass::Broad), Some(RunClass::Narrow)];
        let calls = classes.map(|class| Call::new(rules, class));
        let reaches = calls.iter().flat_map(|call| call.around.iter().flatten());
        let farthest = reaches.map(|reach| reach.run_hi + 1).max().unwrap_or(0);
        Context { rules: named(rules), known, names: OnceLock::new(), calls, farthest }
    }

    /// Looks around the triggers, which are in order but for repeats.
    #[inline(always)]
    pub(crate) fn scan(
        &self,
        kernel: Kernel,
        block: &[u8],
        runs: Runs<'_>,
        triggers: &mut [Triggered],
        (hits, near): (&mut Hits, &mut Vec<u32>),
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
                // Farther than need be: a call costs more than a few bytes.
                let (from, to) = (looked.max(at), block.len().min(to + STEP));
                line_end = memchr::memchr(b'\n', &block[from..to]).map(|n| from + n);
                looked = line_end.unwrap_or(to);
            }
            let reach = line_end.filter(|end| *end < to).map(|end| end - at);
            trigger.reach = reach.unwrap_or(self.farthest) as u32;
        }
        // Where the next run of any class stands, looked for once.
        let mut next_run = 0;
        let mut region = |trigger: &Triggered, known: &Range<i64>| {
            let at = trigger.at as usize;
            if next_run < at {
                next_run = runs.next_run(RunClass::Broad, at);
            }
            let has_run = next_run < at + trigger.reach as usize;
            self.region(runs, trigger, has_run, known)
        };
        let mut triggers = triggers.iter();
        let mut next = triggers.find_map(|trigger| region(trigger, &NOWHERE));
        while let Some(mut all) = next.take() {
            // Triggers near one another are looked around together.
            for trigger in triggers.by_ref() {
                match region(trigger, &all) {
                    Some(region) if region.start > all.end => {
                        next = Some(region);
                        break;
                    }
                    Some(region) => all = all.start.min(region.start)..all.end.max(region.end),
                    None => {}
                }
            }
            let names = self.names.get_or_init(|| {
                let windows = windows::names(&self.rules);
                match self.known {
                    Some((keys, tables)) => {
                        Finder::new(Lookup::with(windows, keys), Some(Cow::Borrowed(tables)))
                    }
                    None => Finder::new(Lookup::new(windows), None),
                }
            });
            let mut look = |p: i64| {
                names.lookup().each(block, p, |window| nominate(block, p, window, runs, out));
            };
            // Before the block there is a line end, which a window may start with.
            if all.start < 0 {
                look(-1);
            }
            let to = all.end.min(block.len() as i64) as usize;
            near.clear();
            names.find(kernel, block, all.start.max(0) as usize..to, hits, near);
            for p in near.iter() {
                look(i64::from(*p));
            }
        }
    }
}

/// Holds no region.
const NOWHERE: Range<i64> = i64::MIN..i64::MIN;

impl Context {
    /// Where to look around a trigger beside `known`, if anywhere; `has_run` says whether any run begins within its reach.
    #[inline(always)]
    fn region(
        &self,
        runs: Runs<'_>,
        trigger: &Triggered,
        has_run: bool,
        known: &Range<i64>,
    ) -> Option<Range<i64>> {
        let mut known = known.clone();
        let (mut start, mut end) = (i64::MAX, i64::MIN);
        for call in self.calls.iter().filter(|call| has_run || call.class.is_none()) {
            let Some(reach) = &call.around[usize::from(trigger.trigger.0)] else { continue };
            let at = i64::from(trigger.at);
            let (from, to) = (at - reach.left, at + reach.right);
            // Whether there is a run need not be known if another call, or trigger, has it looked around.
            let is_known = known.start <= from && to <= known.end;
            if is_known || !call.has_run(runs, trigger, reach) {
                continue;
            }
            (start, end) = (start.min(from), end.max(to));
            if from <= known.end {
                known = known.start.min(from)..known.end.max(to);
            }
        }
        (start < end).then_some(start..end)
    }
}

impl Call {
    fn new(rules: &[&Rule], class: Option<RunClass>) -> Call {
        let mut around = [None; WORDS.len()];
        for rule in rules.iter().filter(|rule| rule.run.map(|run| run.class) == class) {
            let Some(of_rule) = rule.around else { continue };
            let reach = Reach::new(&of_rule);
            for (number, of_word) in around.iter_mut().enumerate() {
                if of_rule.words >> number & 1 == 1 {
                    *of_word = Some(of_word.map_or(reach, |other: Reach| other.union(reach)));
                }
            }
        }
        Call { class, around }
    }

    /// Whether the run stands behind a trigger that it must have.
    #[inline(always)]
    fn has_run(&self, runs: Runs<'_>, trigger: &Triggered, reach: &Reach) -> bool {
        let Reach { run_lo, run_hi, .. } = *reach;
        let (at, end) = (trigger.at as usize, (trigger.reach as usize).min(run_hi + 1));
        let has_run = |class| run_lo < end && runs.run_in(class, RUN, at + run_lo, at + end - 1);
        self.class.is_none_or(has_run)
    }
}
