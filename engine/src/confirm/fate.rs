//! What becomes of one match, with the reason: for [`crate::explain`].

use std::ops::Range;

use super::condition::{Accept, Refusal};
use super::decide::Verdict;
use super::{Compiled, Scratch};
use crate::rule::ValueSyntax;

/// What becomes of a match; spans are in bytes of its line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// This is masked.
    Secret(Range<usize>),
    /// A secret of several lines begins behind the match.
    Begin,
    /// A key without a value that looks like a secret.
    NoValue,
    /// This is left, for that reason.
    Refused(Range<usize>, Refusal),
}

/// All matches of a rule's pattern in a line, each with its fate.
pub(crate) fn fates(
    compiled: &Compiled,
    index: usize,
    accept: &Accept,
    line: &[u8],
    scratch: &mut Scratch,
) -> Vec<(Range<usize>, Fate)> {
    let mut found = Vec::new();
    let mut at = 0;
    scratch.rewind();
    while at < line.len() {
        let starts = at..=line.len() - 1;
        let Some(span) = compiled.search(scratch, index, line, 0, starts, line.len()) else {
            break;
        };
        let verdict = match compiled.is_link(line, &span, scratch) {
            true => Verdict::NoValue,
            false => compiled.verdict(index, accept, line, span.clone(), false, scratch),
        };
        let fate = match verdict {
            Verdict::Begin => Fate::Begin,
            Verdict::NoValue | Verdict::Open(_) => Fate::NoValue,
            Verdict::Judged(secret, _, Ok(())) => Fate::Secret(secret),
            Verdict::Judged(secret, _, Err(refusal)) => Fate::Refused(secret, refusal),
        };
        at = match fate {
            Fate::Refused(_, refusal)
                if refusal != Refusal::Listed && compiled.rule.value == ValueSyntax::Match =>
            {
                span.start + 1
            }
            _ => span.end.max(span.start + 1),
        };
        // The tails of a refused match say nothing new.
        let known = |(last, old): &(Range<usize>, Fate)| match (old, &fate) {
            (Fate::Refused(_, a), Fate::Refused(_, b)) => last.end == span.end && a == b,
            _ => false,
        };
        if !found.last().is_some_and(known) {
            found.push((span, fate));
        }
    }
    found
}
