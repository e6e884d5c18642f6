//! Anchors: where in a match something rare must stand.
//!
//! A scanner does not run patterns; it looks for *anchors*: a short sequence of byte classes at a known distance from the
//! start of a match. [`anchors`] reads them off a pattern's HIR: every way through the pattern (a *path*) is cut into
//! runs of consecutive classes, and of each path the rarest window by a model of log text is kept. Every match of the
//! pattern follows some path, so it holds that path's anchor: scanners that find all anchors have no false negatives.
//!
//! Limits: a pattern with more than [`MAX_PATHS`] ways through is summarised by gaps, which widens offsets but loses
//! nothing; a pattern without any class of its own (`.{4}`) has no anchor.

use regex_syntax::hir::{Hir, HirKind, Look};

use super::byte_set::ByteSet;
use super::frequency::{coarse_probability, probability, sampled};
use super::run::{RunClass, bytes_of};
use super::trigger::{WORDS, classes_of};

/// The longest window that is kept, in bytes.
pub(crate) const MAX_WINDOW: usize = 12;
/// The longest shape that is kept, in bytes: longer ones leave less to the confirmer.
const MAX_SHAPE: usize = 48;
const MAX_PATHS: usize = 192;

/// A sequence of byte classes that every match (of one path) holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Anchor {
    /// The classes of consecutive bytes.
    pub(crate) window: Vec<ByteSet>,
    /// The least distance in bytes from the start of the match to the window; negative for a byte before the match.
    pub(crate) lo: i32,
    /// The greatest such distance.
    pub(crate) hi: i32,
}

impl Anchor {
    /// Whether the first four bytes are a shape, such as digits, not a literal.
    pub(crate) fn is_shape(&self) -> bool {
        probability(&self.window[..self.window.len().min(4)]) > SHAPE
    }

    /// How probable the window is at a random position of log text, times what the uncertainty of its offset costs.
    pub(crate) fn cost(&self) -> f64 {
        let spread = f64::from(self.hi - self.lo);
        probability(&self.window) * (1.0 + spread.sqrt())
    }
}

/// Anchors that together cover every match of `hir`; empty if some path has none.
pub(crate) fn anchors(hir: &Hir) -> Vec<Anchor> {
    let mut found: Vec<Anchor> = Vec::new();
    let ways: Vec<Vec<Run>> = paths(hir).iter().map(|path| runs(path)).collect();
    for way in &ways {
        let Some(best) = best_window(way) else { return Vec::new() };
        add(&mut found, best);
    }
    if (2..=MOST_COMPARED).contains(&found.len()) {
        drop_needless(&mut found, &ways);
    }
    found
}

/// Of more anchors than this, none is dropped.
const MOST_COMPARED: usize = 48;

/// Drops anchors whose ways others cover too, which must be there for other ways, if that makes them all cheaper: the dearest
/// first.
fn drop_needless(found: &mut Vec<Anchor>, ways: &[Vec<Run>]) {
    let mut order: Vec<Anchor> = found.clone();
    order.sort_by(|a, b| anchor_rank(b).total_cmp(&anchor_rank(a)));
    for needless in order {
        let mut others: Vec<Anchor> = found.iter().filter(|a| **a != needless).cloned().collect();
        // A way is covered by what stands in it already, or by what costs least to be widened for it.
        let is_covered = ways.iter().all(|way| {
            let places = others.iter().enumerate().flat_map(|(i, a)| {
                let places = places_of(&a.window, way).into_iter();
                places.map(move |(lo, hi)| (i, lo.min(a.lo), hi.max(a.hi)))
            });
            let widened = places.map(|(i, lo, hi)| {
                let wide = Anchor { lo, hi, ..others[i].clone() };
                (anchor_rank(&wide) - anchor_rank(&others[i]), i, wide)
            });
            let best = widened.min_by(|a, b| a.0.total_cmp(&b.0));
            best.map(|(_, i, wide)| others[i] = wide).is_some()
        });
        if is_covered && rank(&others) < rank(found) {
            *found = others;
        }
    }
}

