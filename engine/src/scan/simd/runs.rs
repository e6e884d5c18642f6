//! Where words start and runs stand in a block, as bit masks: what the looks at heads and names go by.

use crate::kernel::classes::{Classes, STEP, rows_of_16};
use crate::rule::run::{RUN, RunClass};

/// The classes of a whole block, [`STEP`] bytes each. Behind the end, runs go on: more of the line may follow.
#[derive(Clone, Copy)]
pub(crate) struct Runs<'c>(pub(crate) &'c [Classes]);

const _: () = assert!(RUN == 16);

impl Runs<'_> {
    #[inline(always)]
    fn step(&self, i: usize) -> Classes {
        self.0.get(i).copied().unwrap_or(Classes::ENDLESS)
    }

    /// Positions in step `i` where a word starts, by the runs at them.
    #[inline(always)]
    pub(crate) fn word_starts(&self, i: usize) -> WordStarts {
        let (this, next) = (self.0[i], self.step(i + 1));
        let before = if i == 0 { 0 } else { self.0[i - 1].word >> 63 };
        let starts = this.word & !(this.word << 1 | before);
        let (rows, behind) = rows_of_16(this.broad, next.broad);
        let broad = starts & rows;
        WordStarts { broad, long: broad & (rows >> RUN | behind << (STEP - RUN)) }
    }

    /// Whether the run at a position has at least `len` bytes; behind the end of the block it may go on.
    #[inline(always)]
    pub(crate) fn goes_on(&self, class: RunClass, at: usize, len: usize) -> bool {
        let (mut at, end) = (at, at + len);
        while at < end {
            let step = self.step(at / STEP);
            let mask = if class == RunClass::Narrow { step.narrow } else { step.broad };
            let (set, left) = ((!mask >> (at % STEP)).trailing_zeros() as usize, STEP - at % STEP);
            if set < left {
                return at + set >= end;
            }
            at += left;
        }
        true
    }

    /// Whether a run starts at a position of `from..=to`; behind the end of the block one may.
    pub(crate) fn run_in(&self, class: RunClass, from: usize, to: usize) -> bool {
        (from / STEP..=to / STEP).any(|i| {
            let (this, next) = (self.step(i), self.step(i + 1));
            let (mut mask, _) = match class {
                RunClass::Narrow => rows_of_16(this.narrow, next.narrow),
                RunClass::Broad => rows_of_16(this.broad, next.broad),
            };
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

/// Positions where a word starts, a bit each.
#[derive(Clone, Copy, Default)]
pub(crate) struct WordStarts {
    /// With a broad run at it.
    pub(crate) broad: u64,
    /// With a broad run of [`LONG_RUN`](crate::rule::run::LONG_RUN).
    pub(crate) long: u64,
}
