//! Triggers: words about secrets that a rule's matches hold, such as `token` in `acme_token = …`.
//!
//! A rule that knows a service by its name needs an anchor for each spelling of each name, and a thousand names are too many
//! to look for everywhere. But nearly all such rules also ask for one of a few words ([`WORDS`]). Where none of these stands,
//! no name need be looked for: the scanner looks for the words, and for the names only around them.
//!
//! [`trigger`] reads from a pattern's HIR where in a match such a word must stand; `None` if some match may hold none.
//!
//! Text may have to leave before the word has come, so no byte of the secret may stand before it ([`word_first`]).

use regex_syntax::hir::{Hir, HirKind};

use super::anchor::Anchor;
use super::byte_set::ByteSet;
use super::run::{Part, RunClass, parts, run_of};

/// The words, in lower case; any case counts, and `_` also stands for `-`.
pub(crate) const WORDS: &[&str] = &[
    "key",
    "token",
    "secret",
    "passw",
    "pwd",
    "cred",
    "bearer",
    "_pat",
    "salt",
    "passp",
    "bindpw",
    "_pk",
    "_sk",
    "app_id",
    "appid",
    "certificate",
    "psk",
    "mnemonic",
    "seed",
    "phrase",
];

const _: () = assert!(WORDS.len() <= u32::BITS as usize);

/// Those of them that are common in logs.
pub(crate) const COMMON_WORDS: &[&str] = &["key", "token", "secret"];

/// The classes of a word.
pub(crate) fn classes_of(word: &str) -> impl Iterator<Item = ByteSet> {
    word.bytes().map(|b| match b {
        b'_' => ByteSet::single(b'_').union(&ByteSet::single(b'-')),
        _ => ByteSet::fold(b),
    })
}

/// The farthest that a name may stand before and behind the word that calls for it, in bytes.
pub(crate) const FARTHEST: (i64, i64) = (128, 40);

/// Where a rule's anchors stand around the word that calls for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Around {
    /// Which of [`WORDS`], a bit each: every match holds one of them there.
    pub(crate) words: u32,
    /// How far behind the start of the word the run that must stand there, if one must, begins at least, in bytes.
    pub(crate) run_lo: u32,
    /// How far it begins at most.
    pub(crate) run_hi: u32,
    /// How far before the word an anchor may start, in bytes.
    pub(crate) left: u32,
    /// How far behind the start of the word an anchor may end.
    pub(crate) right: u32,
}

/// Where the anchors of a rule stand around a word, if all its matches hold one, and so it need be looked for there only. Behind the
/// word a run of `class` must stand; without a class, the word must be a rare one.
pub(crate) fn around(hir: &Hir, anchors: &[Anchor], class: Option<RunClass>) -> Option<Around> {
    let all = parts(hir);
    let Trigger { words, lo, hi, part, inner } = trigger(&all, class.is_some())?;
    let (run_lo, run_hi) = match class {
        Some(class) => {
            let run = run_of(&all[part..], class)?;
            (run.lo.checked_sub(inner.1 as u32)?, run.hi - inner.0 as u32)
        }
        None => (0, 0),
    };
    let first = anchors.iter().map(|a| i64::from(a.lo)).min()?;
    let last = anchors.iter().map(|a| i64::from(a.hi) + a.window.len() as i64).max()?;
    let (left, right) = ((hi as i64 - first).max(0), (last - lo as i64).max(0));
    (left <= FARTHEST.0 && right <= FARTHEST.1).then_some(Around {
        words,
        run_lo,
        run_hi,
        left: left as u32,
        right: right as u32,
    })
}

/// Whether in every match a word stands before the group `secret`; for a pattern without it, whether there is a word.
pub(crate) fn word_first(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Capture(c) => !is_secret(hir) && word_first(&c.sub),
        HirKind::Repetition(r) => r.min > 0 && word_first(&r.sub),
        HirKind::Alternation(ways) => ways.iter().all(word_first),
        HirKind::Concat(all) => {
            let secret = all.iter().position(holds_secret).unwrap_or(all.len());
            let word = |at: usize| {
                let rest: Vec<Part<'_>> = all[at..secret].iter().flat_map(parts).collect();
                word_at(&rest, true) || word_first(&all[at])
            };
            (0..secret).any(word) || all.get(secret).is_some_and(word_first)
        }
        HirKind::Literal(_) => {
            let all = parts(hir);
            (0..all.len()).any(|at| word_at(&all[at..], true))
        }
        _ => false,
    }
}

fn is_secret(hir: &Hir) -> bool {
    matches!(hir.kind(), HirKind::Capture(c) if c.name.as_deref() == Some("secret"))
}

fn holds_secret(hir: &Hir) -> bool {
    is_secret(hir)
        || match hir.kind() {
            HirKind::Capture(c) => holds_secret(&c.sub),
            HirKind::Repetition(r) => holds_secret(&r.sub),
            HirKind::Concat(all) | HirKind::Alternation(all) => all.iter().any(holds_secret),
            _ => false,
        }
}

