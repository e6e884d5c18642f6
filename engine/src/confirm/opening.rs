//! How a match begins: what is looked at before an automaton runs, since most nominated starts fail at their first bytes.
//!
//! An [`Opening`] is read off the pattern's HIR, and is exact in one direction: what it turns away is no match. It holds the
//! classes of the first four bytes, in up to eight groups of alternatives, one bit each; a start is possible if one group
//! allows all four bytes. What must follow further on is looked at next ([`need`](super::need)).
//!
//! Limits: a pattern of many alternatives is summarised.

use std::ops::RangeInclusive;

use regex_syntax::hir::{Hir, HirKind, Look};

use super::need::{LIKELIEST, flatten};
use crate::rule::byte_set::ByteSet;
use crate::rule::frequency::probability;
use crate::rule::run::bytes_of;

/// How many bytes of a start are looked at. Patterns with shorter matches than three bytes are refused.
const LOOKED_AT: usize = 4;

/// Fewer starts than this are looked at together.
const FEW: usize = 16;

/// More alternatives than this are summarised.
const MOST_HEADS: usize = 64;

/// How a match may begin.
pub(super) struct Opening {
    /// By place and byte: the groups that allow the byte in this place.
    groups: Box<[[u8; 256]; LOOKED_AT]>,
    /// By place: the groups that allow the line's end there.
    ends: [u8; LOOKED_AT],
    /// A match begins where a word does.
    at_word: bool,
    rare: Option<Rare>,
}

/// Two neighbouring places in which few bytes can stand, in every start: what long ranges of starts are searched for first.
struct Rare {
    place: usize,
    first: [u8; Rare::MOST],
    /// If few bytes can stand there too.
    second: Option<[u8; Rare::MOST]>,
}

/// The classes of the first bytes of a match.
#[derive(Clone)]
struct Head {
    sets: Vec<ByteSet>,
    /// What follows stands right behind these bytes.
    open: bool,
}

impl Opening {
    pub(super) fn new(hir: &Hir) -> Opening {
        let mut groups = Box::new([[0; 256]; LOOKED_AT]);
        let mut ends = [0; LOOKED_AT];
        let mut firsts: Vec<ByteSet> = Vec::new();
        let heads = heads(hir);
        let rare = Rare::new(&heads);
        let mut parts = Vec::new();
        flatten(hir, &mut parts);
        let is_boundary = |part: &&Hir| matches!(part.kind(), HirKind::Look(Look::WordAscii));
        let is_word = |h: &Head| h.sets.first().is_some_and(|set| set.is_subset(&ByteSet::word()));
        let at_word = parts.first().is_some_and(is_boundary) && heads.iter().all(is_word);
        for head in heads {
            let first = head.sets.first().copied().unwrap_or(ByteSet::FULL);
            let number = firsts.iter().position(|f| *f == first).unwrap_or_else(|| {
                firsts.push(first);
                firsts.len() - 1
            });
            let bit = 1 << (number % 8);
            for place in 0..LOOKED_AT {
                let set = head.sets.get(place);
                if set.is_none() {
                    ends[place] |= bit;
                }
                let set = set.copied().unwrap_or(ByteSet::FULL);
                set.iter().for_each(|byte| groups[place][usize::from(byte)] |= bit);
            }
        }
        Opening { groups, ends, at_word, rare }
    }

    /// The first position of `starts` at which a match may start; the line is complete.
    #[inline]
    pub(super) fn next(&self, line: &[u8], starts: RangeInclusive<usize>) -> Option<usize> {
        let (lo, hi) = starts.into_inner();
        let width = hi.wrapping_sub(lo);
        // Most ranges are of one start, or of few.
        if width == 0
            && let Some(bytes) = line.get(lo..).and_then(|rest| rest.first_chunk())
        {
            return (self.is_start(*bytes) && !self.is_inside_word(line, lo)).then_some(lo);
        }
        if width < FEW
            && let Some(text) = line.get(lo..hi + LOOKED_AT)
        {
            return self.next_of_few(line, lo, text);
        }
        if lo > hi { None } else { self.next_of_many(line, lo, hi) }
    }

    /// The same of all starts in `text`, which stands at `at`: by two bytes first, without branches.
    #[inline]
    fn next_of_few(&self, line: &[u8], at: usize, text: &[u8]) -> Option<usize> {
        let [first, second, ..] = &*self.groups;
        let mut starts = 0u32;
        for (i, four) in text.windows(LOOKED_AT).enumerate() {
            let two = first[usize::from(four[0])] & second[usize::from(four[1])];
            starts |= u32::from(two != 0) << i;
        }
        while starts != 0 {
            let i = starts.trailing_zeros() as usize;
            starts &= starts - 1;
            let bytes = text[i..].first_chunk();
            if bytes.is_some_and(|b| self.is_start(*b)) && !self.is_inside_word(line, at + i) {
                return Some(at + i);
            }
        }
        None
    }

    #[inline(never)]
    fn next_of_many(&self, line: &[u8], mut lo: usize, hi: usize) -> Option<usize> {
        loop {
            let at = self.next_bytes(line, lo, hi)?;
            if !self.is_inside_word(line, at) {
                return Some(at);
            }
            lo = at + 1;
        }
    }

