//! The distinct windows of a rule set, in order of first appearance, and what each stands for: a rule's anchor, or a trigger
//! that calls for a closer look at the text around it (see `rule/trigger.rs`).

use std::collections::HashMap;

use crate::rule::Rule;
use crate::rule::byte_set::ByteSet;
use crate::rule::trigger::{WORDS, classes_of};

/// One distinct window and the rules it is an anchor of.
pub(crate) struct Window {
    pub(crate) classes: Vec<ByteSet>,
    pub(crate) uses: Vec<Use>,
    /// Whether it is a word around which names are looked for.
    pub(crate) is_trigger: bool,
}

/// One rule's use of a window, with the range of distances from the start of a match to it.
pub(crate) struct Use {
    pub(crate) rule: u32,
    pub(crate) lo: i32,
    pub(crate) hi: i32,
}

/// The windows of `rules`: the anchors of those that are looked for directly, and the triggers of the others.
pub(crate) fn distinct<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Vec<Window> {
    let mut index = HashMap::new();
    let mut windows: Vec<Window> = Vec::new();
    let mut contextual = false;
    for (rule, r) in rules.into_iter().enumerate() {
        if r.around.is_some() {
            contextual = true;
            continue;
        }
        for anchor in r.anchors.iter() {
            let at = *index.entry(&*anchor.window).or_insert_with(|| {
                let classes = anchor.window.iter().map(|s| ByteSet(*s)).collect();
                windows.push(Window { classes, uses: Vec::new(), is_trigger: false });
                windows.len() - 1
            });
            windows[at].uses.push(Use { rule: rule as u32, lo: anchor.lo, hi: anchor.hi });
        }
    }
    if contextual {
        windows.extend(WORDS.iter().map(|word| Window {
            classes: classes_of(word).collect(),
            uses: Vec::new(),
            is_trigger: true,
        }));
    }
    windows
}
