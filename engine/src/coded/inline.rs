//! Units of a few bytes: terminal escape sequences, backslash escapes, percent-encoding.
//!
//! Sources: ECMA-48 5.4 (CSI) and 8.3.89 (OSC); RFC 8259 section 7 (JSON escapes; `\x41` is of C and its heirs); RFC 3986
//! section 2.1 (percent-encoding).

/// The longest terminal sequence, in bytes: an OSC 8 hyperlink holds a URL.
const LONGEST_SEQUENCE: usize = 2048;

/// What begins at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Nothing coded.
    None,
    /// A unit of this many bytes.
    Bytes(usize),
    /// What may become one when more comes.
    Open,
}

/// Decodes the unit that `text` begins with and appends what it stands for; `open` if more may follow.
pub(crate) fn decode(text: &[u8], open: bool, out: &mut Vec<u8>) -> Unit {
    match text[0] {
        0x1b => sequence(text, open),
        b'\\' => backslash(text, open, out),
        b'%' => percent(text, open, out),
        _ => Unit::None,
    }
}

/// A terminal escape sequence at the start of `text`; it stands for nothing.
pub(crate) fn sequence(text: &[u8], open: bool) -> Unit {
    let missing = if open { Unit::Open } else { Unit::None };
    let up_to = &text[..text.len().min(LONGEST_SEQUENCE)];
    let too_long = up_to.len() == LONGEST_SEQUENCE;
    match text.get(1) {
        None => missing,
        Some(b'[') => match up_to[2..].iter().position(|b| !matches!(b, 0x20..=0x3f)) {
            Some(len) if matches!(text[2 + len], 0x40..=0x7e) => Unit::Bytes(2 + len + 1),
            None if !too_long => missing,
            _ => Unit::None,
        },
        // OSC, and DCS, SOS, PM, APC, which end likewise: BEL or ESC \.
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            match up_to[2..].iter().position(|b| matches!(b, 0x07 | 0x1b | b'\n')) {
                Some(len) => match (text[2 + len], text.get(3 + len)) {
                    (0x07, _) => Unit::Bytes(2 + len + 1),
                    (0x1b, Some(b'\\')) => Unit::Bytes(2 + len + 2),
                    (0x1b, None) => missing,
                    _ => Unit::None,
                },
                None if !too_long => missing,
                None => Unit::None,
            }
        }
        // The choice of a character set. Other short sequences hide nothing, and could be taken for a byte of a secret.
        Some(b'(' | b')') => match text.get(2) {
            None => missing,
            Some(b'0' | b'A' | b'B') => Unit::Bytes(3),
            Some(_) => Unit::None,
        },
        Some(_) => Unit::None,
    }
}

fn backslash(text: &[u8], open: bool, out: &mut Vec<u8>) -> Unit {
    let missing = if open { Unit::Open } else { Unit::None };
    let Some(letter) = text.get(1) else { return missing };
    let plain = match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' | b'f' | b'v' => b' ',
        b'"' | b'\'' | b'\\' | b'/' => *letter,
        b'x' => {
            return match hex(text, 2, 2) {
                Ok(code) => printable(code as u8, 4, out),
                Err(cut) if cut => missing,
                Err(_) => Unit::None,
            };
        }
        b'u' => return unicode(text, missing, out),
        _ => return Unit::None,
    };
    out.push(plain);
    Unit::Bytes(2)
}

/// `\uXXXX`, or two of them that are one character.
fn unicode(text: &[u8], missing: Unit, out: &mut Vec<u8>) -> Unit {
    let first = match hex(text, 2, 4) {
        Ok(code) => code,
        Err(cut) => return if cut { missing } else { Unit::None },
    };
    let mut units = vec![first as u16];
    if (0xd800..0xdc00).contains(&first) {
        let tail = &text[6..];
        if missing == Unit::Open && tail.len() < 6 && b"\\u".starts_with(&tail[..tail.len().min(2)])
        {
            return missing;
        }
        if let (true, Ok(second)) = (tail.starts_with(b"\\u"), hex(tail, 2, 4)) {
            units.push(second as u16);
        }
    }
    let mut buffer = [0; 4];
    match char::decode_utf16(units.iter().copied()).next() {
        Some(Ok(c)) => {
            out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
            Unit::Bytes(6 * if (c as u32) > 0xffff { 2 } else { 1 })
        }
        _ => Unit::None,
    }
}

fn percent(text: &[u8], open: bool, out: &mut Vec<u8>) -> Unit {
    match hex(text, 1, 2) {
        Ok(code) => printable(code as u8, 3, out),
        Err(true) if open => Unit::Open,
        Err(_) => Unit::None,
    }
}

/// A byte of text; controls stay as they are written, but for line ends.
fn printable(byte: u8, len: usize, out: &mut Vec<u8>) -> Unit {
    if byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t') || byte == 0x7f {
        return Unit::None;
    }
    out.push(byte);
    Unit::Bytes(len)
}

/// The number in `count` hex digits from `at`; otherwise whether they are only cut off.
fn hex(text: &[u8], at: usize, count: usize) -> Result<u32, bool> {
    let digits = &text[text.len().min(at)..text.len().min(at + count)];
    let digit = |b: &u8| char::from(*b).to_digit(16);
    match digits.iter().map(digit).try_fold(0, |sum, d| Some(sum * 16 + d?)) {
        Some(number) if digits.len() == count => Ok(number),
        Some(_) => Err(true),
        None => Err(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_what_their_standards_say() {
        for (text, plain, unit) in [
            ("\x1b[31;1mx", "", Unit::Bytes(7)),
            ("\x1b[3", "", Unit::Open),
            ("\x1b]8;;https://x\x1b\\y", "", Unit::Bytes(16)),
            ("\x1b]0;title\x07y", "", Unit::Bytes(10)),
            ("\x1b(B", "", Unit::Bytes(3)),
            ("\x1bc", "", Unit::None),
            ("\x1b\n", "", Unit::None),
            ("\\u0061b", "a", Unit::Bytes(6)),
            ("\\ud83d\\ude00", "\u{1f600}", Unit::Bytes(12)),
            ("\\ud83d\\ude", "", Unit::Open),
            ("\\ud83dx", "", Unit::None),
            ("\\u00", "", Unit::Open),
            ("\\/", "/", Unit::Bytes(2)),
            ("\\x2f", "/", Unit::Bytes(4)),
            ("\\d+", "", Unit::None),
            ("%3Ax", ":", Unit::Bytes(3)),
            ("%3", "", Unit::Open),
            ("%s", "", Unit::None),
            ("%00", "", Unit::None),
        ] {
            let mut out = Vec::new();
            let found = decode(text.as_bytes(), true, &mut out);
            assert_eq!((found, out.as_slice()), (unit, plain.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn at_the_end_of_a_line_nothing_more_comes() {
        for text in ["\x1b[3", "\\u00", "%3", "\\"] {
            assert_eq!(decode(text.as_bytes(), false, &mut Vec::new()), Unit::None, "{text:?}");
        }
    }
}
