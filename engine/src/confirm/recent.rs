//! What a rule's automaton said last of bytes that come again: the key words of a log are few, and each stands in it often.
//!
//! A run that comes to its end within [`LONGEST`] bytes depends on these, and on the byte before them: where the same stand
//! again, nothing is read but they. Rows of one fragment, made to be slow, cost half of what their automata would.
//!
//! Limits: of lines that are shorter than that, nothing is remembered.

use zeroize::Zeroize as _;

use super::walk::Walk;

/// The longest run that is remembered, in bytes.
const LONGEST: usize = 16;
/// How many runs are, as a power of two.
const PLACES_BITS: u32 = 5;

/// The runs of one automaton that ended soon.
pub(super) struct Recent([Entry; 1 << PLACES_BITS]);

#[derive(Clone, Copy)]
struct Entry {
    /// The bytes that were read, and some behind them.
    bytes: [u64; 2],
    before: u16,
    read: u8,
    /// How many bytes the match has; 0 if there is none.
    matched: u8,
}

/// Stands for the byte before the first of a line.
const NO_BYTE: u16 = 256;
/// No byte's number.
const EMPTY: u16 = 257;

impl Default for Recent {
    fn default() -> Recent {
        let empty = Entry { bytes: [0; 2], before: EMPTY, read: 1, matched: 0 };
        Recent([empty; 1 << PLACES_BITS])
    }
}

impl Drop for Recent {
    fn drop(&mut self) {
        // A value may stand behind a key.
        self.0.iter_mut().for_each(|entry| entry.bytes.zeroize());
    }
}

impl Recent {
    /// How a run from `at` ends, if it is known.
    #[inline]
    pub(super) fn get(&self, line: &[u8], at: usize) -> Option<Walk> {
        let (bytes, left, before) = at_start(line, at)?;
        let entry = &self.0[place(bytes, before)];
        let [a, b] = entry.bytes;
        // What is read first is in the lowest bits.
        let differ = (bytes ^ (u128::from(a) | u128::from(b) << 64)).trailing_zeros();
        let read = usize::from(entry.read);
        (entry.before == before && differ as usize >= 8 * read && read <= left).then(|| {
            let matched = usize::from(entry.matched);
            let end = (matched > 0).then_some(at + matched);
            Walk { end, alive: false, read }
        })
    }

    /// Remembers a run from `at`, if it was a short one.
    #[inline]
    pub(super) fn put(&mut self, line: &[u8], at: usize, walk: &Walk) {
        if walk.alive || walk.read > LONGEST {
            return;
        }
        let Some((bytes, _, before)) = at_start(line, at) else { return };
        let matched = walk.end.map_or(0, |end| end - at) as u8;
        self.0[place(bytes, before)] = Entry {
            bytes: [bytes as u64, (bytes >> 64) as u64],
            before,
            read: walk.read as u8,
            matched,
        };
    }
}

/// The bytes from a start on, how many of them are there, and the number of the one before it.
#[inline]
fn at_start(line: &[u8], at: usize) -> Option<(u128, usize, u16)> {
    let before = line[..at].last().map_or(NO_BYTE, |byte| u16::from(*byte));
    if let Some(bytes) = line[at..].first_chunk() {
        return Some((u128::from_le_bytes(*bytes), LONGEST, before));
    }
    let last: &[u8; LONGEST] = line.last_chunk()?;
    let left = line.len() - at;
    let bytes = u128::from_le_bytes(*last).checked_shr(8 * (LONGEST - left) as u32)?;
    Some((bytes, left, before))
}

/// Which entry is for these: six bytes tell most key words apart, more would tell their values apart too.
#[inline]
fn place(bytes: u128, before: u16) -> usize {
    let word = (bytes as u64) << 16 | u64::from(before);
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - PLACES_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confirm::walk::Automaton;
    use crate::rule::parse;

    #[test]
    fn what_is_remembered_is_what_the_automaton_says() {
        let words = ["token", "tok", "key", "keys", "a key", "\r", "=", "=", ";x", "aaaaaaaaaaa"];
        let mut state = 7u32;
        let mut text = String::new();
        while text.len() < 6000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text += words[(state >> 16) as usize % words.len()];
        }
        text += "to";
        for pattern in [r"\btok(?:en)?[=;]", r"(?m:^)key|\bkey\b", "(?:token|key=)+", "a{3,40}"] {
            let automaton = Automaton::new(&parse::hir(pattern).unwrap(), 1 << 20);
            let (mut cache, mut recent) = (None, Recent::default());
            let mut known = 0;
            for at in 0..text.len() {
                let wanted = automaton.walk(&mut cache, text.as_bytes(), at).unwrap();
                let parts = |walk: &Walk| (walk.end, walk.alive, walk.read);
                if let Some(walk) = recent.get(text.as_bytes(), at) {
                    known += 1;
                    assert_eq!(parts(&walk), parts(&wanted), "{pattern} {at}");
                }
                recent.put(text.as_bytes(), at, &wanted);
            }
            assert!(known > 300, "{pattern} {known}");
        }
    }
}
