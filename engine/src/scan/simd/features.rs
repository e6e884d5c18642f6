//! What the kernels see of a window: the symbols of its first bytes, and the numbers of the pairs that start at them.

use super::symbols::{
    COARSE, SYMBOLS, coarse, coarse_pair, coarse_second, fine_pair, fine_second, symbol,
};
use crate::rule::byte_set::ByteSet;

/// How many bytes of a window the kernels look at.
pub(crate) const HEAD: usize = 4;
/// How many pairs of neighbours.
pub(crate) const PAIRS: usize = HEAD - 1;
/// What is looked at together: a symbol for each byte of the head, then a number for each pair.
pub(crate) const FEATURES: usize = HEAD + PAIRS;

/// The head of a window: its first classes.
pub(crate) type Head = [ByteSet; HEAD];

/// The first classes of a window, filled up with any byte.
pub(crate) fn head(window: &[ByteSet]) -> Head {
    std::array::from_fn(|k| window.get(k).copied().unwrap_or(ByteSet::FULL))
}

/// How much of a byte the kernels see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grain {
    /// 64 symbols ([`symbol`], [`fine_pair`]).
    Fine,
    /// 32 symbols ([`coarse`], [`coarse_pair`]).
    Coarse,
}

impl Grain {
    /// How many symbols there are, and numbers of pairs.
    pub(crate) fn size(self) -> usize {
        match self {
            Grain::Fine => SYMBOLS,
            Grain::Coarse => COARSE,
        }
    }

    pub(crate) fn symbol(self, byte: u8) -> u8 {
        match self {
            Grain::Fine => symbol(byte),
            Grain::Coarse => coarse(byte),
        }
    }

    fn pair(self, first: u8, second: u8) -> u8 {
        match self {
            Grain::Fine => fine_pair(first, second),
            Grain::Coarse => coarse_pair(first, second),
        }
    }

    fn second(self, symbol: u8) -> u8 {
        match self {
            Grain::Fine => fine_second(symbol),
            Grain::Coarse => coarse_second(symbol),
        }
    }

    /// By feature, the values that a head may have, a bit each.
    pub(crate) fn features(self, head: &Head) -> [u64; FEATURES] {
        let all = !0 >> (64 - self.size());
        let symbols = head.map(|set| match set {
            ByteSet::FULL => all,
            set => set.iter().fold(0, |bits, byte| bits | 1 << self.symbol(byte)),
        });
        let pairs = |k: usize| {
            let seconds = ones(symbols[k + 1]).map(|symbol| self.second(symbol));
            let seconds = seconds.fold(0, |bits, second| bits | 1 << second);
            if symbols[k] == all || seconds == all {
                return all;
            }
            // A pair's number is that of its first symbol, and exclusively or, what the second adds.
            ones(symbols[k]).fold(0, |bits, first| bits | exchanged(seconds, self.pair(first, 0)))
        };
        std::array::from_fn(|k| k.checked_sub(HEAD).map_or_else(|| symbols[k], pairs))
    }

    /// The features of the bytes at the start of a text.
    pub(crate) fn of_text(self, text: &[u8]) -> [u8; FEATURES] {
        let symbol = |k: usize| text.get(k).map_or(0, |byte| self.symbol(*byte));
        std::array::from_fn(|k| match k.checked_sub(HEAD) {
            None => symbol(k),
            Some(k) => self.pair(symbol(k), symbol(k + 1)),
        })
    }
}

/// The numbers of the bits that are set.
pub(crate) fn ones(bits: u64) -> impl Iterator<Item = u8> {
    let mut left = bits;
    std::iter::from_fn(move || {
        let first = left.trailing_zeros();
        left &= left.checked_sub(1)?;
        Some(first as u8)
    })
}

/// The bits of `set`, each moved to the number that is its own exclusively or `by`.
fn exchanged(mut set: u64, by: u8) -> u64 {
    const LOWER: [u64; 6] = [
        0x5555_5555_5555_5555,
        0x3333_3333_3333_3333,
        0x0f0f_0f0f_0f0f_0f0f,
        0x00ff_00ff_00ff_00ff,
        0x0000_ffff_0000_ffff,
        0x0000_0000_ffff_ffff,
    ];
    for (bit, lower) in LOWER.iter().enumerate().filter(|(bit, _)| by >> bit & 1 == 1) {
        set = (set & lower) << (1 << bit) | set >> (1 << bit) & lower;
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_features_of_a_text_are_those_of_windows_that_it_stands_in() {
        let class = |text: &str| text.bytes().collect::<ByteSet>();
        let head = [class("pPx"), class("0-9"), class("aeiou./"), class("=: ")];
        for grain in [Grain::Fine, Grain::Coarse] {
            let mut seen = [0; FEATURES];
            for first in head[0].iter() {
                for second in head[1].iter() {
                    for third in head[2].iter() {
                        for fourth in head[3].iter() {
                            let text = [first, second, third, fourth];
                            for (seen, value) in seen.iter_mut().zip(grain.of_text(&text)) {
                                *seen |= 1 << value;
                            }
                        }
                    }
                }
            }
            assert_eq!(seen, grain.features(&head), "{grain:?}");
        }
        // What may be anything has all values, also those that no byte has.
        assert_eq!(Grain::Fine.features(&[ByteSet::FULL; HEAD]), [!0; FEATURES]);
    }
}
