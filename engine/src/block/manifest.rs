//! The values below `data:` and `stringData:` of a Kubernetes Secret, as YAML or as JSON of many lines or one.
//!
//! Their keys are arbitrary, and which kind of object it is may stand behind them (`kubectl get -o yaml` sorts by name), so the
//! values decide. Below `data:` a value is one if it is base64 of text, or long and drawn at random: a ConfigMap's values, which
//! stand below the same word, are plain text. Below `stringData:`, which only Secrets have, what may be a password is one.
//!
//! A value stands behind its key, or below it if `|` or `>` does, deeper indented. The first line that is no deeper indented than
//! the marker ends them. What stands before the marker's indentation, as in `svc | data:`, must stand before each line, with any
//! digit for a digit.
//!
//! On one line ([`on_one_line`]) many other objects of JSON have a member `data`, so that something near it must say that this is a
//! Secret, as its kind or the command that patches one does; YAML's flow style (`data: {a: b}`) is judged as its block style is.
//!
//! Limits: JSON in a string of JSON is not read here.

use std::ops::Range;

use crate::confirm::assignment::judge;
use crate::confirm::check::decode_base64;
use crate::confirm::words;

/// The longest prefix of a line that is compared, in bytes.
const LONGEST_PREFIX: usize = 256;
/// So many lines of other writers in a row end the values.
const MOST_FOREIGN: u32 = 4;
/// The shortest base64 that is taken for a value without its padding, in bytes.
const LEAST_UNPADDED: usize = 8;
/// The shortest base64 of no text, as of a key, that is taken for a value, in bytes.
const LEAST_BINARY: usize = 24;

/// Where the values of an object stand.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    /// What stands before the indentation.
    prefix: Vec<u8>,
    /// The column of the marker, in bytes from the line's start.
    column: usize,
    /// Values are plain text.
    plain: bool,
    /// The column of the key whose value is the deeper lines below it.
    scalar: Option<usize>,
    foreign: u32,
}

impl Manifest {
    /// The values behind the marker at `marker`, if it is one of theirs.
    pub(super) fn at(line: &[u8], marker: Range<usize>) -> Option<Manifest> {
        let find = |word: &str| memchr::memmem::find(&line[marker.clone()], word.as_bytes());
        let (at, plain) = find("stringData:")
            .or_else(|| find("stringData\":"))
            .map(|at| (at, true))
            .or_else(|| find("data:").or_else(|| find("data\":")).map(|at| (at, false)))?;
        let head = &line[..marker.start + at];
        let head = head.strip_suffix(b"\"").unwrap_or(head);
        let prefix = head.trim_ascii_end();
        (prefix.len() <= LONGEST_PREFIX).then(|| Manifest {
            prefix: prefix.to_vec(),
            column: head.len(),
            plain,
            scalar: None,
            foreign: 0,
        })
    }

    /// Adds the span of the value in a line below the marker; true if more may follow.
    pub(super) fn line(&mut self, line: &[u8], spans: &mut Vec<Range<usize>>) -> bool {
        let n = self.prefix.len();
        let same = |a: &u8, b: &u8| a == b || (a.is_ascii_digit() && b.is_ascii_digit());
        if line.len() < n || !self.prefix.iter().zip(line).all(|(a, b)| same(a, b)) {
            self.foreign += 1;
            return self.foreign < MOST_FOREIGN;
        }
        self.foreign = 0;
        let text = line[n..].trim_ascii_start();
        let column = line.len() - text.len();
        if text.is_empty() {
            return true;
        }
        if column <= self.column {
            return false;
        }
        if self.scalar.is_some_and(|key| column > key) {
            self.value(line, column..line.len(), spans);
            return true;
        }
        self.scalar = None;
        let Some(at) = behind_key(text) else { return true };
        if matches!(text[at..].trim_ascii(), b"" | b"|" | b">" | b"|-" | b">-" | b"|+" | b">+") {
            self.scalar = Some(column);
        } else {
            self.value(line, column + at..line.len(), spans);
        }
        true
    }

    /// Adds the value at `span`, without blanks, quotes and a comma, if it is one.
    fn value(&self, line: &[u8], span: Range<usize>, spans: &mut Vec<Range<usize>>) {
        let text = &line[span.clone()];
        let start = span.start + text.len() - text.trim_ascii_start().len();
        let text = text.trim_ascii();
        let text = text.strip_suffix(b",").unwrap_or(text);
        let (start, value) = match text {
            [b'"', inside @ .., b'"'] | [b'\'', inside @ .., b'\''] => (start + 1, inside),
            _ => (start, text),
        };
        let is_secret = if self.plain { judge::may_be_password(value) } else { is_data(value) };
        if is_secret {
            spans.push(start..start + value.len());
        }
    }
}