/// Where a window stands in all matches of a way: offsets at least and at most.
fn places_of(window: &[ByteSet], way: &[Run]) -> Vec<(i32, i32)> {
    let mut found = Vec::new();
    for run in way {
        for (from, sets) in run.sets.windows(window.len()).enumerate() {
            if sets.iter().zip(window).all(|(set, class)| set.is_subset(class)) {
                found.push((run.lo + from as i32, run.hi + from as i32));
            }
        }
    }
    found
}

/// Adds an anchor; those that begin alike become one, of what they have in common and of what stands behind it in one or the
/// other, if that is little: the sign behind a word says more than the word.
fn add(found: &mut Vec<Anchor>, new: Anchor) {
    let common = |a: &Anchor| {
        let pairs = a.window.iter().zip(&new.window);
        pairs.take_while(|(a, b)| a == b).count()
    };
    let alike = |a: &&mut Anchor| common(a) >= ALIKE.min(a.window.len()).min(new.window.len());
    match found.iter_mut().find(alike) {
        Some(a) => {
            let common = common(a);
            let next = a.window.get(common).zip(new.window.get(common));
            let next = next.map(|(a, b)| a.union(b)).filter(|next| next.len() <= FEW_SIGNS);
            a.window.truncate(common);
            a.window.extend(next);
            (a.lo, a.hi) = (a.lo.min(new.lo), a.hi.max(new.hi));
        }
        None => found.push(new),
    }
}

/// A class of more bytes tells little.
const FEW_SIGNS: usize = 12;

/// Windows are alike if their first classes are equal, as many as the vector kernels look at and one more.
const ALIKE: usize = 5;

/// Anchors at the words of [`WORDS`] where a path holds one, since these are looked for anyway; the rarest window of other paths. Nothing
/// if a path has none, or if the `others` are far rarer.
pub(crate) fn anchors_at_words(hir: &Hir, others: &[Anchor]) -> Option<Vec<Anchor>> {
    let mut found: Vec<Anchor> = Vec::new();
    for path in paths(hir) {
        let runs = runs(&path);
        let word = runs.iter().find_map(|run| {
            let at = |i: usize| WORDS.iter().find(|word| starts_with_word(&run.sets[i..], word));
            let (i, word) = (0..run.sets.len()).find_map(|i| Some((i, at(i)?)))?;
            let window = classes_of(word).collect();
            Some(Anchor { window, lo: run.lo + i as i32, hi: run.hi + i as i32 })
        });
        add(&mut found, word.or_else(|| best_window(&runs))?);
    }
    (others.is_empty() || rank(&found) < FAR_RARER * rank(others)).then_some(found)
}

/// Words that are looked for anyway cost so much less than others of the same rarity.
const FAR_RARER: f64 = 200.0;

/// Whether classes allow nothing else than a word at their start.
pub(crate) fn starts_with_word(sets: &[ByteSet], word: &str) -> bool {
    sets.len() >= word.len() && classes_of(word).zip(sets).all(|(c, set)| set.is_subset(&c))
}

/// The first classes of every match, if they are nearly literal or `any` will do; else nothing.
pub(crate) fn heads(hir: &Hir, any: bool) -> Vec<Vec<ByteSet>> {
    let mut found: Vec<Vec<ByteSet>> = Vec::new();
    for path in paths(hir) {
        let runs = runs(&path);
        let Some(first) = runs.first().filter(|run| run.lo <= 0 && run.hi <= 0) else {
            return Vec::new();
        };
        let sets = &first.sets[first.lo.unsigned_abs() as usize..];
        let most = if is_nearly_literal(sets) { MAX_WINDOW } else { MAX_SHAPE };
        let head = sets[..sets.len().min(most)].to_vec();
        if !any && !is_nearly_literal(&head) {
            return Vec::new();
        }
        // What one way begins with may stand wherever another's does.
        if !found.iter().any(|wide| is_part(&head, wide)) {
            found.retain(|narrow| !is_part(narrow, &head));
            found.push(head);
        }
    }
    found
}

