//! Where words start and runs stand in a block, as bit masks: what the kernels write and the looks at heads and names read.

use super::kernel::STEP;
use super::tables::{BROAD, NARROW, Tables, WORD};
use crate::rule::run::{RUN, RunClass};

/// Which bytes of 64 are of a word, a narrow run, a broad run.
#[derive(Clone, Copy, Default)]
pub(crate) struct Classes {
    pub(crate) word: u64,
    pub(crate) narrow: u64,
    pub(crate) broad: u64,
}

/// The classes of a whole block, 64 bytes each. Behind the end, runs go on: more of the line may follow.
#[derive(Default)]
pub(crate) struct Runs {
    pub(crate) steps: Vec<Classes>,
}

const ENDLESS: Classes = Classes { word: 0, narrow: !0, broad: !0 };

impl Runs {
    /// Appends the classes of what is left of a block behind the last whole step.
    pub(crate) fn finish(&mut self, tables: &Tables, tail: &[u8]) {
        for piece in tail.chunks(STEP) {
            let mut classes = of_bytes(tables, piece);
            if piece.len() < STEP {
                let behind = !0u64 << piece.len();
                classes.narrow |= behind;
                classes.broad |= behind;
            }
            self.steps.push(classes);
        }
    }

    fn step(&self, i: usize) -> Classes {
        self.steps.get(i).copied().unwrap_or(ENDLESS)
    }

    /// Positions in step `i` where a word starts, by the runs at them.
    #[inline(always)]
    pub(crate) fn word_starts(&self, i: usize) -> WordStarts {
        let (this, next) = (self.steps[i], self.step(i + 1));
        let before = if i == 0 { 0 } else { self.steps[i - 1].word >> 63 };
        let starts = this.word & !(this.word << 1 | before);
        let bits = runs_in(this.broad, next.broad);
        let broad = starts & bits as u64;
        if broad == 0 {
            return WordStarts::default();
        }
        let narrow = broad & runs_in(this.narrow, next.narrow) as u64;
        WordStarts { narrow, broad, long: broad & (bits >> RUN) as u64 }
    }

    /// Whether a run starts at a position of `from..=to`; behind the end of the block one may.
    pub(crate) fn run_in(&self, class: RunClass, from: usize, to: usize) -> bool {
        (from / STEP..=to / STEP).any(|i| {
            let (this, next) = (self.step(i), self.step(i + 1));
            let runs = match class {
                RunClass::Narrow => runs_in(this.narrow, next.narrow),
                RunClass::Broad => runs_in(this.broad, next.broad),
            };
            let mut mask = runs as u64;
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
    /// With a narrow run at it.
    pub(crate) narrow: u64,
    /// With a broad run.
    pub(crate) broad: u64,
    /// With a broad run of [`LONG_RUN`](crate::rule::run::LONG_RUN).
    pub(crate) long: u64,
}

/// Positions from which [`RUN`] bits in a row are set in `this`, going on in `next`; true of the first 112.
#[inline(always)]
fn runs_in(this: u64, next: u64) -> u128 {
    const _: () = assert!(RUN == 16);
    let mut bits = u128::from(this) | u128::from(next) << 64;
    bits &= bits >> 1;
    bits &= bits >> 2;
    bits &= bits >> 4;
    bits & bits >> 8
}

/// The classes of up to 64 bytes.
pub(crate) fn of_bytes(tables: &Tables, bytes: &[u8]) -> Classes {
    let mut classes = Classes::default();
    for (j, byte) in bytes.iter().enumerate() {
        let bits = tables.classes[usize::from(*byte)];
        classes.word |= u64::from(bits & WORD != 0) << j;
        classes.narrow |= u64::from(bits & NARROW != 0) << j;
        classes.broad |= u64::from(bits & BROAD != 0) << j;
    }
    classes
}
