//! Symbols: the kinds of bytes that the kernels tell apart.
//!
//! A byte has 256 values; a vector register looks up 64 of them at once, or 32 with two instructions. What tells words apart
//! are letters, whatever their case, and a few kinds of other bytes. A symbol has six bits; kernels that look up 32 use the
//! lower five ([`coarse`]), in which rare signs share the code of a rare letter.
//!
//! Single symbols say little: what buckets of many windows let through are mostly letters that never follow one another in
//! any of them. So the kernels look at *pairs* of neighbours too, as numbers of six bits ([`fine_pair`]) or five
//! ([`coarse_pair`]), which many pairs share.

/// How many symbols there are.
pub(crate) const SYMBOLS: usize = 64;
/// How many symbols are left of them in [`coarse`].
pub(crate) const COARSE: usize = 32;

/// The symbol of a byte. Letters in both cases are 1 to 26. Bytes that differ in the bit 0x20 alone have equal symbols from
/// 0x40 on: that saves the kernels a look-up.
pub(crate) const fn symbol(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => byte & 31,
        b'0'..=b'9' => 27,
        b'_' | 0x7f => 28,
        b'-' => 32 + 28,
        b':' => 29,
        b'=' => 32 + 29,
        b' ' => 30,
        b'"' | b'\'' | b'\t' | b'\n' => 32 + 30,
        b'/' => 31,
        b'.' => 32 + 31,
        b'$' | b'*' | b'|' | b'\\' | b'^' | b'~' => 32 + b'q' % 32,
        b'@' | b'`' => 32 + b'j' % 32,
        b'+' => 32 + b'z' % 32,
        b'%' => 32 + b'x' % 32,
        b'<' | b'>' => 32,
        _ => 0,
    }
}

/// The symbol of a byte in five bits.
pub(crate) const fn coarse(byte: u8) -> u8 {
    symbol(byte) & 31
}

/// The number of a pair of symbols, in six bits too.
pub(crate) const fn fine_pair(first: u8, second: u8) -> u8 {
    first ^ fine_second(second)
}

/// What the second symbol adds to [`fine_pair`].
pub(crate) const fn fine_second(symbol: u8) -> u8 {
    (symbol.wrapping_mul(5) ^ symbol >> 3) & 63
}

/// The number of a pair of coarse symbols, in five bits too.
pub(crate) const fn coarse_pair(first: u8, second: u8) -> u8 {
    first ^ coarse_second(second)
}

/// What the second symbol adds to [`coarse_pair`].
pub(crate) const fn coarse_second(symbol: u8) -> u8 {
    (symbol * 7) & 31
}
