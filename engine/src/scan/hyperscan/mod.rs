//! The scanner `hyperscan`, behind the feature of that name: one database of all rules in the system's libhs.
//!
//! Why: its speed depends little on how many rules there are, which suits very large rule sets of a user's own; and a
//! second opinion finds faults in the other scanners.
//!
//! How: block mode, ends only; starts (`SOM_LEFTMOST`) would cost six times as much. libhs looks for the [`window`]s of the
//! rules' anchors: an end at `e` nominates the starts from `e - max` to `e - min`, clipped to the line; ranges of one rule
//! that touch become one. Rules that libhs refuses are left to the scanner `regex`, in the same scan. A thousand rules take
//! a second to compile, so the database is kept in a [`cache`].
//!
//! What is guarded against:
//! - libraries that lose matches: versions known for it are refused, and each load passes a [`self_test`];
//! - damaged caches: a checksum stands in front of the database;
//! - a scan that fails (there is no memory): then all rules are nominated everywhere, which is slow and loses nothing.
//!
//! Limits: Hyperscan needs x86 with SSSE3; Vectorscan also runs on ARM and Power. No unsafe code here: the crate `hyperscan`
//! has a safe interface, and gets bytes to deserialise only if their checksum holds.

use std::any::Any;
use std::ops::Range;

use hyperscan::{
    BlockDatabase, Builder, ExprExt, HsError, Matching, Pattern, PatternFlags, Patterns, Platform,
    Scratch,
};

use self::window::{Target, Window};
use super::literal::LiteralScanner;
use super::{Candidate, DatabaseCache, Scanner};
use crate::kernel::classes::Classes;
use crate::rule::Rule;

mod cache;
mod self_test;
mod window;

pub use cache::FolderCache;

pub(crate) struct HyperscanScanner {
    database: BlockDatabase,
    /// By expression of the database.
    windows: Vec<Window>,
    /// Rules that the database does not hold, and their indices in the engine.
    rest: Option<(LiteralScanner, Vec<u32>)>,
    rules: usize,
    version: String,
}

impl HyperscanScanner {
    /// The scanner, and what the user should know about it.
    ///
    /// # Errors
    /// Why it cannot be used here.
    pub(crate) fn new(
        rules: &[&Rule],
        cache: Option<&dyn DatabaseCache>,
    ) -> Result<(HyperscanScanner, Vec<String>), String> {
        let version = library()?;
        let key = cache::key(&version, rules);
        let mut notes = Vec::new();
        if let Some(bytes) = cache.and_then(|cache| cache.load(&key)) {
            let loaded = cache::open(&bytes, rules.len()).and_then(|(left_out, database)| {
                assemble(rules, &left_out, database, &version, self_test::SOME)
            });
            match loaded {
                Ok(scanner) => return Ok((scanner, notes)),
                Err(reason) => notes.push(format!("hyperscan: cached database rebuilt: {reason}")),
            }
        }
        let (left_out, database) = compile(rules)?;
        let scanner = assemble(rules, &left_out, database, &version, self_test::ALL)?;
        if let Some(cache) = cache
            && let Ok(bytes) = scanner.database.serialize()
        {
            cache.store(&key, &cache::seal(&left_out, &bytes));
        }
        Ok((scanner, notes))
    }

    fn scan_database(
        &self,
        block: &[u8],
        scratch: &mut ScanScratch,
        out: &mut Vec<Candidate>,
    ) -> bool {
        let Some(space) = &scratch.space else { return false };
        if u32::try_from(block.len()).is_err() {
            return false;
        }
        let mut ranges = Ranges::new(block, &mut scratch.open, &mut scratch.touched, out);
        let scanned =
            self.database.scan(block, space, |id: u32, _from: u64, to: u64, _flags: u32| {
                let targets = self.windows.get(id as usize).map_or(&[][..], |w| &w.targets);
                targets.iter().for_each(|target| ranges.add(target, to as i64));
                Matching::Continue
            });
        ranges.close();
        scanned.is_ok()
    }
}