/// Whether `wide` stands wherever `narrow` does.
fn is_part(narrow: &[ByteSet], wide: &[ByteSet]) -> bool {
    narrow.len() >= wide.len() && narrow.iter().zip(wide).all(|(n, w)| n.is_subset(w))
}

/// Above this probability, the first four bytes of an anchor are a shape, such as digits, not a literal.
pub(crate) const SHAPE: f64 = 1e-4;

/// Whether the first bytes of a window can be spelt out in a few ways.
pub(crate) fn is_nearly_literal(window: &[ByteSet]) -> bool {
    let spelt = |sets: &[ByteSet]| sets.iter().map(ByteSet::len).product::<usize>();
    window.len() >= 4 && spelt(&window[..4]) <= MOST_SPELT
        || window.len() >= 3 && spelt(&window[..3]) <= MOST_SPELT
}

/// Bytes that allow more spellings than this are not nearly literal.
const MOST_SPELT: usize = 400;

/// Anchors for a keyword (any case) that ends before the match and starts at most `near` bytes before it.
pub(crate) fn keyword_anchor(keyword: &str, near: u16) -> Anchor {
    let window: Vec<ByteSet> = keyword.bytes().take(MAX_WINDOW).map(ByteSet::fold).collect();
    Anchor { window, lo: -i32::from(near), hi: -(keyword.len() as i32) }
}

#[derive(Clone)]
enum Element {
    Class(ByteSet),
    /// Between `.0` and `.1` bytes of anything.
    Gap(usize, usize),
    /// `\b` or `\B`, `^`, `$`: no byte. True for `\b`.
    Look(bool),
}

/// Longer distances are all alike.
const FAR: usize = 1 << 20;

fn gap(hir: &Hir) -> Element {
    let p = hir.properties();
    Element::Gap(p.minimum_len().unwrap_or(0), p.maximum_len().unwrap_or(FAR).min(FAR))
}

fn paths(hir: &Hir) -> Vec<Vec<Element>> {
    match hir.kind() {
        HirKind::Empty => vec![vec![]],
        HirKind::Look(look) => {
            vec![vec![Element::Look(matches!(look, Look::WordAscii | Look::WordUnicode))]]
        }
        HirKind::Literal(l) => {
            vec![l.0.iter().map(|b| Element::Class(ByteSet::single(*b))).collect()]
        }
        HirKind::Class(class) => {
            vec![vec![bytes_of(class).map_or_else(|| gap(hir), Element::Class)]]
        }
        HirKind::Capture(c) => paths(&c.sub),
        HirKind::Repetition(r) => {
            let sub = paths(&r.sub);
            if r.min == 0 {
                let all = gap(hir);
                if r.max == Some(1) {
                    let mut with = sub;
                    with.push(vec![]);
                    return with;
                }
                return vec![vec![all]];
            }
            let copies = (r.min as usize).min(MAX_WINDOW);
            let mut out = vec![vec![]];
            let mut done = 0;
            while done < copies && out.len() * sub.len() <= MAX_PATHS {
                out = product(&out, &sub);
                done += 1;
            }
            let p = r.sub.properties();
            let rest_min = (r.min as usize - done) * p.minimum_len().unwrap_or(0);
            let rest_max = match (r.max, p.maximum_len()) {
                (Some(m), Some(len)) => (m as usize - done).saturating_mul(len).min(FAR),
                _ => FAR,
            };
            if rest_max > 0 {
                out.iter_mut().for_each(|path| path.push(Element::Gap(rest_min, rest_max)));
            }
            out
        }
        HirKind::Concat(parts) => {
            let mut out = vec![vec![]];
            for part in parts {
                let sub = paths(part);
                if out.len() * sub.len() > MAX_PATHS {
                    out.iter_mut().for_each(|path: &mut Vec<Element>| path.push(gap(part)));
                } else {
                    out = product(&out, &sub);
                }
            }
            out
        }
        HirKind::Alternation(parts) => {
            let out: Vec<_> = parts.iter().flat_map(paths).collect();
            if out.len() > MAX_PATHS { vec![vec![gap(hir)]] } else { out }
        }
    }
}

