//! Which bytes of a text are of which class, a bit each: the masks that the looks at runs, heads and payloads read.

/// How many bytes a mask speaks of.
pub(crate) const STEP: usize = 64;

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
pub(crate) struct Classes {
    pub(crate) word: u64,
    pub(crate) narrow: u64,
    pub(crate) broad: u64,
    pub(crate) base64: u64,
    /// ESC, `\` and `%`.
    pub(crate) escape: u64,
}

impl Classes {
    /// What stands behind the end of a text: runs may go on.
    pub(crate) const ENDLESS: Classes =
        Classes { word: 0, narrow: !0, broad: !0, base64: 0, escape: 0 };
}

/// The positions of a text whose bit is set in the mask that `of` chooses, in order.
pub(crate) fn positions(
    classes: &[Classes],
    of: impl Fn(&Classes) -> u64,
) -> impl Iterator<Item = usize> {
    classes.iter().enumerate().flat_map(move |(i, c)| {
        let mut mask = of(c);
        std::iter::from_fn(move || {
            let bit = mask.checked_sub(1).map(|less| (mask.trailing_zeros(), mask & less))?;
            mask = bit.1;
            Some(i * STEP + bit.0 as usize)
        })
    })
}

/// The first position from `from` whose bit is not set in the mask that `of` chooses.
pub(crate) fn first_clear(classes: &[Classes], of: impl Fn(&Classes) -> u64, from: usize) -> usize {
    let mut at = from;
    while let Some(c) = classes.get(at / STEP) {
        let set = (!(of(c) >> (at % STEP))).trailing_zeros() as usize;
        if set < STEP - at % STEP {
            return at + set;
        }
        at = (at / STEP + 1) * STEP;
    }
    at
}

/// The positions of `this` from which 16 bits in a row are set, going on in `next`, and those of `next`, as far as it goes.
#[inline(always)]
pub(crate) fn rows_of_16(this: u64, next: u64) -> (u64, u64) {
    let (mut low, mut high) = (this, next);
    for by in [1, 2, 4, 8] {
        low &= low >> by | high << (64 - by);
        high &= high >> by;
    }
    (low, high)
}

/// The classes of [`STEP`] bytes.
pub(super) fn portable(bytes: &[u8; STEP]) -> Classes {
    // Eight bytes at a time: a byte's five classes are bits of one table entry, gathered by a multiplication.
    let mut classes = Classes::default();
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

/// By byte: a bit for each mask of [`Classes`].
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
    use crate::rule::run::RunClass;

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