/// How far before a member `data` its object may say that it is a Secret, in bytes.
const FARTHEST_KIND: usize = 256;

/// Adds the spans of the values of a Secret on one line, whose member `data` or `stringData` begins at `marker`, up to its first
/// key's first byte. At most `cap` bytes behind it are read.
pub(super) fn on_one_line(
    line: &[u8],
    marker: Range<usize>,
    cap: usize,
    spans: &mut Vec<Range<usize>>,
) {
    let known = spans.len();
    let text = &line[..line.len().min(marker.end + cap)];
    let head = line[marker.clone()].trim_ascii_start();
    let is_json = head.starts_with(b"\"");
    let plain = head.starts_with(if is_json { b"\"stringData" } else { b"stringData:" });
    // What streams events to browsers writes `data: {"…": …}` too.
    let is_common = !plain && (is_json || text[marker.end - 1] == b'"');
    let mut at = marker.end - 1;
    while let Some(key) = scalar(text, at) {
        let Some(value) = colon(text, key.end).and_then(|at| scalar(text, at)) else { break };
        at = value.end + quote(text, value.end);
        let inside = &text[value.clone()];
        if plain && judge::may_be_password(inside) || !plain && is_data(inside) {
            spans.push(value);
        }
        match text[at..].trim_ascii_start() {
            [b',', rest @ ..] => at = text.len() - rest.trim_ascii_start().len(),
            _ => break,
        }
    }
    let before = &line[marker.start.saturating_sub(FARTHEST_KIND)..marker.start];
    let behind = &text[at..text.len().min(at + 64)];
    if is_common && !says_secret(before) && !says_secret(behind) {
        spans.truncate(known);
    }
}

/// Whether members beside `data`, or the command before it, say that the object is a Secret: its kind, or one of its types.
fn says_secret(members: &[u8]) -> bool {
    const WORDS: [&str; 6] = [
        "\"Secret\"",
        "kind: Secret",
        "\"Opaque\"",
        "\"kubernetes.io/",
        "\"helm.sh/release",
        "patch secret",
    ];
    WORDS.iter().any(|word| memchr::memmem::find(members, word.as_bytes()).is_some())
}

/// The key or value at `at`: what stands between quotes, or up to what ends it in flow style.
fn scalar(text: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = text.get(at..)?;
    if let [sign @ (b'"' | b'\''), inside @ ..] = rest {
        return Some(at + 1..at + 1 + memchr::memchr(*sign, inside)?);
    }
    let end = rest.iter().position(|b| b" \t,:{}[]\"'".contains(b))?;
    (end > 0).then_some(at..at + end)
}

/// The length of the quote at `at`.
fn quote(text: &[u8], at: usize) -> usize {
    usize::from(matches!(text.get(at), Some(b'"' | b'\'')))
}

/// Where the value behind the key that ends at `at` and its colon begins.
fn colon(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at + quote(text, at)..)?.strip_prefix(b":")?;
    Some(text.len() - rest.trim_ascii_start().len())
}

/// The length of the key, the colon and the blanks that `text` begins with.
fn behind_key(text: &[u8]) -> Option<usize> {
    let quote = usize::from(matches!(text[0], b'"' | b'\''));
    let is_key = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let name = text[quote..].iter().take_while(is_key).count();
    let colon = quote + name + quote;
    let rest = text.get(colon..)?.strip_prefix(b":")?;
    let blanks = rest.iter().take_while(|b| **b == b' ').count();
    (name > 0 && (blanks > 0 || rest.is_empty() || quote > 0)).then_some(colon + 1 + blanks)
}

