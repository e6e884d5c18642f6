//! Checks of personal data: numbers with a check digit, ranges that are issued, and addresses that stand alone.
//!
//! Patterns have no look-around, so a check also sees what stands beside the value: `1.2.3.4` inside `1.2.3.4.5` is no
//! address. It looks at a few bytes before and at two behind; the patterns end in `(?:\.\b)?` and the like, so that these bytes are
//! there when a stream is decided.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::check::luhn;
use crate::mask::label_mask_len;

/// Whether the value is not part of a longer one: no letter, digit or `_` beside it, and no joiner (`.` in a dotted number)
/// with a byte of such a value behind it. A mask counts as what it stands for, so that masking one value does not change what
/// its neighbour is.
fn stands_alone(line: &[u8], span: Range<usize>, joiners: &[u8], goes_on: fn(&u8) -> bool) -> bool {
    let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let (before, behind) = (&line[..span.start], &line[span.end..]);
    let longer_before = before.last().is_some_and(word)
        || ends_with_mask(before)
        || match before {
            [rest @ .., joiner] if joiners.contains(joiner) => {
                rest.last().is_some_and(goes_on) || ends_with_mask(rest)
            }
            _ => false,
        };
    let longer_behind = behind.first().is_some_and(word)
        || behind.starts_with(MASK)
        || match behind {
            [joiner, rest @ ..] if joiners.contains(joiner) => {
                rest.first().is_some_and(goes_on) || rest.starts_with(MASK)
            }
            _ => false,
        };
    !longer_before && !longer_behind
}

const MASK: &[u8] = b"[REDACTED";

fn ends_with_mask(text: &[u8]) -> bool {
    text.last() == Some(&b']')
        && memchr::memmem::rfind(text, MASK)
            .is_some_and(|at| label_mask_len(&text[at..]) == Some(text.len() - at))
}

fn digits(text: &[u8]) -> Vec<u8> {
    text.iter().filter(|b| b.is_ascii_digit()).map(|b| b - b'0').collect()
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |n, d| n * 10 + u64::from(*d))
}

/// ISO/IEC 7812: an issuer's range with its lengths, one kind of separator, and the Luhn digit.
pub(crate) fn payment_card(line: &[u8], span: Range<usize>) -> bool {
    let text = &line[span.clone()];
    let mut separators = text.iter().filter(|b| !b.is_ascii_digit());
    let first = separators.next();
    if first.is_some_and(|first| separators.any(|b| b != first))
        || !stands_alone(line, span, b".", u8::is_ascii_digit)
    {
        return false;
    }
    let digits = digits(text);
    digits.len() >= 13 && luhn(text) && is_issued(number(&digits[..4]), digits.len())
}

/// Whether cards whose first four digits are `prefix` have this many digits, by the issuers' own pages.
fn is_issued(prefix: u64, len: usize) -> bool {
    match prefix {
        // Visa.
        4000..=4999 => matches!(len, 13 | 16 | 19),
        // Mastercard; Mir.
        5100..=5599 | 2221..=2720 => len == 16,
        2200..=2204 => (16..=19).contains(&len),
        // American Express.
        3400..=3499 | 3700..=3799 => len == 15,
        // Diners Club.
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => len == 14 || len == 16,
        // JCB.
        3528..=3589 => (16..=19).contains(&len),
        // Discover, UnionPay, RuPay.
        6000..=6599 | 8100..=8299 => (16..=19).contains(&len),
        // Maestro.
        5000..=5099 | 5600..=5899 | 6600..=6999 => (16..=19).contains(&len),
        _ => false,
    }
}

/// ITU-T E.164: at most 15 digits with the country code; national numbers have 9 to 11. Dates and all-equal digits are none.
pub(crate) fn phone(line: &[u8], span: Range<usize>) -> bool {
    let text = &line[span.clone()];
    let digits = digits(text);
    let international = text.starts_with(b"+") || text.starts_with(b"%2");
    let count = match international {
        // `%2B` for `+` brings a digit of its own.
        true => digits.len() - usize::from(text[0] == b'%'),
        false => digits.len(),
    };
    let enough = if international { (8..=15).contains(&count) } else { (9..=11).contains(&count) };
    let joined = span.start > 0 && matches!(line[span.start - 1], b'+' | b'/' | b'.');
    enough
        && !joined
        && digits[1..].iter().any(|d| *d != digits[1])
        && stands_alone(line, span, b"-.", u8::is_ascii_digit)
}