fn product(left: &[Vec<Element>], right: &[Vec<Element>]) -> Vec<Vec<Element>> {
    left.iter().flat_map(|l| right.iter().map(|r| l.iter().chain(r).cloned().collect())).collect()
}

/// One stretch of consecutive classes, with the range of offsets of its first byte.
struct Run {
    sets: Vec<ByteSet>,
    lo: i32,
    hi: i32,
}

fn runs(path: &[Element]) -> Vec<Run> {
    let mut out: Vec<Run> = Vec::new();
    let mut open = false;
    let (mut lo, mut hi) = (0i32, 0i32);
    for (i, element) in path.iter().enumerate() {
        match element {
            Element::Look(word_boundary) => {
                // A `\b` before the first byte, if that is a word byte: the byte before is none.
                let next = path[i + 1..].iter().find(|e| !matches!(e, Element::Look(_)));
                if let (true, 0, false, Some(Element::Class(set))) =
                    (*word_boundary, hi, open, next)
                    && set.is_subset(&ByteSet::word())
                {
                    let before = ByteSet::word().complement();
                    out.push(Run { sets: vec![before], lo: -1, hi: -1 });
                    open = true;
                }
            }
            Element::Class(set) => {
                match out.last_mut().filter(|_| open) {
                    Some(run) => run.sets.push(*set),
                    None => out.push(Run { sets: vec![*set], lo, hi }),
                }
                open = true;
                lo += 1;
                hi += 1;
            }
            Element::Gap(min, max) => {
                open = open && *max == 0;
                lo += *min as i32;
                hi = hi.saturating_add(*max as i32).min(FAR as i32);
            }
        }
    }
    out
}

fn best_window(runs: &[Run]) -> Option<Anchor> {
    let mut best: Option<(f64, Anchor)> = None;
    for run in runs {
        for from in 0..run.sets.len().min(64) {
            let to = run.sets.len().min(from + MAX_WINDOW);
            let shift = from as i32;
            let anchor = Anchor {
                window: run.sets[from..to].to_vec(),
                lo: run.lo + shift,
                hi: run.hi + shift,
            };
            let end = if is_end_of_capitals(&run.sets, from) { END_OF_CAPITALS } else { 1.0 };
            let cost = anchor_rank(&anchor) + (end - 1.0) * CONFIRM * probability(&anchor.window);
            if best.as_ref().is_none_or(|(least, _)| cost < *least * 0.9) {
                best = Some((cost, anchor));
            }
        }
    }
    best.map(|(_, anchor)| anchor)
}

/// What a window costs: its first four bytes are what the vector kernels look at, and the whole window is what wakes the
/// confirmer, which is dearer by about [`CONFIRM`].
fn anchor_rank(anchor: &Anchor) -> f64 {
    let head = &anchor.window[..anchor.window.len().min(4)];
    let spread = f64::from(anchor.hi - anchor.lo);
    let generic = if starts_with_generic(&anchor.window) { GENERIC } else { 1.0 };
    let first = coarse_probability(head).max(sampled(head));
    let plain = RunClass::Broad.set();
    let word = anchor.window.iter().rev().take_while(|set| set.is_subset(&plain)).count();
    let whole = probability(&anchor.window) * if word >= LONG_WORD { LONG_WORDS } else { 1.0 };
    generic * (first + CONFIRM * whole * (1.0 + spread))
}

/// Whether the window from `from` on begins with the last few letters of a word of capitals: `GIN ` ends `BEGIN` as it ends
/// `LOGIN`.
fn is_end_of_capitals(sets: &[ByteSet], from: usize) -> bool {
    let is_capital = |set: &&ByteSet| set.len() == 1 && set.iter().all(|b| b.is_ascii_uppercase());
    let count = sets[from..].iter().take_while(is_capital).count();
    (1..4).contains(&count) && from.checked_sub(1).is_some_and(|p| is_capital(&&sets[p]))
}

/// How much likelier such a window is than its bytes say.
const END_OF_CAPITALS: f64 = 1000.0;

/// What all of these cost.
fn rank(all: &[Anchor]) -> f64 {
    all.iter().map(anchor_rank).sum()
}

