//! From the bytes at a position to the windows that stand there, by hashing what can be spelt out of their first four
//! classes.
//!
//! From many positions to few ([`Lookup::keep`]), each step without branches:
//! - the first three bytes are those of some window, by a filter;
//! - its key is one, by a filter;
//! - the first eight bytes have what all windows of that key have in common.
//!
//! [`Lookup::each`] then gives the windows of which all classes stand there.

use std::borrow::Cow;
use std::ops::Range;

use super::features::{HEAD, head};
use super::windows::Window;
use crate::rule::byte_set::ByteSet;
use index::hash;
pub(crate) use index::{Group, Index, Literal};

mod index;

/// How windows are looked up: by their first four bytes and the ninth to twelfth, by their first four, or by three.
#[derive(Clone, Copy)]
struct Kind {
    /// Which of the first four bytes count.
    first: u32,
    /// Which of the ninth to twelfth.
    third: u32,
    /// A window is spelt out in at most this many ways.
    most: usize,
}

/// By kind, the most telling first: many windows begin with `https://`.
const KINDS: [Kind; 3] = [
    Kind { first: 0xffff_ffff, third: 0xffff_ffff, most: 64 },
    Kind { first: 0xffff_ffff, third: 0, most: 64 },
    Kind { first: 0x00ff_ffff, third: 0, most: 1600 },
];

/// The bit that makes letters lower case and leaves a superset of equal bytes equal.
const FOLD: u32 = 0x2020_2020;
/// The same of eight bytes.
const FOLD_8: u64 = (FOLD as u64) << 32 | FOLD as u64;

/// Windows by their first four classes.
pub(crate) struct Lookup {
    windows: Vec<Window>,
    keys: Keys,
}

/// What leads from bytes to the numbers of windows. That of the default rules is made at build time.
#[derive(Clone)]
pub(crate) struct Keys {
    /// By window: its literal bytes.
    pub(crate) literals: Cow<'static, [Literal]>,
    /// A bit for each hash of the first three bytes of a key.
    pub(crate) prefixes: Filter,
    /// A bit for each hash of a key of any kind.
    pub(crate) keys: Filter,
    /// By kind: windows by key.
    pub(crate) indices: [Index; KINDS.len()],
    /// Windows that cannot be spelt out.
    pub(crate) wide: Vec<u32>,
    /// By position and byte: which of them, modulo 32, may have it there; empty if there are none.
    pub(crate) wide_bits: Vec<[u32; HEAD]>,
}

impl Kind {
    /// The key of the bytes at a position: the first eight, and the third four.
    #[inline(always)]
    fn key(self, word: u64, third: u32) -> u32 {
        let first = (word as u32 | FOLD) & self.first;
        match self.third {
            0 => first,
            mask => first ^ ((third | FOLD) & mask).wrapping_mul(0x85eb_ca6b),
        }
    }

    /// All keys of a window, if they are few.
    fn keys(self, window: &[ByteSet]) -> Option<Vec<u32>> {
        // By byte: the word that it is of, its place there, and which values it may have; letters in both cases are one.
        let mut bytes = [(0, 0, ByteSet::FULL); 8];
        let (mut count, mut ways) = (0, 1);
        for (word, from, mask) in [(0, 0, self.first), (1, 8, self.third)] {
            for k in (0..4).filter(|k| mask >> (8 * k) & 255 != 0) {
                // Behind a window of two bytes anything may stand.
                let any = Some(&ByteSet::FULL).filter(|_| from + k == 2);
                let folded = window.get(from + k).or(any)?.folded();
                bytes[count] = (word, 8 * k, folded);
                (count, ways) = (count + 1, ways * folded.len());
                if ways > self.most {
                    return None;
                }
            }
        }
        let mut spelt = vec![[0u32; 2]];
        for (word, shift, values) in &bytes[..count] {
            let before = spelt.len();
            for value in values.iter().skip(1) {
                for i in 0..before {
                    let mut more = spelt[i];
                    more[*word] |= u32::from(value) << shift;
                    spelt.push(more);
                }
            }
            if let Some(value) = values.iter().next() {
                spelt[..before].iter_mut().for_each(|w| w[*word] |= u32::from(value) << shift);
            }
        }
        Some(spelt.into_iter().map(|[first, third]| self.key(first.into(), third)).collect())
    }
}

