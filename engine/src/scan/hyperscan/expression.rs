//! What Hyperscan is asked to look for: of each rule one or a few expressions that every match of the rule holds.
//!
//! An [`Expression`] is not the rule's pattern but a *superset* of it that is cheap to scan, and a distance: where it
//! ends, a match of the rule starts between [`Expression::max`] and [`Expression::min`] bytes before. The confirmer then
//! says what matches, so an expression may report too much, never too little. Therefore it may leave out:
//! - `^`, `$` and other look-arounds but `\b` and `\B`, because Hyperscan knows no CRLF;
//! - what follows the last part that must be there, since a prefix of a match is enough: `ghp_[0-9a-z]{36,255}\b` becomes
//!   `ghp_[0-9a-z]{36}`, whose every end is one start, and of which a long token has one end, not 220;
//! - a varying head in front of the first literal: `[a-z]{1,30}://` becomes `[a-z]{1}://`;
//! - group names, captures and laziness, which Hyperscan refuses or ignores.
//!
//! A rule that is anchored on keywords is looked for as keyword, gap, pattern: its pattern alone may be any run of digits.
//!
//! Each rule has several [`Plan`]s, from exact to loose: where Hyperscan finds one too large, the next is taken.
//!
//! Limits: classes of Unicode scalars beyond ASCII become "any bytes" of the same length.

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

use crate::rule::Rule;
use crate::rule::byte_set::ByteSet;
use crate::rule::parse::hir;

/// More alternatives than this stay one expression.
const MAX_BRANCHES: usize = 12;
/// Where a plan is too large, repetitions that vary more than this, or are longer, end it.
const SHORT_VARIATION: usize = 24;
const SHORT_REPEAT: u32 = 32;

/// One expression for Hyperscan.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    /// In Hyperscan's syntax, pure ASCII; byte values as `\xNN`.
    pub(super) text: String,
    /// The least distance in bytes from the start of a match to the expression's end; negative if the match starts behind.
    pub(super) min: i64,
    /// The greatest such distance.
    pub(super) max: i64,
    /// What it is made of, for [`Expression::sample`].
    parts: Vec<Hir>,
}

/// The expressions of one rule that together cover all its matches.
pub(super) type Plan = Vec<Expression>;

/// A rule's plans, the most exact first. What none of them can do is left to another scanner.
pub(super) fn plans(rule: &Rule) -> Vec<Plan> {
    let Ok(hir) = hir(rule.pattern()) else { return Vec::new() };
    let branches = branches(&hir);
    let keyed = !rule.anchors.is_empty() && rule.anchors.iter().all(|a| a.hi < -1);
    let make = |short: bool| -> Plan {
        branches
            .iter()
            .map(|parts| body(parts.clone(), short))
            .map(|b| b.finish(rule, keyed))
            .collect()
    };
    let mut plans = vec![make(false), make(true)];
    if keyed {
        plans.push(vec![keywords_alone(rule)]);
    }
    plans.retain(|plan| plan.iter().all(|e| !e.text.is_empty()));
    plans.dedup_by(|a, b| a.iter().map(|e| &e.text).eq(b.iter().map(|e| &e.text)));
    plans
}

/// The alternatives of a pattern, each as a row of parts without captures.
fn branches(hir: &Hir) -> Vec<Vec<Hir>> {
    let mut row = Vec::new();
    flatten(hir, &mut row);
    match row.as_slice() {
        [one] => match one.kind() {
            HirKind::Alternation(all) if all.len() <= MAX_BRANCHES => {
                all.iter().flat_map(branches).collect()
            }
            _ => vec![row],
        },
        _ => vec![row],
    }
}

fn flatten(hir: &Hir, row: &mut Vec<Hir>) {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Capture(c) => flatten(&c.sub, row),
        HirKind::Concat(parts) => parts.iter().for_each(|part| flatten(part, row)),
        // Looks that Hyperscan does not know are left out.
        HirKind::Look(look) if word_look(*look).is_none() => {}
        _ => row.push(hir.clone()),
    }
}

