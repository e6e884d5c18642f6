//! Secrets of several lines: PEM and PGP armour, PuTTY keys; and the text of XML elements on a line of its own.
//!
//! A rule with `block = …` matches the begin marker. From there to the end marker every line's body is masked, line by
//! line, so nothing is held back and memory does not depend on the block's length: markers, per-line prefixes
//! (indentation, time stamps, `svc | `), quotes and line ends stay. A block inside one line (`\n`-escaped in JSON) is one
//! span.
//!
//! What counts as body: a run of at least [`LONG_RUN`] base64 characters anywhere, or any run where a line's body starts,
//! once the body has begun. Lines of other writers may stand between. After [`MAX_MISSES`] lines in a row without body the
//! block is over: an end marker that never comes must not mask a whole log.
//!
//! Of an element, only the first line with text behind the tag is looked at, and masked if it is one value that looks
//! drawn at random. The same holds of what else promises a value on the next line: `name: DB_PASSWORD` and `value: …` below
//! it, `<key>` and `<string>` of a property list, `password: |` of YAML and the text below it, PHP's `["password"]=>`, `default = "…"`
//! of a variable of Terraform, below its type and description. A marker
//! `data:` is that of a Kubernetes object ([`manifest`]).

use std::ops::Range;

use crate::confirm::assignment::judge;
use crate::mask::label_mask_len;
use crate::rule::BlockKind;
use element::{is_about_variable, lone_value};
use manifest::Manifest;
use marker::end_marker;
pub(crate) use marker::{LONGEST_ESCAPED_MARKER, end_before_marker, in_marker};

mod element;
mod manifest;
mod marker;

/// How far behind a begin marker its end marker is looked for on the same line, in bytes; what a line has behind this is
/// masked run by run.
pub(crate) const SAME_LINE_CAP: usize = 16 << 10;
const LONG_RUN: usize = 20;
/// What is shorter in a block on one line is an ellipsis, not a key.
const LEAST_RUN: usize = 8;
const MAX_MISSES: u32 = 4;
/// So many markers of one line are looked at to see whether they go with another secret: bounds what a hostile line costs.
pub(crate) const MOST_HIDDEN: usize = 16;
/// The longest per-line prefix that is compared, in bytes. What is longer is none: no part of it stands at the start of a line.
const LONGEST_PREFIX: usize = 1024;

/// What is known of the lines that a block is on.
pub(crate) struct Known<'k> {
    /// Whether a marker of the line goes with another secret: it ends nothing, since a second run does not see it.
    pub(crate) hidden: &'k dyn Fn(Range<usize>) -> bool,
    /// The text that masks are, if it is a fixed one: what was masked before is no body, whatever letters it has.
    pub(crate) fixed_mask: &'k [u8],
}

/// A block whose end marker has not come yet.
#[derive(Clone, Debug)]
pub(crate) struct OpenBlock {
    pub(crate) rule: u32,
    kind: BlockKind,
    /// The mask that this rule's bodies get, without its end.
    mask: Vec<u8>,
    prefix: Vec<u8>,
    begun: bool,
    misses: u32,
    /// Set below the marker of a Kubernetes object's values.
    manifest: Option<Manifest>,
    /// The marker of an element promises a password.
    password: bool,
    /// The marker ends in `|` or `>`: text of YAML follows.
    scalar: bool,
}

