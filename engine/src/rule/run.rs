//! Runs: how long a stretch of plain characters every match of a rule must hold.
//!
//! Most secrets are long words without blanks, and most log text is short words. Where in a match at least [`RUN`] bytes of
//! a class must follow one another is read from the pattern's HIR; the vector scanner computes the same of a text for 64
//! positions at once, and looks closer only where both agree.
//!
//! - a rule whose matches begin with `\b` and a run ([`at_word_start`]) is looked for by its first bytes, at runs only;
//! - any other rule is confirmed only where a run stands at the right distance from its anchor ([`run`]), as long as its
//!   matches have, up to [`LONG_RUN`].

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::byte_set::ByteSet;

/// The length of a run, in bytes.
pub(crate) const RUN: usize = 16;

/// A run of this length, in bytes, is rare enough to be looked at whatever it starts with.
pub(crate) const LONG_RUN: usize = 2 * RUN;

/// The characters of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunClass {
    /// Letters, digits, `_` and `-`.
    Narrow,
    /// Those, and `+/=.:%`.
    Broad,
}

impl RunClass {
    pub(crate) fn set(self) -> ByteSet {
        let more: &[u8] = match self {
            RunClass::Narrow => b"-",
            RunClass::Broad => b"-+/=.:%",
        };
        ByteSet::word().union(&more.iter().copied().collect())
    }
}

/// Where a run begins, in bytes from some point before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) class: RunClass,
    /// How many bytes it has at least: from [`RUN`] to [`LONG_RUN`], as far as scanners look.
    pub(crate) len: u32,
    pub(crate) lo: u32,
    pub(crate) hi: u32,
}

impl Run {
    /// What holds wherever one of the two does.
    pub(crate) fn or(self, other: Run) -> Run {
        let both = self.class == RunClass::Narrow && other.class == RunClass::Narrow;
        Run {
            class: if both { RunClass::Narrow } else { RunClass::Broad },
            len: self.len.min(other.len),
            lo: self.lo.min(other.lo),
            hi: self.hi.max(other.hi),
        }
    }
}

/// Where the first byte that is neither letter nor digit stands in every match, in bytes from its start, and which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sign {
    pub(crate) lo: u32,
    pub(crate) hi: u32,
    pub(crate) set: ByteSet,
}

/// A part of a sequence.
#[derive(Clone)]
pub(crate) enum Part<'h> {
    /// `min` to `max` bytes of a class.
    Bytes(ByteSet, usize, usize),
    /// No byte; true for `\b`.
    Look(bool),
    Other(&'h Hir),
}

impl Part<'_> {
    /// The least and most bytes of the part.
    pub(crate) fn len(&self) -> Option<(usize, usize)> {
        match self {
            Part::Bytes(_, min, max) => Some((*min, *max)),
            Part::Look(_) => Some((0, 0)),
            Part::Other(hir) => {
                Some((hir.properties().minimum_len()?, hir.properties().maximum_len()?))
            }
        }
    }
}

/// The parts of a pattern, literals byte by byte.
pub(crate) fn parts(hir: &Hir) -> Vec<Part<'_>> {
    let mut out = Vec::new();
    flatten(hir, &mut out);
    out
}

fn flatten<'h>(hir: &'h Hir, out: &mut Vec<Part<'h>>) {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Look(look) => {
            out.push(Part::Look(matches!(look, Look::WordAscii | Look::WordUnicode)))
        }
        HirKind::Literal(l) => {
            out.extend(l.0.iter().map(|b| Part::Bytes(ByteSet::single(*b), 1, 1)))
        }
        HirKind::Class(class) => match bytes_of(class) {
            Some(set) => out.push(Part::Bytes(set, 1, 1)),
            None => out.push(Part::Other(hir)),
        },
        HirKind::Capture(c) => flatten(&c.sub, out),
        HirKind::Concat(all) => all.iter().for_each(|part| flatten(part, out)),
        HirKind::Repetition(r) => match (parts(&r.sub).as_slice(), r.max) {
            ([Part::Bytes(set, 1, 1)], Some(max)) => {
                out.push(Part::Bytes(*set, r.min as usize, max as usize))
            }
            _ => out.push(Part::Other(hir)),
        },
        HirKind::Alternation(_) => out.push(Part::Other(hir)),
    }
}

/// The bytes of a class; none if it holds characters of several bytes.
pub(crate) fn bytes_of(class: &Class) -> Option<ByteSet> {
    match class {
        Class::Bytes(c) => Some(c.ranges().iter().flat_map(|r| r.start()..=r.end()).collect()),
        Class::Unicode(c) if c.ranges().iter().all(|r| r.end().is_ascii()) => {
            Some(c.ranges().iter().flat_map(|r| r.start() as u8..=r.end() as u8).collect())
        }
        Class::Unicode(_) => None,
    }
}

