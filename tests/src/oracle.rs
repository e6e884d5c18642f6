//! A second implementation of what a match is: naive, slow, and independent of the engine's code.
//!
//! For each line and each rule, the crate `regex` searches from left to right. A match that a condition refuses hides
//! nothing: the search goes on one byte after its start. What overlaps is merged. The masked line is looked at again until
//! nothing is found in it any more. The rules are read from the TOML text, not from the engine.
//!
//! Limits: rules with `value = "assignment"` or `block`, checks but `luhn`, pseudonyms, and spans beyond 32 KiB are not
//! covered; the tests compare those with the engine's own result for the whole input.

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::MaskForm;

/// A span of the input and the index of the rule that names it.
pub type Span = (usize, usize, usize);

/// How often a line is looked at again for what its masks bring about.
const MAX_ROUNDS: usize = 4;

/// The oracle's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The redacted text.
    pub output: Vec<u8>,
    /// What was masked, in offsets of the input.
    pub spans: Vec<Span>,
    /// What was found in the input itself, overlaps not merged.
    pub matches: Vec<Span>,
    /// Whether masks made new matches beside them.
    pub made_by_masks: bool,
}

/// Rules and a mask.
pub struct Oracle {
    rules: Vec<OracleRule>,
    mask: MaskForm,
    label_mask: Regex,
}

#[derive(Deserialize)]
struct File {
    rule: Vec<Raw>,
}

#[derive(Deserialize)]
struct Raw {
    id: String,
    label: Option<String>,
    pattern: String,
    #[serde(default)]
    keywords: Vec<String>,
    near: Option<usize>,
    #[serde(default)]
    entropy: f64,
    #[serde(default)]
    allow: Vec<String>,
    check: Option<String>,
    on_check_fail: Option<String>,
    confidence: Option<String>,
}

struct OracleRule {
    raw: Raw,
    regex: Regex,
    allow: Vec<Regex>,
}

fn regex(pattern: &str) -> Regex {
    RegexBuilder::new(pattern)
        .unicode(false)
        .multi_line(true)
        .crlf(true)
        .build()
        .expect("the engine took this pattern")
}

impl Oracle {
    /// # Panics
    /// If the rules are none that the engine takes, or need what the oracle does not cover.
    pub fn new(rules: &str, mask: MaskForm) -> Oracle {
        let file: File = toml::from_str(rules).expect("the engine took these rules");
        let rule = |raw: Raw| {
            let checked = raw.check.as_deref().is_none_or(|c| c == "luhn");
            assert!(checked && raw.on_check_fail.as_deref() != Some("lower"), "not covered");
            let allow = raw.allow.iter().map(|a| regex(a)).collect();
            OracleRule { regex: regex(&raw.pattern), allow, raw }
        };
        let label_mask = regex(r"\[REDACTED(?::[a-z0-9:-]{0,86})?\]");
        Oracle { rules: file.rule.into_iter().map(rule).collect(), mask, label_mask }
    }

    /// Redacts a whole input.
    pub fn redact(&self, input: &[u8]) -> Answer {
        let mut answer =
            Answer { output: vec![], spans: vec![], matches: vec![], made_by_masks: false };
        let mut offset = 0;
        for line in input.split_inclusive(|b| *b == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            self.line(text, offset, &mut answer);
            answer.output.extend_from_slice(&line[text.len()..]);
            offset += line.len();
        }
        answer
    }

    fn line(&self, line: &[u8], offset: usize, answer: &mut Answer) {
        let found = self.find(line);
        let moved = |s: &Span| (s.0 + offset, s.1 + offset, s.2);
        answer.matches.extend(found.iter().map(moved));
        let mut spans = self.merge(found);
        let (mut masked, mut map) = self.render(line, &spans);
        for round in 1..=MAX_ROUNDS + 1 {
            let again = if spans.is_empty() { vec![] } else { self.find(&masked) };
            if again.is_empty() {
                break;
            }
            answer.made_by_masks = true;
            let mut new: Vec<Span> = again.iter().map(|s| original(&map, *s)).collect();
            // After so many looks the rest of the line is one secret, and then all of it.
            let rest = match round {
                MAX_ROUNDS => new.iter().map(|s| s.0).min(),
                1..MAX_ROUNDS => None,
                _ => Some(0),
            };
            let end = line.strip_suffix(b"\r").unwrap_or(line).len();
            let rule = new[0].2;
            new.extend(rest.filter(|start| *start < end).map(|start| (start, end, rule)));
            spans.extend(new);
            spans = self.merge(spans);
            (masked, map) = self.render(line, &spans);
        }
        answer.spans.extend(spans.iter().map(moved));
        answer.output.extend_from_slice(&masked);
    }

