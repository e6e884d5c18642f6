//! Step 4 of 5: mask. What stands in place of a secret.
//!
//! A mask never matches a rule (the confirmer refuses what [`Mask::covers`]), never breaks JSON, logfmt or UTF-8 (it is
//! ASCII without quotes, blanks or backslashes; a bare JSON number becomes a JSON string), and a second run leaves it as
//! it is.
//!
//! Before: [`crate::resolve`]; after: [`crate::stream`].

use std::ops::Range;

use crate::error::BuildError;
use crate::secret::SecretBytes;

/// How many hex digits of the keyed hash a pseudonym shows: 48 bits, so that 10 million different secrets under one key
/// have about a one in six chance of a single collision.
const PSEUDONYM_HEX: usize = 12;
const PREFIX: &[u8] = b"[REDACTED";
/// The longest mask text that is looked for around a match, in bytes.
const LONGEST_MASK: usize = 96;

/// What stands in place of a secret.
///
/// ```
/// use redact_stream::{Engine, Mask};
///
/// let engine = Engine::builder().mask(Mask::stars()).build()?;
/// let line = "Authorization: Bearer 0a1b2c3d4e5f60718293a4b5";
/// assert_eq!(engine.redact_str(line), "Authorization: Bearer ************************");
/// # Ok::<(), redact_stream::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mask(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Label,
    Fixed(Box<[u8]>),
    Stars,
    Partial(usize),
    Pseudonym(SecretBytes),
}

impl Default for Mask {
    fn default() -> Mask {
        Mask::label()
    }
}

impl Mask {
    /// `[REDACTED:github-token]`: says which rule.
    pub fn label() -> Mask {
        Mask(Kind::Label)
    }

    /// Always the same text.
    ///
    /// # Errors
    /// The text is empty, longer than 64 bytes, or holds anything but printable ASCII; blanks, quotes and backslashes would
    /// break the syntax around a secret.
    pub fn fixed(text: &str) -> Result<Mask, BuildError> {
        let fits = |b: u8| b.is_ascii_graphic() && !b"\"'`\\<>&,;".contains(&b);
        if text.is_empty() || text.len() > 64 || !text.bytes().all(fits) {
            let message = "a fixed mask is 1 to 64 printable ASCII characters without blanks, quotes, backslashes \
                           and < > & , ;";
            return Err(BuildError::one("mask", message.to_owned()));
        }
        Ok(Mask(Kind::Fixed(text.as_bytes().into())))
    }

    /// As many `*` as the secret has bytes.
    pub fn stars() -> Mask {
        Mask(Kind::Stars)
    }

    /// `****` and the last `keep` characters, at most a quarter of the secret and at most 8, and none of a secret of several
    /// lines.
    pub fn partial(keep: usize) -> Mask {
        Mask(Kind::Partial(keep.min(8)))
    }

    /// `[REDACTED:github-token:1f0c5e7a9b2d]`: a keyed hash (BLAKE3), the same for the same secret under the same key.
    ///
    /// Without the key nobody can test guesses, so the key is a secret of its own; an empty one is refused.
    ///
    /// # Errors
    /// The key has fewer than 16 bytes.
    pub fn pseudonym(key: SecretBytes) -> Result<Mask, BuildError> {
        if key.expose().len() < 16 {
            let message =
                "a pseudonym key has at least 16 bytes, for example from `openssl rand -hex 32`";
            return Err(BuildError::one("mask", message.to_owned()));
        }
        Ok(Mask(Kind::Pseudonym(key)))
    }

    /// Appends the mask of `secret` to `out`.
    pub(crate) fn render(&self, label: &str, secret: &[u8], out: &mut Vec<u8>) {
        match &self.0 {
            Kind::Label => {
                out.extend_from_slice(b"[REDACTED:");
                out.extend_from_slice(label.as_bytes());
                out.push(b']');
            }
            Kind::Fixed(text) => out.extend_from_slice(text),
            Kind::Stars => out.resize(out.len() + secret.len(), b'*'),
            Kind::Partial(keep) => {
                out.extend_from_slice(b"****");
                let keep = (*keep).min(secret.len() / 4);
                let tail = &secret[secret.len() - keep..];
                if tail.iter().all(u8::is_ascii_alphanumeric) {
                    out.extend_from_slice(tail);
                }
            }
            Kind::Pseudonym(key) => {
                let key = blake3::derive_key("redact pseudonym v1", key.expose());
                let hash = blake3::keyed_hash(&key, secret).to_hex();
                out.extend_from_slice(b"[REDACTED:");
                out.extend_from_slice(label.as_bytes());
                out.push(b':');
                out.extend_from_slice(&hash.as_bytes()[..PSEUDONYM_HEX]);
                out.push(b']');
            }
        }
    }

    /// Whether a part of the secret stays, which may be a key of what follows.
    pub(crate) fn shows_part(&self) -> bool {
        matches!(self.0, Kind::Partial(_))
    }

    /// Whether a mask has as many bytes as its secret.
    pub(crate) fn keeps_length(&self) -> bool {
        matches!(self.0, Kind::Stars)
    }

    /// The text that stands for every secret, if it is always the same; else nothing.
    pub(crate) fn fixed_text(&self) -> &[u8] {
        match &self.0 {
            Kind::Fixed(text) => text,
            _ => b"",
        }
    }

