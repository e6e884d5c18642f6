//! One candidate of one rule on one line: what becomes of the matches that start in its range.

use std::ops::Range;

use super::compiled::Compiled;
use super::{Hit, Scratch, View, assignment, character_around, condition, whole_characters};
use crate::rule::ValueSyntax;
use crate::{block, mask};

/// A line in which candidates are looked at.
pub(super) struct Job<'a> {
    pub(super) accept: &'a condition::Accept,
    /// Where the line stands in the block, with its line feed.
    pub(super) line: Range<usize>,
    /// Its bytes without that.
    pub(super) text: &'a [u8],
    /// More bytes of it may follow.
    pub(super) growing: bool,
    /// Of the block.
    pub(super) view: View,
}

impl Job<'_> {
    /// Looks for one match of the rule that starts in `lo..=hi` of the block, all in this line; answers where to go on.
    pub(super) fn run(
        &self,
        (compiled, index): (&Compiled, usize),
        lo: usize,
        hi: usize,
        scratch: &mut Scratch,
        hits: &mut Vec<Hit>,
    ) -> usize {
        let offset = self.line.start;
        let line = self.text;
        if lo - offset >= line.len() {
            return hi + 1;
        }
        let (from, to) = (lo - offset, (hi - offset).min(line.len() - 1));
        let span = if !self.growing {
            let limit = self.view.limit.saturating_sub(offset);
            let offset = self.view.base + offset as u64;
            compiled.search(scratch, index, line, offset, from..=to, limit)
        } else if to == from {
            let walk = compiled.walk(&mut scratch.states[index], line, from);
            let cut = |end: &usize| matches!(character_around(line, *end), Some((_, None)));
            if walk.alive || walk.end.as_ref().is_some_and(cut) {
                self.undecided((compiled, index), from, walk.end, scratch);
                return lo + 1;
            }
            walk.end.map(|end| from..end)
        } else {
            // Position by position, so that what may still grow is seen.
            self.run((compiled, index), lo, lo, scratch, hits);
            return lo + 1;
        };
        let Some(span) = span else { return hi + 1 };
        let (start, end) = (span.start, span.end);
        if self.growing && mask::cut_label_mask(line).is_some_and(|mask| mask < end) {
            // Whether it reaches into a mask is not known yet.
            self.undecided((compiled, index), from, Some(end), scratch);
            return lo + 1;
        }
        if scratch.progress[index].blocked {
            let secret = compiled.secret(scratch, index, line, span);
            scratch.hold = scratch.hold.min(offset + secret.start);
            return offset + start + 1;
        }
        if !self.growing && compiled.is_link(line, &span, scratch) {
            scratch.is_link = true;
            return self.advance(scratch, index, offset + end);
        }
        match self.decide((compiled, index), span, scratch) {
            Outcome::Secret(secret, again) => {
                let inside_end = secret.end;
                let spans = std::iter::once(secret).chain(again);
                let spans = spans.map(|span| offset + span.start..offset + span.end);
                hits.extend(spans.map(|span| Hit::new(span, index as u32)));
                // Keys all inside a long value need no look of their own: each would read the rest of it.
                let inside = (offset + inside_end).saturating_sub(assignment::LONG_VALUE);
                self.advance(scratch, index, (offset + end).max(inside))
            }
            Outcome::Begin => {
                scratch.begins.push(Hit::new(offset + start..offset + end, index as u32));
                self.advance(scratch, index, offset + end)
            }
            Outcome::Open(from) => {
                scratch.hold = scratch.hold.min(offset + from);
                // Keys inside the value must not move the rule past this one.
                scratch.progress[index].blocked = true;
                offset + end
            }
            Outcome::Key => self.advance(scratch, index, offset + end),
            Outcome::Masked(end) => self.advance(scratch, index, offset + end),
            Outcome::Refused => offset + start + 1,
        }
    }

    fn advance(&self, scratch: &mut Scratch, index: usize, to: usize) -> usize {
        scratch.progress[index].next = self.view.base + to as u64;
        to
    }

    /// Where the line starts in the stream.
    fn line_offset(&self) -> u64 {
        match self.line.start {
            0 => self.view.first_line,
            start => self.view.base + start as u64,
        }
    }

    /// A match at `at`, which would now end at `end`, may still grow: nothing of its secret may be released yet.
    fn undecided(
        &self,
        (compiled, index): (&Compiled, usize),
        at: usize,
        end: Option<usize>,
        scratch: &mut Scratch,
    ) {
        let (rule, line) = (&compiled.rule, self.text);
        let secret = match (rule.value, rule.block) {
            // The secret stands behind the key or marker: it may have begun if that can be complete.
            (ValueSyntax::Assignment, _) | (_, Some(_)) => {
                let end = end.unwrap_or(line.len());
                end + line[end..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
            }
            _ => compiled.secret_start(index, scratch, line, at),
        };
        scratch.hold = scratch.hold.min(self.line.start + secret);
        scratch.progress[index].blocked = true;
    }

    fn decide(
        &self,
        (compiled, index): (&Compiled, usize),
        span: Range<usize>,
        scratch: &mut Scratch,
    ) -> Outcome {
        let line = self.text;
        match compiled.verdict(index, self.accept, line, span.clone(), self.growing, scratch) {
            Verdict::Begin => Outcome::Begin,
            Verdict::NoValue => Outcome::Key,
            Verdict::Open(from) => Outcome::Open(from),
            Verdict::Judged(secret, again, Ok(())) => {
                Outcome::Secret(secret, again.map(|span| whole_characters(line, span)))
            }
            // Left alone as a whole: no part of it is looked at again.
            Verdict::Judged(.., Err(condition::Refusal::Listed)) => Outcome::Key,
            Verdict::Judged(.., Err(_)) if compiled.rule.value == ValueSyntax::Assignment => {
                Outcome::Key
            }
            Verdict::Judged(secret, _, Err(refusal)) => {
                let (start, len) =
                    (self.view.base + (self.line.start + span.start) as u64, span.len());
                let refused = &mut scratch.progress(index).refused;
                match refusal {
                    _ if refused.add(self.line_offset(), start, len) => Outcome::Refused,
                    // What stands behind the mask is no part of it.
                    condition::Refusal::AlreadyMasked if !secret.is_empty() => {
                        Outcome::Masked(secret.end)
                    }
                    condition::Refusal::AlreadyMasked => Outcome::Key,
                    _ => Outcome::Secret(secret, None),
                }
            }
        }
    }
}