/// RFC 791. Loopback, unspecified and netmasks say nothing of anybody; `Chrome/126.0.0.0` is a version.
pub(crate) fn ipv4(line: &[u8], span: Range<usize>) -> bool {
    let octet = |part: &[u8]| {
        let value = part.iter().fold(0u32, |n, b| n * 10 + u32::from(b.wrapping_sub(b'0')));
        (!part.is_empty() && part.len() <= 3).then_some(value).filter(|value| *value < 256)
    };
    let parts: Option<Vec<u32>> = line[span.clone()].split(|b| *b == b'.').map(octet).collect();
    let Some([first, _, third, last]) = parts.as_deref() else { return false };
    let version = matches!(&line[..span.start], [.., name, b'/'] if name.is_ascii_alphabetic());
    let nobodys = matches!(first, 0 | 127 | 255) || version && (*third, *last) == (0, 0);
    !nobodys && stands_alone(line, span, b".", u8::is_ascii_digit)
}

/// RFC 4291, section 2.2. Loopback and unspecified say nothing of anybody.
pub(crate) fn ipv6(line: &[u8], span: Range<usize>) -> bool {
    let part = |b: &u8| b.is_ascii_hexdigit() || *b == b':';
    let text = std::str::from_utf8(&line[span.clone()]).unwrap_or_default();
    // `ab::cd` is a path in some languages.
    text.bytes().any(|b| b.is_ascii_digit())
        && text.parse::<Ipv6Addr>().is_ok_and(|ip| !ip.is_loopback() && !ip.is_unspecified())
        && stands_alone(line, span, b":.", part)
}

/// IEEE 802: 48 bits. All zeros and the broadcast address are nobody's; in a longer row it is a fingerprint.
pub(crate) fn mac(line: &[u8], span: Range<usize>) -> bool {
    let digits = line[span.clone()].iter().filter(|b| b.is_ascii_hexdigit());
    let mut digits = digits.map(u8::to_ascii_lowercase);
    let first = digits.next();
    let nobodys = matches!(first, Some(b'0' | b'f')) && digits.all(|b| Some(b) == first);
    // Two digits and a joiner before it are part of the row, the `c` of `mac:` is not.
    let joined = match &line[..span.start] {
        [rest @ .., a, b, b':' | b'-'] => {
            let octet = a.is_ascii_hexdigit() && b.is_ascii_hexdigit();
            octet && !rest.last().is_some_and(u8::is_ascii_alphanumeric)
        }
        [.., last] => last.is_ascii_alphanumeric() || *last == b'_',
        [] => false,
    };
    let behind = &line[span.start..];
    let dotted = line[span.clone()].contains(&b'.');
    let joiners: &[u8] = if dotted { b"." } else { b":-" };
    !nobodys && !joined && stands_alone(behind, 0..span.len(), joiners, u8::is_ascii_hexdigit)
}

/// Social Security Administration: no area 000, 666 or 900 to 999, no group 00, no serial 0000.
pub(crate) fn us_ssn(line: &[u8], span: Range<usize>) -> bool {
    let digits = digits(&line[span.clone()]);
    digits.len() == 9
        && !matches!(number(&digits[..3]), 0 | 666 | 900..)
        && number(&digits[3..5]) != 0
        && number(&digits[5..]) != 0
        && stands_alone(line, span, b"-", u8::is_ascii_digit)
}

/// Ministerio del Interior: the letter is that of the number modulus 23; X, Y and Z stand for 0, 1 and 2.
pub(crate) fn es_nif(secret: &[u8]) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let Some((letter, number_part)) = secret.split_last() else { return false };
    let digits: Vec<u8> = number_part
        .iter()
        .filter_map(|b| match b {
            b'0'..=b'9' => Some(b - b'0'),
            b'X' | b'Y' | b'Z' => Some(b - b'X'),
            _ => None,
        })
        .collect();
    digits.len() == 8 && LETTERS[(number(&digits) % 23) as usize] == *letter
}

/// Decreto ministeriale of 23 December 1976: characters in odd and even places have values of their own; modulus 26.
pub(crate) fn it_codice_fiscale(secret: &[u8]) -> bool {
    /// Values in odd places, of 0 to 9 and A to J alike, then on to Z.
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let Some((last, rest)) = secret.split_last() else { return false };
    let value = |(i, b): (usize, &u8)| {
        let index = match b {
            b'0'..=b'9' => b - b'0',
            b'A'..=b'Z' => b - b'A',
            _ => return None,
        };
        // Places count from 1.
        Some(if i % 2 == 0 { ODD[usize::from(index)] } else { u32::from(index) })
    };
    let sum: Option<u32> = rest.iter().enumerate().map(value).sum();
    rest.len() == 15 && sum.is_some_and(|sum| b'A' + (sum % 26) as u8 == *last)
}

