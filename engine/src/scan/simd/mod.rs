//! The default scanner, `simd`: windows of byte classes, found by vector code.
//!
//! Windows are sequences of byte classes that every match of a rule holds; there are three ways to look for them:
//! - *everywhere*: [`kernel`] tells 32 buckets of windows apart by table look-ups, 64 positions at a time; [`lookup`] leads
//!   from the bytes of a hit to the windows;
//! - *heads*: most tokens are one long word, so their first bytes are looked for only where the kernel has seen a word start
//!   and at least 16 characters follow ([`runs`], `rule/run.rs`);
//! - *names*: rules that know a service by its name are looked for only around words such as `key` ([`context`],
//!   `rule/trigger.rs`).
//!
//! Then all classes of the window (up to twelve) are compared. There are no false negatives. The buckets of the default rules
//! are made at build time, of others at start ([`buckets`]).
//!
//! The environment variable `REDACT_SIMD` (`vbmi`, `avx2`, `ssse3`, `neon`, `scalar`) forces a kernel that the CPU has.

use std::any::Any;
use std::collections::HashMap;

use super::{Candidate, Scanner};
use crate::builtin;
use crate::rule::Rule;
use crate::rule::byte_set::ByteSet;
use crate::rule::run::RunClass;
use context::Context;
use kernel::{Hits, Kernel, STEP};
use lookup::Lookup;
use runs::Runs;
use tables::{BROAD, NARROW, Tables};
use windows::Window;

pub(crate) mod buckets;
mod context;
mod kernel;
mod lookup;
mod runs;
pub(crate) mod tables;
pub(crate) mod windows;

pub(crate) struct SimdScanner {
    kernel: Kernel,
    tables: Box<Tables>,
    everywhere: Lookup,
    heads: Lookup,
    long_heads: Lookup,
    context: Option<Context>,
}

#[derive(Default)]
struct Scratch {
    hits: Hits,
    runs: Runs,
    triggers: Vec<u32>,
    /// Positions to look closer at.
    near: Vec<u32>,
    names: Vec<i64>,
}

impl SimdScanner {
    /// A scanner for `rules`. The buckets of the default rules' windows are known from build time.
    pub(crate) fn new(rules: &[&Rule]) -> SimdScanner {
        let kernel = std::env::var("REDACT_SIMD").ok().and_then(|name| Kernel::named(&name));
        SimdScanner::with_kernel(rules, kernel.unwrap_or_else(Kernel::detect))
    }

    fn with_kernel(rules: &[&Rule], kernel: Kernel) -> SimdScanner {
        let all = windows::distinct(rules.iter().copied());
        let bucket_of = known_buckets(rules, &all.everywhere);
        SimdScanner {
            kernel,
            tables: Tables::new(&all.everywhere, &bucket_of),
            everywhere: Lookup::new(all.everywhere),
            heads: Lookup::new(all.heads),
            long_heads: Lookup::new(all.long_heads),
            context: all.has_names.then(|| Context::new(rules)),
        }
    }

    /// Looks closer at position `at`, from -1.
    fn look(
        &self,
        block: &[u8],
        at: i64,
        runs: &Runs,
        triggers: &mut Vec<u32>,
        out: &mut Vec<Candidate>,
    ) {
        self.everywhere.each(word_from(block, at), |window| {
            if nominate(block, at, window, runs, out) && window.is_trigger && at >= 0 {
                triggers.push(at as u32);
            }
        });
    }

    /// Looks for the first bytes of long words where such words start.
    fn look_at_heads(&self, block: &[u8], runs: &Runs, out: &mut Vec<Candidate>) {
        for i in 0..runs.steps.len() {
            let starts = runs.word_starts(i);
            let mut left = starts.broad;
            while left != 0 {
                let bit = left & left.wrapping_neg();
                left &= left - 1;
                let at = i * STEP + bit.trailing_zeros() as usize;
                let narrow = starts.narrow & bit != 0;
                let word = word_at(block, at);
                if self.heads.may_start(word) {
                    self.heads.each(word, |window| self.head(block, at, narrow, window, out));
                }
                if starts.long & bit != 0 {
                    self.long_heads.each(word, |window| self.head(block, at, narrow, window, out));
                }
            }
        }
    }

    fn head(
        &self,
        block: &[u8],
        at: usize,
        narrow: bool,
        window: &Window,
        out: &mut Vec<Candidate>,
    ) {
        let starts = |class: RunClass| class == RunClass::Broad || narrow;
        if !window.uses.iter().any(|u| u.run.is_some_and(|(class, ..)| starts(class)))
            || !holds(block, at as i64, window)
        {
            return;
        }
        for u in &window.uses {
            let Some((class, ..)) = u.run.filter(|(class, ..)| starts(*class)) else { continue };
            let bits = if class == RunClass::Narrow { NARROW } else { BROAD };
            let goes_on = |b: &u8| self.tables.classes[usize::from(*b)] & bits != 0;
            // Behind the end of the block, the run may go on.
            let run = &block[at..block.len().min(at + u.run_len as usize)];
            if run[window.classes.len().min(run.len())..].iter().all(goes_on) {
                out.push(Candidate { lo: at as u32, hi: at as u32, rule: u.rule });
            }
        }
    }
}

/// Whether all classes of `window` stand at position `at`, from -1.
#[inline(always)]
fn holds(block: &[u8], at: i64, window: &Window) -> bool {
    window.classes.iter().enumerate().all(|(i, set)| {
        match usize::try_from(at + i as i64) {
            Ok(p) => block.get(p).is_some_and(|b| set.contains(*b)),
            // Before the block there is a line end.
            Err(_) => set.contains(b'\n'),
        }
    })
}

