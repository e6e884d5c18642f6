//! The distinct windows of a rule set, in order of first appearance, by the way they are looked for.

use std::collections::HashMap;

use crate::rule::Rule;
use crate::rule::anchor::is_nearly_literal;
use crate::rule::byte_set::ByteSet;
use crate::rule::run::RunClass;
use crate::rule::trigger::{WORDS, classes_of};

/// One distinct window and the rules it is an anchor of.
pub(crate) struct Window {
    pub(crate) classes: Vec<ByteSet>,
    pub(crate) uses: Vec<Use>,
    /// Whether it is a word around which names are looked for.
    pub(crate) is_trigger: bool,
    /// For a name: whether a run must follow the trigger.
    pub(crate) is_guarded: bool,
}

/// One rule's use of a window, with the range of distances from the start of a match to it.
#[derive(Clone, Copy)]
pub(crate) struct Use {
    pub(crate) rule: u32,
    pub(crate) lo: i32,
    pub(crate) hi: i32,
    /// For a head: the run that a match starts with, and how many bytes it has at least.
    pub(crate) run: Option<(RunClass, u32)>,
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
            self.windows.push(Window {
                classes,
                uses: Vec::new(),
                is_trigger: false,
                is_guarded: false,
            });
            next
        });
        self.windows[at].uses.push(use_);
    }
}

/// The windows of `rules`.
pub(crate) fn distinct<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Windows {
    let [mut everywhere, mut heads, mut long_heads, mut names, mut guarded]: [Collector; 5] =
        Default::default();
    for (rule, r) in (0..).zip(rules) {
        for head in r.heads.iter() {
            let run = Some((head.class, head.run));
            let classes: Vec<ByteSet> = head.window.iter().map(|set| ByteSet(*set)).collect();
            let heads = match is_nearly_literal(&classes) {
                true => &mut heads,
                false => &mut long_heads,
            };
            heads.add(&head.window, Use { rule, lo: 0, hi: 0, run });
        }
        if !r.heads.is_empty() {
            continue;
        }
        let collector = match r.around {
            None => &mut everywhere,
            Some(around) if around.is_guarded() => &mut guarded,
            Some(_) => &mut names,
        };
        for anchor in r.anchors.iter() {
            collector.add(&anchor.window, Use { rule, lo: anchor.lo, hi: anchor.hi, run: None });
        }
    }
    let mut everywhere = everywhere.windows;
    let mut names = names.windows;
    guarded.windows.iter_mut().for_each(|w| w.is_guarded = true);
    names.extend(guarded.windows);
    if !names.is_empty() {
        everywhere.extend(WORDS.iter().map(|word| Window {
            classes: classes_of(word).collect(),
            uses: Vec::new(),
            is_trigger: true,
            is_guarded: false,
        }));
    }
    Windows { everywhere, heads: heads.windows, long_heads: long_heads.windows, names }
}
