//! What becomes of one match, with the reason: for [`crate::explain`]. It asks what [`super::confirm`] asks, in that order.

use std::ops::Range;

use super::condition::{Accept, Refusal, judge};
use super::{Compiled, Scratch, assignment, whole_characters};
use crate::rule::ValueSyntax;
use crate::{block, mask};

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
    while at < line.len() {
        let Some(span) = compiled.search(scratch, index, line, at, line.len() - 1) else { break };
        let fate = fate(compiled, index, accept, line, span.clone(), scratch);
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

fn fate(
    compiled: &Compiled,
    index: usize,
    accept: &Accept,
    line: &[u8],
    span: Range<usize>,
    scratch: &mut Scratch,
) -> Fate {
    let rule = &compiled.rule;
    if rule.block.is_some() {
        return Fate::Begin;
    }
    let secret = match rule.value {
        ValueSyntax::Match => compiled.secret(scratch, index, line, span.clone()),
        ValueSyntax::Assignment => {
            if mask::in_label_mask(line, span.start) || block::in_marker(line, span.start) {
                return Fate::NoValue;
            }
            match assignment::value(line, span.clone(), false, &mut scratch.values) {
                assignment::Value::Secret(value, _) => value,
                assignment::Value::None | assignment::Value::Open(_) => return Fate::NoValue,
            }
        }
    };
    let secret = whole_characters(line, secret);
    let secret = secret.start..block::end_before_marker(line, secret);
    match judge(compiled, accept, line, span.start, secret.clone()) {
        Ok(_) => Fate::Secret(secret),
        Err(refusal) => Fate::Refused(secret, refusal),
    }
}
