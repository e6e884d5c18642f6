//! The look-up tables of the kernels, made from windows and their buckets.

use super::buckets::{BUCKETS, HEAD, Head, PAIRS, head};
use super::symbols::{COARSE, SYMBOLS, coarse, coarse_pair, fine_pair, symbol};
use super::windows::Window;

/// Buckets come in sets of eight, a bit each.
pub(crate) const SETS: usize = BUCKETS / 8;

/// A table of 32 entries in two halves.
pub(crate) type Halves = [[u8; COARSE / 2]; 2];

/// What the kernels read: by set and position, which of the set's buckets a symbol may stand in, and which a pair of
/// symbols may start in.
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
    /// Tables for `windows`, each in the bucket that `bucket_of` says.
    pub(crate) fn new(windows: &[Window], bucket_of: &[u8]) -> Box<Tables> {
        let mut tables = Box::new(Tables {
            fine: [[[0; SYMBOLS]; HEAD]; SETS],
            fine_pairs: [[[0; SYMBOLS]; PAIRS]; SETS],
            coarse: [[[[0; COARSE / 2]; 2]; HEAD]; SETS],
            coarse_pairs: [[[[0; COARSE / 2]; 2]; PAIRS]; SETS],
        });
        for (window, bucket) in windows.iter().zip(bucket_of) {
            tables.add(&head(&window.classes), usize::from(*bucket));
        }
        tables
    }

    fn add(&mut self, head: &Head, bucket: usize) {
        let (set, bit) = (bucket / 8, 1u8 << (bucket % 8));
        let halve = |table: &mut Halves, at: u8| {
            table[usize::from(at) / 16][usize::from(at) % 16] |= bit;
        };
        let fine = head.map(|class| symbols_of(class.iter().map(symbol)));
        let rough = head.map(|class| symbols_of(class.iter().map(coarse)));
        for k in 0..HEAD {
            ones(fine[k]).for_each(|s| self.fine[set][k][usize::from(s)] |= bit);
            ones(rough[k]).for_each(|s| halve(&mut self.coarse[set][k], s));
        }
        for k in 0..PAIRS {
            for first in ones(fine[k]) {
                let numbers = ones(fine[k + 1]).map(|second| fine_pair(first, second));
                numbers.for_each(|n| self.fine_pairs[set][k][usize::from(n)] |= bit);
            }
            for first in ones(rough[k]) {
                let numbers = ones(rough[k + 1]).map(|second| coarse_pair(first, second));
                numbers.for_each(|n| halve(&mut self.coarse_pairs[set][k], n));
            }
        }
    }
}

/// Symbols as bits.
fn symbols_of(symbols: impl Iterator<Item = u8>) -> u64 {
    symbols.fold(0, |all, symbol| all | 1 << symbol)
}

/// The numbers of the bits that are set.
fn ones(bits: u64) -> impl Iterator<Item = u8> + Clone {
    (0..64).filter(move |n| bits >> n & 1 == 1)
}
