//! The look-up tables of the kernels, made from windows and their buckets.

use super::buckets::BUCKETS;
use super::features::{FEATURES, Grain, HEAD, PAIRS, head, ones};
use super::symbols::{COARSE, SYMBOLS};
use super::windows::Window;

/// Buckets come in sets of eight, a bit each.
pub(crate) const SETS: usize = BUCKETS / 8;

/// A table of 32 entries in two halves.
pub(crate) type Halves = [[u8; COARSE / 2]; 2];

/// What the kernels read: by set and position, which of the set's buckets a symbol may stand in, and which a pair of
/// symbols may start in.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    /// By symbol.
    pub(crate) fine: [[[u8; SYMBOLS]; HEAD]; SETS],
    /// By the number of a pair.
    pub(crate) fine_pairs: [[[u8; SYMBOLS]; PAIRS]; SETS],
    /// By symbol in five bits.
    pub(crate) coarse: [[Halves; HEAD]; SETS],
    /// By the number of a pair in five bits.
    pub(crate) coarse_pairs: [[Halves; PAIRS]; SETS],
}

impl Tables {
    /// Tables for `windows`, each in the bucket that `fine_of` and `coarse_of` say.
    pub(crate) fn new(windows: &[Window], fine_of: &[u8], coarse_of: &[u8]) -> Tables {
        let united = |grain: Grain, bucket_of: &[u8]| {
            let mut all = [[0; FEATURES]; BUCKETS];
            for (window, bucket) in windows.iter().zip(bucket_of) {
                let more = grain.features(&head(&window.classes));
                let of_bucket = &mut all[usize::from(*bucket)];
                of_bucket.iter_mut().zip(more).for_each(|(all, more)| *all |= more);
            }
            all
        };
        let fine = united(Grain::Fine, fine_of);
        let coarse = united(Grain::Coarse, coarse_of);
        let mut tables = Tables {
            fine: [[[0; SYMBOLS]; HEAD]; SETS],
            fine_pairs: [[[0; SYMBOLS]; PAIRS]; SETS],
            coarse: [[[[0; COARSE / 2]; 2]; HEAD]; SETS],
            coarse_pairs: [[[[0; COARSE / 2]; 2]; PAIRS]; SETS],
        };
        for bucket in 0..BUCKETS {
            let (set, bit) = (bucket / 8, 1u8 << (bucket % 8));
            for k in 0..FEATURES {
                let table = match k.checked_sub(HEAD) {
                    None => &mut tables.fine[set][k],
                    Some(k) => &mut tables.fine_pairs[set][k],
                };
                ones(fine[bucket][k]).for_each(|value| table[usize::from(value)] |= bit);
                let table = match k.checked_sub(HEAD) {
                    None => &mut tables.coarse[set][k],
                    Some(k) => &mut tables.coarse_pairs[set][k],
                };
                ones(coarse[bucket][k]).map(usize::from).for_each(|v| table[v / 16][v % 16] |= bit);
            }
        }
        tables
    }
}
