//! Step 1 of 5: nominate. A [`Scanner`] says "a match of rule r may start about here".
//!
//! The contract: **no false negatives**; false positives, repeats and any order are allowed. On an open line, matches that
//! are not complete yet count too once their anchor is ([`crate::hold`] relies on it). A scanner never decides
//! what a secret is: [`crate::confirm`] does, one piece of code for all scanners, so that all give the same bytes.
//!
//! Before: [`crate::stream`]; after: [`crate::confirm`].

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use crate::engine::Engine;
use crate::error::BuildError;
use crate::kernel::Kernel;
use crate::kernel::classes::Classes;
use crate::rule::Rule;
use crate::rule::anchor::MAX_WINDOW;
use crate::rule::run::RUN;

#[cfg(feature = "hyperscan")]
pub(crate) mod hyperscan;
pub(crate) mod literal;
pub(crate) mod simd;

/// One nomination: a match of `rule` may start at any position of `lo..=hi`, in bytes from the block's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    /// The first position at which a match may start.
    pub(crate) lo: u32,
    /// The last position at which a match may start.
    pub(crate) hi: u32,
    /// The index of the rule in the engine, and [`Candidate::LINK`].
    pub(crate) rule: u32,
}

impl Candidate {
    /// Added to the rule if this is a known match, from `lo` to `hi`: a key that is a link of a chain (`key=key=…`).
    pub(crate) const LINK: u32 = 1 << 31;

    /// The index of the rule in the engine.
    #[inline]
    pub(crate) fn index(self) -> usize {
        (self.rule & !Candidate::LINK) as usize
    }

    #[inline]
    pub(crate) fn is_link(self) -> bool {
        self.rule & Candidate::LINK != 0
    }

    /// Where a match may start, whatever was known of it.
    #[inline]
    pub(crate) fn unknown(self) -> Candidate {
        match self.is_link() {
            true => Candidate { hi: self.lo, rule: self.index() as u32, ..self },
            false => self,
        }
    }
}

/// A way to find candidates in a block of text.
pub(crate) trait Scanner: Send + Sync {
    /// The name by which users choose it, with what it chose itself, such as `simd (avx2)`.
    fn name(&self) -> String;

    /// Space that one thread needs while it scans.
    fn scratch(&self) -> Box<dyn Any + Send> {
        Box::new(())
    }

    /// Appends the candidates of `block`, whose bytes are of these classes, to `out`: all that windows nominate which start in
    /// `part`. Matches never cross a line feed, but a range of starts may.
    fn scan(
        &self,
        block: &[u8],
        part: Range<usize>,
        classes: &Classes,
        scratch: &mut dyn Any,
        out: &mut Vec<Candidate>,
    );

    /// How far what is nominated may stand from what it is nominated for; without an answer, anywhere.
    fn margins(&self) -> Option<Margins> {
        None
    }

    /// Scans a short text, of which nothing goes on behind its end; `classes` are space. Candidates of what could only be a match
    /// if the text went on are none.
    fn scan_short<'s>(
        &'s self,
        text: &'s [u8],
        classes: &'s mut Classes,
        scratch: &'s mut dyn Any,
        out: &'s mut Vec<Candidate>,
    ) -> Looked<'s> {
        let _ = (text, classes, scratch, out);
        Looked::Not
    }
}

/// How far a scanner looks around, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Margins {
    /// A byte has no say in what a window nominates that is farther from it.
    pub(crate) near: usize,
    /// A match starts no farther from the window that nominates it.
    pub(crate) far: usize,
}

/// How many bytes in a row decide whether a text is quiet.
pub(crate) const SPAN: usize = if MAX_WINDOW > RUN { MAX_WINDOW } else { RUN };

/// What a scanner says of a short text.
pub(crate) enum Looked<'s> {
    /// It has no candidates, and nothing coded. If it is *quiet*, nothing even begins that would make a scanner look closer:
    /// what does stands on at most [`SPAN`] bytes in a row, so a text is quiet if all its parts of so many bytes are.
    Nothing { is_quiet: bool },
    /// Its candidates were written. The text between line ends, and the classes of that.
    Padded(&'s [u8], &'s Classes),
    /// It is too long, or this scanner does not look at short texts apart.
    Not,
}

/// Space that one thread needs to scan, and what it learns of a text beside candidates.
pub(crate) struct Space {
    /// The classes of the bytes of the text that was scanned last.
    pub(crate) classes: Classes,
    scratch: Box<dyn Any + Send>,
}

impl Space {
    pub(crate) fn new(scanner: &dyn Scanner) -> Space {
        Space { classes: Classes::default(), scratch: scanner.scratch() }
    }

    /// Writes all candidates of `text` to `out`, and its classes.
    pub(crate) fn scan(&mut self, engine: &Engine, text: &[u8], out: &mut Vec<Candidate>) {
        self.scan_starts(engine, text, 0..text.len(), out);
    }

    /// The same of matches that start in `starts`; others may be left out.
    pub(crate) fn scan_starts(
        &mut self,
        engine: &Engine,
        text: &[u8],
        starts: Range<usize>,
        out: &mut Vec<Candidate>,
    ) {
        engine.kernel().classes(text, &mut self.classes);
        out.clear();
        let scanner = engine.scanner();
        let far = scanner.margins().map_or(usize::MAX, |margins| margins.far);
        let part = around(starts, far, text.len());
        scanner.scan(text, part, &self.classes, &mut *self.scratch, out);
    }

    /// Writes all candidates of `text`, whose classes were written last.
    #[cfg(feature = "stages")]
    pub(crate) fn scan_known(&mut self, engine: &Engine, text: &[u8], out: &mut Vec<Candidate>) {
        out.clear();
        engine.scanner().scan(text, 0..text.len(), &self.classes, &mut *self.scratch, out);
    }

