//! Where runs stand in a block: what the looks at heads and names go by.

use crate::kernel::classes::{Classes, STEP, first_clear};
use crate::rule::run::RunClass;

/// The runs of a block. Behind its end they go on: more of the line may follow.
#[derive(Clone, Copy)]
pub(crate) struct Runs<'c>(pub(crate) &'c Classes);

impl Runs<'_> {
    /// How many bytes the run at a position has, as far as `most`; behind the end of the block it may go on.
    #[inline(always)]
    pub(crate) fn length(&self, class: RunClass, at: usize, most: usize) -> usize {
        let (masks, _) = self.0.of_runs(class);
        let last = masks.len().min((at + most) / STEP + 1);
        let end = first_clear(&masks[..last], at);
        if end >= (masks.len() - 1) * STEP { most } else { (end - at).min(most) }
    }

    /// Whether the run at a position may have so many bytes: no for most that have fewer.
    #[inline(always)]
    pub(crate) fn may_have(&self, class: RunClass, at: usize, bytes: usize) -> bool {
        let (masks, _) = self.0.of_runs(class);
        // The bits that are shifted in stand for nothing.
        let others = !masks[at / STEP] >> (at % STEP);
        others.trailing_zeros() as usize >= bytes.min(STEP - at % STEP)
    }

    /// Whether a run starts at a position of `from..=to`; behind the end of the block one may.
    pub(crate) fn run_in(&self, class: RunClass, from: usize, to: usize) -> bool {
        let (_, rows) = self.0.of_runs(class);
        (from / STEP..=to / STEP).any(|i| {
            // The last stands for all that is behind the end.
            let mut mask = rows[i.min(rows.len() - 1)];
            if i == from / STEP {
                mask &= !0 << (from % STEP);
            }
            if i == to / STEP {
                mask &= !0 >> (STEP - 1 - to % STEP);
            }
            mask != 0
        })
    }
}
