//! The default scanner, `simd`: windows of byte classes, found by vector code.
//!
//! Windows are sequences of byte classes that every match of a rule holds; there are three ways to look for them:
//! - *everywhere*: the [`kernel`](crate::kernel) tells 32 buckets of windows apart by table look-ups, 64 positions at a time;
//!   [`lookup`] leads from the bytes of a hit to the windows;
//! - *heads*: most tokens are one long word, so their first bytes are looked for only where the kernel has seen a word start
//!   and at least 16 characters follow ([`heads`], `rule/run.rs`);
//! - *names*: rules that know a service by its name are looked for only around words such as `key`, where a run follows, or
//!   around rare ones such as `passw` ([`context`], `rule/trigger.rs`).
//!
//! Then all classes of the window (up to twelve) are compared. There are no false negatives. The tables of the default rules
//! are made at build time, of others at start ([`buckets`], [`tables`]).

use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::{Candidate, Looked, Margins, SPAN, Scanner};
use crate::builtin;
use crate::kernel::classes::Classes;
use crate::kernel::{Few, Hits, Job, Kernel};
use crate::rule::Rule;
use crate::rule::byte_set::ByteSet;
use crate::rule::run::LONG_RUN;
use crate::rule::trigger::FARTHEST;
use buckets::Effort;
use context::{Context, Triggered};
use features::Grain;
use finder::Finder;
use heads::Heads;
use lookup::Lookup;
use runs::Runs;
use tables::Tables;
use windows::{FARTHEST_RUN, Window};

pub(crate) mod buckets;
mod context;
pub(crate) mod features;
mod finder;
mod heads;
mod long_heads;
pub(crate) mod lookup;
mod runs;
mod short;
pub(crate) mod symbols;
pub(crate) mod tables;
pub(crate) mod windows;

pub(crate) struct SimdScanner {
    kernel: Kernel,
    everywhere: Finder,
    heads: Heads,
    context: Option<Context>,
    margins: Margins,
}

#[derive(Default)]
struct Scratch {
    hits: Hits,
    triggers: Vec<Triggered>,
    /// Positions to look closer at.
    near: Vec<u32>,
    /// For a short text.
    few: Few,
}

impl SimdScanner {
    /// A scanner for `rules`. The buckets of the default rules' windows are known from build time.
    pub(crate) fn new(rules: &[&Rule], kernel: Kernel) -> SimdScanner {
        let all = windows::distinct(rules.iter().copied());
        let margins = margins(rules);
        let is_default = is_default(rules);
        let names = is_default.then_some((&builtin::NAMES, &builtin::NAME_TABLES));
        let context = all.has_names.then(|| Context::new(rules, names));
        if is_default {
            let lookup = Lookup::with(all.everywhere, &builtin::EVERYWHERE);
            let everywhere = Finder::new(lookup, Some(Cow::Borrowed(&builtin::TABLES)));
            let heads = Heads::new(all.heads, all.long_heads, Some(&builtin::HEADS));
            return SimdScanner { kernel, everywhere, heads, context, margins };
        }
        // Only the tables of this kernel's grain are read; those of the other hold too much, not too little.
        let of = known_buckets(rules, &all.everywhere, kernel.grain());
        let tables = Tables::new(&all.everywhere, &of, &of);
        SimdScanner {
            kernel,
            everywhere: Finder::new(Lookup::new(all.everywhere), Some(Cow::Owned(tables))),
            heads: Heads::new(all.heads, all.long_heads, None),
            context,
            margins,
        }
    }

    /// Looks closer at position `at`, from -1.
    #[inline(always)]
    fn look(
        &self,
        block: &[u8],
        at: i64,
        runs: Runs<'_>,
        triggers: &mut Vec<Triggered>,
        out: &mut Vec<Candidate>,
    ) {
        self.everywhere.lookup().each(block, at, |window| {
            nominate(block, at, window, runs, out);
            if let Some(trigger) = window.trigger.filter(|_| at >= 0) {
                triggers.push(Triggered::new(at as u32, trigger));
            }
        });
    }

