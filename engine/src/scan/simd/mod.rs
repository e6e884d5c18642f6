//! The default scanner, `simd`: windows of byte classes, found by vector code.
//!
//! Three looks, each finer and rarer than the one before:
//! 1. [`kernel`]: four consecutive bytes, 64 positions at a time, 32 buckets of windows told apart by table look-ups;
//! 2. [`tables`]: the exact classes of the four bytes, then up to eight literal bytes of the bucket's windows;
//! 3. here: all classes of the window (up to twelve), then the candidate.
//!
//! The windows are the rules' anchors, so there are no false negatives. The buckets of the default rules are made at build
//! time, of others at start ([`buckets`]).
//!
//! The environment variable `REDACT_SIMD` (`vbmi`, `avx2`, `ssse3`, `neon`, `scalar`) forces a kernel that the CPU has.

use std::any::Any;
use std::collections::HashMap;

use super::{Candidate, Scanner};
use crate::builtin;
use crate::rule::Rule;
use crate::rule::byte_set::ByteSet;
use kernel::{Hits, Kernel};
use tables::{NONE, Tables};
use windows::Window;

pub(crate) mod buckets;
mod kernel;
pub(crate) mod tables;
pub(crate) mod windows;

pub(crate) struct SimdScanner {
    kernel: Kernel,
    tables: Box<Tables>,
    windows: Vec<Window>,
}

impl SimdScanner {
    /// A scanner for `rules`. The buckets of the default rules' windows are known from build time.
    pub(crate) fn new(rules: &[&Rule]) -> SimdScanner {
        let kernel = std::env::var("REDACT_SIMD").ok().and_then(|name| Kernel::named(&name));
        SimdScanner::with_kernel(rules, kernel.unwrap_or_else(Kernel::detect))
    }

    fn with_kernel(rules: &[&Rule], kernel: Kernel) -> SimdScanner {
        let windows = windows::distinct(rules.iter().copied());
        let bucket_of = known_buckets(rules, &windows);
        SimdScanner { kernel, tables: Tables::new(&windows, &bucket_of), windows }
    }

    /// Looks closer at position `at` (from -1), whose first eight bytes are `word`.
    #[inline(always)]
    fn look(&self, block: &[u8], at: i64, word: u64, out: &mut Vec<Candidate>) {
        let mut buckets = self.tables.buckets(word);
        while buckets != 0 {
            let bucket = buckets.trailing_zeros() as usize;
            buckets &= buckets - 1;
            let (from, to) = self.tables.ranges[bucket];
            for group in &self.tables.groups[from as usize..to as usize] {
                let mut equal = 0u32;
                for i in 0..8 {
                    equal |= u32::from((word ^ group.value[i]) & group.mask[i] == 0) << i;
                }
                while equal != 0 {
                    let index = group.window[equal.trailing_zeros() as usize];
                    equal &= equal - 1;
                    if index != NONE {
                        self.nominate(block, at, &self.windows[index as usize], out);
                    }
                }
            }
        }
    }

    fn nominate(&self, block: &[u8], at: i64, window: &Window, out: &mut Vec<Candidate>) {
        let holds = window.classes.iter().enumerate().all(|(i, set)| {
            match usize::try_from(at + i as i64) {
                Ok(p) => block.get(p).is_some_and(|b| set.contains(*b)),
                // Before the block there is a line end.
                Err(_) => set.contains(b'\n'),
            }
        });
        if !holds {
            return;
        }
        let last = block.len() as i64 - 1;
        for u in &window.uses {
            let hi = at - i64::from(u.lo);
            if hi >= 0 {
                let lo = (at - i64::from(u.hi)).clamp(0, last);
                out.push(Candidate { lo: lo as u32, hi: hi.min(last) as u32, rule: u.rule });
            }
        }
    }
}

impl Scanner for SimdScanner {
    fn name(&self) -> String {
        format!("simd ({})", self.kernel.name())
    }

    fn scratch(&self) -> Box<dyn Any + Send> {
        Box::new(Hits::new())
    }