    /// Whether nothing in `span` of `line` is left but masks (of this or the label form) and punctuation.
    pub(crate) fn covers(&self, line: &[u8], span: Range<usize>) -> bool {
        let mut at = span.start;
        // A mask may start before the span.
        let from = span.start.saturating_sub(LONGEST_MASK);
        // Bracket by bracket: to make a searcher of the prefix costs more than there mostly is to search.
        let mut brackets = memchr::memrchr_iter(b'[', &line[from..span.start]).map(|b| from + b);
        if let Some(start) = brackets.find(|start| line[*start..].starts_with(PREFIX)) {
            at = at.max(start + label_mask_len(&line[start..]).unwrap_or(0));
        }
        let overhang = self.own_mask_overhang();
        // No further than a mask of the span can reach: a row of stars may be as long as the line.
        let line = &line[..line.len().min(span.end + overhang.max(LONGEST_MASK))];
        let ends = (span.start.saturating_sub(overhang)..span.start)
            .filter_map(|start| Some(start + self.own_mask_len(&line[start..])?));
        at = at.max(ends.max().unwrap_or(0));
        while at < span.end {
            let rest = &line[at..];
            if let Some(len) = label_mask_len(rest).or_else(|| self.own_mask_len(rest)) {
                at += len;
            } else if line[at].is_ascii_alphanumeric() || !line[at].is_ascii() {
                return false;
            } else {
                at += 1;
            }
        }
        true
    }

    /// How far before a span a mask in it may start, in bytes; the stars of the text that a partial mask stands behind do not
    /// count.
    fn own_mask_overhang(&self) -> usize {
        match &self.0 {
            Kind::Fixed(fixed) => fixed.len(),
            Kind::Partial(keep) => 4 + keep,
            _ => 0,
        }
    }

    fn own_mask_len(&self, text: &[u8]) -> Option<usize> {
        match &self.0 {
            Kind::Fixed(fixed) => text.starts_with(fixed).then_some(fixed.len()),
            Kind::Partial(keep) if text.starts_with(b"****") => {
                // Stars of the text's own may stand in front of the mask's.
                let stars = text.iter().take_while(|b| **b == b'*').count();
                let tail = text[stars..].iter().take(*keep);
                Some(stars + tail.take_while(|b| b.is_ascii_alphanumeric()).count())
            }
            _ => None,
        }
    }
}

/// The length of a `[REDACTED]`, `[REDACTED:label]` or `[REDACTED:label:hash]` at the start of `text`.
pub(crate) fn label_mask_len(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix(PREFIX)?;
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b':');
    let len = rest.iter().take(LONGEST_MASK - PREFIX.len()).take_while(|b| inner(b)).count();
    (rest.get(len) == Some(&b']') && (len == 0 || rest[0] == b':'))
        .then_some(PREFIX.len() + len + 1)
}

/// Where what may become a label mask begins, if `line` ends inside it.
pub(crate) fn cut_label_mask(line: &[u8]) -> Option<usize> {
    let from = line.len().saturating_sub(LONGEST_MASK);
    let start = from + memchr::memrchr(b'[', &line[from..])?;
    let text = &line[start..];
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b':');
    let is_cut = match text.strip_prefix(PREFIX) {
        Some(rest) => rest.iter().all(inner),
        None => PREFIX.starts_with(text),
    };
    is_cut.then_some(start)
}

/// Whether position `at` of `line` stands inside a label mask.
pub(crate) fn in_label_mask(line: &[u8], at: usize) -> bool {
    let from = at.saturating_sub(LONGEST_MASK);
    let mut brackets = memchr::memrchr_iter(b'[', &line[from..at]).map(|back| from + back);
    brackets
        .find(|start| line[*start..].starts_with(PREFIX))
        .is_some_and(|start| label_mask_len(&line[start..]).is_some_and(|n| start + n > at))
}

/// Whether `line` begins as JSON does.
pub(crate) fn begins_as_json(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// How many blanks around a JSON number are looked through.
const MOST_BLANKS: usize = 64;

/// Whether `span` of `text`, in a line that [begins as JSON](begins_as_json), is a bare number, so that its mask must become a
/// string.
pub(crate) fn is_json_number(text: &[u8], span: Range<usize>) -> bool {
    let number = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
    let is_sign = |b: &&u8| !matches!(b, b' ' | b'\t' | b'\r');
    let before = text[..span.start].iter().rev().take(MOST_BLANKS).find(is_sign);
    let after = text[span.end..].iter().take(MOST_BLANKS).find(is_sign);
    matches!(before, Some(b':' | b',' | b'['))
        && matches!(after, None | Some(b',' | b'}' | b']' | b'\n'))
        && text[span].iter().all(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_masks_are_recognised_whole() {
        for (text, len) in [
            ("[REDACTED]x", Some(10)),
            ("[REDACTED:a-b]x", Some(14)),
            ("[REDACTED:a:0f]", Some(15)),
            ("[REDACTED:A]", None),
            ("[REDACTEDx]", None),
        ] {
            assert_eq!(label_mask_len(text.as_bytes()), len, "{text}");
        }
    }

    #[test]
    fn what_is_left_beside_a_mask_is_not_covered() {
        let mask = Mask::label();
        let line = b"p=[REDACTED:x],[REDACTED:y]hunter2";
        assert!(mask.covers(line, 2..27));
        assert!(mask.covers(line, 5..14));
        assert!(!mask.covers(line, 2..34));
    }

    #[test]
    fn a_partial_mask_keeps_at_most_a_quarter() {
        let mut out = Vec::new();
        Mask::partial(4).render("x", b"abcdefgh", &mut out);
        assert_eq!(out, b"****gh");
    }

    #[test]
    fn bare_json_numbers_are_told_from_text() {
        let line = br#"{"pin": 123456, "n": 1}"#;
        assert!(is_json_number(line, 8..14));
        assert!(begins_as_json(line) && !begins_as_json(b"pin: 123456, x"));
        assert!(!is_json_number(b"{pin: 123456 x", 6..12));
    }
}
