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

/// By feature, the values that a head may have, a bit each: of 64 ([`symbol`], [`fine_pair`]).
pub(crate) fn fine_features(head: &Head) -> [u64; FEATURES] {
    features(head, SYMBOLS, symbol, fine_pair, fine_second)
}

/// The same of 32 values ([`coarse`], [`coarse_pair`]).
pub(crate) fn coarse_features(head: &Head) -> [u64; FEATURES] {
    features(head, COARSE, coarse, coarse_pair, coarse_second)
}

/// The features of the bytes at the start of a text.
pub(crate) fn coarse_of(text: &[u8]) -> [u8; FEATURES] {
    let symbol = |k: usize| text.get(k).map_or(0, |byte| coarse(*byte));
    std::array::from_fn(|k| match k.checked_sub(HEAD) {
        None => symbol(k),
        Some(k) => coarse_pair(symbol(k), symbol(k + 1)),
    })
}

fn features(
    head: &Head,
    values: usize,
    symbol: impl Fn(u8) -> u8,
    pair: impl Fn(u8, u8) -> u8,
    second: impl Fn(u8) -> u8,
) -> [u64; FEATURES] {
    let all = !0 >> (64 - values);
    let symbols = head.map(|set| match set {
        ByteSet::FULL => all,
        set => set.iter().fold(0, |bits, byte| bits | 1 << symbol(byte)),
    });
    let pairs = |k: usize| {
        let seconds = ones(symbols[k + 1]).fold(0, |bits, symbol| bits | 1 << second(symbol));
        if symbols[k] == all || seconds == all {
            return all;
        }
        // A pair's number is that of its first symbol, and exclusively or, what the second adds.
        ones(symbols[k]).fold(0, |bits, first| bits | exchanged(seconds, pair(first, 0)))
    };
    std::array::from_fn(|k| k.checked_sub(HEAD).map_or_else(|| symbols[k], pairs))
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
        let (fine, rough) = (fine_features(&head), coarse_features(&head));
        let mut seen = ([0; FEATURES], [0; FEATURES]);
        for first in head[0].iter() {
            for second in head[1].iter() {
                for third in head[2].iter() {
                    for fourth in head[3].iter() {
                        let text = [first, second, third, fourth];
                        for (k, value) in coarse_of(&text).into_iter().enumerate() {
                            seen.0[k] |= 1 << value;
                        }
                        let symbols = text.map(symbol);
                        (0..HEAD).for_each(|k| seen.1[k] |= 1 << symbols[k]);
                        for k in 0..PAIRS {
                            seen.1[HEAD + k] |= 1 << fine_pair(symbols[k], symbols[k + 1]);
                        }
                    }
                }
            }
        }
        assert_eq!((seen.0, seen.1), (rough, fine));
        // What may be anything has all values, also those that no byte has.
        assert_eq!(fine_features(&[ByteSet::FULL; HEAD]), [!0; FEATURES]);
    }
}