    /// Appends the candidates of `text`, whose classes were written last, on which a byte of one of `changes` has a say; these
    /// are in order. False if a scan of the whole text is called for instead.
    pub(crate) fn scan_changes(
        &mut self,
        engine: &Engine,
        text: &[u8],
        changes: impl Iterator<Item = Range<usize>>,
        out: &mut Vec<Candidate>,
    ) -> bool {
        let Some(Margins { near, .. }) = engine.scanner().margins() else { return false };
        let mut parts = changes.map(|change| around(change, near, text.len())).peekable();
        while let Some(mut all) = parts.next() {
            while let Some(next) = parts.next_if(|next| next.start <= all.end) {
                all = all.start.min(next.start)..all.end.max(next.end);
            }
            engine.scanner().scan(text, all, &self.classes, &mut *self.scratch, out);
        }
        true
    }

    /// Scans a text, of which nothing goes on behind its end, if it is short: that is quicker than [`Space::scan`]. Its
    /// candidates are written to `out`.
    pub(crate) fn scan_short<'s>(
        &'s mut self,
        engine: &'s Engine,
        text: &'s [u8],
        out: &'s mut Vec<Candidate>,
    ) -> Looked<'s> {
        out.clear();
        engine.scanner().scan_short(text, &mut self.classes, &mut *self.scratch, out)
    }
}

/// A range and what is at most so far from it, of a text of so many bytes.
fn around(range: Range<usize>, far: usize, len: usize) -> Range<usize> {
    range.start.saturating_sub(far).min(len)..range.end.saturating_add(far).min(len)
}

/// The scanner to use. All give the same bytes; they differ in speed and in what they need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScannerKind {
    /// The fastest that is there and needs no library.
    #[default]
    Auto,
    /// Windows of byte classes by vector code: the fastest, everywhere.
    Simd,
    /// Required literals by Aho-Corasick; everywhere.
    Regex,
    /// The system's libhs, for very large rule sets; needs the cargo feature `hyperscan`.
    Hyperscan,
}

/// Keeps compiled databases of [`ScannerKind::Hyperscan`] between runs.
///
/// libhs trusts a database: a cache must give back only what this user stored. Damage is noticed, by a checksum.
pub trait DatabaseCache: std::fmt::Debug + Send + Sync {
    /// The bytes that were stored under `key`, which is 32 hexadecimal digits.
    fn load(&self, key: &str) -> Option<Vec<u8>>;

    /// Keeps `bytes` under `key`, if it can.
    fn store(&self, key: &str, bytes: &[u8]);
}

/// What choosing a scanner depends on beside the rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScannerOptions {
    pub(crate) kind: ScannerKind,
    /// Whether another scanner than the one asked for is an error.
    pub(crate) strict: bool,
    pub(crate) cache: Option<Arc<dyn DatabaseCache>>,
}

/// A scanner, and what the user should know about how it was chosen.
pub(crate) type Chosen = (Box<dyn Scanner>, Vec<String>);

impl ScannerKind {
    /// All kinds.
    pub const ALL: &[ScannerKind] =
        &[ScannerKind::Auto, ScannerKind::Simd, ScannerKind::Regex, ScannerKind::Hyperscan];

    /// The kind with this [`name`](ScannerKind::name).
    pub fn parse(name: &str) -> Option<ScannerKind> {
        ScannerKind::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// `auto`, `simd`, `regex` or `hyperscan`.
    pub fn name(self) -> &'static str {
        match self {
            ScannerKind::Auto => "auto",
            ScannerKind::Simd => "simd",
            ScannerKind::Regex => "regex",
            ScannerKind::Hyperscan => "hyperscan",
        }
    }
}

impl ScannerOptions {
    /// Makes the scanner for `rules`.
    ///
    /// # Errors
    /// The scanner that was asked for cannot be used, and no other may take its place.
    pub(crate) fn build(&self, rules: &[&Rule], kernel: Kernel) -> Result<Chosen, BuildError> {
        let chosen: Result<Chosen, String> = match self.kind {
            ScannerKind::Auto | ScannerKind::Simd => {
                Ok((Box::new(simd::SimdScanner::new(rules, kernel)), Vec::new()))
            }
            ScannerKind::Regex => Ok(portable(rules)),
            ScannerKind::Hyperscan => hyperscan_scanner(rules, self.cache.as_deref()),
        };
        chosen.or_else(|reason| {
            let name = self.kind.name();
            if self.strict {
                let message = format!("{name} cannot be used: {reason}; or choose another scanner");
                return Err(BuildError::one("scanner", message));
            }
            let (scanner, mut notes) = portable(rules);
            let instead = scanner.name();
            notes.push(format!("{name} cannot be used: {reason}; {instead} is used instead"));
            Ok((scanner, notes))
        })
    }
}

fn portable(rules: &[&Rule]) -> Chosen {
    (Box::new(literal::LiteralScanner::new(rules)), Vec::new())
}

#[cfg(feature = "hyperscan")]
fn hyperscan_scanner(rules: &[&Rule], cache: Option<&dyn DatabaseCache>) -> Result<Chosen, String> {
    let (scanner, notes) = hyperscan::HyperscanScanner::new(rules, cache)?;
    Ok((Box::new(scanner), notes))
}

#[cfg(not(feature = "hyperscan"))]
fn hyperscan_scanner(_: &[&Rule], _: Option<&dyn DatabaseCache>) -> Result<Chosen, String> {
    Err("this build has no libhs; build with the feature `hyperscan`".to_owned())
}