    /// Whether a window stands at position `at`, from -1, of a short text, and whether it says something: without a run in the
    /// text, one that needs a run does not.
    // Few positions come so far: what is compiled apart costs nothing, and a second copy of the look-up would.
    #[inline(never)]
    fn looks(&self, text: &[u8], at: i64, has_rows: bool) -> (bool, bool) {
        let (mut stands, mut tells) = (false, false);
        self.everywhere.lookup().each(text, at, |window| {
            let needs_none = || window.uses.iter().any(|u| u.run.is_none());
            stands = true;
            tells |= has_rows || window.trigger.is_some() || needs_none();
        });
        (stands, tells)
    }
}

/// Adds the candidates of `window`, which stands at position `at`, where the runs that they need stand too.
#[inline(always)]
fn nominate(block: &[u8], at: i64, window: &Window, runs: Runs<'_>, out: &mut Vec<Candidate>) {
    let last = block.len() as i64 - 1;
    for u in &window.uses {
        let hi = at - i64::from(u.lo);
        let has_run = u.run.is_none_or(|(class, lo, hi)| {
            let (lo, hi) = (at + i64::from(lo), at + i64::from(hi));
            hi >= 0 && runs.run_in(class, u.run_len as usize, lo.max(0) as usize, hi as usize)
        });
        if hi >= 0 && has_run {
            let lo = (at - i64::from(u.hi)).clamp(0, last);
            out.push(Candidate { lo: lo as u32, hi: hi.min(last) as u32, rule: u.rule });
        }
    }
}

impl Scanner for SimdScanner {
    fn name(&self) -> String {
        format!("simd ({})", self.kernel.name())
    }

    fn scratch(&self) -> Box<dyn Any + Send> {
        Box::new(Scratch::default())
    }

    fn scan(
        &self,
        block: &[u8],
        part: Range<usize>,
        classes: &Classes,
        scratch: &mut dyn Any,
        out: &mut Vec<Candidate>,
    ) {
        if block.is_empty() {
            return;
        }
        let scratch = own(scratch);
        self.kernel.run(Scan { scanner: self, block, part, runs: Runs(classes), scratch, out });
    }

    fn margins(&self) -> Option<Margins> {
        Some(self.margins)
    }

    fn scan_short<'s>(
        &'s self,
        text: &'s [u8],
        classes: &'s mut Classes,
        scratch: &'s mut dyn Any,
        out: &'s mut Vec<Candidate>,
    ) -> Looked<'s> {
        if text.len() > Few::LONGEST {
            return Looked::Not;
        }
        let scratch = own(scratch);
        self.kernel.run(short::Look { scanner: self, text, classes, scratch, out })
    }
}

fn own(scratch: &mut dyn Any) -> &mut Scratch {
    scratch.downcast_mut().expect("the scratch was made by this scanner")
}

/// One scan of a block.
struct Scan<'s> {
    scanner: &'s SimdScanner,
    block: &'s [u8],
    part: Range<usize>,
    runs: Runs<'s>,
    scratch: &'s mut Scratch,
    out: &'s mut Vec<Candidate>,
}

impl Job for Scan<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Scan { scanner, block, part, runs, scratch, out } = self;
        let Scratch { hits, triggers, near, .. } = scratch;
        triggers.clear();
        near.clear();
        scanner.everywhere.find(scanner.kernel, block, part.clone(), hits, near);
        if part.start == 0 {
            scanner.look(block, -1, runs, triggers, out);
        }
        for p in near.iter() {
            scanner.look(block, i64::from(*p), runs, triggers, out);
        }
        scanner.heads.scan(scanner.kernel, block, part, runs, near, out);
        if let Some(context) = scanner.context.as_ref().filter(|_| !triggers.is_empty()) {
            context.scan(scanner.kernel, block, runs, triggers, (hits, near), out);
        }
    }
}

