//! The look-up tables of the kernels and the second look, made from windows and their buckets.

use super::buckets::{BUCKETS, HEAD, Head, head};
use super::windows::Window;

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
    /// Windows by what can be spelt out of their first four classes: all four, the last three, or two neighbours.
    pub(crate) indices: [Index; PARTS.len()],
    /// All other windows, by bucket.
    pub(crate) wide: Vec<Vec<u32>>,
    /// The buckets of `wide`, a bit each.
    pub(crate) wide_buckets: u32,
}

/// Which of the first four bytes an index goes by: the mask of a key, widest first.
pub(crate) const PARTS: [u32; 5] =
    [0xffff_ffff, 0xffff_ff00, 0xffff_0000, 0x00ff_ff00, 0x0000_ffff];

/// A window is spelt out in an index in at most this many ways.
const MOST_SPELLINGS: usize = 40;

/// Window numbers by a key of up to four folded bytes: open addressing in a table at least four times too large.
#[derive(Default)]
pub(crate) struct Index {
    slots: Vec<Slot>,
    shift: u32,
    members: Vec<u32>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    key: u32,
    from: u32,
    /// An empty slot has none.
    len: u32,
}

impl Index {
    fn new(mut entries: Vec<(u32, u32)>) -> Index {
        entries.sort_unstable();
        let size = (entries.len() * 4).next_power_of_two().max(16);
        let mut index = Index {
            slots: vec![Slot::default(); size],
            shift: 32 - size.trailing_zeros(),
            members: Vec::new(),
        };
        for same in entries.chunk_by(|a, b| a.0 == b.0) {
            let from = index.members.len() as u32;
            index.members.extend(same.iter().map(|(_, window)| *window));
            let mut at = index.home(same[0].0);
            while index.slots[at].len != 0 {
                at = (at + 1) % size;
            }
            index.slots[at] = Slot { key: same[0].0, from, len: same.len() as u32 };
        }
        index
    }

    #[inline(always)]
    fn home(&self, key: u32) -> usize {
        (key.wrapping_mul(0x9e37_79b1) >> self.shift) as usize
    }

    /// The windows under `key`.
    #[inline(always)]
    pub(crate) fn get(&self, key: u32) -> &[u32] {
        let mut at = self.home(key);
        loop {
            let slot = self.slots[at];
            if slot.len == 0 {
                return &[];
            }
            if slot.key == key {
                return &self.members[slot.from as usize..][..slot.len as usize];
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }
}

/// The bit that makes letters lower case and leaves a superset of equal bytes equal.
const FOLD: u32 = 0x2020_2020;

/// The key of the first four bytes in index `part`.
#[inline(always)]
pub(crate) fn key(word: u64, part: usize) -> u32 {
    (word as u32 | FOLD) & PARTS[part]
}

impl Tables {
    /// Tables for `windows`, each in the bucket that `bucket_of` says.
    pub(crate) fn new(windows: &[Window], bucket_of: &[u8]) -> Box<Tables> {
        let mut tables = Box::new(Tables {
            six_bits: [[[0; 64]; HEAD]; SETS],
            low_nibble: [[[0; 16]; HEAD]; SETS],
            high_nibble: [[[0; 16]; HEAD]; SETS],
            exact: [[0; 256]; HEAD],
            indices: std::array::from_fn(|_| Index::default()),
            wide: vec![Vec::new(); BUCKETS],
            wide_buckets: 0,
        });
        let mut entries: [Vec<(u32, u32)>; PARTS.len()] = Default::default();
        for (index, (window, bucket)) in windows.iter().zip(bucket_of).enumerate() {
            let bucket = usize::from(*bucket);
            let head = head(&window.classes);
            match (0..PARTS.len()).find_map(|part| Some((part, spellings(&head, part)?))) {
                Some((part, keys)) => {
                    entries[part].extend(keys.into_iter().map(|key| (key, index as u32)))
                }
                None => {
                    tables.wide[bucket].push(index as u32);
                    tables.wide_buckets |= 1 << bucket;
                }
            }
            let (set, bit) = (bucket / 8, 1u8 << (bucket % 8));
            for (k, class) in head.iter().enumerate() {
                for byte in class.iter() {
                    tables.six_bits[set][k][usize::from(byte & 63)] |= bit;
                    tables.low_nibble[set][k][usize::from(byte & 15)] |= bit;
                    tables.high_nibble[set][k][usize::from(byte >> 4)] |= bit;
                    tables.exact[k][usize::from(byte)] |= 1 << bucket;
                }
            }
        }
        tables.indices = entries.map(Index::new);
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

/// All keys that the head has in index `part`, if they are few.
fn spellings(head: &Head, part: usize) -> Option<Vec<u32>> {
    let mut keys = vec![0u32];
    for (k, class) in head.iter().enumerate().filter(|(k, _)| PARTS[part] >> (8 * k) & 255 != 0) {
        let mut folded: Vec<u32> = class.iter().map(|b| u32::from(b) | 0x20).collect();
        folded.sort_unstable();
        folded.dedup();
        if folded.len() * keys.len() > MOST_SPELLINGS {
            return None;
        }
        keys = keys.iter().flat_map(|key| folded.iter().map(move |b| key | b << (8 * k))).collect();
    }
    Some(keys)
}
