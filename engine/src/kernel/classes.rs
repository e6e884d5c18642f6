//! Which bytes of a text are of which class, a bit each: the masks that the looks at runs, heads and payloads read.

use super::Job;
use crate::rule::run::{LONG_RUN, RUN, RunClass};

/// How many bytes a mask speaks of.
pub(crate) const STEP: usize = 64;
const _: () = assert!(RUN == 16);

/// Bits of [`class_bits`]: a byte of a word, of a narrow run, of a broad run, of base64 in either alphabet.
pub(super) const WORD: u8 = 0x0f;
pub(super) const NARROW: u8 = 0x1f;
#[cfg(test)]
const BROAD: u8 = 0xff;
pub(super) const BASE64: u8 = 0x9f;

/// Rectangles of high and low nibbles that make up the classes: by bit, the high nibbles and the low nibbles.
const RECTANGLES: [(&[u8], &[u8]); 8] = [
    (&[3], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    (&[4, 6], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
    (&[5, 7], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    (&[5], &[15]),
    // `-`
    (&[2], &[13]),
    // `%` and `.`
    (&[2], &[5, 14]),
    // `:` and `=`
    (&[3], &[10, 13]),
    // `+` and `/`
    (&[2], &[11, 15]),
];

/// The same for the bytes that begin an escape: ESC, `%`, `\`.
const ESCAPES: [(&[u8], &[u8]); 3] = [(&[1], &[11]), (&[2], &[5]), (&[5], &[12])];

/// By nibble: the bits of the rectangles that hold it; a class's bit is set for both nibbles of its bytes.
pub(super) const LOW: [u8; 16] = nibbles(&RECTANGLES, false);
pub(super) const HIGH: [u8; 16] = nibbles(&RECTANGLES, true);
pub(super) const ESCAPE_LOW: [u8; 16] = nibbles(&ESCAPES, false);
pub(super) const ESCAPE_HIGH: [u8; 16] = nibbles(&ESCAPES, true);

const fn nibbles(rectangles: &[(&[u8], &[u8])], high: bool) -> [u8; 16] {
    let mut table = [0; 16];
    let mut bit = 0;
    while bit < rectangles.len() {
        let of = if high { rectangles[bit].0 } else { rectangles[bit].1 };
        let mut i = 0;
        while i < of.len() {
            table[of[i] as usize] |= 1 << bit;
            i += 1;
        }
        bit += 1;
    }
    table
}

/// By byte: bits of [`WORD`], [`NARROW`], [`BROAD`] and [`BASE64`].
pub(super) const CLASS_BITS: [u8; 256] = {
    let mut bits = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        bits[byte] = LOW[byte & 15] & HIGH[byte >> 4];
        byte += 1;
    }
    bits
};

/// Which bytes of [`STEP`] are of which class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) word: u64,
    pub(super) narrow: u64,
    pub(super) broad: u64,
    pub(super) base64: u64,
    /// ESC, `\` and `%`.
    pub(super) escape: u64,
}

/// A class of positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Bytes of words.
    Word,
    /// Bytes of runs ([`RunClass`]).
    Narrow,
    Broad,
    /// Bytes of base64 in either alphabet.
    Base64,
    /// ESC, `\` and `%`.
    Escape,
    /// Where 16 bytes of a class follow one another.
    NarrowRows,
    BroadRows,
    /// Where a word starts and 16 broad bytes follow, or [`LONG_RUN`](crate::rule::run::LONG_RUN).
    Starts,
    LongStarts,
    /// Where a run of base64 starts that has at least [`PAYLOAD`] bytes.
    Payloads,
}

/// How many classes are told from bytes; the others are told from these.
const OF_BYTES: usize = Class::NarrowRows as usize;
const CLASSES: usize = Class::Payloads as usize + 1;

/// The least length of a run of base64 that is looked at, in bytes.
pub(crate) const PAYLOAD: usize = 24;