impl OpenBlock {
    /// Reads on behind the begin marker at `marker`. Appends the body's spans in this line to `spans`; answers the block if
    /// it goes on in the next line.
    pub(crate) fn begin(
        kind: BlockKind,
        rule: u32,
        label: &str,
        line: &[u8],
        marker: Range<usize>,
        known: &Known<'_>,
        spans: &mut Vec<Range<usize>>,
    ) -> Option<OpenBlock> {
        let prefix = Some(&line[..marker.start]).filter(|prefix| prefix.len() <= LONGEST_PREFIX);
        let prefix = prefix.unwrap_or_default().to_vec();
        let mask = format!("[REDACTED:{label}").into_bytes();
        let mut block = OpenBlock {
            rule,
            kind,
            mask,
            prefix,
            begun: false,
            misses: 0,
            manifest: None,
            password: false,
            scalar: false,
        };
        if kind == BlockKind::Element {
            let holds =
                |w: &[u8]| line[marker.clone()].windows(w.len()).any(|t| t.eq_ignore_ascii_case(w));
            let brace = line[marker.clone()].iter().rposition(|b| *b == b'{');
            if brace
                .is_some_and(|at| !line[marker.start + at + 1..marker.end].trim_ascii().is_empty())
            {
                manifest::on_one_line(line, marker, SAME_LINE_CAP, spans);
                return None;
            }
            block.password = holds(b"pass") || holds(b"pwd") || holds(b"securestring");
            let sign = line[marker.clone()].iter().rev().find(|b| !b" \t\r+-".contains(b));
            block.scalar = matches!(sign, Some(b'|' | b'>'));
            block.manifest = Manifest::at(line, marker.clone());
            return Some(block);
        }
        let cap = line.len().min(marker.end + SAME_LINE_CAP);
        if let Some(end) = block.first_end(&line[..cap], marker.end, known) {
            let body = trim_escapes(line, marker.end..end.start);
            if holds_run(&line[body.clone()]) {
                spans.push(body);
            }
            return None;
        }
        block.body(line, marker.end, known, spans);
        Some(block)
    }

    /// Masks the body in a line inside the block; true if the block goes on.
    pub(crate) fn line(
        &mut self,
        line: &[u8],
        known: &Known<'_>,
        spans: &mut Vec<Range<usize>>,
    ) -> bool {
        if let Some(manifest) = &mut self.manifest {
            return manifest.line(line, spans);
        }
        if self.kind == BlockKind::Element {
            return self.element_text(line, spans);
        }
        let end = self.first_end(line, 0, known).map(|marker| marker.start);
        let text = &line[..end.unwrap_or(line.len())];
        let found = self.body(text, self.prefix_len(text), known, spans);
        if end.is_some() {
            return false;
        }
        if found {
            self.misses = 0;
        } else if !text.trim_ascii().is_empty() {
            self.misses += 1;
        }
        self.misses < MAX_MISSES
    }

    /// The first end marker behind `from` that is not hidden.
    fn first_end(&self, line: &[u8], mut from: usize, known: &Known<'_>) -> Option<Range<usize>> {
        let markers = std::iter::from_fn(|| {
            let marker = end_marker(self.kind, &line[from..])?;
            let marker = from + marker.start..from + marker.end;
            from = marker.end;
            Some(marker)
        });
        let seen = |(i, m): &(usize, Range<usize>)| *i >= MOST_HIDDEN || !(known.hidden)(m.clone());
        markers.enumerate().find(seen).map(|(_, marker)| marker)
    }

    /// Whether it goes on until an end marker comes.
    pub(crate) fn is_armour(&self) -> bool {
        self.kind != BlockKind::Element
    }

    /// Masks the value that is all of `line`; true if the line is empty.
    fn element_text(&mut self, line: &[u8], spans: &mut Vec<Range<usize>>) -> bool {
        let text = line.trim_ascii();
        let value = lone_value(text);
        let named = self.scalar || value.len() < text.len();
        let judge = if named { judge::may_be_password } else { judge::is_strong_password };
        if judge::is_lone_secret(value) || self.password && judge(value) {
            // Both are parts of the line.
            let start = value.as_ptr() as usize - line.as_ptr() as usize;
            spans.push(start..start + value.len());
        }
        self.misses += 1;
        (text.is_empty() || is_about_variable(text)) && self.misses < MAX_MISSES
    }

    /// The length of what stands before the body in `line`: the begin line's prefix, any digit for a digit, or else blanks,
    /// quotes and comment signs.
    fn prefix_len(&self, line: &[u8]) -> usize {
        let same = |a: &u8, b: &u8| a == b || (a.is_ascii_digit() && b.is_ascii_digit());
        let n = self.prefix.len();
        if n > 0 && line.len() >= n && self.prefix.iter().zip(line).all(|(a, b)| same(a, b)) {
            return n;
        }
        let loose = |at: usize| match line[at] {
            b' ' | b'\t' | b'"' | b'\'' | b'`' | b'#' | b'*' | b'>' | b'|' | b'(' | b'[' | b',' => {
                true
            }
            // Base64 may begin with these, so only what they stand before tells a sign from a body.
            b'/' if line.get(at + 1) == Some(&b'/') => line.get(at + 2) == Some(&b' '),
            b'+' | b'.' | b'/' => matches!(line.get(at + 1), Some(b' ' | b'"' | b'\'')),
            _ => false,
        };
        (0..line.len()).find(|at| !loose(*at)).unwrap_or(line.len())
    }