impl Scanner for HyperscanScanner {
    fn name(&self) -> String {
        format!("hyperscan ({})", self.version)
    }

    fn scratch(&self) -> Box<dyn Any + Send> {
        Box::new(ScanScratch {
            space: self.database.alloc_scratch().ok(),
            open: vec![EMPTY; self.rules],
            touched: Vec::new(),
        })
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
        let done = scratch
            .downcast_mut::<ScanScratch>()
            .is_some_and(|scratch| self.scan_database(block, scratch, out));
        if !done {
            // Could not look: nominate everything.
            let hi = (block.len() - 1) as u32;
            out.extend((0..self.rules as u32).map(|rule| Candidate { lo: 0, hi, rule }));
            return;
        }
        if let Some((scanner, indices)) = &self.rest {
            let before = out.len();
            scanner.scan(block, part, classes, &mut (), out);
            out[before..].iter_mut().for_each(|c| c.rule = indices[c.rule as usize]);
        }
    }
}

struct ScanScratch {
    /// None if there was no memory for it.
    space: Option<Scratch>,
    /// By rule: the range of starts that the next end may still widen.
    open: Vec<(i64, i64)>,
    /// Rules whose range is not empty.
    touched: Vec<u32>,
}

const EMPTY: (i64, i64) = (0, -1);

/// Turns ends into ranges of starts, few and short: clipped to the line, and joined where they touch.
struct Ranges<'s> {
    block: &'s [u8],
    open: &'s mut [(i64, i64)],
    touched: &'s mut Vec<u32>,
    out: &'s mut Vec<Candidate>,
    /// The start of the line in which `line_known` lies, in bytes.
    line: usize,
    line_known: usize,
}

impl<'s> Ranges<'s> {
    fn new(
        block: &'s [u8],
        open: &'s mut [(i64, i64)],
        touched: &'s mut Vec<u32>,
        out: &'s mut Vec<Candidate>,
    ) -> Ranges<'s> {
        Ranges { block, open, touched, out, line: 0, line_known: 0 }
    }

    fn add(&mut self, target: &Target, end: i64) {
        let line = self.line_start(end as usize) as i64;
        let lo = (end - target.max).max(line);
        let hi = (end - target.min).min(self.block.len() as i64 - 1);
        if lo > hi {
            return;
        }
        let open = &mut self.open[target.rule as usize];
        if *open == EMPTY {
            self.touched.push(target.rule);
        } else if lo <= open.1 + 1 && hi + 1 >= open.0 {
            *open = (open.0.min(lo), open.1.max(hi));
            return;
        } else {
            self.out.push(candidate(target.rule, *open));
        }
        *open = (lo, hi);
    }

    fn close(self) {
        for rule in self.touched.drain(..) {
            let open = std::mem::replace(&mut self.open[rule as usize], EMPTY);
            self.out.push(candidate(rule, open));
        }
    }

    /// The start of the line that ends at `end` or later. Ends come nearly in order, so each byte is looked at once.
    fn line_start(&mut self, end: usize) -> usize {
        if end < self.line_known {
            return memchr::memrchr(b'\n', &self.block[..end]).map_or(0, |at| at + 1);
        }
        if let Some(at) = memchr::memrchr(b'\n', &self.block[self.line_known..end]) {
            self.line = self.line_known + at + 1;
        }
        self.line_known = end;
        self.line
    }
}

fn candidate(rule: u32, range: (i64, i64)) -> Candidate {
    Candidate { lo: range.0 as u32, hi: range.1 as u32, rule }
}

/// The library's version, if it can be trusted.
fn library() -> Result<String, String> {
    let text = hyperscan::version_str().to_string_lossy();
    let version = text.split(' ').next().unwrap_or_default().to_owned();
    if let Some(reason) = known_bad(&version) {
        return Err(reason);
    }
    Platform::is_valid().map_err(|_| "the processor lacks SSSE3".to_owned())?;
    Ok(version)
}

