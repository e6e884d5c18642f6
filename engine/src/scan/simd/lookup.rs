//! From the bytes at a position to the windows that may stand there, by hashing what can be spelt out of their first four
//! classes.
//!
//! [`Lookup::may_start`] is a look into one small table, without branches; [`Lookup::each`] gives the windows.

use super::buckets::{HEAD, head};
use super::windows::Window;
use crate::rule::byte_set::ByteSet;

/// The masks of keys: a window is looked up by its first four bytes, or by three.
const MASKS: [u32; 2] = [0xffff_ffff, 0x00ff_ffff];

/// A window is spelt out in at most this many ways.
const MOST_SPELLINGS: usize = 400;

/// The bit that makes letters lower case and leaves a superset of equal bytes equal.
const FOLD: u32 = 0x2020_2020;

/// Windows by their first four classes.
pub(crate) struct Lookup {
    /// A bit for each hash of a key that occurs.
    filter: Box<[u64; 1 << (FILTER_BITS - 6)]>,
    /// By mask: window numbers by key, open addressing.
    indices: [Index; MASKS.len()],
    /// Windows that cannot be spelt out.
    wide: Vec<u32>,
    /// By position and byte: which of them, modulo 32, may have it there.
    wide_bits: Box<[[u32; 256]; HEAD]>,
}

const FILTER_BITS: u32 = 16;

#[derive(Default)]
struct Index {
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

impl Lookup {
    pub(crate) fn new(windows: &[Window]) -> Lookup {
        let mut entries: [Vec<(u32, u32)>; MASKS.len()] = Default::default();
        let mut lookup = Lookup {
            filter: Box::new([0; 1 << (FILTER_BITS - 6)]),
            indices: Default::default(),
            wide: Vec::new(),
            wide_bits: Box::new([[0; 256]; HEAD]),
        };
        for (number, window) in (0..).zip(windows) {
            let spelt = |i: usize| Some((i, spellings(&window.classes, MASKS[i])?));
            if let Some((i, keys)) = (0..MASKS.len()).find_map(spelt) {
                for key in keys {
                    let bit = hash(key) >> (32 - FILTER_BITS);
                    lookup.filter[bit as usize / 64] |= 1 << (bit % 64);
                    entries[i].push((key, number));
                }
            } else {
                for (bits, class) in lookup.wide_bits.iter_mut().zip(head(&window.classes)) {
                    let bit = 1 << (lookup.wide.len() % 32);
                    class.iter().for_each(|b| bits[usize::from(b)] |= bit);
                }
                lookup.wide.push(number);
            }
        }
        lookup.indices = entries.map(Index::new);
        lookup
    }

    /// Whether some window may start with the first four bytes of `word` (little endian): quick, with false alarms.
    #[inline(always)]
    pub(crate) fn may_start(&self, word: u64) -> bool {
        let folded = word as u32 | FOLD;
        let bit = |mask: u32| {
            let bit = hash(folded & mask) >> (32 - FILTER_BITS);
            self.filter[bit as usize / 64] >> (bit % 64) & 1
        };
        (bit(MASKS[0]) | bit(MASKS[1])) != 0 || (!self.wide.is_empty() && self.wide(word) != 0)
    }

    /// Calls `f` with the number of each window that may start with the first four bytes of `word`.
    pub(crate) fn each(&self, word: u64, mut f: impl FnMut(u32)) {
        for (mask, index) in MASKS.iter().zip(&self.indices) {
            index.get((word as u32 | FOLD) & mask).iter().for_each(|number| f(*number));
        }
        let mut bits = self.wide(word);
        while bits != 0 {
            let first = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            self.wide.iter().skip(first).step_by(32).for_each(|number| f(*number));
        }
    }

    #[inline(always)]
    fn wide(&self, word: u64) -> u32 {
        let of = |k: usize| self.wide_bits[k][(word >> (8 * k) & 255) as usize];
        of(0) & of(1) & of(2) & of(3)
    }
}

impl Index {
    fn new(mut entries: Vec<(u32, u32)>) -> Index {
        entries.sort_unstable();
        let size = (entries.len() * 2).next_power_of_two().max(16);
        let mut index = Index {
            slots: vec![Slot::default(); size],
            shift: 32 - size.trailing_zeros(),
            members: Vec::new(),
        };
        for same in entries.chunk_by(|a, b| a.0 == b.0) {
            let key = same[0].0;
            let from = index.members.len() as u32;
            index.members.extend(same.iter().map(|(_, window)| *window));
            let mut at = (hash(key) >> index.shift) as usize;
            while index.slots[at].len != 0 {
                at = (at + 1) % size;
            }
            index.slots[at] = Slot { key, from, len: same.len() as u32 };
        }
        index
    }

    /// The windows under `key`.
    fn get(&self, key: u32) -> &[u32] {
        let mut at = (hash(key) >> self.shift) as usize;
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

#[inline(always)]
fn hash(key: u32) -> u32 {
    key.wrapping_mul(0x9e37_79b1)
}

/// All keys of a window, if they are few.
fn spellings(window: &[ByteSet], mask: u32) -> Option<Vec<u32>> {
    let mut keys = vec![0u32];
    for k in (0..HEAD).filter(|k| mask >> (8 * k) & 255 != 0) {
        let mut folded: Vec<u32> = window.get(k)?.iter().map(|b| u32::from(b) | 0x20).collect();
        folded.sort_unstable();
        folded.dedup();
        if folded.len() * keys.len() > MOST_SPELLINGS {
            return None;
        }
        keys = keys.iter().flat_map(|key| folded.iter().map(move |b| key | b << (8 * k))).collect();
    }
    Some(keys)
}
