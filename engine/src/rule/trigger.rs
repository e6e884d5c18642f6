//! Triggers: words about secrets that a rule's matches hold, such as `token` in `acme_token = …`.
//!
//! A rule that knows a service by its name needs an anchor for each spelling of each name, and a thousand names are too many
//! to look for everywhere. But nearly all such rules also ask for one of a few words ([`WORDS`]). Where none of these stands,
//! no name need be looked for: the scanner looks for the words, and for the names only around them.
//!
//! [`trigger`] reads from a pattern's HIR where in a match such a word must stand; `None` if some match may hold none.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::anchor::Anchor;
use super::byte_set::ByteSet;
use super::frequency::probability;

/// The words, in lower case; any case counts, and `_` also stands for `-`.
pub(crate) const WORDS: &[&str] = &[
    "key",
    "token",
    "secret",
    "passw",
    "pwd",
    "auth",
    "cred",
    "bearer",
    "_pat",
    "salt",
    "signature",
];

/// The classes of a word.
pub(crate) fn classes_of(word: &str) -> impl Iterator<Item = ByteSet> {
    word.bytes().map(|b| match b {
        b'_' => ByteSet::single(b'_').union(&ByteSet::single(b'-')),
        _ => ByteSet::fold(b),
    })
}

/// The farthest that a name may stand before and behind the word that calls for it, in bytes.
const FARTHEST: (i64, i64) = (160, 128);
/// Anchors are looked for directly if they are at most this many and together this rare.
const FEW: usize = 2;
const RARE: f64 = 1e-7;

/// How far before and behind a word the anchors of a rule may stand, in bytes, if it is to be looked for around words only:
/// because its matches hold one, and its own anchors are many or common.
pub(crate) fn around(hir: &Hir, anchors: &[Anchor]) -> Option<(u32, u32)> {
    let cost: f64 = anchors.iter().map(|anchor| probability(&anchor.window)).sum();
    if cost <= RARE && anchors.len() <= FEW {
        return None;
    }
    let (lo, hi) = trigger(hir)?;
    let first = anchors.iter().map(|a| i64::from(a.lo)).min()?;
    let last = anchors.iter().map(|a| i64::from(a.hi) + a.window.len() as i64).max()?;
    let (left, right) = ((hi as i64 - first).max(0), (last - lo as i64).max(0));
    (left <= FARTHEST.0 && right <= FARTHEST.1).then_some((left as u32, right as u32))
}

/// The least and greatest distance in bytes from the start of a match to the start of a word.
fn trigger(hir: &Hir) -> Option<(usize, usize)> {
    match hir.kind() {
        HirKind::Capture(c) => trigger(&c.sub),
        HirKind::Literal(_) => in_sequence(std::slice::from_ref(hir)),
        HirKind::Concat(parts) => in_sequence(parts),
        HirKind::Alternation(parts) => parts.iter().map(trigger).reduce(|a, b| {
            let (a, b) = (a?, b?);
            Some((a.0.min(b.0), a.1.max(b.1)))
        })?,
        _ => None,
    }
}

fn in_sequence(parts: &[Hir]) -> Option<(usize, usize)> {
    let (mut lo, mut hi) = (0, 0);
    // Classes in a row, and where the row starts.
    let mut row: Vec<ByteSet> = Vec::new();
    let mut row_at = (0, 0);
    for part in parts {
        match classes(part) {
            Some(more) => {
                if row.is_empty() {
                    row_at = (lo, hi);
                }
                row.extend(more);
                if let Some(at) = word_in(&row) {
                    return Some((row_at.0 + at, row_at.1 + at));
                }
            }
            None => {
                row.clear();
                if let Some((l, h)) = trigger(part) {
                    return Some((lo + l, hi + h));
                }
            }
        }
        lo += part.properties().minimum_len()?;
        hi += part.properties().maximum_len()?;
    }
    None
}

/// The classes of a part that is a fixed sequence of them.
fn classes(part: &Hir) -> Option<Vec<ByteSet>> {
    match part.kind() {
        HirKind::Literal(l) => Some(l.0.iter().map(|b| ByteSet::single(*b)).collect()),
        HirKind::Class(Class::Bytes(c)) => {
            Some(vec![c.ranges().iter().flat_map(|r| r.start()..=r.end()).collect()])
        }
        HirKind::Class(Class::Unicode(c)) if c.ranges().iter().all(|r| r.end().is_ascii()) => {
            Some(vec![c.ranges().iter().flat_map(|r| r.start() as u8..=r.end() as u8).collect()])
        }
        _ => None,
    }
}

/// Where in the row a word stands, if its classes allow nothing else.
fn word_in(row: &[ByteSet]) -> Option<usize> {
    (0..row.len()).find(|from| {
        WORDS.iter().any(|word| {
            row[*from..].len() >= word.len()
                && classes_of(word).zip(&row[*from..]).all(|(class, set)| set.is_subset(&class))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str) -> Option<(usize, usize)> {
        trigger(&crate::rule::parse::hir(pattern).unwrap())
    }

    #[test]
    fn the_word_of_every_alternative_is_found() {
        assert_eq!(
            of("(?i:acme|apex)[_-]{0,4}(?i:key|token)[=:](?P<secret>[0-9]{8})"),
            Some((4, 8))
        );
        assert_eq!(of("acme_key=[0-9]{8}"), Some((5, 5)));
        assert_eq!(of("(?i:acme_token|apex_secret)=[0-9]{8}"), Some((5, 5)));
    }

    #[test]
    fn a_way_through_without_a_word_means_none() {
        assert_eq!(of("(?i:acme)(?i:key|id)?[=:][0-9]{8}"), None);
        assert_eq!(of("(?i:acme|token)[=:][0-9]{8}"), None);
    }
}