    fn scan(&self, block: &[u8], scratch: &mut dyn Any, out: &mut Vec<Candidate>) {
        if block.is_empty() {
            return;
        }
        let hits = scratch.downcast_mut::<Hits>().expect("the scratch was made by this scanner");
        self.look(block, -1, padded(&[b'\n'], block), out);
        let mut at = 0;
        loop {
            let next = self.kernel.run(&self.tables, block, at, hits);
            if next == at {
                break;
            }
            for i in 0..hits.len {
                let (base, mut mask) = (hits.at[i] as usize, hits.mask[i]);
                while mask != 0 {
                    let p = base + mask.trailing_zeros() as usize;
                    mask &= mask - 1;
                    self.look(block, p as i64, word_at(block, p), out);
                }
            }
            at = next;
        }
        for p in at..block.len() {
            self.look(block, p as i64, word_at(block, p), out);
        }
    }
}

/// The buckets of `windows`: as they were made at build time where these are the default rules, or some of them; made now
/// where they are others.
fn known_buckets(rules: &[&Rule], windows: &[Window]) -> Vec<u8> {
    let default = || builtin::BUILTIN.iter().filter(|r| r.is_default());
    // Rules that were built in still point to the same text.
    let built_in = |a: &Rule, b: &Rule| std::ptr::eq(a.pattern(), b.pattern());
    if default().count() == rules.len() && default().zip(rules).all(|(a, b)| built_in(a, b)) {
        return builtin::BUCKETS.to_vec();
    }
    if !rules.iter().any(|r| default().any(|d| built_in(d, r))) {
        return buckets::assign(windows, &[]);
    }
    let made = windows::distinct(default());
    let of_window: HashMap<&[ByteSet], u8> =
        made.iter().zip(builtin::BUCKETS).map(|(w, b)| (w.classes.as_slice(), *b)).collect();
    let known: Vec<_> =
        windows.iter().map(|w| of_window.get(w.classes.as_slice()).copied()).collect();
    buckets::assign(windows, &known)
}

/// Eight bytes from `at`, little endian; zeros behind the end.
#[inline(always)]
fn word_at(block: &[u8], at: usize) -> u64 {
    match block[at..].first_chunk::<8>() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => padded(&[], &block[at..]),
    }
}

fn padded(head: &[u8], tail: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(head.iter().chain(tail)).for_each(|(to, from)| *to = *from);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::literal::LiteralScanner;

    fn rules() -> Vec<Rule> {
        crate::RuleSet::builtin().iter().cloned().collect()
    }

    /// The candidates of rules that the literal scanner does not nominate everywhere.
    fn candidates(scanner: &dyn Scanner, text: &[u8], skip: &[u32]) -> Vec<Candidate> {
        let mut out = Vec::new();
        scanner.scan(text, &mut *scanner.scratch(), &mut out);
        out.retain(|c| !skip.contains(&c.rule));
        out.sort_unstable();
        out.dedup();
        out
    }

    #[test]
    fn every_kernel_nominates_what_the_literal_scanner_does() {
        let rules = rules();
        let refs: Vec<&Rule> = rules.iter().collect();
        let literal = LiteralScanner::new(&refs);
        let everywhere = literal.everywhere();
        assert!(everywhere.len() < rules.len() / 20, "{}", everywhere.len());
        let mut text: Vec<u8> = Vec::new();
        for rule in &rules {
            for example in rule.matches() {
                text.extend_from_slice(crate::lint::expand(rule, example).as_bytes());
                text.push(b'\n');
            }
        }
        text.extend_from_slice(buckets::SAMPLE);
        let wanted = candidates(&literal, &text, everywhere);
        assert!(wanted.len() > rules.len() / 2);
        for kernel in Kernel::available() {
            let scanner = SimdScanner::with_kernel(&refs, kernel);
            assert!(candidates(&scanner, &text, everywhere) == wanted, "{}", kernel.name());
            // All lengths and alignments around a step.
            for len in (0..200).chain([255, 256, 257, 8192, 8255]) {
                let piece = &text[len.min(77)..][..len];
                let (simd, wanted) = (
                    candidates(&scanner, piece, everywhere),
                    candidates(&literal, piece, everywhere),
                );
                assert!(simd == wanted, "{} at length {len}", kernel.name());
            }
        }
    }
}