/// Words of this many bytes are rarer by a factor than single bytes say.
const LONG_WORD: usize = 10;
const LONG_WORDS: f64 = 0.1;

/// A name says more than the words that stand beside every name: hundreds of rules that share `token` all wake at each.
const GENERIC: f64 = 200.0;

/// Words and parts of words that stand beside names.
const BESIDE: [&str; 12] = [
    "password",
    "passphrase",
    "secret",
    "token",
    "key",
    "credential",
    "client",
    "access",
    "account",
    "private",
    "bearer",
    "value",
];

/// Whether the first bytes are those of such a word, or lie inside it.
fn starts_with_generic(window: &[ByteSet]) -> bool {
    let begins = |text: &[ByteSet], word: &str| {
        let len = word.len().min(4).min(text.len());
        len >= 3 && classes_of(&word[..len]).zip(text).all(|(c, set)| set.is_subset(&c))
    };
    (0..2).any(|from| {
        let text = window.get(from..).unwrap_or_default();
        BESIDE
            .iter()
            .any(|word| (0..=word.len().saturating_sub(3)).any(|at| begins(text, &word[at..])))
    })
}

/// How many first looks one confirmation costs, roughly.
const CONFIRM: f64 = 25.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str) -> Vec<Anchor> {
        anchors(&crate::rule::parse::hir(pattern).unwrap())
    }

    #[test]
    fn a_literal_prefix_is_the_anchor() {
        let found = of(r"\bghp_[A-Za-z0-9]{36}");
        assert_eq!(found.len(), 1);
        assert!(found[0].lo == found[0].hi && found[0].lo <= 0);
        assert!(found[0].cost() < 1e-6);
    }

    #[test]
    fn an_inner_literal_has_a_range_of_offsets() {
        let found = of(r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}");
        assert_eq!((found[0].lo, found[0].hi), (8, 10));
        assert_eq!(found[0].window[0], ByteSet::single(b':'));
    }

    #[test]
    fn every_alternative_has_an_anchor() {
        assert_eq!(of("(?:sk_live_|rk_live_)[a-z]{4}").len(), 2);
    }

    #[test]
    fn an_anchor_that_is_there_for_another_way_will_do() {
        // `zqxjacme` is rarer than `==?`, but that must be looked for because of the other way.
        let found = of("[0-9]{2,4}==[?](?:zqxjacme|[a-z]{4})");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].lo, found[0].hi), (2, 4));
    }

    #[test]
    fn ways_that_begin_alike_share_an_anchor_with_the_sign_behind() {
        let found = of("zqxjacme(?:=[0-9]{4}|:[a-z]{4})");
        assert_eq!(found.len(), 1);
        let sign = ByteSet::single(b'=').union(&ByteSet::single(b':'));
        assert_eq!(found[0].window.last(), Some(&sign));
        // Of many signs, none is told.
        let found = of("zqxjacme(?:[0-9]{4}|[g-z]{4})");
        assert_eq!(found[0].window.last(), Some(&ByteSet::single(b'e')));
    }

    #[test]
    fn a_head_that_is_part_of_another_is_not_looked_for() {
        let heads = |pattern: &str| heads(&crate::rule::parse::hir(pattern).unwrap(), false);
        assert_eq!(heads("ab[a-z]{20}|abc[a-f]{20}"), heads("ab[a-z]{20}"));
        assert_eq!(heads("abc[a-f]{20}|ab[a-z]{20}"), heads("ab[a-z]{20}"));
        assert_eq!(heads("abc[a-f]{20}|ab[d-z]{20}").len(), 2);
    }

    #[test]
    fn a_word_of_capitals_is_looked_for_from_its_start() {
        let found = of("(?:^|[ ])LOGIN[ ][^ ]{1,9}");
        assert!(found.iter().all(|a| a.window.contains(&ByteSet::single(b'L'))), "{found:?}");
    }

    #[test]
    fn a_pattern_of_gaps_has_none() {
        assert!(of("(?s-u:.{0,4})").is_empty());
    }
}