    /// Appends the spans of body in `line[from..]`; true if there is any, or a header, or a mask.
    fn body(
        &mut self,
        line: &[u8],
        from: usize,
        known: &Known<'_>,
        spans: &mut Vec<Range<usize>>,
    ) -> bool {
        let mut at = from;
        let mut at_head = true;
        let mut found = self.is_header(&line[from..]);
        while at < line.len() {
            if line[at] == b'\\' {
                // An escaped line end: what follows stands at the head of a line.
                at += line[at..].iter().take_while(|b| **b == b'\\').count();
                if matches!(line.get(at), Some(b'n' | b'r' | b't')) {
                    at += 1;
                }
                at_head = true;
                continue;
            }
            if line[at] == b'['
                && let Some(len) = label_mask_len(&line[at..])
            {
                // Masks of other rules stand in lines that are no body.
                let own = line[at..].strip_prefix(&*self.mask);
                found |= own.is_some_and(|rest| matches!(rest[0], b']' | b':'));
                at += len;
                continue;
            }
            let run = line[at..].iter().take_while(|b| is_base64(**b)).count();
            if run == 0 {
                at_head = at_head && matches!(line[at], b' ' | b'\t' | b'\r');
                at += 1;
                continue;
            }
            let behind = &line[at + run..];
            let ends = || {
                matches!(behind.first(), None | Some(b'"' | b'\'' | b'`' | b'\\' | b'\r' | b'\n'))
                    || behind.trim_ascii().is_empty()
            };
            let is_long =
                run >= LONG_RUN && unmasked(&line[at..at + run], known.fixed_mask) >= LONG_RUN;
            if is_long || (self.begun && at_head && ends() && !found_header(line, at)) {
                self.begun |= is_long;
                found = true;
                spans.push(at..at + run);
            }
            at_head = false;
            at += run;
        }
        found
    }

    fn is_header(&self, text: &[u8]) -> bool {
        let name = text.iter().take_while(|b| b.is_ascii_alphabetic() || **b == b'-').count();
        name >= 4 && text[name..].starts_with(b": ")
    }
}

fn found_header(line: &[u8], at: usize) -> bool {
    line[at..].starts_with(b"Comment") || line[at..].starts_with(b"Version")
}

/// Whether a run of [`LEAST_RUN`] base64 characters stands in `body`, masks left out.
fn holds_run(body: &[u8]) -> bool {
    let (mut at, mut run) = (0, 0);
    while at < body.len() && run < LEAST_RUN {
        match label_mask_len(&body[at..]) {
            Some(len) => (at, run) = (at + len, 0),
            None => (at, run) = (at + 1, if is_base64(body[at]) { run + 1 } else { 0 }),
        }
    }
    run >= LEAST_RUN
}

/// How many bytes of a run are left without masks of a fixed text.
fn unmasked(run: &[u8], fixed: &[u8]) -> usize {
    if fixed.is_empty() {
        return run.len();
    }
    run.len() - memchr::memmem::find_iter(run, fixed).count() * fixed.len()
}

fn is_base64(byte: u8) -> bool {
    BASE64[usize::from(byte)]
}

static BASE64: [bool; 256] = {
    let mut base64 = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        base64[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        byte += 1;
    }
    base64
};

