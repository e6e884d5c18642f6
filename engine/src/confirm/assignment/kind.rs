//! What a value is, whatever its key says: noise, letters with digits, digits, a UUID, words.

use super::syntax::Found;
use crate::confirm::words;

/// The signs that passwords are made of and names are not.
const SIGNS: &[u8] = b"!@#$%^&*+=?~";

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Drawn at random.
    Noise,
    /// Letters with digits or signs.
    Mixed,
    Digits,
    Uuid,
    /// Everything else.
    Words,
}

/// The kind of a value; whether it stands in quotes or in an element tells passphrases from sentences.
pub(super) fn kind(value: &[u8], found: &Found) -> Kind {
    let digits = count(value, |b| b.is_ascii_digit());
    if digits == value.len() {
        return Kind::Digits;
    }
    if is_uuid(value) {
        return Kind::Uuid;
    }
    let blanks = count(value, |b| b.is_ascii_whitespace());
    let foreign = count(value, |b| !b.is_ascii());
    if blanks > 0 && (blanks > 1 && !found.element || foreign > 0) || foreign * 2 > value.len() {
        return Kind::Words;
    }
    if words::is_random(value) {
        return if is_constant(value) { Kind::Words } else { Kind::Noise };
    }
    // A blank between quotes is part of a passphrase, if a digit says that it is no sentence.
    let joined = blanks == 0 || found.quoted && digits > 0;
    if joined && is_mixed(value, digits, found.quoted) { Kind::Mixed } else { Kind::Words }
}

/// What people choose and password rules want: letters with a digit or a sign.
fn is_mixed(value: &[u8], digits: usize, quoted: bool) -> bool {
    if value.len() < 5
        || !value.iter().any(u8::is_ascii_alphabetic)
        || digits == 0 && !value.iter().any(|b| SIGNS.contains(b))
        || value[0] == b'-'
        || value[0] == b':'
    {
        return false;
    }
    if is_constant(value) {
        return false;
    }
    // Identifiers with a number, outside quotes: variables.
    let identifier = value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'));
    let humps = value.windows(2).any(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase());
    quoted
        || !identifier
        || digits > 1
        || !(humps || value.contains(&b'_') || value.contains(&b'.'))
}

/// `SECRET_V2`, `SHA512-CRYPT`: capitals, digits and dividers, no noise.
fn is_constant(value: &[u8]) -> bool {
    let of_constant =
        |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    if !value.iter().all(of_constant) || !value.iter().any(|b| matches!(b, b'_' | b'-')) {
        return false;
    }
    let plain = !value.iter().any(|b| b.is_ascii_digit() || *b == b'-');
    plain
        || value
            .split(|b| !b.is_ascii_alphabetic())
            .all(|run| run.len() < 6 || words::surprise(run) < 30)
            && count(value, |b| b.is_ascii_digit()) * 4 < value.len()
}

/// Whether it is a UUID of RFC 9562, in either case.
pub(super) fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// How many bytes of a text are of a kind; of at most 255 bytes, in vector code.
pub(super) fn count(text: &[u8], of_kind: impl Fn(u8) -> bool) -> usize {
    let piece = |piece: &[u8]| piece.iter().fold(0u8, |n, b| n + u8::from(of_kind(*b)));
    text.chunks(255).map(|p| usize::from(piece(p))).sum()
}
