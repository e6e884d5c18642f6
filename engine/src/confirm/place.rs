//! Where the secret stands in a match, read off the pattern: without the automaton that tells groups apart, which costs
//! twenty times as much as finding the match.
//!
//! It is clear if what stands before or behind the group has the same length in all matches, or ends with a byte that stands
//! nowhere else in it, such as the `=` of `(?:key|token)=`.

use std::ops::Range;

use regex_syntax::hir::{Hir, HirKind};

use crate::rule::byte_set::ByteSet;
use crate::rule::run::bytes_of;

/// Where the group `secret` stands in a match, as far as that is clear; in bytes.
#[derive(Debug, Default)]
pub(super) struct Place {
    before: Option<usize>,
    len: Option<usize>,
    after: Option<usize>,
    /// What ends the part before it, and stands nowhere else in that part.
    delimiter: Option<ByteSet>,
}

impl Place {
    pub(super) fn new(hir: &Hir) -> Place {
        let len = |part: &Hir| {
            let properties = part.properties();
            properties.minimum_len().filter(|least| properties.maximum_len() == Some(*least))
        };
        let sum = |parts: &[Hir]| parts.iter().map(len).sum();
        let is_secret = |part: &Hir| matches!(part.kind(), HirKind::Capture(c) if c.name.as_deref() == Some("secret"));
        let parts = match hir.kind() {
            HirKind::Concat(parts) => parts.as_slice(),
            _ => std::slice::from_ref(hir),
        };
        let Some(at) = parts.iter().position(is_secret) else { return Place::default() };
        let (before, after) = (sum(&parts[..at]), sum(&parts[at + 1..]));
        Place { before, len: len(&parts[at]), after, delimiter: delimiter(&parts[..at]) }
    }

    /// Where it stands in the match `span` of `line`, if that is clear.
    pub(super) fn within(&self, line: &[u8], span: &Range<usize>) -> Option<Range<usize>> {
        let before = self.before.or_else(|| {
            let delimiter = self.delimiter.as_ref()?;
            Some(line[span.clone()].iter().position(|b| delimiter.contains(*b))? + 1)
        });
        match (Place { before, ..*self }) {
            Place { before: Some(before), after: Some(after), .. } => {
                Some(span.start + before..span.end - after)
            }
            Place { before: Some(before), len: Some(len), .. } => {
                let start = span.start + before;
                Some(start..start + len)
            }
            Place { len: Some(len), after: Some(after), .. } => {
                let end = span.end - after;
                Some(end - len..end)
            }
            _ => None,
        }
    }
}

/// The last byte of all that `parts` match, if it can stand nowhere else in it.
fn delimiter(parts: &[Hir]) -> Option<ByteSet> {
    let (last, others) = parts.split_last()?;
    let mut inside = ByteSet::default();
    others.iter().try_for_each(|part| add_bytes(part, &mut inside))?;
    let end = match last.kind() {
        HirKind::Literal(literal) => {
            let (end, rest) = literal.0.split_last()?;
            rest.iter().for_each(|byte| inside.insert(*byte));
            ByteSet::single(*end)
        }
        HirKind::Class(class) => bytes_of(class)?,
        _ => return None,
    };
    inside.is_subset(&end.complement()).then_some(end)
}

/// Adds all bytes that `part` may match; none if it holds characters of several bytes.
fn add_bytes(part: &Hir, bytes: &mut ByteSet) -> Option<()> {
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(()),
        HirKind::Literal(literal) => {
            literal.0.iter().for_each(|byte| bytes.insert(*byte));
            Some(())
        }
        HirKind::Class(class) => {
            *bytes = bytes.union(&bytes_of(class)?);
            Some(())
        }
        HirKind::Repetition(repetition) => add_bytes(&repetition.sub, bytes),
        HirKind::Capture(capture) => add_bytes(&capture.sub, bytes),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().try_for_each(|part| add_bytes(part, bytes))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confirm::Compiled;
    use crate::rule::parse;

    #[test]
    fn the_place_of_a_secret_is_what_the_groups_say() {
        let text = b"id=abcd;key = '0123456789' x=abcdefgh; k=0123-yz y=ab12,";
        for (pattern, clear) in [
            (r"\b(?P<secret>[0-9]{4,10})\b", true),
            (r"id=(?P<secret>[a-z]{4});", true),
            (r"key ?= ?'(?P<secret>[0-9]{10})'", true),
            (r"x=(?P<secret>[a-z]{8}).{0,3}", true),
            (r"k=(?P<secret>[0-9]{3,9})-(?:y|z){2}", true),
            (r"y ?=(?P<secret>[a-z0-9]{2,8}),", true),
            (r"(?:y|=b) ?=(?P<secret>[a-z0-9]{2,8}),", false),
            (r"(?:id|key)=(?P<secret>[a-z]{2,8});", true),
        ] {
            let source = format!(
                "[[rule]]\nid = 'a'\npattern = \"\"\"{}\"\"\"",
                pattern.replace('\\', "\\\\")
            );
            let set = crate::RuleSet::parse("t", &source).unwrap();
            let compiled = Compiled::new(set.into_rules().remove(0));
            let place = Place::new(&parse::hir(compiled.rule.pattern()).unwrap());
            let mut captures = compiled.regex().create_captures();
            compiled.regex().captures(text, &mut captures);
            let (span, secret) =
                (captures.get_match().unwrap(), captures.get_group_by_name("secret"));
            let found = place.within(text, &span.range());
            assert_eq!(found, secret.map(|s| s.range()).filter(|_| clear), "{pattern}");
        }
    }
}
