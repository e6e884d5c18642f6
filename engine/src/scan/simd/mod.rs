//! The default scanner, `simd`: windows of byte classes, found by vector code.
//!
//! Three looks, each finer and rarer than the one before:
//! 1. [`kernel`]: four consecutive bytes, 64 positions at a time, 32 buckets of windows told apart by table look-ups;
//! 2. [`tables`]: the exact classes of the four bytes, then a hash of them that leads to the windows;
//! 3. here: all classes of the window (up to twelve), then the candidate.
//!
//! The windows are the rules' anchors, so there are no false negatives. Rules that know services by name would need thousands
//! of windows; they are looked for with the literal scanner, only around the words that their matches hold ([`Context`]).
//! The buckets of the default rules are made at build
//! time, of others at start ([`buckets`]).
//!
//! The environment variable `REDACT_SIMD` (`vbmi`, `avx2`, `ssse3`, `neon`, `scalar`) forces a kernel that the CPU has.

use std::any::Any;
use std::collections::HashMap;
use std::sync::OnceLock;

use super::literal::LiteralScanner;
use super::{Candidate, Scanner};
use crate::builtin;
use crate::rule::Rule;
use crate::rule::byte_set::ByteSet;
use kernel::{Hits, Kernel};
use tables::Tables;
use windows::Window;

pub(crate) mod buckets;
mod kernel;
pub(crate) mod tables;
pub(crate) mod windows;

pub(crate) struct SimdScanner {
    kernel: Kernel,
    tables: Box<Tables>,
    windows: Vec<Window>,
    context: Option<Context>,
}

/// The rules that are looked for around triggers only.
struct Context {
    rules: Vec<(u32, Rule)>,
    /// Made when the first trigger is met.
    scanner: OnceLock<LiteralScanner>,
    /// How far before and behind a trigger their anchors stand, in bytes.
    left: usize,
    right: usize,
}

struct Scratch {
    hits: Hits,
    triggers: Vec<u32>,
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
        let context = Context::new(rules);
        SimdScanner { kernel, tables: Tables::new(&windows, &bucket_of), windows, context }
    }

    /// Looks closer at position `at` (from -1), whose first eight bytes are `word`.
    #[inline(always)]
    fn look(
        &self,
        block: &[u8],
        at: i64,
        word: u64,
        triggers: &mut Vec<u32>,
        out: &mut Vec<Candidate>,
    ) {
        let buckets = self.tables.buckets(word);
        if buckets == 0 {
            return;
        }
        for (part, index) in self.tables.indices.iter().enumerate() {
            for window in index.get(tables::key(word, part)) {
                self.nominate(block, at, &self.windows[*window as usize], triggers, out);
            }
        }
        let mut wide = buckets & self.tables.wide_buckets;
        while wide != 0 {
            for index in &self.tables.wide[wide.trailing_zeros() as usize] {
                self.nominate(block, at, &self.windows[*index as usize], triggers, out);
            }
            wide &= wide - 1;
        }
    }

    fn nominate(
        &self,
        block: &[u8],
        at: i64,
        window: &Window,
        triggers: &mut Vec<u32>,
        out: &mut Vec<Candidate>,
    ) {
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
        if window.is_trigger && at >= 0 {
            triggers.push(at as u32);
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
        Box::new(Scratch { hits: Hits::new(), triggers: Vec::new() })
    }

    fn scan(&self, block: &[u8], scratch: &mut dyn Any, out: &mut Vec<Candidate>) {
        if block.is_empty() {
            return;
        }
        let Scratch { hits, triggers } =
            scratch.downcast_mut::<Scratch>().expect("the scratch was made by this scanner");
        triggers.clear();
        self.look(block, -1, padded(b"\n", block), triggers, out);
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
                    self.look(block, p as i64, word_at(block, p), triggers, out);
                }
            }
            at = next;
        }
        for p in at..block.len() {
            self.look(block, p as i64, word_at(block, p), triggers, out);
        }
        if let Some(context) = self.context.as_ref().filter(|_| !triggers.is_empty()) {
            context.scan(block, triggers, out);
        }
    }
}

impl Context {
    fn new(rules: &[&Rule]) -> Option<Context> {
        let chosen: Vec<(u32, Rule)> = (0..)
            .zip(rules)
            .filter(|(_, rule)| rule.around.is_some())
            .map(|(index, rule)| (index, (*rule).clone()))
            .collect();
        let around = chosen.iter().filter_map(|(_, rule)| rule.around);
        let (left, right) = around.reduce(|a, b| (a.0.max(b.0), a.1.max(b.1)))?;
        let (left, right) = (left as usize, right as usize);
        Some(Context { rules: chosen, scanner: OnceLock::new(), left, right })
    }

    /// Looks around the triggers, which are in order but for repeats; no byte is looked at much more than once.
    fn scan(&self, block: &[u8], triggers: &[u32], out: &mut Vec<Candidate>) {
        let scanner = self.scanner.get_or_init(|| {
            LiteralScanner::of(self.rules.iter().map(|(index, rule)| (*index, rule)))
        });
        let mut range = 0..0;
        for trigger in triggers {
            let trigger = *trigger as usize;
            let next = trigger.saturating_sub(self.left)..block.len().min(trigger + self.right);
            if next.start <= range.end {
                range.end = next.end.max(range.end);
            } else {
                scanner.scan_range(block, range, out);
                range = next;
            }
        }
        scanner.scan_range(block, range, out);
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
        assert!(literal.everywhere().len() < rules.len() / 20);
        // What is looked for around triggers only is compared by findings, in the suite of the engine.
        let contextual = (0..).zip(&rules).filter(|(_, r)| r.around.is_some()).map(|(i, _)| i);
        let skip: Vec<u32> = literal.everywhere().iter().copied().chain(contextual).collect();
        let everywhere = &skip[..];
        let mut text: Vec<u8> = Vec::new();
        for rule in &rules {
            for example in rule.matches() {
                text.extend_from_slice(crate::lint::expand(rule, example).as_bytes());
                text.push(b'\n');
            }
        }
        text.extend_from_slice(buckets::SAMPLE);
        let wanted = candidates(&literal, &text, everywhere);
        assert!(wanted.len() > rules.len() / 4);
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