    /// Whether a match begins where a word does, and no word begins at `at`.
    #[inline]
    fn is_inside_word(&self, line: &[u8], at: usize) -> bool {
        let before = line[..at].last().filter(|_| self.at_word);
        before.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
    }

    /// Whether a match may start at `at`, if more bytes may follow behind the line's end.
    pub(super) fn may_begin(&self, line: &[u8], at: usize) -> bool {
        let possible = self.groups.iter().zip(&line[at..]);
        !self.is_inside_word(line, at)
            && possible.fold(!0, |all, (groups, byte)| all & groups[usize::from(*byte)]) != 0
    }

    /// The same as [`Opening::next`] by the bytes from the start on.
    #[inline]
    fn next_bytes(&self, line: &[u8], lo: usize, hi: usize) -> Option<usize> {
        let end = line.len().min(hi.saturating_add(LOOKED_AT));
        let mut from = lo.min(line.len());
        if let Some(rare) = &self.rare {
            while let Some(text) = line[..end].get(from..from + Rare::STEP + LOOKED_AT) {
                if rare.stands_in(text)
                    && let Some(n) = self.first_start(&text[..Rare::STEP + LOOKED_AT - 1])
                {
                    return Some(from + n);
                }
                from += Rare::STEP;
            }
            // What is left, and what stands behind it: fewer starts than that are looked at one by one as soon.
            if end > from + Rare::STEP / 2
                && let Some(text) = line.get(from..from + Rare::STEP + LOOKED_AT)
                && !rare.stands_in(text)
            {
                return None;
            }
        }
        // All four bytes are there.
        if let Some(n) = self.first_start(&line[from..end]) {
            return Some(from + n);
        }
        let at_end = |at: &usize| {
            let mut groups = !0;
            for (place, ends) in self.ends.iter().enumerate() {
                let byte = line.get(at + place);
                groups &= byte.map_or(*ends, |byte| self.groups[place][usize::from(*byte)]);
            }
            groups != 0
        };
        let last = (line.len() + 1).saturating_sub(LOOKED_AT).max(lo);
        (last..line.len().min(hi.saturating_add(1))).find(at_end)
    }

    /// The first place in `text` where four bytes stand that a match may begin with.
    #[inline(always)]
    fn first_start(&self, text: &[u8]) -> Option<usize> {
        for (n, four) in text.windows(LOOKED_AT).enumerate() {
            if let [a, b, c, d] = four
                && self.is_start([*a, *b, *c, *d])
            {
                return Some(n);
            }
        }
        None
    }

    #[inline(always)]
    fn is_start(&self, bytes: [u8; LOOKED_AT]) -> bool {
        let [first, second, third, fourth] = &*self.groups;
        let [a, b, c, d] = bytes.map(usize::from);
        let two = first[a] & second[b];
        two != 0 && two & third[c] & fourth[d] != 0
    }
}

impl Rare {
    /// The most bytes of one place.
    const MOST: usize = 4;
    /// So many starts are searched at once.
    const STEP: usize = 32;

    /// The rarest places, if there are such.
    fn new(heads: &[Head]) -> Option<Rare> {
        let set = |place: usize| {
            let of = |head: &Head| head.sets.get(place).copied().unwrap_or(ByteSet::FULL);
            heads.iter().map(of).fold(ByteSet::default(), |union, set| union.union(&set))
        };
        let few = |set: &ByteSet| (1..=Rare::MOST).contains(&set.len());
        let bytes = |set: ByteSet| {
            let all: Vec<u8> = set.iter().collect();
            std::array::from_fn(|i| all[i.min(all.len() - 1)])
        };
        let rares = (0..LOOKED_AT).filter(|place| few(&set(*place))).map(|place| {
            let second = Some(set(place + 1)).filter(few);
            let odds = probability(&[set(place), second.unwrap_or(ByteSet::FULL)]);
            (odds, Rare { place, first: bytes(set(place)), second: second.map(bytes) })
        });
        let rarest = rares.min_by(|(a, _), (b, _)| a.total_cmp(b));
        rarest.filter(|(odds, _)| *odds < LIKELIEST).map(|(_, rare)| rare)
    }

    /// Whether they stand anywhere among the first starts of `text`.
    fn stands_in(&self, text: &[u8]) -> bool {
        let is = |byte: u8, bytes: &[u8; Rare::MOST]| {
            (byte == bytes[0]) | (byte == bytes[1]) | (byte == bytes[2]) | (byte == bytes[3])
        };
        let firsts = &text[self.place..][..Rare::STEP];
        match &self.second {
            // Without an end on the way, in vector code.
            Some(second) => {
                let seconds = &text[self.place + 1..][..Rare::STEP];
                let both = |(a, b): (&u8, &u8)| is(*a, &self.first) & is(*b, second);
                firsts.iter().zip(seconds).fold(false, |any, pair| any | both(pair))
            }
            None => firsts.iter().fold(false, |any, a| any | is(*a, &self.first)),
        }
    }
}

