//! Names around triggers: rules that know a service by its name need thousands of windows, too many to look for everywhere.
//! But their matches hold a word about secrets (`rule/trigger.rs`), and most of them a run behind it: the names are looked for
//! only around the words, and only where a run stands at the right distance from the word. How far around and at what
//! distance depends on the word: `cred` calls for other rules than `passw`.

use std::sync::OnceLock;

use super::lookup::Lookup;
use super::runs::Runs;
use super::windows::{self, Named, Trigger};
use super::{Candidate, nominate};
use crate::rule::Rule;
use crate::rule::run::RunClass;
use crate::rule::trigger::{Around, WORDS};

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
    pub(crate) fn new(rules: &[&Rule]) -> Context {
        let classes = [None, Some(RunClass::Narrow), Some(RunClass::Broad)];
        let of_class = |class| Group::new(rules, class);
        let groups: Vec<Group> = classes.into_iter().filter_map(of_class).collect();
        let reaches = groups.iter().flat_map(|group| group.around.iter().flatten());
        let farthest = reaches.map(|reach| reach.run_hi + 1).max().unwrap_or(0);
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
        let mut around = [None; WORDS.len()];
        let mut named = Vec::new();
        for (index, rule) in (0..).zip(rules) {
            let Some(of_rule) = rule.around.filter(|_| rule.run.map(|run| run.class) == class)
            else {
                continue;
            };
            named.push(Named::new(index, rule));
            let reach = Reach::new(&of_rule);
            for (number, of_word) in around.iter_mut().enumerate() {
                if of_rule.words >> number & 1 == 1 {
                    *of_word = Some(of_word.map_or(reach, |other: Reach| other.union(reach)));
                }
            }
        }
        (!named.is_empty()).then(|| Group { rules: named, names: OnceLock::new(), class, around })
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
        // Where to look around a trigger, if it calls.
        let region = |t: &Triggered| {
            let Reach { left, right, run_lo, run_hi } = self.around[usize::from(t.trigger.0)]?;
            let (at, end) = (t.at as usize, (t.reach as usize).min(run_hi + 1));
            let has_run = |class| run_lo < end && runs.run_in(class, at + run_lo, at + end - 1);
            if !self.class.is_none_or(has_run) {
                return None;
            }
            // Before the block there is a line end, which a window may start with.
            let at = i64::from(t.at);
            Some((at - left).max(-1)..(at + right).min(block.len() as i64))
        };
        let mut regions = triggers.iter().filter_map(region).peekable();
        while let Some(mut all) = regions.next() {
            // Triggers near one another are looked around together.
            while let Some(next) = regions.next_if(|next| next.start <= all.end) {
                all = all.start.min(next.start)..all.end.max(next.end);
            }
            let names = self.names.get_or_init(|| Lookup::new(windows::names(&self.rules)));
            let mut look = |p: i64| {
                names.each(block, p, |window| nominate(block, p, window, runs, out));
            };
            if all.start < 0 {
                look(-1);
            }
            names.keep_in(block, all.start.max(0) as usize..all.end as usize, near);
            for p in near.iter() {
                look(i64::from(*p));
            }
        }
    }
}
