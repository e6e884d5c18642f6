//! What people fill a template with: `XXXX`, `TESTTESTTEST`, the alphabet from end to end.
//!
//! Two thirds of a text or more must be such filling ([`is_filler`]); the rest, at most 16 bytes, is what the form asks for:
//! a prefix, a separator, a version. Each byte is compared with those up to ten bytes behind it, eight at a time; only where
//! enough of them are equal, it is asked where these stand, one bit of a number for each byte.
//!
//! Limits: of random hex digits, decimal digits and base62 of 16 characters and more fewer than one in a thousand is taken
//! for a filler. Rows that are interleaved or broken (`a1B2c3D4`, `abc123def456`) are none: they have a token's form, and a
//! masked example costs less than a weak key that stays.

/// The shortest filler that is known as one, in bytes: what is shorter may be a password that someone chose.
const SHORTEST: usize = 16;

/// Of what is longer only so much is looked at, half of it at each end; in bytes. One bit of a [`u128`] each.
const LOOKED_AT: usize = 128;

/// The least length in bytes of a row, as the alphabet is one, that counts.
const SHORTEST_ROW: usize = 20;

/// The longest piece, in bytes, whose repetition is seen: `1234567890`.
const LONGEST_PERIOD: usize = 10;

/// Whether two thirds of `text` or more are one character again and again (`XXXX`), a few characters again and again
/// (`TESTTESTTEST`), or the alphabet or the digits from end to end; case is ignored.
pub(super) fn is_filler(text: &[u8]) -> bool {
    if text.len() < SHORTEST {
        return false;
    }
    if text.len() > LOOKED_AT {
        let half = LOOKED_AT / 2;
        return is_filler(&text[..half]) && is_filler(&text[text.len() - half..]);
    }
    let mut lower = [0; LOOKED_AT + LONGEST_PERIOD];
    let lower_text = &mut lower[..text.len()];
    lower_text.copy_from_slice(text);
    lower_text.make_ascii_lowercase();
    let mut filled = 0;
    for period in 1..=LONGEST_PERIOD {
        let least = if period == 1 { 4 } else { 8.max(period * 3) };
        if may_have(&lower, text.len(), period, least - period) {
            let same = equal(&lower, period) & !(!0 << (text.len() - period));
            filled |= stretches(same, period, least);
        }
    }
    if text.len() >= SHORTEST_ROW {
        let row = |mask: u128, (i, w): (usize, &[u8])| mask | u128::from(follows(w[0], w[1])) << i;
        let rows = lower[..text.len()].windows(2).enumerate().fold(0, row);
        filled |= stretches(rows, 1, SHORTEST_ROW);
    }
    let rest = text.len() - filled.count_ones() as usize;
    rest <= 16 && rest * 3 <= text.len()
}

/// Whether at least `least` of the first `len` bytes may be equal to the one so far behind them.
fn may_have(
    text: &[u8; LOOKED_AT + LONGEST_PERIOD],
    len: usize,
    distance: usize,
    least: usize,
) -> bool {
    let pairs = len - distance;
    let (these, others) = (text.as_chunks::<8>().0, text[distance..].as_chunks::<8>().0);
    let eights = these.iter().zip(others).take(pairs.div_ceil(8));
    // By place in eight bytes, how many are equal: at most sixteen.
    let places = eights.fold(0u64, |sum, (a, b)| sum + equal_bytes(*a, *b));
    let count = places.wrapping_mul(0x0101_0101_0101_0101) >> 56;
    // Behind the end all bytes are zero.
    let behind = pairs.next_multiple_of(8) - pairs;
    count as usize >= least + behind.saturating_sub(distance)
}

/// By byte, as the lowest bit of each: whether these are equal.
fn equal_bytes(a: [u8; 8], b: [u8; 8]) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let differ = u64::from_le_bytes(a) ^ u64::from_le_bytes(b);
    // Nothing is carried from byte to byte.
    let some = ((differ & LOW) + LOW) | differ;
    !(some | LOW) >> 7
}

/// By byte, as bits: whether it and the one so far behind it are equal.
fn equal(text: &[u8; LOOKED_AT + LONGEST_PERIOD], distance: usize) -> u128 {
    let (these, others) = (&text[..LOOKED_AT], &text[distance..][..LOOKED_AT]);
    let (these, others) = (these.as_chunks::<8>().0, others.as_chunks::<8>().0);
    let mut mask = 0;
    for (i, (a, b)) in these.iter().zip(others).enumerate() {
        // The lowest bits of eight bytes, all in the highest byte.
        let bits = equal_bytes(*a, *b).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask |= u128::from(bits) << (i * 8);
    }
    mask
}

