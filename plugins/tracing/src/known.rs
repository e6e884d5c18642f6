//! Texts of a field that were found clean, so that they need no second look.
//!
//! Most events of a call site differ in a few fields only, and many fields have few values: a text that is one of the last few
//! clean ones is passed on as it is ([`Known::find`]). Of a longer text that is like a known one, as messages with a number in
//! them are, only what differs is looked at, and what stands around that: where this is quiet as the known one is, so is the
//! whole ([`TextRedactor::is_quiet`]).
//!
//! Limits: nothing that holds a secret is remembered. A field that has another text each time is remembered now and then only.

use redact_stream::TextRedactor;

/// Longer texts, in bytes, are not remembered.
const LONGEST_KNOWN: usize = 256;
/// How many texts of a field are remembered.
const MOST_KNOWN: usize = 4;
/// Of a field that had this many other texts, only one in so many is remembered anew.
const MOST_MISSES: u32 = MOST_KNOWN as u32;
const PAUSE: u32 = 64;
/// The room for a remembered text, in bytes, is a multiple of this.
const ROOM: usize = 64;
/// The least text of which only what changed is looked at, in bytes: to look at a shorter one together with others costs no more.
const LEAST_CHANGED: usize = 64;
/// The most of it that is looked at: one step of the engine's.
const MOST_CHANGED: usize = 63;
/// A field whose changes were not quiet this often in a row is tried again only now and then.
const MOST_LOUD: u8 = 4;

/// Texts of a field that were found clean: many fields have few.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Of each, what [`sign`] says of it: no two are alike.
    signs: [u64; MOST_KNOWN],
    texts: [String; MOST_KNOWN],
    /// Whether the first is quiet ([`TextRedactor::is_quiet`]).
    is_quiet: bool,
    /// How often it was another.
    misses: u32,
    /// How often in a row a change was not quiet.
    loud: u8,
}

impl Known {
    /// The number of a text that is one of them.
    #[inline]
    pub(crate) fn find(&self, text: &str) -> Option<u8> {
        let sign = sign(text.as_bytes());
        let at = self.signs.iter().position(|known| *known == sign)?;
        (self.texts[at] == text && !text.is_empty()).then_some(at as u8)
    }

    /// The text of a number.
    pub(crate) fn text(&self, number: u8) -> &str {
        &self.texts[usize::from(number)]
    }

    /// Whether a text is quiet since a known one is, and what differs between the two: a call site's messages are alike.
    pub(crate) fn is_quiet_change(&mut self, texts: &mut TextRedactor, text: &str) -> bool {
        // Shorter ones are better looked at together with others.
        if !self.is_quiet || text.len() < LEAST_CHANGED || text.len() > LONGEST_KNOWN {
            return false;
        }
        let (known, text) = (self.texts[0].as_bytes(), text.as_bytes());
        let before = common_start(known, text);
        let most = known.len().min(text.len()) - before;
        let behind = common_end(&known[known.len() - most..], &text[text.len() - most..]);
        let from = before.saturating_sub(TextRedactor::SPAN - 1);
        let to = (text.len() - behind + TextRedactor::SPAN - 1).min(text.len());
        if to - from > MOST_CHANGED || self.loud > MOST_LOUD && !self.misses.is_multiple_of(PAUSE) {
            return false;
        }
        let is_quiet = texts.is_quiet(&text[from..to]);
        self.loud = if is_quiet { 0 } else { self.loud.saturating_add(1) };
        is_quiet
    }

    /// Remembers a text that was found clean.
    pub(crate) fn learn(&mut self, texts: &mut TextRedactor, text: &str) {
        self.misses = self.misses.wrapping_add(1);
        if text.len() > LONGEST_KNOWN
            || self.misses > MOST_MISSES && !self.misses.is_multiple_of(PAUSE)
        {
            return;
        }
        let sign = sign(text.as_bytes());
        let same = self.signs.iter().position(|known| *known == sign);
        let next = match self.misses <= MOST_MISSES {
            true => self.misses.wrapping_sub(1),
            false => self.misses / PAUSE,
        };
        let at = same.unwrap_or(next as usize % MOST_KNOWN);
        self.signs[at] = sign;
        let place = &mut self.texts[at];
        place.clear();
        // With room for others: soon no text needs more.
        place.reserve(text.len().next_multiple_of(ROOM));
        place.push_str(text);
        if at == 0 {
            self.is_quiet = texts.is_quiet(text.as_bytes());
        }
    }
}

