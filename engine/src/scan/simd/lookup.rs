//! From the bytes at a position to the windows that stand there, by hashing what can be spelt out of their first four
//! classes.
//!
//! [`Lookup::may_start`] is a look into two small tables, without branches; [`Lookup::each`] gives the windows of which all
//! classes stand there.

use super::buckets::{HEAD, head};
use super::windows::Window;
use crate::rule::byte_set::ByteSet;

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

/// Windows by their first four classes.
pub(crate) struct Lookup {
    windows: Vec<Window>,
    /// By window: its literal bytes.
    literals: Vec<Literal>,
    /// A bit for each hash of the first three bytes of a key.
    prefixes: Filter,
    /// By kind: a bit for each hash of a key.
    filters: [Filter; KINDS.len()],
    /// By kind: window numbers by key, open addressing.
    indices: [Index; KINDS.len()],
    /// Windows that cannot be spelt out.
    wide: Vec<u32>,
    /// By position and byte: which of them, modulo 32, may have it there.
    wide_bits: Box<[[u32; 256]; HEAD]>,
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

/// Which keys there may be.
struct Filter {
    bits: Box<[u64; 1 << (FILTER_BITS - 6)]>,
}

/// A filter's size in bits, as a power of two: the one that is read most should stay in the first cache.
const FILTER_BITS: u32 = 16;

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

/// The classes of a window that are one byte, or a letter in both cases, compared eight at a time.
struct Literal {
    fold: u64,
    mask: u64,
    value: u64,
    /// Whether other classes must be compared too.
    more: bool,
}

impl Literal {
    fn new(window: &[ByteSet]) -> Literal {
        let mut literal = Literal { fold: 0, mask: 0, value: 0, more: window.len() > 8 };
        for (k, set) in window.iter().take(8).enumerate() {
            let mut bytes = set.iter();
            let (first, second) = (bytes.next().unwrap_or(0), bytes.next());
            let fold = match (second, bytes.next()) {
                (None, _) => 0,
                (Some(second), None) if first | 0x20 == second => 0x20,
                _ => {
                    literal.more = true;
                    continue;
                }
            };
            literal.fold |= fold << (8 * k);
            literal.mask |= 0xff << (8 * k);
            literal.value |= (u64::from(first) | fold) << (8 * k);
        }
        literal
    }

