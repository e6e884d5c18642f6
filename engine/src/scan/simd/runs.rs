//! Where runs stand in a block: what the looks at heads and names go by.

use crate::kernel::classes::{Class, Classes, STEP, first_clear};
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

    /// Whether 16 bytes of a run follow a position; behind the end of the block they may.
    #[inline(always)]
    pub(crate) fn is_row(&self, class: RunClass, at: usize) -> bool {
        let rows = self.rows(class);
        rows[(at / STEP).min(rows.len() - 1)] >> (at % STEP) & 1 == 1
    }

    /// Whether `len` bytes of a run, from [`RUN`] to [`LONG_RUN`], start at a position of `from..=to`; behind the end of the
    /// block they may.
    pub(crate) fn run_in(&self, class: RunClass, len: usize, from: usize, to: usize) -> bool {
        let rows = self.rows(class);
        // The last stands for all that is behind the end.
        let row = |i: usize| rows[i.min(rows.len() - 1)];
        let (mut i, last) = (from / STEP, to / STEP);
        let mut mask = row(i) & !0 << (from % STEP);
        loop {
            if i == last {
                mask &= !0 >> (STEP - 1 - to % STEP);
            }
            // Most often no run is there at all.
            if mask != 0 && mask & shifted(row(i), row(i + 1), len - RUN) != 0 {
                return true;
            }
            if i >= last {
                return false;
            }
            i += 1;
            mask = row(i);
        }
    }

    /// The first position from `from` at which 16 bytes of a run start; the block's end if none does.
    pub(crate) fn next_run(&self, class: RunClass, from: usize) -> usize {
        let rows = self.rows(class);
        let mut i = from / STEP;
        let mut mask = rows.get(i).map_or(0, |row| row & !0 << (from % STEP));
        while mask == 0 && i + 1 < rows.len() {
            i += 1;
            mask = rows[i];
        }
        i * STEP + mask.trailing_zeros() as usize
    }

    #[inline(always)]
    fn rows(&self, class: RunClass) -> &[u64] {
        self.0.of(match class {
            RunClass::Narrow => Class::NarrowRows,
            RunClass::Broad => Class::BroadRows,
        })
    }
}

/// The bits of two masks in a row from bit `by`, less than a whole mask, on.
fn shifted(this: u64, next: u64, by: usize) -> u64 {
    this >> by | next << 1 << (STEP - 1 - by)
}

const _: () = assert!(LONG_RUN <= 2 * RUN);
