//! From the bytes at a position to the windows that may stand there, by hashing what can be spelt out of their first four
//! classes.
//!
//! [`Lookup::may_start`] is a look into one small table, without branches; [`Lookup::each`] gives the windows.

use super::buckets::{HEAD, head};
use super::windows::Window;
use crate::rule::byte_set::ByteSet;

/// The masks of keys: a window is looked up by its first four bytes, or by three.
const MASKS: [u32; 2] = [0xffff_ffff, 0x00ff_ffff];

/// A window is spelt out in at most this many ways, by mask.
const MOST_SPELLINGS: [usize; 2] = [64, 400];

/// The bit that makes letters lower case and leaves a superset of equal bytes equal.
const FOLD: u32 = 0x2020_2020;

/// Windows by their first four classes.
pub(crate) struct Lookup {
    windows: Vec<Window>,
    /// A bit for each hash of the first three bytes of a key that occurs.
    filter: Vec<u64>,
    filter_shift: u32,
    /// By mask: window numbers by key, open addressing.
    indices: [Index; MASKS.len()],
    /// Windows that cannot be spelt out.
    wide: Vec<u32>,
    /// By position and byte: which of them, modulo 32, may have it there.
    wide_bits: Box<[[u32; 256]; HEAD]>,
}

/// The filter's size in bits, as powers of two: it should stay in the first cache.
const FILTER_BITS: std::ops::RangeInclusive<u32> = 12..=17;

#[derive(Default)]
struct Index {
    slots: Vec<Slot>,
    shift: u32,
    /// The last of each key's windows is marked.
    members: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Slot {
    key: u32,
    /// Where its members start.
    from: u32,
}

const EMPTY: Slot = Slot { key: 0, from: u32::MAX };
const LAST: u32 = 1 << 31;

impl Lookup {
    pub(crate) fn new(windows: Vec<Window>) -> Lookup {
        let mut entries: [Vec<(u32, u32)>; MASKS.len()] = Default::default();
        let mut wide = Vec::new();
        let mut wide_bits = Box::new([[0u32; 256]; HEAD]);
        for (number, window) in (0..).zip(&windows) {
            let spelt = |i: usize| Some((i, spellings(&window.classes, i)?));
            if let Some((i, keys)) = (0..MASKS.len()).find_map(spelt) {
                entries[i].extend(keys.into_iter().map(|key| (key, number)));
            } else {
                for (bits, class) in wide_bits.iter_mut().zip(head(&window.classes)) {
                    class.iter().for_each(|b| bits[usize::from(b)] |= 1 << (wide.len() % 32));
                }
                wide.push(number);
            }
        }
        let keys = entries.iter().flatten().count();
        let (least, most) = FILTER_BITS.into_inner();
        let bits = (keys * 24).next_power_of_two().trailing_zeros().clamp(least, most);
        let mut filter = vec![0u64; 1 << (bits - 6)];
        let filter_shift = 32 - bits;
        for (key, _) in entries.iter().flatten() {
            let bit = hash(*key & MASKS[1]) >> filter_shift;
            filter[bit as usize / 64] |= 1 << (bit % 64);
        }
        Lookup { windows, filter, filter_shift, indices: entries.map(Index::new), wide, wide_bits }
    }

    /// Whether some window may start with the first four bytes of `word` (little endian): quick, with false alarms.
    #[inline(always)]
    pub(crate) fn may_start(&self, word: u64) -> bool {
        let folded = word as u32 | FOLD;
        let bit = hash(folded & MASKS[1]) >> self.filter_shift;
        let spelt = self.filter[bit as usize / 64] >> (bit % 64) & 1;
        // Both are read: a branch that nobody can tell beforehand costs more than the loads.
        let wide = if self.wide.is_empty() { 0 } else { self.wide(word) };
        (spelt | u64::from(wide)) != 0
    }

    /// Calls `f` with each window that may start with the first four bytes of `word`.
    #[inline]
    pub(crate) fn each(&self, word: u64, mut f: impl FnMut(&Window)) {
        self.each_number(word, |number| f(&self.windows[number as usize]));
    }

    fn each_number(&self, word: u64, mut f: impl FnMut(u32)) {
        for (mask, index) in MASKS.iter().zip(&self.indices) {
            index.each((word as u32 | FOLD) & mask, &mut f);
        }
        if self.wide.is_empty() {
            return;
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
        (1..HEAD).fold(of(0), |all, k| all & of(k))
    }
}

impl Index {
    fn new(mut entries: Vec<(u32, u32)>) -> Index {
        entries.sort_unstable();
        let size = (entries.len() * 2).next_power_of_two().max(16);
        let shift = 32 - size.trailing_zeros();
        let mut index = Index { slots: vec![EMPTY; size], shift, members: Vec::new() };
        for same in entries.chunk_by(|a, b| a.0 == b.0) {
            let key = same[0].0;
            let from = index.members.len() as u32;
            index.members.extend(same.iter().map(|(_, window)| *window));
            *index.members.last_mut().expect("a chunk is not empty") |= LAST;
            let mut at = (hash(key) >> index.shift) as usize;
            while index.slots[at].from != EMPTY.from {
                at = (at + 1) % size;
            }
            index.slots[at] = Slot { key, from };
        }
        index
    }

    /// Calls `f` with each window under `key`.
    #[inline(always)]
    fn each(&self, key: u32, f: &mut impl FnMut(u32)) {
        let mut at = (hash(key) >> self.shift) as usize;
        loop {
            let slot = self.slots[at];
            if slot.from == EMPTY.from {
                return;
            }
            if slot.key == key {
                break;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        for member in &self.members[self.slots[at].from as usize..] {
            f(member & !LAST);
            if member & LAST != 0 {
                return;
            }
        }
    }
}

#[inline(always)]
fn hash(key: u32) -> u32 {
    key.wrapping_mul(0x9e37_79b1)
}

/// All keys of a window in the index of a mask, if they are few.
fn spellings(window: &[ByteSet], index: usize) -> Option<Vec<u32>> {
    let mut keys = vec![0u32];
    for k in (0..4).filter(|k| MASKS[index] >> (8 * k) & 255 != 0) {
        // Letters in both cases are one.
        let folded: ByteSet = window.get(k)?.iter().map(|b| b | 0x20).collect();
        if folded.len() * keys.len() > MOST_SPELLINGS[index] {
            return None;
        }
        let with = |key: u32| folded.iter().map(move |b| key | u32::from(b) << (8 * k));
        keys = keys.into_iter().flat_map(with).collect();
    }
    Some(keys)
}