    /// All accepted matches of one line.
    fn find(&self, line: &[u8]) -> Vec<Span> {
        let mut out = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let mut at = 0;
            while at <= line.len() {
                let Some(captures) = rule.regex.captures_at(line, at) else { break };
                let all = captures.get(0).expect("group 0 is the match");
                let secret = captures.name("secret").unwrap_or(all);
                let (start, end) = whole_characters(line, secret.start(), secret.end());
                let end = before_end_marker(line, start, end);
                if self.accepts(rule, line, all.start(), start, end) {
                    out.push((start, end, index));
                    at = all.end();
                } else {
                    at = all.start() + 1;
                }
            }
        }
        out
    }

    fn accepts(&self, rule: &OracleRule, line: &[u8], at: usize, start: usize, end: usize) -> bool {
        let secret = &line[start..end];
        !secret.is_empty()
            && !self.is_masked(line, start, end)
            && self.has_keyword(&rule.raw, line, at)
            && (rule.raw.entropy == 0.0 || entropy(secret) >= rule.raw.entropy)
            && !rule.allow.iter().any(|a| a.is_match(secret))
            && (rule.raw.check.is_none() || luhn(secret))
    }

    /// Whether `start..end` holds nothing but masks and punctuation.
    fn is_masked(&self, line: &[u8], start: usize, end: usize) -> bool {
        let mut masked = vec![false; line.len()];
        for mask in self.label_mask.find_iter(line) {
            masked[mask.range()].fill(true);
        }
        let own = match &self.mask {
            MaskForm::Fixed(text) => Some(regex(&regex::escape(text))),
            MaskForm::Partial(keep) => Some(regex(&format!(r"\*{{4}}[A-Za-z0-9]{{0,{keep}}}"))),
            _ => None,
        };
        // Own masks from any position, overlapping ones too.
        for at in 0..line.len() {
            let mask = own.as_ref().and_then(|own| own.find_at(line, at));
            if let Some(mask) = mask.filter(|mask| mask.start() == at) {
                masked[mask.range()].fill(true);
            }
        }
        (start..end)
            .all(|at| masked[at] || (line[at].is_ascii() && !line[at].is_ascii_alphanumeric()))
    }

    /// A keyword in the bytes before `at`; words inside masks do not count.
    fn has_keyword(&self, rule: &Raw, line: &[u8], at: usize) -> bool {
        let from = at.saturating_sub(rule.near.unwrap_or(48));
        let masks: Vec<_> = self.label_mask.find_iter(line).map(|m| m.range()).collect();
        let has = |word: &String| {
            let word = word.to_ascii_lowercase().into_bytes();
            (from..at).any(|i| {
                line[i..at].to_ascii_lowercase().starts_with(&word)
                    && !masks.iter().any(|m| m.start < i && i < m.end)
            })
        };
        rule.keywords.is_empty() || rule.keywords.iter().any(has)
    }

    fn merge(&self, mut spans: Vec<Span>) -> Vec<Span> {
        let confidence = |rule: usize| match self.rules[rule].raw.confidence.as_deref() {
            Some("high") => 0,
            None | Some("medium") => 1,
            _ => 2,
        };
        spans.sort_by_key(|s| (s.0, usize::MAX - s.1, confidence(s.2), s.2));
        let mut out: Vec<Span> = Vec::new();
        for span in spans {
            match out.last_mut() {
                Some(last) if span.0 < last.1 => last.1 = last.1.max(span.1),
                _ => out.push(span),
            }
        }
        out
    }

    /// The masked line, and which part of it stands for which part of `line`.
    fn render(&self, line: &[u8], spans: &[Span]) -> (Vec<u8>, Vec<[usize; 4]>) {
        let (mut out, mut map, mut at) = (Vec::new(), Vec::new(), 0);
        for (start, end, rule) in spans {
            out.extend_from_slice(&line[at..*start]);
            let from = out.len();
            out.extend_from_slice(&self.mask_of(line, *start, *end, *rule));
            map.push([from, out.len(), *start, *end]);
            at = *end;
        }
        out.extend_from_slice(&line[at..]);
        (out, map)
    }

    fn mask_of(&self, line: &[u8], start: usize, end: usize, rule: usize) -> Vec<u8> {
        let secret = &line[start..end];
        let raw = &self.rules[rule].raw;
        let mask = match &self.mask {
            MaskForm::Label => {
                format!("[REDACTED:{}]", raw.label.as_ref().unwrap_or(&raw.id)).into_bytes()
            }
            MaskForm::Fixed(text) => text.clone().into_bytes(),
            MaskForm::Stars => vec![b'*'; secret.len()],
            MaskForm::Partial(keep) => {
                let tail = &secret[secret.len() - (*keep).min(8).min(secret.len() / 4)..];
                let plain = tail.iter().all(u8::is_ascii_alphanumeric);
                [&b"****"[..], if plain { tail } else { &[] }].concat()
            }
            MaskForm::Pseudonym => panic!("not covered"),
        };
        if is_json_number(line, start, end) { [b"\"", &mask[..], b"\""].concat() } else { mask }
    }
}