/// Base64 of text, or of something long that is none.
fn is_data(value: &[u8]) -> bool {
    let body = value.len() - value.iter().rev().take(2).take_while(|b| **b == b'=').count();
    let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    if value.is_empty() || !value.len().is_multiple_of(4) || !value[..body].iter().all(is_base64) {
        return false;
    }
    let plain = decode_base64(&value[..body]);
    let is_text = |text: &str| !text.chars().any(|c| c.is_control() && !c.is_ascii_whitespace());
    (value.len() >= LEAST_UNPADDED || body < value.len())
        && std::str::from_utf8(&plain).is_ok_and(is_text)
        || value.len() >= LEAST_BINARY && words::is_random(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Masks the values of a text's lines with `#`; the first line is the marker.
    fn masked(text: &str) -> String {
        let mut lines = text.split_inclusive('\n');
        let first = lines.next().unwrap();
        let mut manifest = Manifest::at(first.as_bytes(), 0..first.len());
        let mut out = first.to_owned();
        for line in lines {
            let mut spans = Vec::new();
            let text = line.trim_end_matches('\n');
            if manifest.as_mut().is_some_and(|m| !m.line(text.as_bytes(), &mut spans)) {
                manifest = None;
            }
            let mut line = line.to_owned();
            spans.into_iter().rev().for_each(|span| line.replace_range(span, "#"));
            out += &line;
        }
        out
    }

    #[test]
    fn values_under_any_key_are_masked() {
        for (text, wanted) in [
            ("data:\n  a: bm90LXJlYWwtMTI=\nkind: Secret\n", "data:\n  a: #\nkind: Secret\n"),
            ("data:\n\ta: \"bm90LXJlYWwtMTI=\"\n", "data:\n\ta: \"#\"\n"),
            ("data:\n  a: |-\n    bm90LXJlYWwtMTI=\nb: c\n", "data:\n  a: |-\n    #\nb: c\n"),
            (
                " \"data\": {\n  \"a.b\": \"bm90LXJlYWwtMTI=\",\n  \"c\": \"YWJjZGVm\"\n }\n",
                " \"data\": {\n  \"a.b\": \"#\",\n  \"c\": \"#\"\n }\n",
            ),
            ("svc-1 | data:\nsvc-2 |   a: bm90LXJl\n", "svc-1 | data:\nsvc-2 |   a: #\n"),
            ("stringData:\n  a: hunter2!\n", "stringData:\n  a: #\n"),
        ] {
            assert_eq!(masked(text), wanted);
        }
    }

    #[test]
    fn values_on_one_line_are_those_of_a_secret() {
        let found = |text: &str| {
            let at = text.find(r#""data":{""#).or_else(|| text.find(r#""stringData":{""#)).unwrap();
            let end = at + text[at..].find("{\"").unwrap() + 2;
            let mut spans = Vec::new();
            on_one_line(text.as_bytes(), at..end, 512, &mut spans);
            spans.into_iter().map(|span| text[span].to_owned()).collect::<Vec<_>>()
        };
        let data = r#""data":{"a":"bm90LXJlYWwtMTI=","b": "plain", "c":"bm90LXJlYWw="}"#;
        for text in [
            format!(r#"{{"kind":"Secret",{data}}}"#),
            format!(r#"{{{data},"kind":"Secret"}}"#),
            format!(r#"{{"kind":"Other",{data},"type":"kubernetes.io/tls"}}"#),
        ] {
            assert_eq!(found(&text), ["bm90LXJlYWwtMTI=", "bm90LXJlYWw="], "{text}");
        }
        assert_eq!(found(r#"{"stringData":{"a":"hunter2!"}}"#), ["hunter2!"]);
        let patch = format!(r#"kubectl patch secret app -p '{{{data}}}'"#);
        assert_eq!(found(&patch), ["bm90LXJlYWwtMTI=", "bm90LXJlYWw="]);
        for text in [
            format!(r#"{{"kind":"ConfigMap",{data}}}"#),
            r#"{"kind":"Secret","data":{"a":{"b":"bm90LXJlYWwtMTI="}}}"#.to_owned(),
            r#"{"kind":"Secret","data":{"a":"bm90LXJl"#.to_owned(),
        ] {
            assert!(found(&text).is_empty(), "{text}");
        }
    }

    #[test]
    fn flow_style_is_judged_as_block_style_is() {
        let found = |text: &str| {
            let end = text.find('{').unwrap() + 2;
            let mut spans = Vec::new();
            on_one_line(text.as_bytes(), 0..end, 512, &mut spans);
            spans.into_iter().map(|span| text[span].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found("data: {a: bm90LXJlYWwtMTI=, b: x}"), ["bm90LXJlYWwtMTI="]);
        assert_eq!(found("data: {'a': 'bm90LXJlYWwtMTI='}"), ["bm90LXJlYWwtMTI="]);
        assert_eq!(found("stringData: {a: hunter2!, b: true}"), ["hunter2!"]);
        for text in
            ["data: {mode: standard, n: 12}", "data: {a: {b: bm90LXJlYWwtMTI=}}", "data: {a}"]
        {
            assert!(found(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn other_lines_stay() {
        for text in [
            "data:\n  mode: standard\n  level: info\n  port: \"8080\"\n",
            "data:\n  url: https://example.com/a\n  when: 2024-01-02\n",
            "data:\nkind: bm90LXJlYWwtMTI=\n",
            "data:\na: x\n  b: bm90LXJlYWwtMTI=\n",
            "stringData:\n  a: ${PASSWORD}\n  b: |\n    {{ .Values.password }}\n",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
