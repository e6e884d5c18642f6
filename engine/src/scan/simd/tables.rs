//! The look-up tables of the kernels, made from windows and their buckets.

use super::buckets::{BUCKETS, HEAD, head};
use super::symbols::{COARSE, SYMBOLS, coarse, symbol};
use super::windows::Window;

/// Buckets come in sets of eight, a bit each.
pub(crate) const SETS: usize = BUCKETS / 8;

/// What the kernels read: by set and position, which of the set's buckets a symbol may stand in.
pub(crate) struct Tables {
    /// By symbol.
    pub(crate) fine: [[[u8; SYMBOLS]; HEAD]; SETS],
    /// By symbol in five bits: the lower 16, and the upper.
    pub(crate) coarse: [[[[u8; COARSE / 2]; 2]; HEAD]; SETS],
}

impl Tables {
    /// Tables for `windows`, each in the bucket that `bucket_of` says.
    pub(crate) fn new(windows: &[Window], bucket_of: &[u8]) -> Box<Tables> {
        let mut tables = Box::new(Tables {
            fine: [[[0; SYMBOLS]; HEAD]; SETS],
            coarse: [[[[0; COARSE / 2]; 2]; HEAD]; SETS],
        });
        for (window, bucket) in windows.iter().zip(bucket_of) {
            let bucket = usize::from(*bucket);
            let (set, bit) = (bucket / 8, 1u8 << (bucket % 8));
            for (k, class) in head(&window.classes).iter().enumerate() {
                for byte in class.iter() {
                    tables.fine[set][k][usize::from(symbol(byte))] |= bit;
                    let coarse = usize::from(coarse(byte));
                    tables.coarse[set][k][coarse / 16][coarse % 16] |= bit;
                }
            }
        }
        tables
    }
}