/// The parts of a pattern that are looked for, and the distance from a match's start to their end.
struct Body {
    parts: Vec<Hir>,
    min: usize,
    max: usize,
    /// By how much the start of the parts may be behind the start of the match, in bytes.
    lead: usize,
}

fn body(mut parts: Vec<Hir>, short: bool) -> Body {
    if short {
        shorten(&mut parts);
    }
    trim_tail(&mut parts);
    let (skipped_min, skipped_max) = trim_head(&mut parts);
    let (min, max) = length(&parts);
    Body { parts, min: skipped_min + min, max: skipped_max + max, lead: skipped_max }
}

impl Body {
    fn finish(self, rule: &Rule, keyed: bool) -> Expression {
        let mut parts = self.parts;
        if keyed {
            let least = rule.keywords().map(str::len).min().unwrap_or(0);
            let gap = usize::from(rule.near()).saturating_sub(least) + self.lead;
            parts.splice(0..0, [keyword_class(rule), repeat(&any_byte(), 0, gap as u32)]);
        }
        Expression { text: print(&parts), min: self.min as i64, max: self.max as i64, parts }
    }
}

/// Keywords without what follows: a match starts behind them.
fn keywords_alone(rule: &Rule) -> Expression {
    let least = rule.keywords().map(str::len).min().unwrap_or(0);
    let parts = vec![keyword_class(rule)];
    let near = i64::from(rule.near());
    Expression { text: print(&parts), min: -(near - least as i64), max: 0, parts }
}

fn keyword_class(rule: &Rule) -> Hir {
    let word =
        |word: &str| Hir::concat(word.bytes().map(|byte| class(ByteSet::fold(byte))).collect());
    Hir::alternation(rule.keywords().map(word).collect())
}

fn any_byte() -> Hir {
    class(ByteSet::single(b'\n').complement())
}

fn class(set: ByteSet) -> Hir {
    let ranges = set.iter().map(|b| regex_syntax::hir::ClassBytesRange::new(b, b));
    Hir::class(Class::Bytes(regex_syntax::hir::ClassBytes::new(ranges)))
}

fn repeat(sub: &Hir, min: u32, max: u32) -> Hir {
    let sub = Box::new(sub.clone());
    Hir::repetition(Repetition { min, max: Some(max), greedy: true, sub })
}

/// Ends the parts at the first one that is long or varies much.
fn shorten(parts: &mut Vec<Hir>) {
    for i in 0..parts.len() {
        let HirKind::Repetition(r) = parts[i].kind() else { continue };
        let (min, max) = length(&parts[i..=i]);
        if max - min > SHORT_VARIATION || r.min > SHORT_REPEAT {
            let least = r.min.min(SHORT_REPEAT);
            let end = repeat(&r.sub, least, least);
            // Something must be left that is rare enough to look for.
            if length(&parts[..i]).0 + length(std::slice::from_ref(&end)).0 >= 3 {
                parts.truncate(i);
                flatten(&end, parts);
                return;
            }
        }
    }
}

/// Drops what is optional at the end, and the variable part of the last repetition.
fn trim_tail(parts: &mut Vec<Hir>) {
    while let Some(last) = parts.last() {
        let varies =
            |hir: &Hir| length(std::slice::from_ref(hir)).0 != length(std::slice::from_ref(hir)).1;
        match last.kind() {
            HirKind::Look(_) => {
                // A boundary holds its place only behind something that has a fixed end.
                match parts.iter().rev().find(|p| !matches!(p.kind(), HirKind::Look(_))) {
                    Some(before) if !varies(before) => return,
                    _ => parts.pop(),
                };
            }
            HirKind::Repetition(r) if r.min == 0 => {
                parts.pop();
            }
            HirKind::Repetition(r) if r.max != Some(r.min) => {
                let fixed = repeat(&r.sub, r.min, r.min);
                parts.pop();
                flatten(&fixed, parts);
                return;
            }
            _ if length(std::slice::from_ref(last)).0 == 0 => {
                parts.pop();
            }
            _ => return,
        }
    }
}