/// Adds the candidates of `window` if all its classes stand at position `at`, where the runs that they need stand too; true
/// if the classes do.
#[inline(always)]
fn nominate(block: &[u8], at: i64, window: &Window, runs: &Runs, out: &mut Vec<Candidate>) -> bool {
    let holds = holds(block, at, window);
    if holds {
        let last = block.len() as i64 - 1;
        for u in &window.uses {
            let hi = at - i64::from(u.lo);
            let has_run = u.run.is_none_or(|(class, lo, hi)| {
                let (lo, hi) = (at + i64::from(lo), at + i64::from(hi));
                hi >= 0 && runs.run_in(class, lo.max(0) as usize, hi as usize)
            });
            if hi >= 0 && has_run {
                let lo = (at - i64::from(u.hi)).clamp(0, last);
                out.push(Candidate { lo: lo as u32, hi: hi.min(last) as u32, rule: u.rule });
            }
        }
    }
    holds
}

impl Scanner for SimdScanner {
    fn name(&self) -> String {
        format!("simd ({})", self.kernel.name())
    }

    fn scratch(&self) -> Box<dyn Any + Send> {
        Box::new(Scratch::default())
    }

    fn scan(&self, block: &[u8], scratch: &mut dyn Any, out: &mut Vec<Candidate>) {
        if block.is_empty() {
            return;
        }
        let Scratch { hits, runs, triggers, near, names } =
            scratch.downcast_mut::<Scratch>().expect("the scratch was made by this scanner");
        triggers.clear();
        runs.steps.clear();
        near.clear();
        let mut at = 0;
        loop {
            let next = self.kernel.run(&self.tables, block, at, hits, &mut runs.steps);
            if next == at {
                break;
            }
            // First all quick looks, without branches; then the closer ones, when the runs are known.
            let most: usize = hits.mask[..hits.len].iter().map(|m| m.count_ones() as usize).sum();
            let mut n = near.len();
            near.resize(n + most, 0);
            for (base, mask) in hits.at.iter().zip(hits.mask).take(hits.len) {
                let mut mask = mask;
                while mask != 0 {
                    let p = base + mask.trailing_zeros();
                    mask &= mask - 1;
                    near[n] = p;
                    n += usize::from(self.everywhere.may_start(word_at(block, p as usize)));
                }
            }
            near.truncate(n);
            at = next;
        }
        runs.finish(&self.tables, &block[at..]);
        near.extend(
            (at..block.len())
                .filter(|p| self.everywhere.may_start(word_at(block, *p)))
                .map(|p| p as u32),
        );
        self.look(block, -1, runs, triggers, out);
        near.iter().for_each(|p| self.look(block, i64::from(*p), runs, triggers, out));
        self.look_at_heads(block, runs, out);
        if let Some(context) = self.context.as_ref().filter(|_| !triggers.is_empty()) {
            context.scan(block, runs, triggers, names, out);
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
    let made = windows::distinct(default()).everywhere;
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

/// The same from `at`, which may be -1: a line end stands before the block.
#[inline(always)]
fn word_from(block: &[u8], at: i64) -> u64 {
    usize::try_from(at).map_or_else(|_| padded(b"\n", block), |at| word_at(block, at))
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

    fn candidates(scanner: &dyn Scanner, text: &[u8]) -> Vec<Candidate> {
        let mut out = Vec::new();
        scanner.scan(text, &mut *scanner.scratch(), &mut out);
        out.sort_unstable();
        out.dedup();
        out
    }

    fn sample(rules: &[Rule]) -> Vec<u8> {
        let mut text: Vec<u8> = Vec::new();
        for rule in rules {
            for example in rule.matches() {
                text.extend_from_slice(crate::lint::expand(rule, example).as_bytes());
                text.push(b'\n');
            }
        }
        text.extend_from_slice(buckets::SAMPLE);
        text
    }

    #[test]
    fn every_kernel_nominates_the_same() {
        let rules = rules();
        let refs: Vec<&Rule> = rules.iter().collect();
        let text = sample(&rules);
        let portable = SimdScanner::with_kernel(&refs, Kernel::named("scalar").unwrap());
        // All lengths and alignments around a step.
        let pieces =
            || (0..200).chain([255, 256, 257, 8192, 8255]).map(|len| &text[len.min(77)..][..len]);
        let all = || pieces().chain([text.as_slice()]);
        let wanted: Vec<_> = all().map(|piece| candidates(&portable, piece)).collect();
        for kernel in Kernel::available() {
            let scanner = SimdScanner::with_kernel(&refs, kernel);
            for (piece, wanted) in all().zip(&wanted) {
                let found = candidates(&scanner, piece);
                assert!(found == *wanted, "{} at length {}", kernel.name(), piece.len());
            }
        }
    }

    #[test]
    fn every_match_is_nominated() {
        let rules = rules();
        let refs: Vec<&Rule> = rules.iter().collect();
        let scanner = SimdScanner::new(&refs);
        let text = sample(&rules);
        let found = candidates(&scanner, &text);
        for (index, rule) in (0..).zip(&rules) {
            let of_rule: Vec<_> = found.iter().filter(|c| c.rule == index).collect();
            let compiled = crate::confirm::Compiled::new(rule.clone());
            for m in compiled.regex().find_iter(&text) {
                let at = m.start() as u32;
                let nominated = of_rule.iter().any(|c| (c.lo..=c.hi).contains(&at));
                // Keywords may be what is looked for: where none stands, there is no finding.
                assert!(nominated || rule.keywords().len() > 0, "{} at {at}", rule.id());
            }
        }
    }
}