/// How far the windows of `rules` look around.
fn margins(rules: &[&Rule]) -> Margins {
    let distance = |offset: i32| offset.unsigned_abs() as usize;
    let anchors = rules.iter().flat_map(|rule| rule.anchors.iter());
    let far = anchors.map(|a| distance(a.lo).max(distance(a.hi))).max().unwrap_or(0);
    // A name and the word that calls for it, or a window or such a word and the run that it needs.
    let near = ((FARTHEST.0 + FARTHEST.1) as usize).max(FARTHEST_RUN as usize + LONG_RUN) + SPAN;
    Margins { near, far: near + far }
}

/// Whether these are the default rules, all of them.
fn is_default(rules: &[&Rule]) -> bool {
    default().count() == rules.len() && default().zip(rules).all(|(a, b)| built_in(a, b))
}

fn default() -> impl Iterator<Item = &'static Rule> {
    builtin::BUILTIN.iter().filter(|r| r.is_default())
}

/// Rules that were built in still point to the same text.
fn built_in(a: &Rule, b: &Rule) -> bool {
    std::ptr::eq(a.pattern(), b.pattern())
}

/// The buckets of `windows`: those of default rules as they were made at build time, of others made now.
fn known_buckets(rules: &[&Rule], windows: &[Window], grain: Grain) -> Vec<u8> {
    if !rules.iter().any(|r| default().any(|d| built_in(d, r))) {
        return buckets::assign(grain, windows, &[], Effort::START);
    }
    let made = windows::distinct(default()).everywhere;
    let buckets = match grain {
        Grain::Fine => builtin::FINE_BUCKETS,
        Grain::Coarse => builtin::COARSE_BUCKETS,
    };
    let of_window: HashMap<&[ByteSet], u8> =
        made.iter().zip(buckets).map(|(w, b)| (&*w.classes, *b)).collect();
    let known: Vec<_> = windows.iter().map(|w| of_window.get(&*w.classes).copied()).collect();
    buckets::assign(grain, windows, &known, Effort::START)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Handle;

    fn rules() -> Vec<Rule> {
        crate::RuleSet::builtin().iter().cloned().collect()
    }

    fn candidates(scanner: &dyn Scanner, text: &[u8]) -> Vec<Candidate> {
        let mut out = Vec::new();
        let mut classes = Classes::default();
        Kernel::detect().classes(text, &mut classes);
        scanner.scan(text, 0..text.len(), &classes, &mut *scanner.scratch(), &mut out);
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
        text.extend_from_slice(crate::rule::frequency::SAMPLE);
        text
    }

    #[test]
    fn every_kernel_nominates_the_same() {
        let rules = rules();
        let refs: Vec<&Rule> = rules.iter().collect();
        let text = sample(&rules);
        let portable = SimdScanner::new(&refs, Kernel::named("scalar").unwrap());
        // All lengths and alignments around a step.
        let pieces =
            || (0..200).chain([255, 256, 257, 8192, 8255]).map(|len| &text[len.min(77)..][..len]);
        let all = || pieces().chain([text.as_slice()]);
        let wanted: Vec<_> = all().map(|piece| candidates(&portable, piece)).collect();
        for kernel in Kernel::available() {
            let scanner = SimdScanner::new(&refs, kernel);
            for (piece, wanted) in all().zip(&wanted) {
                let found = candidates(&scanner, piece);
                assert!(found == *wanted, "{} at length {}", kernel.name(), piece.len());
            }
        }
    }

    #[test]
    fn a_quick_look_sees_what_may_be_found() {
        let refs: Vec<&Rule> = default().collect();
        // Its scanner has no quick look.
        let engine = crate::Engine::builder().scanner(crate::ScannerKind::Regex).build().unwrap();
        let text = sample(&rules());
        for kernel in Kernel::available() {
            let scanner = SimdScanner::new(&refs, kernel);
            let (mut scratch, mut classes) = (scanner.scratch(), Classes::default());
            let mut out = Vec::new();
            let mut may_hold =
                |text: &[u8]| match scanner.scan_short(text, &mut classes, &mut *scratch, &mut out)
                {
                    Looked::Nothing { .. } => false,
                    Looked::Padded(..) => true,
                    Looked::Not => kernel.name() == "scalar" || text.len() > Few::LONGEST,
                };
            for line in text.split_inclusive(|b| *b == b'\n') {
                for piece in [line, line.trim_ascii_end(), &line[line.len() / 2..]] {
                    let quiet = !may_hold(piece);
                    assert!(!quiet || engine.find(piece).is_empty(), "{}", kernel.name());
                }
            }
            // Else it would be of no use.
            let lines: Vec<_> = crate::rule::frequency::SAMPLE.split(|b| *b == b'\n').collect();
            let quiet = lines.iter().filter(|line| !may_hold(line)).count();
            let has_hits = kernel.name() != "scalar";
            assert_eq!(quiet > lines.len() / 5, has_hits, "{quiet} of {}", lines.len());
        }
    }

    /// Buckets that let too much through make everything slow, and nothing else shows it: rules whose windows suit no bucket
    /// should be found here.
    #[test]
    fn kernels_let_few_positions_through() {
        let sample = crate::rule::frequency::SAMPLE;
        for kernel in Kernel::available() {
            let mut hits = Hits::default();
            let (mut at, mut passed) = (0, 0);
            loop {
                let next = kernel.hits(&builtin::TABLES, sample, at, &mut hits);
                if next == at {
                    break;
                }
                passed += hits.masks().iter().map(|mask| mask.count_ones()).sum::<u32>();
                at = next;
            }
            let most = match kernel.grain() {
                Grain::Fine => sample.len() / 20,
                Grain::Coarse => sample.len() / 8,
            };
            assert!(passed as usize <= most, "{}: {passed} of {}", kernel.name(), sample.len());
        }
    }

    #[test]
    fn what_makes_a_text_loud_stands_on_few_bytes() {
        let rules = rules();
        let refs: Vec<&Rule> = rules.iter().collect();
        let text = sample(&rules);
        for kernel in Kernel::available() {
            let scanner = SimdScanner::new(&refs, kernel);
            let windows = windows::distinct(rules.iter()).everywhere;
            assert!(windows.iter().all(|window| window.classes.len() <= SPAN));
            let (mut scratch, mut classes) = (scanner.scratch(), Classes::default());
            let mut out = Vec::new();
            let mut is_quiet = |text: &[u8]| {
                let looked = scanner.scan_short(text, &mut classes, &mut *scratch, &mut out);
                matches!(looked, Looked::Nothing { is_quiet: true })
            };
            let mut quiet = 0;
            for line in text.split(|b| *b == b'\n') {
                for line in [line, &line[line.len() / 3..], &line[..line.len() / 3]] {
                    if line.len() >= SPAN && line.windows(SPAN).all(&mut is_quiet) {
                        assert!(line.len() > Few::LONGEST || is_quiet(line), "{}", kernel.name());
                        quiet += 1;
                    }
                }
            }
            // Else this shows nothing.
            assert_eq!(quiet > 100, kernel.name() != "scalar", "{quiet}");
        }
    }

    #[test]
    fn every_match_is_nominated() {
        let rules = rules();
        let refs: Vec<&Rule> = rules.iter().collect();
        let scanner = SimdScanner::new(&refs, Kernel::detect());
        let text = sample(&rules);
        let found = candidates(&scanner, &text);
        for (index, rule) in (0..).zip(&rules) {
            let of_rule: Vec<_> = found.iter().filter(|c| c.rule == index).collect();
            let compiled = crate::confirm::Compiled::new(Handle::Own(rule.clone().into()));
            for m in compiled.regex().find_iter(&text) {
                let at = m.start() as u32;
                let nominated = of_rule.iter().any(|c| (c.lo..=c.hi).contains(&at));
                // Keywords may be what is looked for: where none stands, there is no finding.
                assert!(nominated || rule.keywords().len() > 0, "{} at {at}", rule.id());
            }
        }
    }
}