/// How many bytes two texts begin with alike.
fn common_start(a: &[u8], b: &[u8]) -> usize {
    let (eights, _) = a.as_chunks::<8>();
    let pairs = || eights.iter().zip(b.as_chunks::<8>().0);
    let alike = pairs().take_while(|(a, b)| a == b).count() * 8;
    alike + a[alike..].iter().zip(&b[alike..]).take_while(|(a, b)| a == b).count()
}

/// How many bytes two texts end with alike.
fn common_end(a: &[u8], b: &[u8]) -> usize {
    let (_, eights) = a.as_rchunks::<8>();
    let pairs = || eights.iter().rev().zip(b.as_rchunks::<8>().1.iter().rev());
    let alike = pairs().take_while(|(a, b)| a == b).count() * 8;
    let (a, b) = (&a[..a.len() - alike], &b[..b.len() - alike]);
    alike + a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}

/// A number that texts which differ in their length, their first or last eight bytes or those in the middle hardly share.
#[inline]
fn sign(text: &[u8]) -> u64 {
    let eight = |from: usize| {
        text.get(from..).and_then(|t| t.first_chunk()).map_or(0, |eight| u64::from_le_bytes(*eight))
    };
    let len = text.len();
    let (first, middle, last) = match len {
        8.. => (eight(0), eight(len / 2 - 4), eight(len - 8)),
        _ => {
            let four = |four: &[u8; 4]| u64::from(u32::from_le_bytes(*four));
            match (text.first_chunk(), text.last_chunk()) {
                (Some(first), Some(last)) => (four(first), 0, four(last)),
                _ => (text.iter().fold(0, |all, b| all << 8 | u64::from(*b)), 0, 0),
            }
        }
    };
    let mixed = (first ^ len as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ middle;
    mixed.wrapping_mul(0xc2b2_ae3d_27d4_eb4f).rotate_left(32) ^ last
}

#[cfg(test)]
mod tests {
    use redact_stream::Engine;

    use super::*;

    #[test]
    fn parts_that_are_alike_are_counted() {
        let text: Vec<u8> = (0..40).collect();
        for from in 0..20 {
            for to in from..20 {
                let mut other = text.clone();
                other.splice(from..to, [99; 3]);
                assert_eq!(common_start(&text, &other), from);
                assert_eq!(common_end(&text, &other), text.len() - to);
            }
        }
        assert_eq!((common_start(b"", b"a"), common_end(b"a", b"")), (0, 0));
        assert_eq!((common_start(&text, &text), common_end(&text, &text)), (40, 40));
    }

    #[test]
    fn the_last_few_texts_are_known() {
        let mut texts = TextRedactor::new(Engine::builder().build().unwrap());
        let mut known = Known::default();
        let all = ["GET", "PUT", "POST", "a longer text", "a longer text!", ""];
        for text in all {
            assert_eq!(known.find(text), None);
            known.learn(&mut texts, text);
        }
        for text in &all[..4] {
            assert_eq!(known.find(text).map(|at| known.text(at)), Some(*text));
        }
        assert_eq!(known.find("GETS"), None);
    }

    /// Whatever is put into a quiet text: it is passed over only if the engine leaves all of it as it is.
    #[test]
    fn a_quiet_change_is_clean() {
        let engine = Engine::builder().build().unwrap();
        let mut texts = TextRedactor::new(engine.clone());
        let (mut quiet, mut loud) = (0, 0);
        let lines = [
            "request to the ledger service finished after 3 attempts, the answer was accepted by all replicas",
            "connecting to postgres as billing at db.example, after 3 attempts; the user is only-for-docs-42",
            "the pass of the hills and the key of the map are: only4docs! and the word is not told to all",
        ];
        let pieces = [
            "17",
            "",
            "an ordinary word",
            "password=only4docs!",
            "word=",
            "=only4docs!",
            ": only4docs!",
            "://billing:",
            "-----BEGIN PRIVATE KEY-----",
            "\n",
            "\\u0070ass",
            "%70",
            "pass",
            "token",
            "0123456789abcdef0123456789",
            "@",
            "\"",
            "\u{e9}",
        ];
        for line in lines {
            let mut known = Known::default();
            known.learn(&mut texts, line);
            for piece in pieces {
                for from in 0..line.len() {
                    for len in [0, 1, 7] {
                        let mut text = line.to_owned();
                        text.replace_range(from..(from + len).min(line.len()), piece);
                        known.loud = 0;
                        if known.is_quiet_change(&mut texts, &text) {
                            quiet += 1;
                            assert_eq!(engine.redact_str(&text), text);
                            assert!(texts.is_quiet(text.as_bytes()), "{text}");
                        } else {
                            loud += 1;
                        }
                    }
                }
            }
        }
        assert!(quiet > 300 && loud > 300, "{quiet}, {loud}");
    }
}
