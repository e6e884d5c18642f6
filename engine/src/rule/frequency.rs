//! How frequent bytes and classes are in log text: what makes an anchor rare.

use super::byte_set::ByteSet;

/// The probability of a class sequence in log text, bytes taken as independent.
pub(crate) fn probability(window: &[ByteSet]) -> f64 {
    window.iter().map(|set| set.iter().map(byte_probability).sum::<f64>().min(1.0)).product()
}

/// How frequent a byte is in log text, roughly: the shares of the classes were counted on a mix of system, web server,
/// CI and JSON logs.
pub(crate) fn byte_probability(byte: u8) -> f64 {
    match byte {
        b' ' => 0.11,
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 0.042,
        b'c' | b'd' | b'l' | b'p' | b'm' | b'u' => 0.023,
        b'f' | b'g' | b'h' | b'b' | b'y' | b'v' | b'w' => 0.011,
        b'k' | b'x' | b'z' | b'q' | b'j' => 0.003,
        b'0' | b'1' | b'2' => 0.028,
        b'3'..=b'9' => 0.017,
        b'.' | b'-' | b':' | b'/' | b'"' => 0.018,
        b'\n' => 0.010,
        b',' | b'=' | b'_' | b'[' | b']' | b'(' | b')' => 0.008,
        b'A'..=b'Z' => 0.005,
        b'{' | b'}' | b'\'' | b'<' | b'>' | b'\t' | b'\\' | b'%' | b'+' | b'*' => 0.003,
        0x21..=0x7e => 0.001,
        _ => 0.0003,
    }
}