enum Outcome {
    /// What is to be masked, and the same value once more.
    Secret(Range<usize>, Option<Range<usize>>),
    /// A multi-line secret begins behind the match.
    Begin,
    /// A key whose value is no secret.
    Key,
    /// A mask that ends here.
    Masked(usize),
    /// A key whose value may go on behind the end: hold from here.
    Open(usize),
    Refused,
}

/// What is said of one match.
pub(super) enum Verdict {
    /// A multi-line secret begins behind the match.
    Begin,
    /// A key without a value.
    NoValue,
    /// A key whose value may go on behind the end: it begins here.
    Open(usize),
    /// The span that may be secret, the same value once more, and what its conditions say.
    Judged(Range<usize>, Option<Range<usize>>, Result<(), condition::Refusal>),
}

impl Compiled {
    /// Whether the match `span` of a complete line is a key without a value, known without reading it.
    #[inline]
    pub(super) fn is_link(&self, line: &[u8], span: &Range<usize>, scratch: &Scratch) -> bool {
        self.rule.value == ValueSyntax::Assignment
            && self.rule.block.is_none()
            && assignment::is_link(line, span, &scratch.values)
    }

    /// What the match `span` says is secret, and whether it is.
    pub(super) fn verdict(
        &self,
        index: usize,
        accept: &condition::Accept,
        line: &[u8],
        span: Range<usize>,
        growing: bool,
        scratch: &mut Scratch,
    ) -> Verdict {
        if self.rule.block.is_some() {
            return Verdict::Begin;
        }
        let (secret, again) = match self.rule.value {
            ValueSyntax::Match => (self.secret(scratch, index, line, span.clone()), None),
            ValueSyntax::Assignment => {
                if block::in_marker(line, span.start) {
                    return Verdict::NoValue;
                }
                let value = assignment::value(line, span.clone(), growing, &mut scratch.values);
                match value {
                    assignment::Value::None => return Verdict::NoValue,
                    // Asked last: most keys have no value.
                    _ if mask::in_label_mask(line, span.start) => return Verdict::NoValue,
                    assignment::Value::Secret(value, again) => (value, again),
                    assignment::Value::Open(from) => return Verdict::Open(from),
                }
            }
        };
        let secret = whole_characters(line, secret);
        let secret = secret.start..block::end_before_marker(line, secret);
        let judged = condition::judge(self, accept, line, span.start, secret.clone());
        Verdict::Judged(secret, again, judged.map(|_| ()))
    }
}
