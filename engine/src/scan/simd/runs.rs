//! Where runs stand in a block: what the looks at heads and names go by.

use crate::kernel::classes::{Classes, STEP, first_clear};
use crate::rule::run::{LONG_RUN, RUN, RunClass};

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

    /// Whether `len` bytes of a run, from [`RUN`] to [`LONG_RUN`], start at a position of `from..=to`; behind the end of the
    /// block they may.
    pub(crate) fn run_in(&self, class: RunClass, len: usize, from: usize, to: usize) -> bool {
        let (_, rows) = self.0.of_runs(class);
        // The last stands for all that is behind the end.
        let row = |i: usize| rows[i.min(rows.len() - 1)];
        (from / STEP..=to / STEP).any(|i| {
            let mut mask = row(i);
            if i == from / STEP {
                mask &= !0 << (from % STEP);
            }
            if i == to / STEP {
                mask &= !0 >> (STEP - 1 - to % STEP);
            }
            // Most often no run is there at all.
            if mask != 0 && len > RUN {
                let more = len - RUN;
                mask &= row(i) >> more | row(i + 1) << (STEP - more);
            }
            mask != 0
        })
    }
}

const _: () = assert!(LONG_RUN <= 2 * RUN);