/// Drops a weak and varying head; answers the least and greatest number of bytes that it could have.
fn trim_head(parts: &mut Vec<Hir>) -> (usize, usize) {
    let Some(strong) = parts.iter().position(is_strong) else { return (0, 0) };
    let varying = |hir: &Hir| {
        let (min, max) = length(std::slice::from_ref(hir));
        min != max
    };
    let Some(cut) = parts[..strong].iter().rposition(varying) else { return (0, 0) };
    let (mut min, mut max) = length(&parts[..=cut]);
    let kept = match parts[cut].kind() {
        HirKind::Repetition(r) if r.min > 0 => Some(repeat(&r.sub, r.min, r.min)),
        _ => None,
    };
    parts.drain(..=cut);
    if let Some(kept) = kept {
        let (kept_min, kept_max) = length(std::slice::from_ref(&kept));
        // What is kept is the end of what is dropped: the other copies lie before it.
        min -= kept_min;
        max -= kept_max;
        parts.insert(0, kept);
    }
    (min, max)
}

/// Whether a part tells a match from other text.
fn is_strong(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(_) => true,
        HirKind::Class(Class::Bytes(c)) => {
            c.ranges().iter().map(|r| usize::from(r.end() - r.start()) + 1).sum::<usize>() <= 4
        }
        HirKind::Alternation(_) => hir.properties().minimum_len().unwrap_or(0) >= 2,
        _ => false,
    }
}

/// The least and greatest number of bytes of a row of parts.
fn length(parts: &[Hir]) -> (usize, usize) {
    parts.iter().fold((0, 0), |(min, max), part| {
        let p = part.properties();
        // Rules are bounded, so the maximum is known.
        let len = p.maximum_len().unwrap_or(crate::rule::MAX_MATCH);
        (min + p.minimum_len().unwrap_or(0), max + len)
    })
}

fn word_look(look: Look) -> Option<&'static str> {
    match look {
        Look::WordAscii => Some(r"\b"),
        Look::WordAsciiNegate => Some(r"\B"),
        _ => None,
    }
}

fn print(parts: &[Hir]) -> String {
    let mut out = String::new();
    parts.iter().for_each(|part| print_part(part, &mut out));
    out
}

fn print_part(hir: &Hir, out: &mut String) {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Look(look) => out.push_str(word_look(*look).unwrap_or_default()),
        HirKind::Literal(l) => l.0.iter().for_each(|b| print_byte(*b, out)),
        HirKind::Class(class) => match bytes_of(class) {
            Some(set) => print_class(set, out),
            None => {
                let (min, max) = length(std::slice::from_ref(hir));
                print_class(ByteSet::single(b'\n').complement(), out);
                out.push_str(&format!("{{{min},{max}}}"));
            }
        },
        HirKind::Repetition(r) => {
            print_group(&r.sub, out);
            let bounds = match (r.min, r.max) {
                (0, Some(1)) => "?".to_owned(),
                (min, Some(max)) if min == max => format!("{{{min}}}"),
                (min, Some(max)) => format!("{{{min},{max}}}"),
                (min, None) => format!("{{{min},}}"),
            };
            out.push_str(&bounds);
        }
        HirKind::Capture(c) => print_part(&c.sub, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| print_part(part, out)),
        HirKind::Alternation(parts) => {
            let texts: Vec<String> = parts.iter().map(|p| print(std::slice::from_ref(p))).collect();
            let some: Vec<&str> =
                texts.iter().map(String::as_str).filter(|t| !t.is_empty()).collect();
            if !some.is_empty() {
                let optional = if some.len() < texts.len() { "?" } else { "" };
                out.push_str(&format!("(?:{}){optional}", some.join("|")));
            }
        }
    }
}

