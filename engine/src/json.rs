//! Masks fit into JSON: a line that is a JSON document stays one.
//!
//! A span may reach over quotes or begin inside an escape. In a line that begins as JSON ([`fit`]) it is cut at the ends of
//! strings, widened to whole escapes and whole numbers, and what stands between values stays. Only tokens up to the span's
//! end are read (RFC 8259 sections 2, 6 and 7), so the answer does not depend on how the line goes on; a line that stops
//! looking like JSON before that is left to the plain rules.

use std::ops::Range;

use crate::confirm::{Hit, line_around};
use crate::mask;

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A bracket, brace, colon or comma, and where it stands.
    Sign(u8, usize),
    /// What stands between the quotes.
    String(Range<usize>),
    Number(Range<usize>),
    Literal(Range<usize>),
}

/// The tokens of a line, as long as it is JSON.
pub(crate) struct Tokens<'l> {
    line: &'l [u8],
    at: usize,
    depth: usize,
}

impl<'l> Tokens<'l> {
    pub(crate) fn new(line: &'l [u8]) -> Tokens<'l> {
        Tokens { line, at: 0, depth: 0 }
    }

    fn sign(&mut self, byte: u8) -> Option<Token> {
        self.at += 1;
        Some(Token::Sign(byte, self.at - 1))
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            let start = self.at;
            match *self.line.get(start)? {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                byte @ (b'{' | b'[') if self.depth > 0 || self.is_blank_before(start) => {
                    self.depth += 1;
                    return self.sign(byte);
                }
                // Behind the document, more text makes it none.
                _ if self.depth == 0 => return None,
                byte @ (b'}' | b']') => {
                    self.depth -= 1;
                    return self.sign(byte);
                }
                byte @ (b':' | b',') => return self.sign(byte),
                b'"' => {
                    let content = start + 1..string_end(self.line, start + 1);
                    self.at = content.end + 1;
                    return Some(Token::String(content));
                }
                _ => return self.word(start),
            }
        }
    }
}

impl Tokens<'_> {
    fn is_blank_before(&self, at: usize) -> bool {
        self.line[..at].trim_ascii().is_empty()
    }

    fn word(&mut self, start: usize) -> Option<Token> {
        let of_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.');
        let len = self.line[start..].iter().take_while(|b| of_word(b)).count();
        let word = &self.line[start..start + len];
        self.at = start + len;
        if [&b"true"[..], b"false", b"null"].contains(&word) {
            return Some(Token::Literal(start..self.at));
        }
        let digits = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
        let number = matches!(word.first(), Some(b'-' | b'0'..=b'9')) && word.iter().all(digits);
        number.then_some(Token::Number(start..self.at))
    }
}

/// Where the string whose content starts at `at` ends: at its quote, or the line's end.
fn string_end(line: &[u8], mut at: usize) -> usize {
    while let Some(p) = memchr::memchr2(b'"', b'\\', &line[at..]) {
        if line[at + p] == b'"' {
            return at + p;
        }
        at = line.len().min(at + p + 2);
    }
    line.len()
}

/// The length in bytes of what begins at `at`: an escape or one byte.
fn unit_len(line: &[u8], at: usize) -> usize {
    match (line[at], line.get(at + 1)) {
        (b'\\', Some(b'u')) => 6,
        (b'\\', _) => 2,
        _ => 1,
    }
}

/// `span` widened to whole escapes, as a part of the string with this content.
pub(crate) fn whole_escapes(
    line: &[u8],
    content: &Range<usize>,
    span: Range<usize>,
) -> Range<usize> {
    let (mut start, mut end) = (span.start, span.end);
    let mut at = content.start;
    while at < end {
        let next = content.end.min(at + unit_len(line, at));
        if at < start && start < next {
            start = at;
        }
        end = if at < end && end < next { next } else { end };
        at = next;
    }
    // Backslashes before a quote say which string it ends, also in text inside the string: they stay together.
    let before = line[start..end].iter().rev().take_while(|b| **b == b'\\').count();
    let after = line[end..].iter().take_while(|b| **b == b'\\').count();
    if line.get(end + after) == Some(&b'"') && before < end - start {
        end -= before;
    }
    start..end
}