/// Which keys there may be: a bit for each hash.
type Filter = Cow<'static, [u64]>;

/// A filter's size in bits, as a power of two: the one that is read most should stay in the first cache.
const FILTER_BITS: u32 = 16;
const FILTER_WORDS: usize = 1 << (FILTER_BITS - 6);

/// Keeps those of the positions from number `from` on for which an expression is true, without branches. A closure would be
/// compiled apart from its caller, without what the CPU has.
macro_rules! keep_if {
    ($positions:expr, $from:expr, |$p:ident| $may:expr) => {
        let mut n = $from;
        for i in $from..$positions.len() {
            let $p = $positions[i];
            $positions[n] = $p;
            n += usize::from($may);
        }
        $positions.truncate(n);
    };
}

impl Keys {
    pub(crate) fn new(windows: &[Window]) -> Keys {
        let mut entries: [Vec<(u32, u32)>; KINDS.len()] = Default::default();
        let (mut prefixes, mut wide, mut wide_bits) = (Vec::new(), Vec::new(), Vec::new());
        for (number, window) in (0..).zip(windows) {
            let spelt = |i: usize| Some((i, KINDS[i].keys(&window.classes)?));
            if let Some((i, keys)) = (0..KINDS.len()).find_map(spelt) {
                let first = &window.classes[..window.classes.len().min(3)];
                prefixes.extend(KINDS[2].keys(first).into_iter().flatten());
                entries[i].extend(keys.into_iter().map(|key| (key, number)));
            } else {
                wide_bits.resize(256, [0; HEAD]);
                for (k, class) in head(&window.classes).iter().enumerate() {
                    let bit = 1 << (wide.len() % 32);
                    class.iter().for_each(|b| wide_bits[usize::from(b)][k] |= bit);
                }
                wide.push(number);
            }
        }
        let literals: Vec<_> = windows.iter().map(|w| Literal::new(&w.classes)).collect();
        let keys = filter(entries.iter().flatten().map(|(key, _)| *key));
        let indices = entries.map(|entries| Index::new(&entries, &literals));
        let prefixes = filter(prefixes.into_iter());
        Keys { literals: literals.into(), prefixes, keys, indices, wide, wide_bits }
    }

    #[inline(always)]
    fn wide(&self, word: u64) -> u32 {
        let of = |k: usize| self.wide_bits[(word >> (8 * k) & 255) as usize][k];
        (1..HEAD).fold(of(0), |all, k| all & of(k))
    }
}

impl Lookup {
    pub(crate) fn new(windows: Vec<Window>) -> Lookup {
        let keys = Keys::new(&windows);
        Lookup { windows, keys }
    }