/// Drops blanks and escaped line ends on both sides.
fn trim_escapes(line: &[u8], span: Range<usize>) -> Range<usize> {
    let (mut start, mut end) = (span.start, span.end);
    loop {
        match &line[start..end] {
            [b' ' | b'\t' | b'\r' | b'\n', ..] => start += 1,
            [b'\\', b'n' | b'r' | b't', ..] => start += 2,
            [b'\\', b'\\', ..] => start += 1,
            [.., b' ' | b'\t' | b'\r' | b'\n'] => end -= 1,
            [.., b'\\', b'n' | b'r' | b't'] => end -= 2,
            [.., b'\\'] => end -= 1,
            _ => return start..end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Known<'static> = Known { hidden: &|_| false, fixed_mask: b"" };

    /// Masks the bodies of a text's lines with `#`, opening a block at `BEGIN-----`.
    fn masked(text: &str) -> String {
        let mut block: Option<OpenBlock> = None;
        let mut out = String::new();
        for line in text.split_inclusive('\n') {
            let mut spans = Vec::new();
            match &mut block {
                Some(open) => {
                    if !open.line(line.as_bytes(), &NOTHING, &mut spans) {
                        block = None;
                    }
                }
                None => {
                    if let Some(at) = line.find("-----BEGIN X-----") {
                        let marker = at..at + 17;
                        block = OpenBlock::begin(
                            BlockKind::Pem,
                            0,
                            "x",
                            line.as_bytes(),
                            marker,
                            &NOTHING,
                            &mut spans,
                        );
                    }
                }
            }
            let mut line = line.to_owned();
            for span in spans.into_iter().rev() {
                line.replace_range(span, "#");
            }
            out += &line;
        }
        out
    }

    const BODY: &str = "MIIEfakefakefakefakefakefake";

    #[test]
    fn bodies_are_masked_in_every_line_form() {
        for eol in ["\n", "\r\n", "\r\r\n"] {
            for prefix in ["", "    ", "svc | ", "2026-01-02T03:04:05 app: ", "# "] {
                let lines = ["-----BEGIN X-----", BODY, "aB3=", "-----END X-----", "after"];
                let text: String = lines.iter().map(|l| format!("{prefix}{l}{eol}")).collect();
                let wanted = text.replace(BODY, "#").replace("aB3=", "#");
                assert_eq!(masked(&text), wanted, "{prefix:?} {eol:?}");
            }
        }
    }

    #[test]
    fn an_escaped_block_is_one_span() {
        let text =
            format!("{{\"k\":\"-----BEGIN X-----\\n{BODY}\\naB3=\\n-----END X-----\\n\"}}\n");
        assert_eq!(masked(&text), "{\"k\":\"-----BEGIN X-----\\n#\\n-----END X-----\\n\"}\n");
    }

    #[test]
    fn escaped_dashes_end_a_block_too() {
        let dashes = r"\u002d\u002D\u002d\u002d\u002d";
        let text = format!("-----BEGIN X-----\\n{BODY}\\n{dashes}END X{dashes}\n");
        let wanted = format!("-----BEGIN X-----\\n#\\n{dashes}END X{dashes}\n");
        assert_eq!(masked(&text), wanted);
    }

    #[test]
    fn string_concatenation_is_followed() {
        let text = format!(
            "k = \"-----BEGIN X-----\\n\" +\n  \"{BODY}\\n\" +\n  \"aB3=\\n\" +\n  \"-----END X-----\";\n"
        );
        let wanted = text.replace(BODY, "#").replace("aB3=", "#");
        assert_eq!(masked(&text), wanted);
    }

    #[test]
    fn an_elements_text_is_masked_if_it_is_a_lone_value() {
        for (text, masked) in [
            ("  Zk3vQ9xTb2LwPq8R", Some(2..18)),
            ("hunter22hunter", None),
            ("<name>x</name>", None),
            ("${TOKEN_1}", None),
            ("two words", None),
            ("value: \"Zk3vQ9xTb2LwPq8R\",", Some(8..24)),
            ("<string>Zk3vQ9xTb2LwPq8R</string>", Some(8..24)),
            ("<value>Zk3vQ9xTb2LwPq8R</value>", Some(7..23)),
            ("value: $(TOKEN)", None),
            ("  default = \"Zk3vQ9xTb2LwPq8R\"", Some(13..29)),
            ("value = var.x", None),
            ("string(16) \"Zk3vQ9xTb2LwPq8R\"", Some(12..28)),
        ] {
            let mut spans = Vec::new();
            let (kind, line) = (BlockKind::Element, b"<token>");
            let mut block =
                OpenBlock::begin(kind, 0, "x", line, 0..7, &NOTHING, &mut spans).unwrap();
            assert!(!block.line(text.as_bytes(), &NOTHING, &mut spans));
            assert_eq!(spans.pop(), masked, "{text}");
        }
    }

    #[test]
    fn a_block_without_an_end_does_not_mask_the_log() {
        let text = "see -----BEGIN X----- in the docs\nINFO started ok\nlistening on 80\nGET / 200\nGET /a 200\nDone\n";
        assert_eq!(masked(text), text);
    }
}
