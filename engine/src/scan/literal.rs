//! The portable scanner, `regex`: one Aho-Corasick automaton of the literals that the rules' anchors require.
//!
//! Of each anchor the rarest stretch that is (nearly) literal is taken, its classes of up to three bytes spelt out; the
//! automaton ignores ASCII case, the anchor's classes are then compared exactly. A rule whose anchors hold no literal is
//! nominated everywhere, and the confirmer's regex searches it: slow, but never wrong.

use std::any::Any;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

use super::{Candidate, Scanner};
use crate::kernel::classes::Classes;
use crate::rule::Rule;
use crate::rule::byte_set::ByteSet;
use crate::rule::frequency::probability;

/// Literals rarer than this are not made longer.
const RARE: f64 = 1e-9;
const MAX_SPELLINGS: usize = 8;

pub(crate) struct LiteralScanner {
    automaton: Option<AhoCorasick>,
    /// By pattern of the automaton: what it stands for.
    literals: Vec<Literal>,
    /// Rules that are nominated everywhere.
    everywhere: Vec<u32>,
}

struct Literal {
    rule: u32,
    window: Box<[ByteSet]>,
    /// Where in the window the literal starts, in bytes.
    skip: usize,
    lo: i32,
    hi: i32,
}

impl LiteralScanner {
    pub(crate) fn new(rules: &[&Rule]) -> LiteralScanner {
        let mut scanner = LiteralScanner { automaton: None, literals: vec![], everywhere: vec![] };
        let mut needles: Vec<Vec<u8>> = Vec::new();
        for (index, rule) in (0..).zip(rules) {
            let windows: Vec<_> = rule.anchors.iter().map(|a| a.window.to_vec()).collect();
            let stretches: Option<Vec<_>> = windows.iter().map(|w| literal_stretch(w)).collect();
            let Some(stretches) = stretches.filter(|s| !s.is_empty()) else {
                scanner.everywhere.push(index);
                continue;
            };
            for ((anchor, window), (skip, spellings)) in
                rule.anchors.iter().zip(windows).zip(stretches)
            {
                for spelling in spellings {
                    needles.push(spelling);
                    scanner.literals.push(Literal {
                        rule: index,
                        window: window.clone().into(),
                        skip,
                        lo: anchor.lo,
                        hi: anchor.hi,
                    });
                }
            }
        }
        if !needles.is_empty() {
            let automaton = AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::Standard)
                .kind(Some(aho_corasick::AhoCorasickKind::ContiguousNFA))
                .build(needles)
                .expect("a few thousand short literals fit the automaton");
            scanner.automaton = Some(automaton);
        }
        scanner
    }
}

impl Scanner for LiteralScanner {
    fn name(&self) -> String {
        "regex".to_owned()
    }

    fn scan(
        &self,
        block: &[u8],
        _: Range<usize>,
        _: &Classes,
        _: &mut dyn Any,
        out: &mut Vec<Candidate>,
    ) {
        if block.is_empty() {
            return;
        }
        let last = block.len() - 1;
        out.extend(self.everywhere.iter().map(|rule| Candidate {
            lo: 0,
            hi: last as u32,
            rule: *rule,
        }));
        let Some(automaton) = self.automaton.as_ref() else { return };
        for hit in automaton.find_overlapping_iter(block) {
            let literal = &self.literals[hit.pattern().as_usize()];
            if let Some(at) = literal.window_at(block, hit.start()) {
                let clamp = |p: i64| p.clamp(0, last as i64) as u32;
                let hi = at - i64::from(literal.lo);
                if hi >= 0 {
                    let lo = clamp(at - i64::from(literal.hi));
                    out.push(Candidate { lo, hi: clamp(hi), rule: literal.rule });
                }
            }
        }
    }
}

impl Literal {
    /// The window's position if its classes are all there. A byte before the block is a line start: any class of
    /// non-word bytes holds it.
    fn window_at(&self, block: &[u8], hit: usize) -> Option<i64> {
        let at = hit as i64 - self.skip as i64;
        let holds =
            self.window.iter().enumerate().all(|(i, set)| match usize::try_from(at + i as i64) {
                Ok(p) => block.get(p).is_some_and(|b| set.contains(*b)),
                Err(_) => set.contains(b'\n'),
            });
        holds.then_some(at)
    }
}

/// The rarest stretch of a window that can be spelt out in a few literals: where it starts, and its spellings in lower case.
fn literal_stretch(window: &[ByteSet]) -> Option<(usize, Vec<Vec<u8>>)> {
    let folded: Vec<Vec<u8>> = window
        .iter()
        .map(|set| {
            let lower: ByteSet = set.iter().map(|b| b.to_ascii_lowercase()).collect();
            lower.iter().collect()
        })
        .collect();
    // By position: how probable a byte of it is, in either case.
    let shares: Vec<f64> = folded
        .iter()
        .map(|bytes| probability(&[bytes.iter().flat_map(|b| ByteSet::fold(*b).iter()).collect()]))
        .collect();
    let mut best: Option<(f64, usize, usize)> = None;
    for from in 0..window.len() {
        let (mut spellings, mut share) = (1, 1.0);
        for to in from + 1..=window.len() {
            spellings *= folded[to - 1].len();
            share *= shares[to - 1];
            if spellings > MAX_SPELLINGS {
                break;
            }
            let p = (share * spellings as f64).max(RARE);
            if to - from >= 2 && p < 0.02 && best.is_none_or(|(least, ..)| p < least * 0.9) {
                best = Some((p, from, to));
            }
        }
    }
    let (_, from, to) = best?;
    let spellings = folded[from..to].iter().fold(vec![vec![]], |all: Vec<Vec<u8>>, bytes| {
        all.iter()
            .flat_map(|head| {
                bytes.iter().map(move |b| [head.as_slice(), std::slice::from_ref(b)].concat())
            })
            .collect()
    });
    Some((from, spellings))
}