    /// A look-up of windows whose keys are known.
    pub(crate) fn with(windows: Vec<Window>, keys: &Keys) -> Lookup {
        Lookup { windows, keys: keys.clone() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Keeps those of the positions from number `from` on where a window may start: quick looks, without branches, since nobody
    /// can tell beforehand which way they would go.
    #[inline(always)]
    pub(crate) fn keep(&self, block: &[u8], positions: &mut Vec<u32>, from: usize) {
        let [prefixes, keys] = [&self.keys.prefixes, &self.keys.keys]
            .map(|bits| bits.first_chunk::<FILTER_WORDS>().expect("a filter has this length"));
        if !self.keys.wide.is_empty() {
            keep_if!(positions, from, |p| {
                let words = words_from(block, p.into());
                is_key(keys, words) || self.keys.wide(words.0) != 0
            });
            return;
        }
        // The last few bytes have no word of their own: they are kept for the next look.
        keep_if!(positions, from, |p| {
            let p = p as usize;
            match block.get(p..p + 4).and_then(|b| b.first_chunk::<4>()) {
                Some(b) => holds_key(prefixes, (u32::from_le_bytes(*b) | FOLD) & KINDS[2].first),
                None => true,
            }
        });
        self.keep_keys(block, positions, from);
    }

    /// The same for all positions of `range`, which are appended.
    #[inline(always)]
    pub(crate) fn keep_in(&self, block: &[u8], range: Range<usize>, positions: &mut Vec<u32>) {
        let from = positions.len();
        if !self.keys.wide.is_empty() {
            positions.extend(range.start as u32..range.end as u32);
            return self.keep(block, positions, from);
        }
        let prefixes = self.keys.prefixes.first_chunk::<FILTER_WORDS>();
        let prefixes = prefixes.expect("a filter has this length");
        // Positions that have four bytes.
        let most = range.end.min(block.len().saturating_sub(3)).max(range.start);
        let fours = block.get(range.start..most + 3).unwrap_or_default().windows(4);
        for (p, four) in (range.start as u32..).zip(fours) {
            let four = u32::from_le_bytes(*four.first_chunk().unwrap_or(&[0; 4]));
            if holds_key(prefixes, (four | FOLD) & KINDS[2].first) {
                positions.push(p);
            }
        }
        positions.extend(most as u32..range.end as u32);
        self.keep_keys(block, positions, from);
    }

    /// Keeps those of the positions from number `from` on whose bytes are a key's, and what its windows have in common.
    #[inline(always)]
    fn keep_keys(&self, block: &[u8], positions: &mut Vec<u32>, from: usize) {
        let keys = self.keys.keys.first_chunk::<FILTER_WORDS>();
        let keys = keys.expect("a filter has this length");
        keep_if!(positions, from, |p| is_key(keys, words_from(block, p.into())));
        if positions.len() == from {
            return;
        }
        let [a, b, c] = &self.keys.indices;
        let groups = [a.parts(), b.parts(), c.parts()];
        keep_if!(positions, from, |p| may_hold(&groups, words_from(block, p.into())));
    }

    /// Appends the positions of a short text, plus one, where a window may start, of those whose bits are set in `masks`, 64
    /// each: the same quick looks. The first bit stands for the line end before it.
    #[inline(always)]
    pub(crate) fn near(&self, text: &[u8], masks: &[u64], near: &mut Vec<u32>) {
        let [prefixes, keys] = [&self.keys.prefixes, &self.keys.keys]
            .map(|bits| bits.first_chunk::<FILTER_WORDS>().expect("a filter has this length"));
        let [a, b, c] = &self.keys.indices;
        let groups = [a.parts(), b.parts(), c.parts()];
        let has_wide = !self.keys.wide.is_empty();
        for (mask, from) in masks.iter().zip((0u32..).step_by(u64::BITS as usize)) {
            let mut mask = *mask;
            while mask != 0 {
                let at = from + mask.trailing_zeros();
                mask &= mask - 1;
                // Most have not the first three bytes of any window, and to see that, four bytes are enough.
                let start = at.wrapping_sub(1) as usize;
                if let Some(four) = text.get(start..start + 4).and_then(|four| four.first_chunk())
                    && !holds_key(prefixes, (u32::from_le_bytes(*four) | FOLD) & KINDS[2].first)
                    && !has_wide
                {
                    continue;
                }
                let words = words_from(text, i64::from(at) - 1);
                let may_stand = match has_wide {
                    true => is_key(keys, words) || self.keys.wide(words.0) != 0,
                    false => is_key(keys, words) && may_hold(&groups, words),
                };
                if may_stand {
                    near.push(at);
                }
            }
        }
    }

    /// Calls `f` with each window whose classes stand at position `at`, from -1, of `block`.
    #[inline(always)]
    pub(crate) fn each(&self, block: &[u8], at: i64, mut f: impl FnMut(&Window)) {
        let (word, third) = words_from(block, at);
        let literals = &*self.keys.literals;
        // Only of windows whose literal bytes stand there.
        let mut look = |number: u32| {
            let window = &self.windows[number as usize];
            if !literals[number as usize].more || holds(block, at, window) {
                f(window);
            }
        };
        for (kind, index) in KINDS.iter().zip(&self.keys.indices) {
            index.each(kind.key(word, third), word, literals, &mut look);
        }
        if self.keys.wide.is_empty() {
            return;
        }
        let mut bits = self.keys.wide(word);
        while bits != 0 {
            let first = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            let wide = self.keys.wide.iter().skip(first).step_by(32);
            wide.filter(|n| literals[**n as usize].stands_in(word)).for_each(|n| look(*n));
        }
    }
}

fn filter(keys: impl Iterator<Item = u32>) -> Filter {
    let mut bits = vec![0; FILTER_WORDS];
    for key in keys {
        let bit = hash(key) >> (32 - FILTER_BITS);
        bits[bit as usize / 64] |= 1 << (bit % 64);
    }
    bits.into()
}

#[inline(always)]
fn holds_key(filter: &[u64; FILTER_WORDS], key: u32) -> bool {
    let bit = hash(key) >> (32 - FILTER_BITS);
    filter[bit as usize / 64] >> (bit % 64) & 1 != 0
}

#[inline(always)]
fn is_key(keys: &[u64; FILTER_WORDS], (word, third): (u64, u32)) -> bool {
    // No `any`: it would branch.
    KINDS.iter().fold(false, |found, kind| found | holds_key(keys, kind.key(word, third)))
}

#[inline(always)]
fn may_hold(indices: &[(&[u32], u32, &[Group]); KINDS.len()], words: (u64, u32)) -> bool {
    let (word, third) = words;
    KINDS.iter().zip(indices).fold(false, |found, (kind, (slots, shift, groups))| {
        let slot = slots[(hash(kind.key(word, third)) >> shift) as usize];
        found | groups[slot as usize].stands_in(word)
    })
}

/// Whether all classes of `window` stand at position `at`, from -1.
#[inline(always)]
fn holds(block: &[u8], at: i64, window: &Window) -> bool {
    let (classes, from) = match (usize::try_from(at), window.classes.split_first()) {
        (Ok(from), _) => (&*window.classes, from),
        // Before the block there is a line end.
        (Err(_), Some((first, rest))) if first.contains(b'\n') => (rest, 0),
        (Err(_), _) => return false,
    };
    let bytes = block.get(from..from + classes.len());
    // From the end: of the first eight, all bits but a few were compared already.
    bytes.is_some_and(|bytes| classes.iter().zip(bytes).rev().all(|(set, b)| set.contains(*b)))
}

/// The eight bytes from `at`, from -1, little endian, and the four behind them; a line end stands before the block, zeros behind it.
#[inline(always)]
fn words_from(block: &[u8], at: i64) -> (u64, u32) {
    let bytes = match usize::try_from(at).ok().and_then(|at| block.get(at..)?.first_chunk::<12>()) {
        Some(bytes) => *bytes,
        None => return padded(block, at),
    };
    let [first @ .., _, _, _, _] = bytes;
    let [_, _, _, _, _, _, _, _, third @ ..] = bytes;
    (u64::from_le_bytes(first), u32::from_le_bytes(third))
}

/// The same at the ends of the block.
#[inline(never)]
fn padded(block: &[u8], at: i64) -> (u64, u32) {
    // Bytes that are copied one by one cannot be read together at once: these are read together and moved.
    let (mut first, mut last) = ([0; 16], [0; 16]);
    if block.len() < 16 {
        first[..block.len()].copy_from_slice(block);
        last[16 - block.len()..].copy_from_slice(block);
    }
    let first = u128::from_le_bytes(*block.first_chunk().unwrap_or(&first));
    let last = u128::from_le_bytes(*block.last_chunk().unwrap_or(&last));
    let bytes = match usize::try_from(at) {
        Ok(at) => {
            let left = block.len().saturating_sub(at).min(16) as u32;
            last.checked_shr(8 * (16 - left)).unwrap_or(0)
        }
        Err(_) => first << 8 | u128::from(b'\n'),
    };
    (bytes as u64, (bytes >> 64) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_at_the_ends_are_filled_up() {
        let text = b"0123456789abcdefghij";
        for len in 0..text.len() {
            let block = &text[..len];
            for at in -1..=len as i64 {
                let mut wanted = [0; 12];
                let from_start = [b"\n", block].concat();
                let rest = &from_start[(at + 1) as usize..];
                let count = rest.len().min(12);
                wanted[..count].copy_from_slice(&rest[..count]);
                let (first, third) = words_from(block, at);
                assert_eq!(first.to_le_bytes(), wanted[..8], "{len} {at}");
                assert_eq!(third.to_le_bytes(), wanted[8..], "{len} {at}");
            }
        }
    }
}
