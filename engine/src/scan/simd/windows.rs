//! The distinct windows of a rule set, in order of first appearance, by the way they are looked for.

use std::collections::HashMap;

use crate::rule::Rule;
use crate::rule::anchor::is_nearly_literal;
use crate::rule::byte_set::ByteSet;
use crate::rule::run::{Run, RunClass};
use crate::rule::trigger::{WORDS, classes_of};

/// One distinct window and the rules it is an anchor of.
pub(crate) struct Window {
    pub(crate) classes: Vec<ByteSet>,
    pub(crate) uses: Vec<Use>,
    /// Whether it is a word around which names are looked for.
    pub(crate) is_trigger: bool,
}

/// One rule's use of a window, with the range of distances from the start of a match to it.
#[derive(Clone, Copy)]
pub(crate) struct Use {
    pub(crate) rule: u32,
    pub(crate) lo: i32,
    pub(crate) hi: i32,
    /// The run that a match has: how far from the window it begins at least and at most, in bytes.
    pub(crate) run: Option<(RunClass, i32, i32)>,
    /// For a head: how many bytes the run has at least; else 0.
    pub(crate) run_len: u32,
}

/// All windows of a rule set.
#[derive(Default)]
pub(crate) struct Windows {
    /// Looked for everywhere: anchors, and the triggers of `names`.
    pub(crate) everywhere: Vec<Window>,
    /// The nearly literal first bytes of matches that are words of at least [`RUN`](crate::rule::run::RUN) bytes.
    pub(crate) heads: Vec<Window>,
    /// The first bytes of matches that are words of at least [`LONG_RUN`](crate::rule::run::LONG_RUN) bytes.
    pub(crate) long_heads: Vec<Window>,
    /// Anchors looked for around triggers.
    pub(crate) names: Vec<Window>,
}

/// Collects windows, each once.
#[derive(Default)]
struct Collector {
    index: HashMap<Vec<ByteSet>, usize>,
    windows: Vec<Window>,
}

impl Collector {
    fn add(&mut self, classes: &[[u64; 4]], use_: Use) {
        let classes: Vec<ByteSet> = classes.iter().map(|set| ByteSet(*set)).collect();
        let next = self.windows.len();
        let at = *self.index.entry(classes).or_insert_with_key(|classes| {
            let classes = classes.clone();
            self.windows.push(Window { classes, uses: Vec::new(), is_trigger: false });
            next
        });
        self.windows[at].uses.push(use_);
    }
}

/// Whether the first class of a window that has enough others is no letter's or sign's.
fn starts_wide(window: &[[u64; 4]]) -> bool {
    window.len() > 3 && ByteSet(window[0]).iter().count() > 8
}

/// The windows of `rules`.
pub(crate) fn distinct<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Windows {
    let [mut everywhere, mut heads, mut long_heads, mut names]: [Collector; 4] = Default::default();
    for (rule, r) in (0..).zip(rules) {
        for head in r.heads.iter() {
            let run = Some((head.class, 0, 0));
            let classes: Vec<ByteSet> = head.window.iter().map(|set| ByteSet(*set)).collect();
            let heads = match is_nearly_literal(&classes) {
                true => &mut heads,
                false => &mut long_heads,
            };
            heads.add(&head.window, Use { rule, lo: 0, hi: 0, run, run_len: head.run });
        }
        if !r.heads.is_empty() {
            continue;
        }
        let collector = if r.around.is_some() { &mut names } else { &mut everywhere };
        for anchor in r.anchors.iter() {
            // A name is looked up by its letters; the byte in front of it is left to the confirmer.
            let skip = usize::from(r.around.is_some() && starts_wide(&anchor.window));
            let (lo, hi) = (anchor.lo + skip as i32, anchor.hi + skip as i32);
            let from_window = |run: Run| (run.class, run.lo as i32 - hi, run.hi as i32 - lo);
            let run = r.run.map(from_window);
            collector.add(&anchor.window[skip..], Use { rule, lo, hi, run, run_len: 0 });
        }
    }
    let mut everywhere = everywhere.windows;
    let names = names.windows;
    if !names.is_empty() {
        everywhere.extend(WORDS.iter().map(|word| Window {
            classes: classes_of(word).collect(),
            uses: Vec::new(),
            is_trigger: true,
        }));
    }
    Windows { everywhere, heads: heads.windows, long_heads: long_heads.windows, names }
}