/// The last position up to `at` that does not part a backslash from what it escapes, be it the six bytes of `\u0061`.
pub(crate) fn whole_escape(text: &[u8], at: usize) -> usize {
    let escapes = |at: usize| {
        let backslashes = text[..at].iter().rev().take_while(|b| **b == b'\\').count();
        backslashes % 2 == 1
    };
    let is_cut =
        |start: &usize| escapes(*start + 1) && (*start + 1 == at || text[*start + 1] == b'u');
    (at.saturating_sub(5)..at).find(is_cut).unwrap_or(at)
}

/// Fits the hits of `line`, which are disjoint and in order, into its JSON, and appends what they become to `out`; positions
/// are in bytes of the line.
pub(crate) fn fit(line: &[u8], hits: &[Hit], out: &mut Vec<Hit>) {
    let mut tokens = Tokens::new(line).peekable();
    for (number, hit) in hits.iter().enumerate() {
        let before = out.len();
        let mut silent = hit.silent;
        let mut read = 0;
        while let Some(token) = tokens.peek() {
            let (range, span) = match token {
                Token::Sign(_, at) => (&(*at..at + 1), None),
                Token::String(content) => {
                    let span = hit.start.max(content.start)..hit.end.min(content.end);
                    (content, (!span.is_empty()).then(|| whole_escapes(line, content, span)))
                }
                Token::Number(range) => {
                    let touches = hit.start < range.end && range.start < hit.end;
                    (range, touches.then(|| range.clone()))
                }
                Token::Literal(range) => (range, None),
            };
            if range.start >= hit.end {
                read = hit.end;
                break;
            }
            read = range.end;
            if let Some(span) = span {
                // What two hits share after widening is masked once.
                let start = span.start.max(out.last().map_or(0, |last| last.end));
                if start < span.end {
                    let in_string = matches!(token, Token::String(_));
                    out.push(Hit { start, end: span.end, silent, in_string, ..*hit });
                    silent = false;
                }
            }
            if range.end >= hit.end {
                break;
            }
            tokens.next();
        }
        // Not JSON up to here, or nothing of it in a value. No escape is parted even so, as in a line whose start is gone.
        if read < hit.end || out.len() == before {
            out.truncate(before);
            let last = out.last().map_or(0, |last| last.end);
            if last >= hit.end {
                continue;
            }
            let from = whole_escape(line, hit.start).max(last);
            let next = hits.get(number + 1).map_or(line.len(), |next| next.start);
            let span = whole_escapes(line, &(from..next), hit.start.max(last)..hit.end);
            out.push(Hit { start: span.start, end: span.end, in_string: false, ..*hit });
        }
    }
}

/// The line of the hit that was written last, and whether it begins as JSON: hits come in order, and a line may be long.
#[derive(Default)]
pub(crate) struct OfLine {
    line: Range<usize>,
    json: bool,
}

impl OfLine {
    /// What stands on both sides of the mask of `hit`, whose place is in `hay`: quotes, if it is a bare number of a JSON
    /// document, which becomes a string; also in a document inside a string.
    ///
    /// `cut_json` says whether the line began as JSON, if its start is not in `hay`.
    pub(crate) fn quote(
        &mut self,
        hay: &[u8],
        hit: &Hit,
        cut_json: Option<bool>,
    ) -> Option<Vec<u8>> {
        let span = hit.start..hit.end;
        if !matches!(hay[hit.start], b'0'..=b'9' | b'-') || !mask::is_json_number(hay, span) {
            return None;
        }
        if !self.line.contains(&hit.start) {
            self.line = line_around(hay, hit.start);
            self.json = mask::begins_as_json(&hay[self.line.clone()]);
        }
        let start = self.line.start;
        match cut_json.filter(|_| start == 0).unwrap_or(self.json) {
            false => None,
            true if !hit.in_string => Some(b"\"".to_vec()),
            true => inner_quote(&hay[self.line.clone()], hit.start - start),
        }
    }
}

