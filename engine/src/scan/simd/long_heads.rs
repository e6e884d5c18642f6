//! Heads that can begin in many ways: they cannot be spelt out, so that the look at each takes one comparison for all of them
//! at once: by byte, which of them may begin with it, and so on.

use std::borrow::Cow;

use super::Candidate;
use super::runs::Runs;
use super::windows::{Use, Window};
use crate::kernel::classes::{Class, first_clear};
use crate::rule::byte_set::ByteSet;
use crate::rule::run::{LONG_RUN, RUN, RunClass, Sign};

/// How many first bytes are compared at once.
const FIRSTS: usize = 2;

/// Heads of words of at least [`LONG_RUN`] bytes.
pub(crate) struct LongHeads {
    groups: Vec<Group>,
    /// How many classes the shortest has.
    shortest: usize,
}

/// Heads, a bit each in the masks.
struct Group {
    heads: Vec<LongHead>,
    /// By byte: which may have it first, or second.
    firsts: [[u64; 256]; FIRSTS],
    /// By byte: which may have it as their sign.
    signs: [u64; 256],
    /// By the count of bytes before the sign: which may have so many, and which may if the text ends before the sign.
    plain: [u64; LONG_RUN + 1],
    open: [u64; LONG_RUN + 1],
}

struct LongHead {
    of_rule: Use,
    classes: Cow<'static, [ByteSet]>,
}

impl LongHeads {
    pub(crate) fn new(windows: &[Window]) -> LongHeads {
        let heads = |window: &Window| -> Vec<_> {
            let head = |u: &Use| LongHead { of_rule: *u, classes: window.classes.clone() };
            window.uses.iter().map(head).collect()
        };
        let mut all: Vec<_> = windows.iter().flat_map(heads).collect();
        let mut groups = Vec::new();
        while !all.is_empty() {
            let rest = all.split_off(all.len().min(u64::BITS as usize));
            groups.push(Group::new(std::mem::replace(&mut all, rest)));
        }
        let shortest = windows.iter().map(|window| window.classes.len()).min().unwrap_or(0);
        LongHeads { groups, shortest }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Adds the candidates of the heads that stand at the start `at` of a word.
    #[inline(always)]
    pub(crate) fn look(&self, block: &[u8], at: u32, runs: Runs<'_>, out: &mut Vec<Candidate>) {
        let rest = &block[at as usize..];
        if rest.len() < self.shortest {
            return;
        }
        let plain = plain(block, at as usize, runs);
        for group in &self.groups {
            let mut bits = group.at(rest, plain);
            while bits != 0 {
                let head = &group.heads[bits.trailing_zeros() as usize];
                bits &= bits - 1;
                if head.stands(rest, at as usize, runs) {
                    out.push(Candidate { lo: at, hi: at, rule: head.of_rule.rule });
                }
            }
        }
    }
}

/// How many letters and digits follow from a start on, at most [`LONG_RUN`]: what is left of the word before its first `_`.
#[inline(always)]
fn plain(block: &[u8], at: usize, runs: Runs<'_>) -> usize {
    let left = (block.len() - at).min(LONG_RUN);
    let word = (first_clear(runs.0.of(Class::Word), at) - at).min(left);
    // Most words have a sign soon.
    if let Some(first) = block[at..].first_chunk::<16>() {
        let others = u128::from_le_bytes(*first) ^ u128::from_le_bytes([b'_'; 16]);
        const ONES: u128 = u128::from_le_bytes([1; 16]);
        let zeros = others.wrapping_sub(ONES) & !others & ONES << 7;
        let sign = zeros.trailing_zeros() as usize / 8;
        if sign < 16 || word <= 16 {
            return sign.min(word);
        }
    }
    let word = &block[at..][..word];
    memchr::memchr(b'_', word).unwrap_or(word.len())
}

impl Group {
    fn new(heads: Vec<LongHead>) -> Group {
        let (mut firsts, mut signs) = ([[0; 256]; FIRSTS], [0; 256]);
        let (mut plain, mut open) = ([0; LONG_RUN + 1], [0; LONG_RUN + 1]);
        for (number, head) in heads.iter().enumerate() {
            let bit = 1 << number;
            let add = |set: ByteSet, masks: &mut [u64; 256]| {
                set.iter().for_each(|byte| masks[usize::from(byte)] |= bit);
            };
            for (k, masks) in firsts.iter_mut().enumerate() {
                add(head.classes.get(k).copied().unwrap_or(ByteSet::FULL), masks);
            }
            let any = Sign { lo: 0, hi: u32::MAX, set: ByteSet::FULL };
            let Sign { lo, hi, set } = head.of_rule.sign.unwrap_or(any);
            add(set, &mut signs);
            for (count, (plain, open)) in (0..).zip(plain.iter_mut().zip(&mut open)) {
                *plain |= if (lo..=hi).contains(&count) { bit } else { 0 };
                *open |= if count <= hi { bit } else { 0 };
            }
        }
        Group { heads, firsts, signs, plain, open }
    }

