//! The distinct windows of a rule set, in order of first appearance, by the way they are looked for.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use crate::rule::Rule;
use crate::rule::anchor::is_nearly_literal;
use crate::rule::byte_set::ByteSet;
use crate::rule::run::{Run, RunClass, Sign};
use crate::rule::spec::EmbeddedAnchor;
use crate::rule::trigger::{WORDS, classes_of};

/// The run that matches hold is asked for where it is at most so far from a window, in bytes: farther away there is nearly always
/// one, and what a change of the text may bring about stays near to it.
pub(crate) const FARTHEST_RUN: i32 = 160;

/// One distinct window and the rules it is an anchor of.
pub(crate) struct Window {
    pub(crate) classes: Cow<'static, [ByteSet]>,
    pub(crate) uses: Vec<Use>,
    /// If it is a word around which names are looked for.
    pub(crate) trigger: Option<Trigger>,
}

/// The number of the word, of [`WORDS`], around which names are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trigger(pub(crate) u8);

/// One rule's use of a window, with the range of distances from the start of a match to it.
#[derive(Clone, Copy)]
pub(crate) struct Use {
    pub(crate) rule: u32,
    pub(crate) lo: i32,
    pub(crate) hi: i32,
    /// The run that a match has: how far from the window it begins at least and at most, in bytes.
    pub(crate) run: Option<(RunClass, i32, i32)>,
    /// How many bytes the run has at least; 0 without one.
    pub(crate) run_len: u32,
    /// For a head that can begin in many ways: where its first sign stands.
    pub(crate) sign: Option<Sign>,
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
    /// Whether there are [`names`], which are looked for around triggers.
    pub(crate) has_names: bool,
}

/// The classes of a window, hashed word by word.
#[derive(PartialEq, Eq)]
struct Classes(Cow<'static, [ByteSet]>);

impl Hash for Classes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().flat_map(|set| set.0).for_each(|word| state.write_u64(word));
    }
}

/// Mixes the words of classes: a start collects a thousand windows, and nobody chooses them to collide.
#[derive(Default)]
struct WordHasher(u64);

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.write_u64(u64::from(*b)));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Collects windows, each once.
#[derive(Default)]
struct Collector {
    index: HashMap<Classes, usize, BuildHasherDefault<WordHasher>>,
    windows: Vec<Window>,
}

impl Collector {
    fn window(&mut self, classes: Cow<'static, [ByteSet]>) -> &mut Window {
        let next = self.windows.len();
        let at = *self.index.entry(Classes(classes)).or_insert_with_key(|classes| {
            let classes = classes.0.clone();
            self.windows.push(Window { classes, uses: Vec::new(), trigger: None });
            next
        });
        &mut self.windows[at]
    }

    fn add(&mut self, classes: Cow<'static, [ByteSet]>, of_rule: Use) {
        let uses = &mut self.window(classes).uses;
        // Most windows are of one rule, and there are thousands.
        if uses.is_empty() {
            uses.reserve_exact(1);
        }
        uses.push(of_rule);
    }

    /// Adds an anchor of a rule whose matches hold `run`.
    fn add_anchor(&mut self, rule: u32, run: Option<Run>, anchor: &EmbeddedAnchor) {
        // A name is looked up by its letters; the byte in front of it is left to the confirmer.
        let skip = usize::from(starts_wide(&anchor.window));
        let (lo, hi) = (anchor.lo + skip as i32, anchor.hi + skip as i32);
        let from_window = |run: Run| (run.class, run.lo as i32 - hi, run.hi as i32 - lo);
        let run_len = run.map_or(0, |run| run.len);
        let run =
            run.map(from_window).filter(|(_, lo, hi)| -FARTHEST_RUN < *lo && *hi < FARTHEST_RUN);
        let classes = match &anchor.window {
            Cow::Borrowed(window) => Cow::Borrowed(&window[skip..]),
            Cow::Owned(window) => Cow::Owned(window[skip..].to_vec()),
        };
        self.add(classes, Use { rule, lo, hi, run, run_len, sign: None });
    }
}

/// What must be known of a rule that is looked for around triggers only.
pub(crate) struct Named {
    rule: u32,
    anchors: Cow<'static, [EmbeddedAnchor]>,
    run: Option<Run>,
}

/// Those of `rules` that are looked for around triggers only.
pub(crate) fn named(rules: &[&Rule]) -> Vec<Named> {
    let chosen = (0..).zip(rules).filter(|(_, rule)| rule.around.is_some());
    chosen.map(|(rule, r)| Named { rule, anchors: r.anchors.clone(), run: r.run }).collect()
}

/// The windows of rules that are looked for around triggers only.
pub(crate) fn names(rules: &[Named]) -> Vec<Window> {
    let mut names = Collector::default();
    for r in rules {
        for anchor in r.anchors.iter() {
            names.add_anchor(r.rule, r.run, anchor);
        }
    }
    names.windows
}

/// Whether the first class of a window that has enough others is no letter's or sign's.
fn starts_wide(window: &[ByteSet]) -> bool {
    window.len() > 3 && window[0].len() > 8
}

/// The windows of `rules`.
pub(crate) fn distinct<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Windows {
    let [mut everywhere, mut heads, mut long_heads]: [Collector; 3] = Default::default();
    let mut has_names = false;
    for (rule, r) in (0..).zip(rules) {
        for head in r.heads.iter() {
            let run = Some((head.class, 0, 0));
            let heads = match is_nearly_literal(&head.window) {
                true => &mut heads,
                false => &mut long_heads,
            };
            let use_ = Use {
                rule,
                lo: 0,
                hi: 0,
                run,
                run_len: head.run.min(FARTHEST_RUN as u32),
                sign: head.sign,
            };
            heads.add(head.window.clone(), use_);
        }
        if r.around.is_some() {
            has_names = true;
        } else if r.heads.is_empty() {
            r.anchors.iter().for_each(|anchor| everywhere.add_anchor(rule, r.run, anchor));
        }
    }
    if has_names {
        for (number, word) in (0..).zip(WORDS) {
            everywhere.window(classes_of(word).collect()).trigger = Some(Trigger(number));
        }
    }
    Windows {
        everywhere: everywhere.windows,
        heads: heads.windows,
        long_heads: long_heads.windows,
        has_names,
    }
}