/// What stands before the first word in every match, if that is a part of the pattern by itself.
pub(crate) fn before(hir: &Hir) -> Option<Hir> {
    let HirKind::Concat(all) = hir.kind() else { return None };
    let starts_here = |at: &usize| {
        let rest: Vec<Part<'_>> = all[*at..].iter().flat_map(parts).collect();
        let alternation =
            matches!(rest.first(), Some(Part::Other(_))) && trigger(&rest[..1], true).is_some();
        alternation || word_at(&rest, true)
    };
    let at = (1..all.len()).find(starts_here)?;
    Some(Hir::concat(all[..at].to_vec()))
}

/// Where a word stands in every match.
struct Trigger {
    /// Which of [`WORDS`] it may be, a bit each.
    words: u32,
    /// The least and greatest distance in bytes from the start of a match to the start of the word.
    lo: usize,
    hi: usize,
    /// The number of the part that the word starts in.
    part: usize,
    /// The least and greatest distance from the start of that part.
    inner: (usize, usize),
}

/// Where a word, any or a rare one, stands in every match.
fn trigger(all: &[Part<'_>], common: bool) -> Option<Trigger> {
    let (mut lo, mut hi) = (0, 0);
    for (i, part) in all.iter().enumerate() {
        if let Some(word) = word_number(&all[i..], common) {
            return Some(Trigger { words: 1 << word, lo, hi, part: i, inner: (0, 0) });
        }
        if let Part::Other(hir) = part
            && let HirKind::Alternation(ways) = hir.kind()
        {
            let found = ways.iter().map(|way| trigger(&parts(way), common));
            let found = found.map(|t| t.map(|t| (t.words, (t.lo, t.hi))));
            let either = found.reduce(|a, b| {
                let ((a_words, a), (b_words, b)) = (a?, b?);
                Some((a_words | b_words, (a.0.min(b.0), a.1.max(b.1))))
            });
            if let Some((words, inner)) = either.flatten() {
                let (lo, hi) = (lo + inner.0, hi + inner.1);
                return Some(Trigger { words, lo, hi, part: i, inner });
            }
        }
        let (min, max) = part.len()?;
        (lo, hi) = (lo + min, hi + max);
    }
    None
}

/// Whether the parts start with a word, since their classes allow nothing else.
fn word_at(all: &[Part<'_>], common: bool) -> bool {
    word_number(all, common).is_some()
}

/// The number of the word that the parts start with.
fn word_number(all: &[Part<'_>], common: bool) -> Option<usize> {
    let single = |part: &Part<'_>| match part {
        Part::Bytes(set, 1, 1) => Some(*set),
        _ => None,
    };
    let holds = |word: &str| {
        (common || !COMMON_WORDS.contains(&word))
            && all.len() >= word.len()
            && classes_of(word)
                .zip(all)
                .all(|(c, part)| single(part).is_some_and(|s| s.is_subset(&c)))
    };
    WORDS.iter().position(|word| holds(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(pattern: &str) -> Option<Vec<&'static str>> {
        let hir = crate::rule::parse::hir(pattern).unwrap();
        let words = trigger(&parts(&hir), true)?.words;
        Some((0..).zip(WORDS).filter(|(i, _)| words >> i & 1 == 1).map(|(_, w)| *w).collect())
    }

    #[test]
    fn the_words_are_those_of_all_alternatives() {
        for (pattern, wanted) in [
            ("acme_key=[0-9]{8}", vec!["key"]),
            ("(?i:acme|apex)[_-]{0,4}(?i:key|token)[=:][0-9]{8}", vec!["key", "token"]),
            ("(?i:acme_token|apex_(?:secret|password))=[0-9]{8}", vec!["token", "secret", "passw"]),
            ("acme[_-]pk=[0-9]{8}", vec!["_pk"]),
        ] {
            assert_eq!(words_of(pattern), Some(wanted), "{pattern}");
        }
    }

    fn of(pattern: &str) -> Option<(usize, usize)> {
        let hir = crate::rule::parse::hir(pattern).unwrap();
        trigger(&parts(&hir), true).map(|t| (t.lo, t.hi))
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
    fn the_word_must_be_there_before_the_secret() {
        for (pattern, wanted) in [
            ("acme_key=(?P<secret>[0-9]{8})", true),
            ("acme(?:(?:_key|-token)=)(?P<secret>[0-9]{8})", true),
            ("(?:acme_key=(?P<secret>[0-9]{8})|apex_token=(?P<secret2>[0-9]{8}))", true),
            ("acme=(?P<secret>[0-9]{8})~key", false),
            ("acme_k(?P<secret>ey[0-9]{8})", false),
            ("acme(?:_key)?=(?P<secret>[0-9]{8})~key", false),
            ("(?:acme_key=|acme=(?P<secret>[0-9]{8}))key", false),
        ] {
            assert_eq!(word_first(&crate::rule::parse::hir(pattern).unwrap()), wanted, "{pattern}");
        }
    }

    #[test]
    fn a_way_through_without_a_word_means_none() {
        assert_eq!(of("(?i:acme)(?i:key|id)?[=:][0-9]{8}"), None);
        assert_eq!(of("(?i:acme|token)[=:][0-9]{8}"), None);
    }
}