/// Which positions of a text are of which class: masks of [`STEP`] positions each, and one that stands for what is behind the
/// end of the text, where runs go on but nothing starts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Classes {
    /// By class, one behind the other.
    masks: Vec<u64>,
    /// How many masks a class has.
    len: usize,
}

impl Classes {
    /// The masks of a class, the last of which stands for what is behind the end.
    #[inline(always)]
    pub(crate) fn of(&self, class: Class) -> &[u64] {
        &self.masks[class as usize * self.len..][..self.len]
    }

    /// Masks of a class of runs, and of where 16 of its bytes follow one another.
    #[inline(always)]
    pub(crate) fn of_runs(&self, class: RunClass) -> (&[u64], &[u64]) {
        match class {
            RunClass::Narrow => (self.of(Class::Narrow), self.of(Class::NarrowRows)),
            RunClass::Broad => (self.of(Class::Broad), self.of(Class::BroadRows)),
        }
    }

    /// Makes place for a text of so many steps.
    pub(super) fn make_place(&mut self, steps: usize) {
        self.len = steps + 1;
        // It never shrinks: short texts take turns with long ones.
        let needs = self.len * CLASSES;
        if self.masks.len() < needs {
            // As much as an ordinary block needs, and no more: lengths are about the same.
            self.masks.reserve_exact(needs - self.masks.len());
            self.masks.resize(needs, 0);
        }
    }

    /// Writes the masks of step `i`.
    pub(super) fn set(&mut self, i: usize, step: Step) {
        let mut set = |class: Class, mask| self.masks[class as usize * self.len + i] = mask;
        set(Class::Word, step.word);
        set(Class::Narrow, step.narrow);
        set(Class::Broad, step.broad);
        set(Class::Base64, step.base64);
        set(Class::Escape, step.escape);
    }

    /// Writes all masks of a few steps, behind whose end nothing goes on.
    pub(super) fn set_all(&mut self, steps: &[Step]) {
        self.make_place(steps.len());
        let mut of_class = self.masks[..self.len * CLASSES].chunks_exact_mut(self.len);
        let mut next = || of_class.next().expect("there is one for each class");
        let mut all: [&mut [u64]; CLASSES] = std::array::from_fn(|_| next());
        let mut before = Step::default();
        for (i, this) in steps.iter().enumerate() {
            let next = steps.get(i + 1).copied().unwrap_or_default();
            let Step { word, narrow, broad, base64, escape } = *this;
            let derived = Derived::of(*this, before, next);
            let Derived { narrow_rows, broad_rows, starts, long_starts, payloads } = derived;
            let derived = [narrow_rows, broad_rows, starts, long_starts, payloads];
            let masks = [word, narrow, broad, base64, escape].into_iter().chain(derived);
            all.iter_mut().zip(masks).for_each(|(all, mask)| all[i] = mask);
            before = *this;
        }
        // As behind any text: rows go on, nothing else is there.
        for (class, masks) in all.into_iter().enumerate() {
            let rows = [Class::NarrowRows as usize, Class::BroadRows as usize].contains(&class);
            masks[steps.len()] = if rows { !0 } else { 0 };
        }
    }

    /// Where to write the masks of steps.
    pub(super) fn places(&mut self) -> Places<'_> {
        let mut classes = self.masks[..self.len * OF_BYTES].chunks_exact_mut(self.len);
        let mut next = || classes.next().expect("there is one for each class");
        let (word, narrow, broad) = (next(), next(), next());
        Places { word, narrow, broad, base64: next(), escape: next() }
    }
}

#[cfg(test)]
impl PartialEq for Classes {
    fn eq(&self, other: &Classes) -> bool {
        let masks = |all: &'_ Classes| all.masks[..all.len * CLASSES].to_vec();
        self.len == other.len && masks(self) == masks(other)
    }
}

