//! Symbols: the kinds of bytes that the kernels tell apart.
//!
//! A byte has 256 values; a vector register looks up 64 of them at once, or 32 with two instructions. What tells words apart
//! are letters, whatever their case, and a few kinds of other bytes. A symbol has six bits; kernels that look up 32 have
//! symbols of five ([`coarse`]).
//!
//! Single symbols say little: what buckets of many windows let through are mostly letters that never follow one another in
//! any of them. So the kernels look at *pairs* of neighbours too, as numbers of six bits ([`fine_pair`]) or five
//! ([`coarse_pair`]), which many pairs share.

/// How many symbols there are.
pub(crate) const SYMBOLS: usize = 64;
/// How many there are in [`coarse`].
pub(crate) const COARSE: usize = 32;

/// The symbol of a byte. Letters in both cases are 1 to 26. Bytes that differ in the bit 0x20 alone have equal symbols from
/// 0x40 on: that saves the kernels a look-up.
pub(crate) const fn symbol(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => byte & 31,
        b'0'..=b'9' => 27,
        b'_' | 0x7f => 28,
        b'-' => 29,
        b':' => 30,
        b'=' => 31,
        b' ' => 32,
        b'"' | b'\'' => 33,
        b'/' => 34,
        b'.' => 35,
        b',' => 36,
        b'(' | b')' => 37,
        b'[' | b'{' => 38,
        b']' | b'}' => 39,
        b'<' | b'>' => 40,
        b';' | b'!' | b'?' => 41,
        b'#' | b'&' => 42,
        b'\t' | b'\n' | b'\r' => 43,
        b'$' | b'*' | b'|' | b'\\' | b'^' | b'~' => 44,
        b'@' | b'`' => 45,
        b'+' => 46,
        b'%' => 47,
        _ => 0,
    }
}

/// The symbol of a byte in five bits. Rare signs share the code of a rare letter.
pub(crate) const fn coarse(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => byte & 31,
        b'0'..=b'9' => 27,
        b'_' | 0x7f | b'-' => 28,
        b':' | b'=' => 29,
        b' ' | b'"' | b'\'' | b'\t' | b'\n' => 30,
        b'/' | b'.' => 31,
        b'$' | b'*' | b'|' | b'\\' | b'^' | b'~' => b'q' & 31,
        b'@' | b'`' => b'j' & 31,
        b'+' => b'z' & 31,
        b'%' => b'x' & 31,
        _ => 0,
    }
}

/// The number of a pair of symbols, in six bits too.
pub(crate) const fn fine_pair(first: u8, second: u8) -> u8 {
    first ^ fine_second(second)
}

/// What the second symbol adds to [`fine_pair`]; the factor was chosen for how little it lets through.
pub(crate) const fn fine_second(symbol: u8) -> u8 {
    (symbol.wrapping_mul(45) ^ symbol >> 3) & 63
}

/// The number of a pair of coarse symbols, in five bits too.
pub(crate) const fn coarse_pair(first: u8, second: u8) -> u8 {
    first ^ coarse_second(second)
}

/// What the second symbol adds to [`coarse_pair`].
pub(crate) const fn coarse_second(symbol: u8) -> u8 {
    (symbol * 7) & 31
}
