//! The look-up tables of the kernels and the second look, made from windows and their buckets.

use super::buckets::{BUCKETS, HEAD, head};
use super::windows::Window;
use crate::rule::byte_set::ByteSet;

/// Buckets come in sets of eight, a bit each.
pub(crate) const SETS: usize = BUCKETS / 8;

/// What the kernels read, and what tells exactly.
pub(crate) struct Tables {
    /// By set, position and the low six bits of a byte: bits of the set's buckets.
    pub(crate) six_bits: [[[u8; 64]; HEAD]; SETS],
    pub(crate) low_nibble: [[[u8; 16]; HEAD]; SETS],
    pub(crate) high_nibble: [[[u8; 16]; HEAD]; SETS],
    /// By position and byte: bits of all buckets, exact.
    pub(crate) exact: [[u32; 256]; HEAD],
    /// The windows of each bucket, eight at a time: indices into `groups`.
    pub(crate) ranges: [(u32, u32); BUCKETS],
    pub(crate) groups: Vec<Group>,
}

/// Eight windows of a bucket: what is literal in their first eight bytes.
#[repr(align(64))]
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) value: [u64; 8],
    pub(crate) mask: [u64; 8],
    /// Indices of the windows; [`NONE`] fills up.
    pub(crate) window: [u32; 8],
}

pub(crate) const NONE: u32 = u32::MAX;

impl Tables {
    /// Tables for `windows`, each in the bucket that `bucket_of` says.
    pub(crate) fn new(windows: &[Window], bucket_of: &[u8]) -> Box<Tables> {
        let mut tables = Box::new(Tables {
            six_bits: [[[0; 64]; HEAD]; SETS],
            low_nibble: [[[0; 16]; HEAD]; SETS],
            high_nibble: [[[0; 16]; HEAD]; SETS],
            exact: [[0; 256]; HEAD],
            ranges: [(0, 0); BUCKETS],
            groups: Vec::new(),
        });
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); BUCKETS];
        for (index, (window, bucket)) in windows.iter().zip(bucket_of).enumerate() {
            let bucket = usize::from(*bucket);
            members[bucket].push(index as u32);
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
        for (bucket, members) in members.iter().enumerate() {
            let first = tables.groups.len() as u32;
            for eight in members.chunks(8) {
                let mut group = Group { value: [!0; 8], mask: [!0; 8], window: [NONE; 8] };
                for (slot, index) in eight.iter().enumerate() {
                    let (value, mask) = literal_part(&windows[*index as usize].classes);
                    group.value[slot] = value;
                    group.mask[slot] = mask;
                    group.window[slot] = *index;
                }
                tables.groups.push(group);
            }
            tables.ranges[bucket] = (first, tables.groups.len() as u32);
        }
        tables
    }

    /// The buckets, a bit each, whose classes hold the first four bytes of `word` (little endian).
    #[inline(always)]
    pub(crate) fn buckets(&self, word: u64) -> u32 {
        self.exact[0][(word & 255) as usize]
            & self.exact[1][(word >> 8 & 255) as usize]
            & self.exact[2][(word >> 16 & 255) as usize]
            & self.exact[3][(word >> 24 & 255) as usize]
    }
}

/// What the first eight bytes of a window must be, where a class is one byte or one letter of any case.
fn literal_part(window: &[ByteSet]) -> (u64, u64) {
    let (mut value, mut mask) = (0u64, 0u64);
    for (k, class) in window.iter().take(8).enumerate() {
        let mut bytes = class.iter();
        let (one, keep) = match (bytes.next(), bytes.next(), bytes.next()) {
            (Some(a), None, _) => (a, 0xff),
            (Some(a), Some(b), None) if a ^ b == 0x20 => (a & 0xdf, 0xdf),
            _ => continue,
        };
        value |= u64::from(one) << (8 * k);
        mask |= keep << (8 * k);
    }
    (value, mask)
}