/// Where the masks of steps are written.
pub(super) struct Places<'m> {
    word: &'m mut [u64],
    narrow: &'m mut [u64],
    broad: &'m mut [u64],
    base64: &'m mut [u64],
    escape: &'m mut [u64],
}

impl<'m> Places<'m> {
    /// Where the masks of a single step are written.
    pub(super) fn of(step: &'m mut Step) -> Places<'m> {
        Places {
            word: std::slice::from_mut(&mut step.word),
            narrow: std::slice::from_mut(&mut step.narrow),
            broad: std::slice::from_mut(&mut step.broad),
            base64: std::slice::from_mut(&mut step.base64),
            escape: std::slice::from_mut(&mut step.escape),
        }
    }

    /// Writes the masks of step `i`.
    #[inline(always)]
    pub(super) fn set(&mut self, i: usize, step: Step) {
        self.word[i] = step.word;
        self.narrow[i] = step.narrow;
        self.broad[i] = step.broad;
        self.base64[i] = step.base64;
        self.escape[i] = step.escape;
    }
}

/// Tells the other classes from those of bytes.
pub(super) struct Derive<'c>(pub(super) &'c mut Classes);

impl Job for Derive<'_> {
    type Output = ();

    // Loops of plain arithmetic, which the compiler turns into vector code.
    #[inline(always)]
    fn run(self) {
        let len = self.0.len;
        let steps = len - 1;
        let (of_bytes, others) = self.0.masks[..len * CLASSES].split_at_mut(len * OF_BYTES);
        let of = |class: Class| &of_bytes[class as usize * len..][..len];
        let mut others = others.chunks_exact_mut(len);
        let mut next = || others.next().expect("there is one for each class");
        let (narrow_rows, broad_rows, starts, long_starts) = (next(), next(), next(), next());
        let payloads = next();
        for (rows, class) in [(narrow_rows, Class::Narrow), (&mut *broad_rows, Class::Broad)] {
            let masks = of(class);
            for ((row, this), next) in rows.iter_mut().zip(&masks[..steps]).zip(&masks[1..]) {
                *row = rows_of_16(*this, *next).0;
            }
            rows[steps] = !0;
        }
        let word = of(Class::Word);
        let mut before = 0;
        for ((start, this), rows) in starts[..steps].iter_mut().zip(word).zip(&*broad_rows) {
            *start = this & !(this << 1 | before >> 63) & rows;
            before = *this;
        }
        for (i, long) in long_starts[..steps].iter_mut().enumerate() {
            const _: () = assert!(LONG_RUN == 32);
            *long = starts[i] & (broad_rows[i] >> 16 | broad_rows[i + 1] << (STEP - 16));
        }
        let base64 = of(Class::Base64);
        for (i, payload) in payloads[..steps].iter_mut().enumerate() {
            const _: () = assert!(PAYLOAD == 24);
            let (rows, behind) = rows_of_16(base64[i], base64[i + 1]);
            *payload = rows & (rows >> 8 | behind << (STEP - 8));
        }
        let mut before = 0;
        for (payload, this) in payloads[..steps].iter_mut().zip(base64) {
            *payload &= !(this << 1 | before >> 63);
            before = *this;
        }
        (starts[steps], long_starts[steps], payloads[steps]) = (0, 0, 0);
    }
}

/// What [`Derive`] tells of many steps, of one.
pub(super) struct Derived {
    narrow_rows: u64,
    broad_rows: u64,
    pub(super) starts: u64,
    pub(super) long_starts: u64,
    pub(super) payloads: u64,
}

impl Derived {
    /// Of a step between two others.
    #[inline(always)]
    pub(super) fn of(this: Step, before: Step, next: Step) -> Derived {
        let first = |this: u64, before: u64| this & !(this << 1 | before >> (STEP - 1));
        let (broad_rows, behind) = rows_of_16(this.broad, next.broad);
        let starts = first(this.word, before.word) & broad_rows;
        let (rows, rows_behind) = rows_of_16(this.base64, next.base64);
        let payloads = rows & (rows >> 8 | rows_behind << (STEP - 8));
        Derived {
            narrow_rows: rows_of_16(this.narrow, next.narrow).0,
            broad_rows,
            starts,
            long_starts: starts & (broad_rows >> 16 | behind << (STEP - 16)),
            payloads: payloads & first(this.base64, before.base64),
        }
    }
}