/// The bytes, as bits, of all stretches of at least `least` bytes in which each byte but the last `distance` has its bit in
/// `pairs`. `least` is greater than `distance`.
fn stretches(pairs: u128, distance: usize, least: usize) -> u128 {
    let (mut starts, mut len) = (pairs, 1);
    // Bits with `len` bits in a row from them on.
    while starts != 0 && len < least - distance {
        let more = len.min(least - distance - len);
        starts &= starts >> more;
        len += more;
    }
    let (mut filled, mut len) = (starts, 1);
    while filled != 0 && len < least {
        let more = len.min(least - len);
        filled |= filled << more;
        len += more;
    }
    filled
}

/// Whether `b` is the next letter or digit behind `a`, both in lower case; `a` or a digit follows `z`, `0` or `a` follows `9`.
fn follows(a: u8, b: u8) -> bool {
    match a {
        b'z' => b == b'a' || b.is_ascii_digit(),
        b'9' => b == b'0' || b == b'a',
        _ => a.is_ascii_alphanumeric() && b == a + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same without bits.
    fn stretches_one_by_one(pairs: u128, distance: usize, least: usize, len: usize) -> u128 {
        let mut filled = 0;
        for start in 0..len {
            for end in start + distance + 1..=len {
                let whole = (start..end - distance).all(|i| pairs >> i & 1 == 1);
                if whole && end - start >= least {
                    (start..end).for_each(|i| filled |= 1 << i);
                }
            }
        }
        filled
    }

    #[test]
    fn stretches_are_those_that_a_walk_finds() {
        let mut state = 1u128;
        for (distance, least) in [(1, 4), (1, 20), (2, 8), (3, 9), (7, 21), (10, 30)] {
            for _ in 0..200 {
                state = state.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645) + 1;
                // Two bits of three are set, up to the length.
                let len = 16 + (state >> 100) as usize % 113;
                let pairs = (state | state >> 41 | state << 31) & !(!0 << (len - distance));
                let wanted = stretches_one_by_one(pairs, distance, least, len);
                assert_eq!(stretches(pairs, distance, least), wanted, "{pairs:x} {distance}");
            }
        }
    }

    #[test]
    fn where_too_few_are_equal_nothing_is_filled() {
        let mut state = 1u64;
        let (mut turned_away, mut filled) = (0, 0);
        for i in 0..20_000 {
            // Few different bytes repeat often, zero as the bytes behind the end among them.
            let (len, kinds) = (16 + i % 113, 2 + i as u64 % 29);
            let mut text = [0; LOOKED_AT + LONGEST_PERIOD];
            for byte in &mut text[..len] {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = ((state >> 33) % kinds) as u8;
            }
            let (period, least) = [(1, 4), (2, 8), (3, 9), (10, 30)][i % 4];
            let same = equal(&text, period) & !(!0 << (len - period));
            let has_any = stretches(same, period, least) != 0;
            let may = may_have(&text, len, period, least - period);
            assert!(may || !has_any, "{period} {text:?}");
            turned_away += usize::from(!may);
            filled += usize::from(has_any);
        }
        assert!(turned_away > 5000 && filled > 500, "{turned_away} {filled}");
    }

    #[test]
    fn fillers_are_told_from_noise() {
        for text in [
            "AKCpXXXXXXXXXXXXXXXXXXXXXXXX",
            "glsa_XXXXXXXXXXXXXXXXXXXXXXXX_AAAAAAAA",
            "00000000-0000-0000-0000-000000000000",
            "sk_abcdefghijklmnopqrstuvwxyz123456",
            "p_1234567890123456789012345678901234567890",
            "tok_EXAMPLEEXAMPLEEXAMPLEEXAMPLE",
            "asdfasdfasdfasdfasdf",
        ] {
            assert!(is_filler(text.as_bytes()), "{text}");
        }
        let long = format!("acme_{}", "x".repeat(400));
        assert!(is_filler(long.as_bytes()));
        for text in [
            "xxxxxxxxxxxx",
            "1234567890123456",
            "9f86d081884c7d659a2feaa0c55ad015",
            "acme_aaaaZk3vQ9xTb2LwaaaaPq8R",
            "a1B2c3D4e5F6g7H8i9J0k1L2",
            "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAA",
        ] {
            assert!(!is_filler(text.as_bytes()), "{text}");
        }
        let long = format!("{}9f86d081884c7d659a2feaa0c55ad015", "x".repeat(400));
        assert!(!is_filler(long.as_bytes()));
    }
}