/// Why a version is refused. Hyperscan itself ends its free releases with 5.4.2; what follows as 5.4.x is Vectorscan.
///
/// Vectorscan 5.4.9 lost up to 191 of 200,000 planted keys, 5.4.12 most matches of some expressions with `.*`; what lies
/// between was not tried, and before 5.4.13 no release says that this is fixed.
fn known_bad(version: &str) -> Option<String> {
    let mut numbers = version.split('.').map(|part| {
        part.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u32>().ok()
    });
    let mut next = || numbers.next().flatten();
    match (next(), next(), next()) {
        (Some(5), Some(4), Some(3..=12)) => Some(format!(
            "libhs {version} is a Vectorscan that loses matches; install Hyperscan 5.4.0 to 5.4.2 or Vectorscan 5.4.13"
        )),
        (Some(0..=4), ..) | (None, ..) | (_, None, _) => {
            Some(format!("libhs {version} is not known; install Hyperscan 5.4"))
        }
        _ => None,
    }
}

/// Compiles the rules' windows; answers which rules libhs does not take, and the database of the others.
fn compile(rules: &[&Rule]) -> Result<(Vec<bool>, BlockDatabase), String> {
    // Without an anchor there is nothing to look for.
    let mut left_out: Vec<bool> = rules.iter().map(|rule| rule.anchors.is_empty()).collect();
    loop {
        let windows = window::windows(rules, &left_out);
        if windows.is_empty() {
            return Err("libhs takes none of the rules".to_owned());
        }
        let pattern = |(id, window): (usize, &Window)| Pattern {
            expression: window.text.clone(),
            flags: PatternFlags::empty(),
            id: Some(id),
            ext: ExprExt::default(),
            som: None,
        };
        let patterns: Patterns = windows.iter().enumerate().map(pattern).collect();
        let refused = |error| format!("libhs does not compile the rules: {error}");
        match patterns.build() {
            Ok(database) => return Ok((left_out, database)),
            Err(hyperscan::Error::Hyperscan(HsError::CompileError(error))) => {
                let culprit = error.expression().and_then(|index| windows.get(index));
                let culprit = culprit.ok_or_else(|| refused(error.to_string()))?;
                culprit.targets.iter().for_each(|target| left_out[target.rule as usize] = true);
            }
            Err(error) => return Err(refused(error.to_string())),
        }
    }
}