/// A span of masked text as one of the text before: what touches a mask takes all that the mask stands for.
fn original(map: &[[usize; 4]], (start, end, rule): Span) -> Span {
    let back = |at: usize| {
        let last = map.iter().rev().find(|m| m[1] <= at);
        last.map_or(at, |m| at - m[1] + m[3])
    };
    let inside = |at: usize| map.iter().find(|m| m[0] <= at && at < m[1]);
    let from = inside(start).map_or_else(|| back(start), |m| m[2]);
    let to = inside(end - 1).map_or_else(|| back(end - 1) + 1, |m| m[3]);
    (from, to, rule)
}

/// Widens a span so that it cuts no character.
fn whole_characters(line: &[u8], start: usize, end: usize) -> (usize, usize) {
    let around = |at: usize| {
        let lengths = |from: usize| (2..=4).map(move |len| (from, from + len));
        (at.saturating_sub(3)..at)
            .flat_map(lengths)
            .filter(|(_, to)| at < *to && *to <= line.len())
            .find(|(from, to)| {
                std::str::from_utf8(&line[*from..*to]).is_ok_and(|s| s.chars().count() == 1)
            })
            .unwrap_or((at, at))
    };
    (around(start).0, around(end).1)
}

/// A secret that runs into the end marker of a block ends before it.
fn before_end_marker(line: &[u8], start: usize, end: usize) -> usize {
    let marker = regex("-----BEGIN |-----END |---- END |Private-MAC: ");
    marker
        .find_iter(&line[start..])
        .map(|m| start + m.start()..start + m.end())
        .find(|m| m.start < end && end < m.end)
        .map_or(end, |m| m.start)
}

fn entropy(bytes: &[u8]) -> f64 {
    let mut sum = 0.0;
    for value in 0..=255u8 {
        let count = bytes.iter().filter(|b| **b == value).count();
        if count > 0 {
            let p = count as f64 / bytes.len() as f64;
            sum -= p * p.log2();
        }
    }
    sum
}

fn luhn(bytes: &[u8]) -> bool {
    let digits: Vec<u32> =
        bytes.iter().filter(|b| b.is_ascii_digit()).map(|b| u32::from(b - b'0')).collect();
    let doubled = |d: u32| if d > 4 { 2 * d - 9 } else { 2 * d };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| if i % 2 == 0 { *d } else { doubled(*d) })
        .sum();
    digits.len() > 1 && sum.is_multiple_of(10)
}

/// A bare number where JSON has a value, on a line that starts like JSON.
fn is_json_number(line: &[u8], start: usize, end: usize) -> bool {
    let json = regex(r"(?s)^[ \t\n\x0c\r]*[{\[]");
    let before = regex(r"[:,\[][ \t\n\x0c\r]*\z");
    let after = regex(r"\A[ \t\n\x0c\r]*(?:[,}\]]|\z)");
    line[start].is_ascii_digit()
        && line[start..end].iter().all(|b| b"0123456789-+.eE".contains(b))
        && json.find(line).is_some_and(|m| m.start() == 0)
        && before.is_match(&line[..start])
        && after.is_match(&line[end..])
}
