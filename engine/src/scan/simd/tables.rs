//! The look-up tables of the kernels and of the looks that follow, made from windows and their buckets.

use super::buckets::{BUCKETS, HEAD, head};
use super::windows::Window;
use crate::rule::byte_set::ByteSet;
use crate::rule::run::RunClass;

/// Buckets come in sets of eight, a bit each.
pub(crate) const SETS: usize = BUCKETS / 8;

/// Bits of [`Tables::classes`]: a byte of a word, of a narrow run, of a broad run.
pub(crate) const WORD: u8 = 0x0f;
pub(crate) const NARROW: u8 = 0x1f;
pub(crate) const BROAD: u8 = 0x7f;

/// Rectangles of high and low nibbles that make up the classes of runs: by bit, the high nibbles and the low nibbles.
const RECTANGLES: [(&[u8], &[u8]); 7] = [
    (&[3], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    (&[4, 6], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
    (&[5, 7], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    (&[5], &[15]),
    (&[2], &[13]),
    (&[2], &[5, 11, 14, 15]),
    (&[3], &[10, 13]),
];

/// What the kernels read, and what tells exactly.
pub(crate) struct Tables {
    /// By set, position and the low six bits of a byte: bits of the set's buckets.
    pub(crate) six_bits: [[[u8; 64]; HEAD]; SETS],
    pub(crate) low_nibble: [[[u8; 16]; HEAD]; SETS],
    pub(crate) high_nibble: [[[u8; 16]; HEAD]; SETS],
    /// By position and byte: bits of all buckets, exact.
    pub(crate) exact: [[u32; 256]; HEAD],
    /// By byte: bits of [`WORD`], [`NARROW`] and [`BROAD`].
    pub(crate) classes: [u8; 256],
    /// The same by nibble: a class's bit is set in both.
    pub(crate) class_low: [u8; 16],
    pub(crate) class_high: [u8; 16],
}

impl Tables {
    /// Tables for `windows`, each in the bucket that `bucket_of` says.
    pub(crate) fn new(windows: &[Window], bucket_of: &[u8]) -> Box<Tables> {
        let mut tables = Box::new(Tables {
            six_bits: [[[0; 64]; HEAD]; SETS],
            low_nibble: [[[0; 16]; HEAD]; SETS],
            high_nibble: [[[0; 16]; HEAD]; SETS],
            exact: [[0; 256]; HEAD],
            classes: [0; 256],
            class_low: [0; 16],
            class_high: [0; 16],
        });
        for (window, bucket) in windows.iter().zip(bucket_of) {
            let bucket = usize::from(*bucket);
            let (set, bit) = (bucket / 8, 1u8 << (bucket % 8));
            for (k, class) in head(&window.classes).iter().enumerate() {
                for byte in class.iter() {
                    tables.six_bits[set][k][usize::from(byte & 63)] |= bit;
                    tables.low_nibble[set][k][usize::from(byte & 15)] |= bit;
                    tables.high_nibble[set][k][usize::from(byte >> 4)] |= bit;
                    tables.exact[k][usize::from(byte)] |= 1 << bucket;
                }
            }
        }
        for (bit, (high, low)) in RECTANGLES.iter().enumerate() {
            high.iter().for_each(|h| tables.class_high[usize::from(*h)] |= 1 << bit);
            low.iter().for_each(|l| tables.class_low[usize::from(*l)] |= 1 << bit);
        }
        for byte in 0..=255u8 {
            let (low, high) = (usize::from(byte & 15), usize::from(byte >> 4));
            tables.classes[usize::from(byte)] = tables.class_low[low] & tables.class_high[high];
        }
        let of_class = |bits: u8| -> ByteSet {
            (0..=255u8).filter(|b| tables.classes[usize::from(*b)] & bits != 0).collect()
        };
        debug_assert!(of_class(WORD) == ByteSet::word());
        debug_assert!(of_class(NARROW) == RunClass::Narrow.set());
        debug_assert!(of_class(BROAD) == RunClass::Broad.set());
        tables
    }
}
