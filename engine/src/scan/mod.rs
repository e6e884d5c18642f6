//! Step 1 of 5: nominate. A [`Scanner`] says "a match of rule r may start about here".
//!
//! The contract: **no false negatives**; false positives, repeats and any order are allowed. A scanner never decides
//! what a secret is: [`crate::confirm`] does, one piece of code for all scanners, so that all give the same bytes.
//!
//! Before: [`crate::stream`]; after: [`crate::confirm`].

use std::any::Any;

use crate::rule::Rule;

pub(crate) mod literal;
pub(crate) mod simd;

/// One nomination: a match of `rule` may start at any position of `lo..=hi`, in bytes from the block's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    /// The first position at which a match may start.
    pub(crate) lo: u32,
    /// The last position at which a match may start.
    pub(crate) hi: u32,
    /// The index of the rule in the engine.
    pub(crate) rule: u32,
}

/// A way to find candidates in a block of text.
pub(crate) trait Scanner: Send + Sync {
    /// The name by which users choose it, with what it chose itself, such as `simd (avx2)`.
    fn name(&self) -> String;

    /// Space that one thread needs while it scans.
    fn scratch(&self) -> Box<dyn Any + Send> {
        Box::new(())
    }

    /// Appends all candidates of `block` to `out`. Matches never cross a line feed, but a range of starts may.
    fn scan(&self, block: &[u8], scratch: &mut dyn Any, out: &mut Vec<Candidate>);
}

/// The scanner to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScannerKind {
    /// The fastest that is there.
    #[default]
    Auto,
    /// Windows of byte classes by vector code: the fastest, everywhere.
    Simd,
    /// Required literals by Aho-Corasick; everywhere.
    Regex,
}

impl ScannerKind {
    /// Makes the scanner for `rules`.
    pub(crate) fn build(self, rules: &[&Rule]) -> Box<dyn Scanner> {
        match self {
            ScannerKind::Auto | ScannerKind::Simd => {
                let known = is_default_set(rules).then_some(crate::builtin::BUCKETS);
                Box::new(simd::SimdScanner::new(rules, known))
            }
            ScannerKind::Regex => Box::new(literal::LiteralScanner::new(rules)),
        }
    }
}

/// Whether these are just the built-in rules that are on by default, whose buckets were made at build time.
fn is_default_set(rules: &[&Rule]) -> bool {
    let default = crate::builtin::BUILTIN.iter().filter(|r| r.is_default());
    default.clone().count() == rules.len()
        && default.zip(rules).all(|(a, b)| {
            a.id() == b.id() && a.pattern() == b.pattern() && a.keywords == b.keywords
        })
}
