//! The markers of armour: where a block ends, and what runs into one.

use std::ops::Range;

use crate::rule::BlockKind;

/// What ends a block.
const END_MARKERS: [&str; 3] = ["-----END ", "---- END ", "Private-MAC: "];
/// The length of the longest end marker, in bytes.
const LONGEST_END_MARKER: usize = 13;
/// The same of one with escapes: five of up to eight backslashes each.
pub(crate) const LONGEST_ESCAPED_MARKER: usize = 5 * (8 + 5) + 4;
/// What the begin markers of PEM and OpenPGP blocks start with.
const BEGIN_MARKER: &str = "-----BEGIN ";

/// The end of a secret of another rule at `span`: before a marker that it runs into, so that the marker stays for the block's
/// rule. A marker that lies all inside the secret changes nothing.
pub(crate) fn end_before_marker(line: &[u8], span: Range<usize>) -> usize {
    let runs_into = |at: &usize| {
        let known = |marker: &&str| line[*at..].starts_with(marker.as_bytes());
        let mut markers = END_MARKERS.iter().chain([&BEGIN_MARKER]);
        markers.find(|m| known(m)).is_some_and(|m| at + m.len() > span.end)
    };
    let from = span.end.saturating_sub(LONGEST_END_MARKER).max(span.start);
    // Markers begin with a dash or a capital: most secrets are told apart by one byte.
    let mut starts = (from..span.end).filter(|at| matches!(line[*at], b'-' | b'P'));
    let end = starts.find(runs_into).unwrap_or(span.end);
    // One that is written with escapes.
    let from = end.saturating_sub(LONGEST_ESCAPED_MARKER).max(span.start);
    let around = &line[from..line.len().min(end + LONGEST_ESCAPED_MARKER)];
    if memchr::memchr(b'\\', around).is_none() {
        return end;
    }
    let behind = escaped_end_marker(around, end - from).map(|m| from + m.start);
    behind.filter(|start| *start < end).unwrap_or(end)
}

/// The first marker in `text` that ends a block of this kind.
pub(super) fn end_marker(kind: BlockKind, text: &[u8]) -> Option<Range<usize>> {
    let [pem, ssh2, ppk] = END_MARKERS;
    let find = |marker: &str| {
        memchr::memmem::find(text, marker.as_bytes()).map(|at| at..at + marker.len())
    };
    match kind {
        BlockKind::Pem => find(pem).or_else(|| find(ssh2)).or_else(|| escaped_end_marker(text, 0)),
        BlockKind::Ppk => find(ppk),
        BlockKind::Element => None,
    }
}

/// The first `-----END ` in `text` that ends behind `least`, with dashes written as escapes of JSON.
fn escaped_end_marker(text: &[u8], least: usize) -> Option<Range<usize>> {
    let escape = |end: usize| {
        let text = &text[..end];
        let head = text.strip_suffix(b"u002d").or_else(|| text.strip_suffix(b"u002D"))?;
        let slashes = head.iter().rev().take(8).take_while(|b| **b == b'\\').count();
        (slashes > 0).then_some(head.len() - slashes)
    };
    let words = memchr::memmem::find_iter(text, b"END ");
    let mut words = words.filter(|at| at + 4 > least);
    let (mut start, end) = words.find_map(|at| Some((escape(at)?, at + 4)))?;
    for _ in 1..5 {
        start = escape(start).unwrap_or(start);
    }
    Some(start..end)
}

/// Whether a byte is one of the words of a marker.
static OF_MARKER: [bool; 256] = {
    let mut of_marker = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        of_marker[byte as usize] =
            byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ';
        byte += 1;
    }
    of_marker
};

/// Whether position `at` stands in the words of an armour's begin or end marker.
pub(crate) fn in_marker(line: &[u8], at: usize) -> bool {
    let head = &line[at.saturating_sub(64)..at];
    let is_other = |b: &u8| !OF_MARKER[usize::from(*b)];
    // Most keys stand behind something else.
    if head.last().is_none_or(is_other) {
        return false;
    }
    let other = head.iter().rposition(is_other);
    let words = head[other.map_or(0, |other| other + 1)..].trim_ascii_start();
    (words.starts_with(b"BEGIN ") || words.starts_with(b"END "))
        && head[..head.len() - words.len()].trim_ascii_end().ends_with(b"-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_ends_before_a_marker_that_it_runs_into() {
        for (text, wanted) in [
            ("abcd-----END X", "abcd"),
            (r"abcd\u002d\u002dEND X", "abcd"),
            // The first is all inside.
            (r"ab\u002dEND cd\u002dEND X", r"ab\u002dEND cd"),
            ("abcd\\", "abcd\\"),
        ] {
            let end = text.rfind("END").map_or(text.len(), |at| at + 2);
            let line = format!("key={text}");
            let found = end_before_marker(line.as_bytes(), 4..4 + end);
            assert_eq!(&line[4..found], wanted, "{text}");
        }
    }
}