/// The positions whose bit is set in `masks`, in order.
pub(crate) fn positions(masks: &[u64]) -> impl Iterator<Item = usize> {
    masks.iter().enumerate().filter(|(_, mask)| **mask != 0).flat_map(move |(i, mask)| {
        let mut mask = *mask;
        std::iter::from_fn(move || {
            let bit = mask.checked_sub(1).map(|less| (mask.trailing_zeros(), mask & less))?;
            mask = bit.1;
            Some(i * STEP + bit.0 as usize)
        })
    })
}

/// The first position from `from` whose bit is not set in `masks`; behind them none is.
pub(crate) fn first_clear(masks: &[u64], from: usize) -> usize {
    let mut at = from;
    while let Some(mask) = masks.get(at / STEP) {
        let set = (!mask >> (at % STEP)).trailing_zeros() as usize;
        if set < STEP - at % STEP {
            return at + set;
        }
        at = (at / STEP + 1) * STEP;
    }
    at
}

/// The positions of `this` from which 16 bits in a row are set, going on in `next`, and those of `next`, as far as it goes.
#[inline(always)]
pub(super) fn rows_of_16(this: u64, next: u64) -> (u64, u64) {
    let (mut low, mut high) = (this, next);
    for by in [1, 2, 4, 8] {
        low &= low >> by | high << (64 - by);
        high &= high >> by;
    }
    (low, high)
}

/// The classes of [`STEP`] bytes.
pub(super) fn portable(bytes: &[u8; STEP]) -> Step {
    // Eight bytes at a time: a byte's five classes are bits of one table entry, gathered by a multiplication.
    let mut classes = Step::default();
    let (eights, _) = bytes.as_chunks::<8>();
    for (i, eight) in eights.iter().enumerate() {
        let mut entries = 0u64;
        for (j, byte) in eight.iter().enumerate() {
            entries |= u64::from(PORTABLE[usize::from(*byte)]) << (8 * j);
        }
        let gather = |bit: u32| {
            // The lowest bits of eight bytes become the highest byte: bit 8 j moves to 56 + j.
            let bits = entries >> bit & 0x0101_0101_0101_0101;
            (bits.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i)
        };
        classes.word |= gather(0);
        classes.narrow |= gather(1);
        classes.broad |= gather(2);
        classes.base64 |= gather(3);
        classes.escape |= gather(4);
    }
    classes
}

/// By byte: a bit for each mask of [`Step`].
const PORTABLE: [u8; 256] = {
    let mut bits = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let classes = CLASS_BITS[byte];
        let escape = byte == 0x1b || byte == b'\\' as usize || byte == b'%' as usize;
        bits[byte] = (classes & WORD != 0) as u8
            | ((classes & NARROW != 0) as u8) << 1
            | ((classes != 0) as u8) << 2
            | ((classes & BASE64 != 0) as u8) << 3
            | (escape as u8) << 4;
        byte += 1;
    }
    bits
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::byte_set::ByteSet;

    #[test]
    fn rectangles_are_the_classes() {
        let of = |bits: u8| -> ByteSet {
            (0..=255u8).filter(|b| CLASS_BITS[usize::from(*b)] & bits != 0).collect()
        };
        assert!(of(WORD) == ByteSet::word());
        assert!(of(NARROW) == RunClass::Narrow.set());
        assert!(of(BROAD) == RunClass::Broad.set());
        let base64 = ByteSet::word().union(&b"+/-".iter().copied().collect());
        assert!(of(BASE64) == base64);
    }
}
