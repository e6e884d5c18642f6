//! The scanner `hyperscan`, behind the feature of that name: one database of all rules in the system's libhs.
//!
//! Why: its speed hardly depends on how many rules there are, which suits very large rule sets of a user's own; and a
//! second opinion finds faults in the other scanners. For the built-in rules it is not the fastest.
//!
//! How: block mode, ends only. Starts (`SOM_LEFTMOST`) would cost six times as much, and some rules would be too large. An
//! end at `e` nominates the starts from `e - max` to `e - min` of its [`expression`]; ends of one rule that lie close
//! together become one range. Rules that libhs refuses are left to the scanner `regex`, in the same scan. A database takes
//! 0.3 ms per rule to compile, so it is kept in a [`cache`].
//!
//! What is guarded against:
//! - libraries that lose matches: versions known for it are refused, and each load passes a [`self_test`];
//! - damaged caches: a checksum stands in front of the database;
//! - a scan that fails (there is no memory): then all rules are nominated everywhere, which is slow and loses nothing.
//!
//! Limits: x86 with SSSE3 for Hyperscan; Vectorscan also runs on ARM and Power. No unsafe code here: the crate `hyperscan`
//! has a safe interface, and gets bytes to deserialise only if their checksum holds.

use std::any::Any;

use hyperscan::{
    BlockDatabase, Builder, HsError, Matching, Pattern, PatternFlags, Patterns, Platform, Scratch,
};

use self::expression::Plan;
use super::literal::LiteralScanner;
use super::{Candidate, DatabaseCache, Scanner};
use crate::rule::Rule;

mod cache;
mod expression;
mod self_test;

pub use cache::FolderCache;

pub(crate) struct HyperscanScanner {
    database: BlockDatabase,
    /// By expression of the database: what its ends mean.
    targets: Vec<Target>,
    /// Rules that the database does not hold, and their indices in the engine.
    rest: Option<(LiteralScanner, Vec<u32>)>,
    /// All rules, for lines that may go on: there anchors are asked for, not matches.
    open: LiteralScanner,
    rules: usize,
    version: String,
}

/// What an end of an expression says.
struct Target {
    rule: u32,
    /// The least and greatest distance from the start of a match to the end, in bytes.
    min: i64,
    max: i64,
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
        let plans: Vec<Vec<Plan>> = rules.iter().map(|rule| expression::plans(rule)).collect();
        let key = cache::key(&version, &plans);
        let mut notes = Vec::new();
        if let Some(bytes) = cache.and_then(|cache| cache.load(&key)) {
            let loaded = cache::open(&bytes, &plans)
                .and_then(|(levels, db)| assemble(rules, &plans, &levels, db, &version));
            match loaded {
                Ok(scanner) => return Ok((scanner, notes)),
                Err(reason) => notes.push(format!("hyperscan: cached database not used: {reason}")),
            }
        }
        let (levels, database) = compile(&plans)?;
        if let Some(cache) = cache
            && let Ok(bytes) = database.serialize()
        {
            cache.store(&key, &cache::seal(&levels, &bytes));
        }
        let scanner = assemble(rules, &plans, &levels, database, &version)?;
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
                ranges.add(&self.targets[id as usize], to as i64);
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

    fn scan(&self, block: &[u8], scratch: &mut dyn Any, out: &mut Vec<Candidate>) {
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
            scanner.scan(block, &mut (), out);
            out[before..].iter_mut().for_each(|c| c.rule = indices[c.rule as usize]);
        }
    }

    fn scan_open(&self, block: &[u8], _: &mut dyn Any, out: &mut Vec<Candidate>) {
        self.open.scan(block, &mut (), out);
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

/// Compiles the most exact plan of each rule that libhs takes; answers which, and the database. A level that a rule has no
/// plan for means: left out.
fn compile(plans: &[Vec<Plan>]) -> Result<(Vec<u8>, BlockDatabase), String> {
    let mut levels = vec![0u8; plans.len()];
    loop {
        let mut owners = Vec::new();
        let mut patterns = Vec::new();
        for (rule, plan) in chosen(plans, &levels) {
            for expression in plan {
                let flags = PatternFlags::empty();
                let mut pattern = Pattern::with_flags(expression.text.as_str(), flags)
                    .map_err(|error| error.to_string())?;
                pattern.id = Some(patterns.len());
                patterns.push(pattern);
                owners.push(rule);
            }
        }
        if patterns.is_empty() {
            return Err("libhs takes none of the rules".to_owned());
        }
        match Patterns(patterns).build() {
            Ok(database) => return Ok((levels, database)),
            Err(hyperscan::Error::Hyperscan(HsError::CompileError(error))) => {
                match error.expression().and_then(|index| owners.get(index)) {
                    Some(rule) => levels[*rule] += 1,
                    None => return Err(format!("libhs does not compile the rules: {error}")),
                }
            }
            Err(error) => return Err(format!("libhs does not compile the rules: {error}")),
        }
    }
}

/// The plans at these levels, with the indices of their rules.
fn chosen<'p>(plans: &'p [Vec<Plan>], levels: &'p [u8]) -> impl Iterator<Item = (usize, &'p Plan)> {
    plans
        .iter()
        .zip(levels)
        .enumerate()
        .filter_map(|(rule, (plans, level))| Some((rule, plans.get(usize::from(*level))?)))
}

fn assemble(
    rules: &[&Rule],
    plans: &[Vec<Plan>],
    levels: &[u8],
    database: BlockDatabase,
    version: &str,
) -> Result<HyperscanScanner, String> {
    let info = database.info().map_err(|error| error.to_string())?;
    if let Some(of_database) = info.split(' ').nth(1)
        && let Some(reason) = known_bad(of_database)
    {
        return Err(reason);
    }
    let mut targets = Vec::new();
    let mut expressions = Vec::new();
    let mut left = vec![true; rules.len()];
    for (rule, plan) in chosen(plans, levels) {
        left[rule] = false;
        for e in plan {
            targets.push(Target { rule: rule as u32, min: e.min, max: e.max });
            expressions.push(e);
        }
    }
    self_test::run(&database, &expressions)?;
    let indices: Vec<u32> = (0..rules.len() as u32).filter(|i| left[*i as usize]).collect();
    let others: Vec<&Rule> = indices.iter().map(|i| rules[*i as usize]).collect();
    Ok(HyperscanScanner {
        database,
        targets,
        rest: (!others.is_empty()).then(|| (LiteralScanner::new(&others), indices)),
        open: LiteralScanner::new(rules),
        rules: rules.len(),
        version: version.to_owned(),
    })
}