fn heads(hir: &Hir) -> Vec<Head> {
    let nothing = || vec![Head { sets: Vec::new(), open: true }];
    let all = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => nothing(),
        HirKind::Literal(literal) => {
            let sets = literal.0.iter().take(LOOKED_AT).map(|b| ByteSet::single(*b)).collect();
            vec![Head { sets, open: true }]
        }
        HirKind::Class(class) => match bytes_of(class) {
            Some(set) => vec![Head { sets: vec![set], open: true }],
            None => vec![Head { sets: Vec::new(), open: false }],
        },
        HirKind::Capture(capture) => heads(&capture.sub),
        HirKind::Concat(parts) => {
            let parts = parts.iter().map(heads);
            parts.fold(nothing(), |all, part| followed(all, &part))
        }
        HirKind::Alternation(parts) => parts.iter().flat_map(heads).collect(),
        HirKind::Repetition(repetition) => {
            let sub = heads(&repetition.sub);
            let most = repetition.max.map_or(LOOKED_AT, |max| LOOKED_AT.min(max as usize));
            let mut copies = nothing();
            let mut all = Vec::new();
            for count in 0..=most {
                if count >= repetition.min as usize || count == most {
                    all.extend(copies.iter().cloned());
                }
                if count < most {
                    copies = followed(copies, &sub);
                }
            }
            all
        }
    };
    if all.len() <= MOST_HEADS {
        return all;
    }
    let len = all.iter().map(|head| head.sets.len()).min().unwrap_or(0);
    let union = |place| all.iter().fold(ByteSet::default(), |u, h| u.union(&h.sets[place]));
    vec![Head { sets: (0..len).map(union).collect(), open: false }]
}

/// Each of `heads` with what follows it; in a head that is long enough already, that does not count.
fn followed(heads: Vec<Head>, next: &[Head]) -> Vec<Head> {
    let mut all = Vec::new();
    for head in heads {
        if !head.open || head.sets.len() == LOOKED_AT {
            all.push(head);
            continue;
        }
        for n in next {
            let mut sets = head.sets.clone();
            sets.extend(n.sets.iter().take(LOOKED_AT - head.sets.len()));
            all.push(Head { sets, open: n.open });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::parse;

    #[test]
    fn a_start_is_possible_if_one_alternative_begins_so() {
        let opening = Opening::new(&parse::hir("(?i:pwd|secret)[=:]|a{2,3}z?x").unwrap());
        for text in ["pwd=", "PWD:x", "SECRET", "secr", "aax", "aaax", "aazx"] {
            assert_eq!(opening.next(text.as_bytes(), 0..=0), Some(0), "{text}");
        }
        for text in ["pwdx", "pecr", "swd=", "aabx", "axx", "aa", "pwd", ""] {
            assert_eq!(opening.next(text.as_bytes(), 0..=0), None, "{text}");
        }
    }

    #[test]
    fn the_next_start_is_found_up_to_the_end_of_the_line() {
        let opening = Opening::new(&parse::hir("pwd[=:]?|aaa").unwrap());
        let line = b"pwd aaa pwx aaxx aaa";
        let all = |hi: usize| {
            let mut lo = 0;
            std::iter::from_fn(move || {
                let at = opening.next(line, lo..=hi)?;
                lo = at + 1;
                Some(at)
            })
        };
        assert_eq!(all(19).collect::<Vec<_>>(), [0, 4, 17]);
        let opening = Opening::new(&parse::hir("pwd[=:]?|aaa").unwrap());
        assert_eq!((opening.next(line, 5..=16), opening.next(line, 5..=17)), (None, Some(17)));
    }

    #[test]
    fn a_match_that_begins_a_word_does_not_start_inside_one() {
        let opening = Opening::new(&parse::hir(r"\b(?P<secret>[A-Z]{5}-[0-9]{3})\b").unwrap());
        assert_eq!(opening.next(b"XABCDE-1 ABCDE-1", 1..=15), Some(9));
        let opening = Opening::new(&parse::hir(r"\b[A-Z-]{5}:[0-9]{3}\b").unwrap());
        assert_eq!(opening.next(b"XABCDE:1", 1..=7), Some(1));
    }

    #[test]
    fn long_ranges_are_searched_as_short_ones_are() {
        for (pattern, start) in [
            ("(?i:create|alter) [a-z]{3}", "create"),
            ("(?i:create|alter) [a-z]{3}", "ALTE"),
            ("machine", "machi"),
            (r"\[[0-9]{3}", "[123"),
        ] {
            let opening = Opening::new(&parse::hir(pattern).unwrap());
            assert!(opening.rare.is_some());
            for before in 0..140 {
                let line = [&b"a lemon ".repeat(18)[..before], start.as_bytes()].concat();
                let found = opening.next(&line, 0..=line.len() - 1);
                assert_eq!(found, Some(before), "{before} {start}");
                assert_eq!(
                    opening.next(&line, 0..=before - before.min(1)),
                    found.filter(|n| *n == 0)
                );
            }
        }
    }
}