/// INSEE: the key is 97 less the first 13 digits modulus 97; Corsica's 2A and 2B count as 19 and 18.
pub(crate) fn fr_nir(secret: &[u8]) -> bool {
    let text: Vec<u8> = secret.iter().filter(|b| b.is_ascii_alphanumeric()).copied().collect();
    if text.len() != 15 {
        return false;
    }
    let (mut body, key) = (text[..13].to_vec(), digits(&text[13..]));
    match &text[5..7] {
        b"2A" => body[5..7].copy_from_slice(b"19"),
        b"2B" => body[5..7].copy_from_slice(b"18"),
        _ => {}
    }
    let body = digits(&body);
    body.len() == 13 && key.len() == 2 && number(&key) == 97 - number(&body) % 97
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value stands between the bars.
    #[track_caller]
    fn all(check: fn(&[u8], Range<usize>) -> bool, wanted: bool, texts: &[&str]) {
        for text in texts {
            let start = text.find('|').expect("a bar");
            let end = text.rfind('|').expect("a bar") - 1;
            let line = text.replace('|', "");
            assert_eq!(check(line.as_bytes(), start..end), wanted, "{text}");
        }
    }

    #[test]
    fn cards_have_an_issuer_a_length_and_a_check_digit() {
        // Test numbers that payment providers publish.
        let good = [
            "|4111111111111111|",
            "|4111 1111 1111 1111| 123",
            "card=|5555-5555-5555-4444|",
            "|378282246310005|",
            "|3056 930902 5904|",
            "|6011111111111117|.",
            "|3530111333300000|",
        ];
        all(payment_card, true, &good);
        let bad = [
            "|4111111111111112|",
            "|4111 1111-1111 1111|",
            "0.|4111111111111111|",
            "|41111111111111|",
            "|1111111111111117|",
            "|4111111111111111|.5",
        ];
        all(payment_card, false, &bad);
    }

    #[test]
    fn phone_numbers_have_as_many_digits_as_they_may() {
        all(phone, true, &["tel |+1 415 555 0132|", "|%2B14155550132|", "|(415) 555-0132|."]);
        all(phone, false, &["|+1 415 55|", "a|+14155550132|", "|415-555-0132|-7", "|+11111111|"]);
    }

    #[test]
    fn addresses_stand_alone() {
        let good = ["from |192.0.2.7|.", "http://|192.0.2.7|/", "|10.1.2.3|:80", "a/|10.0.1.3|"];
        all(ipv4, true, &good);
        let bad = [
            "|192.0.2.256|",
            "|1.3.6.1|.4.1",
            "1.|3.6.1.4|",
            "|127.0.0.1|",
            "|255.255.255.0|",
            "Chrome/|126.0.0.0|",
        ];
        all(ipv4, false, &bad);
        all(
            ipv6,
            true,
            &["|2001:db8::7|", "[|fe80::1|]:80", "at:|2001:db8::|", "|::ffff:192.0.2.7|."],
        );
        let bad = ["|::1|", "|::|", "|12:34:56|", "t|d::b2|", "|ab::cd|", "1:|2001:db8::7|"];
        all(ipv6, false, &bad);
        all(mac, true, &["mac:|00:00:5e:00:53:01|", "|00-00-5E-00-53-01|,", "|0000.5e00.5301|"]);
        all(
            mac,
            false,
            &["|ff:ff:ff:ff:ff:ff|", "|00:00:5e:00:53:01|:aa", "aa:|00:00:5e:00:53:01|"],
        );
    }

    #[test]
    fn national_ids_are_in_range_and_have_their_check_character() {
        all(us_ssn, true, &["|078-05-1120|", "ssn-|078-05-1120|"]);
        let bad = [
            "|000-12-3456|",
            "|666-12-3456|",
            "|900-12-3456|",
            "|078-00-1120|",
            "|078-05-0000|",
            "1-|078-05-1120|",
        ];
        all(us_ssn, false, &bad);
        assert!(es_nif(b"12345678Z") && es_nif(b"X1234567L") && !es_nif(b"12345678A"));
        assert!(it_codice_fiscale(b"RSSMRA85T10A562S") && !it_codice_fiscale(b"RSSMRA85T10A562T"));
        assert!(fr_nir(b"2 55 08 14 168 025 38") && !fr_nir(b"2 55 08 14 168 025 39"));
    }
}