/// How many bytes of `set` every match of the sequence starts with, and whether it holds nothing else.
pub(crate) fn lead(parts: &[Part<'_>], set: &ByteSet) -> (usize, bool) {
    let mut total = 0;
    for part in parts {
        let (len, all) = match part {
            Part::Look(_) => (0, true),
            Part::Bytes(class, min, max) => {
                let inside = class.is_subset(set);
                (if inside { *min } else { 0 }, inside || *max == 0)
            }
            Part::Other(hir) => lead_of(hir, set),
        };
        total += len;
        if !all {
            return (total, false);
        }
    }
    (total, true)
}

fn lead_of(hir: &Hir, set: &ByteSet) -> (usize, bool) {
    match hir.kind() {
        HirKind::Alternation(all) => {
            let leads = all.iter().map(|h| lead(&parts(h), set));
            leads.reduce(|a, b| (a.0.min(b.0), a.1 && b.1)).unwrap_or((0, false))
        }
        HirKind::Repetition(r) => match (lead(&parts(&r.sub), set), r.min) {
            ((len, true), min) => (len * min as usize, true),
            (_, 0) => (0, false),
            ((len, false), _) => (len, false),
        },
        _ => (0, false),
    }
}

/// The first run in every match, from its start: a narrow one if there is one; none if it may be too far.
pub(crate) fn run(hir: &Hir) -> Option<Run> {
    let all = parts(hir);
    let near = |run: &Run| run.hi - run.lo <= FARTHEST;
    let of = |class| run_of(&all, class).filter(near);
    of(RunClass::Narrow).or_else(|| of(RunClass::Broad))
}

/// A run that may begin at more places than this, in bytes, says too little.
const FARTHEST: u32 = 512;

pub(crate) fn run_of(all: &[Part<'_>], class: RunClass) -> Option<Run> {
    let set = class.set();
    let (mut lo, mut hi) = (0usize, 0usize);
    for (i, part) in all.iter().enumerate() {
        let len = lead(&all[i..], &set).0.min(LONG_RUN);
        if len >= RUN {
            return Some(Run { class, len: len as u32, lo: lo as u32, hi: hi as u32 });
        }
        if let Part::Other(hir) = part
            && let HirKind::Alternation(ways) = hir.kind()
            && let Some(inner) = ways
                .iter()
                .map(|way| run_of(&parts(way), class))
                .reduce(|a, b| Some(a?.or(b?)))
                .flatten()
        {
            let (lo, hi) = (lo as u32 + inner.lo, hi as u32 + inner.hi);
            return Some(Run { lo, hi, ..inner });
        }
        let (min, max) = part.len()?;
        (lo, hi) = (lo + min, hi + max);
    }
    None
}

/// The class and the least length of the run at the start of every match, if every match begins a word.
pub(crate) fn at_word_start(hir: &Hir) -> Option<(RunClass, usize)> {
    let all = parts(hir);
    let found = [RunClass::Narrow, RunClass::Broad]
        .into_iter()
        .map(|class| (class, lead(&all, &class.set()).0))
        .find(|(_, len)| *len >= RUN)?;
    begins_word(&all).then_some(found)
}

/// The first sign of every match, if it stands within [`LONG_RUN`] bytes.
pub(crate) fn sign(hir: &Hir) -> Option<Sign> {
    match plain(&parts(hir))? {
        Plain::To(sign) => Some(sign).filter(|sign| (sign.hi as usize) < LONG_RUN),
        Plain::All(..) => None,
    }
}

/// What letters and digits a sequence starts with.
enum Plain {
    /// It holds nothing else: at least and at most so many.
    All(usize, usize),
    To(Sign),
}

fn plain(all: &[Part<'_>]) -> Option<Plain> {
    let word = ByteSet::alphanumeric();
    let (mut lo, mut hi) = (0, 0);
    for part in all {
        let found = match part {
            Part::Look(_) => Plain::All(0, 0),
            Part::Bytes(set, min, max) if set.is_subset(&word) => Plain::All(*min, *max),
            Part::Bytes(set, min, _) if *min > 0 && set.is_disjoint(&word) => {
                Plain::To(Sign { lo: 0, hi: 0, set: *set })
            }
            Part::Bytes(..) => return None,
            Part::Other(hir) => plain_of(hir)?,
        };
        match found {
            Plain::All(min, max) => (lo, hi) = (lo + min, hi + max),
            Plain::To(sign) => {
                let (lo, hi) = (sign.lo + lo as u32, sign.hi + hi as u32);
                return Some(Plain::To(Sign { lo, hi, ..sign }));
            }
        }
    }
    Some(Plain::All(lo, hi))
}

fn plain_of(hir: &Hir) -> Option<Plain> {
    match hir.kind() {
        HirKind::Alternation(ways) => {
            let ways = ways.iter().map(|way| plain(&parts(way)));
            let either = |a: Option<Plain>, b| match (a?, b?) {
                (Plain::All(a, b), Plain::All(c, d)) => Some(Plain::All(a.min(c), b.max(d))),
                (Plain::To(a), Plain::To(b)) => {
                    let (lo, hi) = (a.lo.min(b.lo), a.hi.max(b.hi));
                    Some(Plain::To(Sign { lo, hi, set: a.set.union(&b.set) }))
                }
                _ => None,
            };
            ways.reduce(either)?
        }
        HirKind::Repetition(r) => match (plain(&parts(&r.sub))?, r.min) {
            (Plain::All(min, max), times) => {
                Some(Plain::All(min * times as usize, max * r.max? as usize))
            }
            (Plain::To(_), 0) => None,
            (sign, _) => Some(sign),
        },
        _ => None,
    }
}

fn begins_word(all: &[Part<'_>]) -> bool {
    match all {
        [Part::Look(true), rest @ ..] => starts_with_word_byte(rest),
        [Part::Other(hir)] => match hir.kind() {
            HirKind::Alternation(ways) => ways.iter().all(|way| begins_word(&parts(way))),
            _ => false,
        },
        _ => false,
    }
}

fn starts_with_word_byte(all: &[Part<'_>]) -> bool {
    match all {
        [Part::Look(_), rest @ ..] => starts_with_word_byte(rest),
        [Part::Bytes(set, min, _), rest @ ..] => {
            set.is_subset(&ByteSet::word()) && (*min > 0 || starts_with_word_byte(rest))
        }
        [Part::Other(hir), rest @ ..] => match hir.kind() {
            HirKind::Alternation(ways) => ways.iter().all(|way| starts_with_word_byte(&parts(way))),
            HirKind::Repetition(r) => {
                starts_with_word_byte(&parts(&r.sub))
                    && (hir.properties().minimum_len() != Some(0) || starts_with_word_byte(rest))
            }
            _ => false,
        },
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hir(pattern: &str) -> Hir {
        crate::rule::parse::hir(pattern).unwrap()
    }

    #[test]
    fn long_words_are_told_from_others() {
        for (pattern, wanted) in [
            (r"\bghp_[A-Za-z0-9]{36}\b", Some((RunClass::Narrow, 40))),
            (r"\b(?P<secret>(?:ghp|gho)_[A-Za-z0-9]{36})", Some((RunClass::Narrow, 40))),
            (r"(?:\bab[0-9]{20}|\bcd[0-9]{20})", Some((RunClass::Narrow, 22))),
            (r"\bab[0-9/]{20}", Some((RunClass::Broad, 22))),
            (r"\bab(?:[0-9]{4}-){3}", Some((RunClass::Narrow, 17))),
            (r"\bab(?:[0-9]{4}-){2}", None),
            (r"ghp_[A-Za-z0-9]{36}", None),
            (r"\b-ab[0-9]{20}", None),
            (r"\bab ?[0-9]{20}", None),
            (r"\b(?:ab)?[^ ]{20}", None),
        ] {
            assert_eq!(at_word_start(&hir(pattern)), wanted, "{pattern}");
        }
    }

    #[test]
    fn the_first_sign_is_where_every_match_has_one() {
        for (pattern, wanted) in [
            (r"\b[a-z][a-z0-9]{1,11}_[a-z]{32}", Some((2, 12, "_"))),
            (
                r"\b(?:[a-z]{1,3}_(?:[0-9]{2}_)?|[A-Z]{2}[0-9]{0,2}-)[0-9a-f]{32}",
                Some((1, 4, "_-")),
            ),
            (r"\b(?:[a-z]{2}|[A-Z]{4,6})[0-9]{0,2}[=:]", Some((2, 8, ":="))),
            (r"(?:[a-z]{2}){2,3}(?:-[0-9]{4}){2}", Some((4, 6, "-"))),
            ("[a-z]{40}", None),
            ("[a-z]{31}_[0-9]{32}", Some((31, 31, "_"))),
            ("[a-z]{31,32}_[0-9]{32}", None),
            ("[a-z_]{2,4}-[0-9]{32}", None),
            ("[a-z]{2}_?-[0-9]{32}", None),
            ("[a-z]{2}(?:-[0-9]{4})?[0-9]{32}", None),
            ("(?:[a-z]{2}-|[0-9]{4})[0-9]{32}", None),
        ] {
            let wanted =
                wanted.map(|(lo, hi, signs)| Sign { lo, hi, set: signs.bytes().collect() });
            assert_eq!(sign(&hir(pattern)), wanted, "{pattern}");
        }
    }

    #[test]
    fn a_run_is_found_wherever_it_stands() {
        let run = |pattern: &str| run(&hir(pattern));
        let narrow = |len, lo, hi| Some(Run { class: RunClass::Narrow, len, lo, hi });
        assert_eq!(run("[^ ]{1,3}: [0-9a-f]{16}"), narrow(16, 3, 5));
        assert_eq!(run("x: (?:a=[0-9]{21}|bc=[0-9]{20})"), narrow(20, 5, 6));
        assert_eq!(run("x: (?:a=[0-9]{16}|bc=[0-9]{8})"), None);
        assert_eq!(run("x: [0-9]{8}-[0-9]{7}"), narrow(16, 3, 3));
        assert_eq!(run("x: [0-9]{8}-[0-9]{70}"), narrow(32, 3, 3));
    }
}
