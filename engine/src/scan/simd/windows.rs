//! The distinct windows of a rule set's anchors, in order of first appearance, and the rules each stands for.

use crate::rule::Rule;
use crate::rule::byte_set::ByteSet;

/// One distinct window and the rules it is an anchor of.
pub(crate) struct Window {
    pub(crate) classes: Vec<ByteSet>,
    pub(crate) uses: Vec<Use>,
}

/// One rule's use of a window, with the range of distances from the start of a match to it.
pub(crate) struct Use {
    pub(crate) rule: u32,
    pub(crate) lo: i32,
    pub(crate) hi: i32,
}

/// The windows of `rules`.
pub(crate) fn distinct<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Vec<Window> {
    let mut index = std::collections::HashMap::new();
    let mut windows: Vec<Window> = Vec::new();
    for (rule, r) in rules.into_iter().enumerate() {
        for anchor in r.anchors.iter() {
            let at = *index.entry(anchor.window.clone()).or_insert_with(|| {
                let classes = anchor.window.iter().map(|s| ByteSet(*s)).collect();
                windows.push(Window { classes, uses: Vec::new() });
                windows.len() - 1
            });
            windows[at].uses.push(Use { rule: rule as u32, lo: anchor.lo, hi: anchor.hi });
        }
    }
    windows
}