/// A scanner over a database, if it passes the self-test.
fn assemble(
    rules: &[&Rule],
    left_out: &[bool],
    database: BlockDatabase,
    version: &str,
    rounds: usize,
) -> Result<HyperscanScanner, String> {
    let info = database.info().map_err(|error| error.to_string())?;
    // "Version: 5.4.0 Features: AVX2 Mode: BLOCK"
    if let Some(reason) = info.split(' ').nth(1).and_then(known_bad) {
        return Err(reason);
    }
    let windows = window::windows(rules, left_out);
    self_test::run(&database, &windows, rounds)?;
    let indices: Vec<u32> = (0..).zip(left_out).filter(|(_, out)| **out).map(|(i, _)| i).collect();
    let others: Vec<&Rule> = indices.iter().map(|index| rules[*index as usize]).collect();
    Ok(HyperscanScanner {
        database,
        windows,
        rest: (!others.is_empty()).then(|| (LiteralScanner::new(&others), indices)),
        rules: rules.len(),
        version: version.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_lose_matches_are_refused() {
        for version in ["5.4.3", "5.4.9", "5.4.11", "5.4.12", "5.4.12-rc1", "4.7.0", "", "unknown"]
        {
            assert!(known_bad(version).is_some(), "{version}");
        }
        for version in ["5.4.0", "5.4.2", "5.4.13", "5.5.0", "5.6.1", "6.0.0"] {
            assert!(known_bad(version).is_none(), "{version}");
        }
    }

    fn ranges(text: &[u8], target: &Target, ends: &[i64]) -> Vec<(u32, u32)> {
        let (mut open, mut touched, mut out) = (vec![EMPTY], Vec::new(), Vec::new());
        let mut ranges = Ranges::new(text, &mut open, &mut touched, &mut out);
        ends.iter().for_each(|end| ranges.add(target, *end));
        ranges.close();
        assert_eq!(open, [EMPTY]);
        out.sort();
        out.iter().map(|c| (c.lo, c.hi)).collect()
    }

    #[test]
    fn many_ends_of_one_match_are_one_range() {
        let target = Target { rule: 0, min: 4, max: 8 };
        let ends: Vec<i64> = (20..5000).collect();
        assert_eq!(ranges(&[b'x'; 6000], &target, &ends), [(12, 4995)]);
    }

    #[test]
    fn a_range_stays_in_its_line_whatever_the_order_of_ends() {
        let target = Target { rule: 0, min: 2, max: 8 };
        let text = b"0123\n56789\nbcdef";
        assert_eq!(ranges(text, &target, &[4, 8, 14]), [(0, 2), (5, 6), (11, 12)]);
        assert_eq!(ranges(text, &target, &[14, 4, 8]), [(0, 2), (5, 6), (11, 12)]);
        // Too little of the line stands before the end.
        assert_eq!(ranges(text, &target, &[6]), []);
        // A match behind the end.
        let behind = Target { rule: 0, min: -4, max: 0 };
        assert_eq!(ranges(text, &behind, &[3, 15]), [(3, 7), (15, 15)]);
    }

    #[test]
    fn without_scratch_space_everything_is_nominated() {
        let rules = crate::RuleSet::builtin();
        let (scanner, _) = HyperscanScanner::new(&rules.iter().collect::<Vec<_>>(), None).unwrap();
        let mut none = ScanScratch { space: None, open: vec![], touched: vec![] };
        let mut out = Vec::new();
        scanner.scan(b"some text", 0..9, &Classes::default(), &mut none, &mut out);
        assert_eq!(out.len(), rules.len());
        assert!(out.iter().all(|c| (c.lo, c.hi) == (0, 8)));
    }

    #[test]
    fn rules_that_are_left_out_are_found_by_the_rest() {
        let rules = crate::RuleSet::builtin();
        let rules: Vec<&Rule> = rules.iter().take(12).collect();
        let (all, _) = HyperscanScanner::new(&rules, None).unwrap();
        let left_out: Vec<bool> = (0..rules.len()).map(|i| i % 2 == 0).collect();
        let windows = window::windows(&rules, &left_out);
        let patterns: Patterns = windows
            .iter()
            .enumerate()
            .map(|(id, w)| Pattern { id: Some(id), ..Pattern::new(w.text.as_str()).unwrap() })
            .collect();
        let database = patterns.build().unwrap();
        let half = assemble(&rules, &left_out, database, "test", self_test::SOME).unwrap();
        for rule in &rules {
            for example in rule.matches() {
                let text = crate::lint::expand(rule, example);
                let nominated = |scanner: &HyperscanScanner| {
                    let mut out = Vec::new();
                    scanner.scan(
                        text.as_bytes(),
                        0..text.len(),
                        &Classes::default(),
                        &mut *scanner.scratch(),
                        &mut out,
                    );
                    let mut rules: Vec<u32> = out.iter().map(|c| c.rule).collect();
                    rules.sort_unstable();
                    rules.dedup();
                    rules
                };
                assert_eq!(nominated(&half), nominated(&all), "{}", rule.id());
            }
        }
    }

    #[test]
    fn a_library_that_loses_matches_fails_the_self_test() {
        let rules = crate::RuleSet::builtin();
        let rules: Vec<&Rule> = rules.iter().take(2).collect();
        let windows = window::windows(&rules, &[false, false]);
        // A database of other expressions stands for a library that finds nothing.
        let database: BlockDatabase = "never in any sample of a rule".parse().unwrap();
        let error = self_test::run(&database, &windows, self_test::ALL).unwrap_err();
        let planted = windows.len() * self_test::ALL;
        assert!(error.contains(&format!("loses {planted} of {planted}")), "{error}");
    }
}
