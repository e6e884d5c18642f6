//! A set of byte values: one character class of a pattern.

/// A set of byte values, as 256 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ByteSet(pub(crate) [u64; 4]);

impl ByteSet {
    /// Every byte value.
    pub(crate) const FULL: ByteSet = ByteSet([!0; 4]);

    /// The set of one byte.
    pub(crate) fn single(byte: u8) -> ByteSet {
        let mut set = ByteSet::default();
        set.insert(byte);
        set
    }

    /// The ASCII letter `byte` in both cases, or the byte alone.
    pub(crate) fn fold(byte: u8) -> ByteSet {
        let mut set = ByteSet::single(byte.to_ascii_lowercase());
        set.insert(byte.to_ascii_uppercase());
        set
    }

    /// `[0-9A-Za-z_]`, what `\w` and `\b` go by.
    pub(crate) fn word() -> ByteSet {
        (0..=255u8).filter(|b| b.is_ascii_alphanumeric() || *b == b'_').collect()
    }

    /// `[0-9A-Za-z]`.
    pub(crate) fn alphanumeric() -> ByteSet {
        (0..=255u8).filter(u8::is_ascii_alphanumeric).collect()
    }

    /// Every byte value with the bit 0x20 set: letters in both cases are one.
    pub(crate) fn folded(&self) -> ByteSet {
        ByteSet(self.0.map(|word| (word | word << 32) & 0xffff_ffff_0000_0000))
    }

    /// Adds one byte value.
    pub(crate) fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    /// Whether `byte` is in the set.
    pub(crate) fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    /// The byte values, ascending.
    pub(crate) fn iter(self) -> impl Iterator<Item = u8> {
        let mut words = self.0;
        let mut at = 0;
        std::iter::from_fn(move || {
            while at < 4 && words[at] == 0 {
                at += 1;
            }
            let word = words.get_mut(at)?;
            let bit = word.trailing_zeros();
            *word &= *word - 1;
            Some((at as u32 * 64 + bit) as u8)
        })
    }

    /// The bits that are set in all byte values, and those that are set in none.
    pub(crate) fn common_bits(&self) -> (u8, u8) {
        // By bit of a value below 64: which of them have it.
        const WITH: [u64; 6] = [
            0xaaaa_aaaa_aaaa_aaaa,
            0xcccc_cccc_cccc_cccc,
            0xf0f0_f0f0_f0f0_f0f0,
            0xff00_ff00_ff00_ff00,
            0xffff_0000_ffff_0000,
            0xffff_ffff_0000_0000,
        ];
        let [a, b, c, d] = self.0;
        let low = a | b | c | d;
        let (mut all, mut none) = (0, 0);
        for (bit, with) in WITH.iter().enumerate() {
            all |= u8::from(low & !with == 0) << bit;
            none |= u8::from(low & with == 0) << bit;
        }
        all |= u8::from(a | c == 0) << 6 | u8::from(a | b == 0) << 7;
        none |= u8::from(b | d == 0) << 6 | u8::from(c | d == 0) << 7;
        (all, none)
    }

    /// How many byte values there are.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// What is in either set.
    pub(crate) fn union(&self, other: &ByteSet) -> ByteSet {
        ByteSet(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }

    /// What is not in the set.
    pub(crate) fn complement(&self) -> ByteSet {
        ByteSet(self.0.map(|w| !w))
    }

    /// Whether the two have no byte value in common.
    pub(crate) fn is_disjoint(&self, other: &ByteSet) -> bool {
        self.0.iter().zip(other.0).all(|(a, b)| a & b == 0)
    }

    /// Whether every byte of the set is in `other`.
    pub(crate) fn is_subset(&self, other: &ByteSet) -> bool {
        self.0.iter().zip(other.0).all(|(a, b)| a & !b == 0)
    }
}

impl FromIterator<u8> for ByteSet {
    fn from_iter<T: IntoIterator<Item = u8>>(bytes: T) -> ByteSet {
        let mut set = ByteSet::default();
        bytes.into_iter().for_each(|b| set.insert(b));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_bits_are_those_of_all_values() {
        for text in ["a", "aA", "0123456789", "xyz-_", "\u{0}\u{7f}", "éü~"] {
            let set: ByteSet = text.bytes().collect();
            let wanted = set.iter().fold((0xff, 0xff), |(all, none), b| (all & b, none & !b));
            assert_eq!(set.common_bits(), wanted, "{text:?}");
        }
    }
}
