//! Where the secret stands in a match, read off the pattern: without the automaton that tells groups apart, which costs
//! more than finding the match.
//!
//! It is clear if what stands before or behind the group has the same length in all matches. The part before it may also end
//! with a byte that it always holds as often, such as the `=` of `(?:key|token)=` or the second colon of `://[^:]*:`.

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
    /// The class of the byte that ends the part before it, and how many of that class stand in that part.
    delimiter: Option<(ByteSet, usize)>,
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

    /// Where it ends in the match `span`, if it starts at `start` and that is clear.
    pub(super) fn end(&self, start: usize, span: &Range<usize>) -> Option<usize> {
        self.after.map(|after| span.end - after).or_else(|| self.len.map(|len| start + len))
    }

    /// Where it stands in the match `span` of `line`, if that is clear.
    pub(super) fn within(&self, line: &[u8], span: &Range<usize>) -> Option<Range<usize>> {
        let before = self.before.or_else(|| {
            let (set, count) = self.delimiter.as_ref()?;
            let mut all = line[span.clone()].iter().enumerate().filter(|(_, b)| set.contains(**b));
            Some(all.nth(count - 1)?.0 + 1)
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

/// The class of the last byte of all that `parts` match, and how many of its bytes stand there, if it is always as many.
fn delimiter(parts: &[Hir]) -> Option<(ByteSet, usize)> {
    let end = match parts.last()?.kind() {
        HirKind::Literal(literal) => ByteSet::single(*literal.0.last()?),
        HirKind::Class(class) => bytes_of(class)?,
        _ => return None,
    };
    let count = parts.iter().map(|part| count(part, &end)).sum::<Option<usize>>()?;
    Some((end, count))
}

/// How many bytes of `set` stand in all that `hir` matches, if it is always as many.
fn count(hir: &Hir, set: &ByteSet) -> Option<usize> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(0),
        HirKind::Literal(literal) => Some(literal.0.iter().filter(|b| set.contains(**b)).count()),
        HirKind::Class(class) => {
            let class = bytes_of(class)?;
            let others = set.complement();
            class.is_subset(set).then_some(1).or(class.is_subset(&others).then_some(0))
        }
        HirKind::Repetition(repetition) => {
            let each = count(&repetition.sub, set)?;
            let times = (repetition.max == Some(repetition.min)).then_some(repetition.min as usize);
            if each == 0 { Some(0) } else { times.map(|times| each * times) }
        }
        HirKind::Capture(capture) => count(&capture.sub, set),
        HirKind::Concat(parts) => parts.iter().map(|part| count(part, set)).sum(),
        HirKind::Alternation(ways) => {
            let mut counts = ways.iter().map(|way| count(way, set));
            let first = counts.next()??;
            counts.all(|n| n == Some(first)).then_some(first)
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
        let text =
            b"id=abcd;key = '0123456789' x=abcdefgh; k=0123-yz y=ab12, p=ax==xb=0-123z q=x=0-123z";
        for (pattern, clear) in [
            (r"\b(?P<secret>[0-9]{4,10})\b", true),
            (r"id=(?P<secret>[a-z]{4});", true),
            (r"key ?= ?'(?P<secret>[0-9]{10})'", true),
            (r"x=(?P<secret>[a-z]{8}).{0,3}", true),
            (r"k=(?P<secret>[0-9]{3,9})-(?:y|z){2}", true),
            (r"y ?=(?P<secret>[a-z0-9]{2,8}),", true),
            (r"(?:y|=b) ?=(?P<secret>[a-z0-9]{2,8}),", false),
            (r"[a-z]{1,9}=[^=]{0,9}(?:x=|=x){2}[^=]{0,9}=(?P<secret>[0-9-]{4,8})z", true),
            (r"[a-z]{1,9}=[^=]{0,9}(?:x=){0,3}[^=]{0,9}=(?P<secret>[0-9-]{4,8})z", false),
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

    #[test]
    fn secrets_of_all_rules_stand_where_the_groups_say() {
        let (mut looked, mut told) = (0, 0);
        let mut scratch = crate::confirm::Scratch::new(1);
        for rule in crate::RuleSet::builtin().into_rules() {
            let compiled = Compiled::new(rule);
            scratch.forget_states();
            let regex = compiled.regex();
            let mut captures = regex.create_captures();
            for example in compiled.rule.matches() {
                let line = crate::lint::expand(&compiled.rule, example);
                // Also where other words stand around it, and twice.
                for line in [line.clone(), format!("a=b; {line}; c=d {line}")] {
                    let line = line.as_bytes();
                    regex.captures(line, &mut captures);
                    let Some(span) = captures.get_match().map(|m| m.range()) else { continue };
                    let Some(secret) = captures.get_group_by_name("secret") else { continue };
                    let found = compiled.secret(&mut scratch, 0, line, span.clone());
                    assert_eq!(found, secret.range(), "{}", compiled.rule.id());
                    let place = Place::new(&parse::hir(compiled.rule.pattern()).unwrap());
                    if place.within(line, &span).is_none() {
                        looked += 1;
                        let start = compiled.only_start(0, &mut scratch, line, &span);
                        told += usize::from(start.is_some());
                    }
                }
            }
        }
        // Else this shows nothing.
        assert!(told > 100 && told * 2 > looked, "{told} of {looked}");
    }
}