    #[inline(always)]
    fn stands_in(&self, word: u64) -> bool {
        (word | self.fold) & self.mask == self.value
    }
}

impl Lookup {
    pub(crate) fn new(windows: Vec<Window>) -> Lookup {
        let mut entries: [Vec<(u32, u32)>; KINDS.len()] = Default::default();
        let (mut prefixes, mut wide) = (Vec::new(), Vec::new());
        let mut wide_bits = Box::new([[0u32; 256]; HEAD]);
        for (number, window) in (0..).zip(&windows) {
            let spelt = |i: usize| Some((i, KINDS[i].keys(&window.classes)?));
            if let Some((i, keys)) = (0..KINDS.len()).find_map(spelt) {
                prefixes.extend(
                    KINDS[2]
                        .keys(&window.classes[..window.classes.len().min(3)])
                        .into_iter()
                        .flatten(),
                );
                entries[i].extend(keys.into_iter().map(|key| (key, number)));
            } else {
                for (bits, class) in wide_bits.iter_mut().zip(head(&window.classes)) {
                    class.iter().for_each(|b| bits[usize::from(b)] |= 1 << (wide.len() % 32));
                }
                wide.push(number);
            }
        }
        let literals = windows.iter().map(|w| Literal::new(&w.classes)).collect();
        let filters = std::array::from_fn(|i| Filter::new(entries[i].iter().map(|(key, _)| *key)));
        let prefixes = Filter::new(prefixes.into_iter());
        let indices = entries.map(Index::new);
        Lookup { windows, literals, prefixes, filters, indices, wide, wide_bits }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Keeps those of the positions from number `from` on where a window may start: quick looks, without branches, since nobody
    /// can tell beforehand which way they would go.
    #[inline(always)]
    pub(crate) fn keep(&self, block: &[u8], positions: &mut Vec<u32>, from: usize) {
        if !self.wide.is_empty() {
            return self.keep_wide(block, positions, from);
        }
        // The last few bytes have no word of their own: they are kept for the next look.
        let words = block.len().saturating_sub(3);
        let mut n = from;
        for i in from..positions.len() {
            let p = positions[i];
            positions[n] = p;
            let p = p as usize;
            n += match block.get(p..p + 4).and_then(|b| b.first_chunk::<4>()) {
                Some(bytes) => {
                    let key = (u32::from_le_bytes(*bytes) | FOLD) & KINDS[2].first;
                    self.prefixes.holds(key) as usize
                }
                None => usize::from(p >= words),
            };
        }
        positions.truncate(n);
        let mut n = from;
        for i in from..positions.len() {
            let p = positions[i];
            positions[n] = p;
            n += usize::from(self.is_key(words_from(block, p.into())));
        }
        positions.truncate(n);
    }

    /// The same where some windows cannot be spelt out.
    fn keep_wide(&self, block: &[u8], positions: &mut Vec<u32>, from: usize) {
        let mut n = from;
        for i in from..positions.len() {
            positions[n] = positions[i];
            n += usize::from(self.may_start(block, i64::from(positions[i])));
        }
        positions.truncate(n);
    }

    #[inline(always)]
    fn is_key(&self, (word, third): (u64, u32)) -> bool {
        let mut spelt = 0;
        let mut i = 0;
        while i < KINDS.len() {
            spelt |= self.filters[i].holds(KINDS[i].key(word, third));
            i += 1;
        }
        spelt != 0
    }

    /// Whether some window may start at position `at`, from -1, of `block`: quick, with false alarms.
    #[inline(always)]
    pub(crate) fn may_start(&self, block: &[u8], at: i64) -> bool {
        let words = words_from(block, at);
        self.is_key(words) || !self.wide.is_empty() && self.wide(words.0) != 0
    }

    /// Calls `f` with each window whose classes stand at position `at`, from -1, of `block`.
    #[inline(always)]
    pub(crate) fn each(&self, block: &[u8], at: i64, mut f: impl FnMut(&Window)) {
        let (word, third) = words_from(block, at);
        let mut look = |number: u32| {
            let literal = &self.literals[number as usize];
            if literal.stands_in(word) {
                let window = &self.windows[number as usize];
                if !literal.more || holds(block, at, window) {
                    f(window);
                }
            }
        };
        for (kind, index) in KINDS.iter().zip(&self.indices) {
            index.each(kind.key(word, third), &mut look);
        }
        if self.wide.is_empty() {
            return;
        }
        let mut bits = self.wide(word);
        while bits != 0 {
            let first = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            self.wide.iter().skip(first).step_by(32).for_each(|number| look(*number));
        }
    }

    #[inline(always)]
    fn wide(&self, word: u64) -> u32 {
        let of = |k: usize| self.wide_bits[k][(word >> (8 * k) & 255) as usize];
        (1..HEAD).fold(of(0), |all, k| all & of(k))
    }
}

impl Filter {
    fn new(keys: impl Iterator<Item = u32>) -> Filter {
        let mut filter = Filter { bits: Box::new([0; 1 << (FILTER_BITS - 6)]) };
        for key in keys {
            let bit = hash(key) >> (32 - FILTER_BITS);
            filter.bits[bit as usize / 64] |= 1 << (bit % 64);
        }
        filter
    }

    #[inline(always)]
    fn holds(&self, key: u32) -> u64 {
        let bit = hash(key) >> (32 - FILTER_BITS);
        self.bits[bit as usize / 64] >> (bit % 64) & 1
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

/// Whether all classes of `window` stand at position `at`, from -1.
#[inline(always)]
fn holds(block: &[u8], at: i64, window: &Window) -> bool {
    window.classes.iter().enumerate().all(|(i, set)| {
        match usize::try_from(at + i as i64) {
            Ok(p) => block.get(p).is_some_and(|b| set.contains(*b)),
            // Before the block there is a line end.
            Err(_) => set.contains(b'\n'),
        }
    })
}

/// The eight bytes from `at`, from -1, little endian, and the four behind them; a line end stands before the block, zeros behind it.
#[inline(always)]
fn words_from(block: &[u8], at: i64) -> (u64, u32) {
    let bytes = match usize::try_from(at).ok().and_then(|at| block.get(at..)?.first_chunk::<12>()) {
        Some(bytes) => *bytes,
        None => padded(block, at),
    };
    let [first @ .., _, _, _, _] = bytes;
    let [_, _, _, _, _, _, _, _, third @ ..] = bytes;
    (u64::from_le_bytes(first), u32::from_le_bytes(third))
}

#[cold]
fn padded(block: &[u8], at: i64) -> [u8; 12] {
    std::array::from_fn(|i| match usize::try_from(at + i as i64) {
        Ok(p) => block.get(p).copied().unwrap_or(0),
        Err(_) => b'\n',
    })
}