/// The quote that a string at `at` needs inside the string that `at` stands in, which may hold JSON text itself: that of the
/// nearest string of the line before it. None if that is the string's own.
///
/// Quotes have 0, 1, 3, 7, … backslashes, one more level each; more of them belong to what stands before the quote.
fn inner_quote(line: &[u8], at: usize) -> Option<Vec<u8>> {
    let quote = memchr::memrchr(b'"', &line[..at])?;
    let backslashes = line[..quote].iter().rev().take_while(|b| **b == b'\\').count();
    let count = (1usize << backslashes.trailing_ones().min(8)) - 1;
    (count > 0).then(|| [&b"\\".repeat(count)[..], b"\""].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(line: &str, span: &str) -> Vec<String> {
        let start = line.find(span).unwrap();
        let mut out = Vec::new();
        fit(line.as_bytes(), &[Hit::new(start..start + span.len(), 0)], &mut out);
        out.iter().map(|h| line[h.start..h.end].to_owned()).collect()
    }

    #[test]
    fn spans_are_cut_at_the_ends_of_strings() {
        let line = r#"{"a":"one two","b":[12345,true],"c":"x\u0061y\"z"}"#;
        for (span, wanted) in [
            ("two", vec!["two"]),
            (r#"two","b"#, vec!["two", "b"]),
            ("234", vec!["12345"]),
            ("45,true],", vec!["12345"]),
            ("061y", vec![r"\u0061y"]),
            (r"y\", vec![r#"y\""#]),
        ] {
            assert_eq!(fitted(line, span), wanted, "{span}");
        }
    }

    #[test]
    fn a_quote_has_the_level_of_the_string_before_it() {
        for (line, wanted) in [
            (r#"{"a":1"#, None),
            (r#"{"a\\":1"#, None),
            (r#"{"x":"{\"a\":1"#, Some(r#"\""#)),
            (r#"{"x":"{\"a\\\\\":1"#, Some(r#"\""#)),
            (r#"{"x":"{\"y\":\"{\\\"a\\\":1"#, Some(r#"\\\""#)),
        ] {
            let found = inner_quote(line.as_bytes(), line.len() - 1);
            assert_eq!(found.as_deref(), wanted.map(str::as_bytes), "{line}");
        }
    }

    #[test]
    fn no_escape_is_parted_where_the_json_is_over() {
        for (line, span, wanted) in [
            (r#"{"pin": 12\acme_0123 x"#, "acme_0123", r"\acme_0123"),
            (r#"{"pin": 12\\acme_0123 x"#, "acme_0123", "acme_0123"),
            (r#"{"pin": 12 acme_\n x"#, r"acme_\", r"acme_\n"),
        ] {
            assert_eq!(fitted(line, span), [wanted], "{line}");
        }
        // What was widened may hold the start of the next.
        let line = r#"{"pin": 12\u0061x y"#;
        let mut out = Vec::new();
        fit(line.as_bytes(), &[Hit::new(9..13, 0), Hit::new(14..16, 0)], &mut out);
        let found: Vec<_> = out.iter().map(|h| &line[h.start..h.end]).collect();
        assert_eq!(found.concat(), r"2\u0061", "{found:?}");
    }

    #[test]
    fn what_is_no_json_stays_as_it_is() {
        for (line, span) in [
            (r#"{"a":"b"} then c="d e""#, r#"="d e"#),
            (r#"[main] "x" "y""#, r#"x" "y"#),
            (r#"{a:"b" "c"}"#, r#"b" "c"#),
            (r#"["a"#, r#"["a"#),
        ] {
            let wanted = if line.len() == 3 { "a" } else { span };
            assert_eq!(fitted(line, span), [wanted], "{line}");
        }
    }
}