    /// Which heads may stand at the start of `rest`.
    #[inline(always)]
    fn at(&self, rest: &[u8], plain: usize) -> u64 {
        let signs = match rest.get(plain) {
            Some(byte) => self.plain[plain] & self.signs[usize::from(*byte)],
            // Behind the end of the block it may go on in any way.
            None => self.open[plain],
        };
        self.firsts.iter().zip(rest).fold(signs, |bits, (masks, b)| bits & masks[usize::from(*b)])
    }
}

impl LongHead {
    /// Whether all classes stand at the start `at` of `rest`, and the word is long enough.
    #[inline(always)]
    fn stands(&self, rest: &[u8], at: usize, runs: Runs<'_>) -> bool {
        let needs = self.of_rule.run_len as usize;
        let Some((class, ..)) = self.of_rule.run else { return false };
        // Nearly all words end before, and this says so at once.
        runs.is_row(class, at + needs - RUN) && self.stands_all(class, rest, at, runs)
    }

    #[inline(never)]
    fn stands_all(&self, class: RunClass, rest: &[u8], at: usize, runs: Runs<'_>) -> bool {
        let needs = self.of_rule.run_len as usize;
        runs.length(class, at, needs) == needs
            && rest.len() >= self.classes.len()
            && self.classes.iter().zip(rest).all(|(set, b)| set.contains(*b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;
    use crate::kernel::classes::Classes;

    #[test]
    fn a_head_stands_where_all_of_it_does() {
        let lower: ByteSet = (b'a'..=b'z').collect();
        let use_of = |rule, run_len, sign| Use {
            rule,
            lo: 0,
            hi: 0,
            run: Some((RunClass::Broad, 0, 0)),
            run_len,
            sign,
        };
        let dash = Some(Sign { lo: 3, hi: 5, set: ByteSet::single(b'-') });
        let underscore = Some(Sign { lo: 3, hi: 20, set: ByteSet::single(b'_') });
        // More than one group of them, and each of its own length.
        let mut windows = vec![
            Window {
                classes: vec![lower; 3].into(),
                trigger: None,
                uses: vec![use_of(0, 33, dash), use_of(1, 40, None)],
            },
            Window {
                classes: vec![lower].into(),
                trigger: None,
                uses: vec![use_of(2, 33, underscore)],
            },
        ];
        windows.extend((0..100).map(|i| Window {
            classes: vec![ByteSet::single(b'A' + i / 10), ByteSet::single(b'0' + i % 10)].into(),
            trigger: None,
            uses: vec![use_of(100 + u32::from(i), 33, None)],
        }));
        let heads = LongHeads::new(&windows);
        for (text, wanted) in [
            (format!("abcd-{} ", "x".repeat(28)), vec![0]),
            (format!("abcd-{} ", "x".repeat(27)), vec![]),
            // What goes on behind the end may be long enough.
            (format!("abcd-{}", "x".repeat(27)), vec![0, 1]),
            (format!("abcd-{} ", "x".repeat(35)), vec![0, 1]),
            (format!("ab-{} ", "x".repeat(37)), vec![]),
            (format!("abc4ef-{} ", "x".repeat(37)), vec![1]),
            (format!("abc_{} ", "x".repeat(29)), vec![2]),
            (format!("a{}_{} ", "x".repeat(16), "x".repeat(16)), vec![2]),
            (format!("a{}_{} ", "x".repeat(20), "x".repeat(16)), vec![]),
            ("abc".to_owned(), vec![0, 1, 2]),
            ("a".to_owned(), vec![2]),
            ("A".to_owned(), vec![]),
            (format!("A0{} ", "x".repeat(31)), vec![100]),
            (format!("J9{} ", "x".repeat(31)), vec![199]),
            (format!("J9{} ", "x".repeat(30)), vec![]),
        ] {
            let mut classes = Classes::default();
            Kernel::detect().classes(text.as_bytes(), &mut classes);
            let mut out = Vec::new();
            heads.look(text.as_bytes(), 0, Runs(&classes), &mut out);
            let found: Vec<_> = out.iter().map(|c| c.rule).collect();
            assert_eq!(found, wanted, "{text}");
        }
    }
}