fn print_group(hir: &Hir, out: &mut String) {
    if matches!(hir.kind(), HirKind::Class(c) if bytes_of(c).is_some()) {
        return print_part(hir, out);
    }
    out.push_str("(?:");
    print_part(hir, out);
    out.push(')');
}

/// A class as bytes, without the line feed, which no match holds; none if it has characters beyond ASCII.
fn bytes_of(class: &Class) -> Option<ByteSet> {
    let set: ByteSet = match class {
        Class::Bytes(c) => c.ranges().iter().flat_map(|r| r.start()..=r.end()).collect(),
        Class::Unicode(c) if c.ranges().iter().all(|r| r.end().is_ascii()) => {
            c.ranges().iter().flat_map(|r| r.start() as u8..=r.end() as u8).collect()
        }
        Class::Unicode(_) => return None,
    };
    let without: ByteSet = set.iter().filter(|b| *b != b'\n').collect();
    Some(if without == ByteSet::default() { set } else { without })
}

fn print_class(set: ByteSet, out: &mut String) {
    let bytes: Vec<u8> = set.iter().collect();
    if let [one] = bytes[..] {
        return print_byte(one, out);
    }
    out.push('[');
    let mut rest = bytes.as_slice();
    while let [first, ..] = *rest {
        let run = rest.iter().zip(first..=255).take_while(|(b, n)| *b == n).count();
        print_byte(first, out);
        if run > 1 {
            out.push('-');
            print_byte(rest[run - 1], out);
        }
        rest = &rest[run..];
    }
    out.push(']');
}

fn print_byte(byte: u8, out: &mut String) {
    match byte.is_ascii_alphanumeric() {
        true => out.push(char::from(byte)),
        false => out.push_str(&format!("\\x{byte:02x}")),
    }
}

impl Expression {
    /// A short text that the expression matches to its end, if it stands between spaces; `seed` makes it differ.
    pub(super) fn sample(&self, seed: u64) -> Option<Vec<u8>> {
        (0..16).find_map(|attempt| {
            let mut sampler =
                Sampler { state: seed ^ (attempt << 56), out: Vec::new(), looks: Vec::new() };
            self.parts.iter().for_each(|part| sampler.part(part));
            sampler.looks_hold().then_some(sampler.out)
        })
    }
}

struct Sampler {
    state: u64,
    out: Vec<u8>,
    /// Positions of `\b` (true) and `\B`.
    looks: Vec<(usize, bool)>,
}

impl Sampler {
    fn part(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Look(look) => match look {
                Look::WordAscii => self.looks.push((self.out.len(), true)),
                Look::WordAsciiNegate => self.looks.push((self.out.len(), false)),
                _ => {}
            },
            HirKind::Literal(l) => self.out.extend_from_slice(&l.0),
            HirKind::Class(class) => match bytes_of(class) {
                Some(set) => {
                    let bytes: Vec<u8> = set.iter().collect();
                    let byte = bytes[self.pick(bytes.len())];
                    self.out.push(byte);
                }
                None => (0..length(std::slice::from_ref(hir)).0).for_each(|_| self.out.push(b'x')),
            },
            HirKind::Repetition(r) => (0..r.min).for_each(|_| self.part(&r.sub)),
            HirKind::Capture(c) => self.part(&c.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.part(part)),
            HirKind::Alternation(parts) => {
                let branch = self.pick(parts.len());
                self.part(&parts[branch]);
            }
        }
    }

    /// A splitmix64 step.
    fn pick(&mut self, count: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % count as u64) as usize
    }

    fn looks_hold(&self) -> bool {
        let word = |at: Option<usize>| {
            at.and_then(|at| self.out.get(at)).is_some_and(|b| ByteSet::word().contains(*b))
        };
        self.looks.iter().all(|(at, boundary)| {
            let differs = word(at.checked_sub(1)) != word(Some(*at));
            differs == *boundary
        })
    }
}
