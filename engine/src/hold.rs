//! What a flush may release: everything before the first byte that could belong to a secret not yet complete.
//!
//! [`crate::confirm`] notes matches that could still grow where a scanner nominated them. What is left are matches whose
//! anchor is not complete yet, such as `gh` of `ghp_…`: for each anchor the end of the text is compared with the
//! beginnings of its window; where the anchor comes later in a match, the rule's automaton says whether it is alive.

use crate::confirm::{Compiled, Scratch, character_around};
use crate::rule::ValueSyntax;

/// The end of what may be released of the open line `hay`, in bytes.
pub(crate) fn release_limit(rules: &[Compiled], hay: &[u8], scratch: &mut Scratch) -> usize {
    let end = hay.len();
    let mut hold = scratch.hold.min(end);
    for (index, compiled) in rules.iter().enumerate() {
        let rule = &compiled.rule;
        if rule.value == ValueSyntax::Assignment || rule.block.is_some() {
            // The secret stands behind the match; an incomplete match holds nothing.
            continue;
        }
        let secret_offset = rule.secret_offset as usize;
        for anchor in rule.anchors.iter() {
            let len = anchor.window.len();
            if anchor.hi > 0 {
                let from = end.saturating_sub(anchor.hi as usize + len);
                for start in from..end {
                    if start + secret_offset >= hold {
                        break;
                    }
                    if compiled.is_alive(index, scratch, hay, start) {
                        hold = compiled.secret_start(index, scratch, hay, start).min(hold);
                    }
                }
                continue;
            }
            for at in (end + 1).saturating_sub(len) as i64 - 1..end as i64 {
                let start = at - i64::from(anchor.hi);
                if start < 0 || start as usize + secret_offset >= hold {
                    continue;
                }
                let begins =
                    anchor.window.iter().enumerate().all(|(i, set)| {
                        match usize::try_from(at + i as i64) {
                            Ok(p) => hay.get(p).is_none_or(|b| set.contains(*b)),
                            Err(_) => set.contains(b'\n'),
                        }
                    });
                if begins {
                    hold = compiled.secret_start(index, scratch, hay, start as usize).min(hold);
                }
            }
        }
    }
    // A character leaves whole.
    character_around(hay, hold).map_or(hold, |(start, _)| start)
}
