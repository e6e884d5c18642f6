//! What the engine masks of a text: spans and the masks in their place. The text itself is not copied.

use std::convert::Infallible;
use std::ops::Range;

use redact_stream::{Finding, Sink};

use crate::values::wipe;

/// A sink that notes what is masked.
#[derive(Default)]
pub(crate) struct Edits {
    /// How much of the text is dealt with.
    done: usize,
    /// Spans of the text, in order, each with the end of its mask in `masks`, where that of the one before begins it.
    spans: Vec<(Range<usize>, usize)>,
    masks: Vec<u8>,
    /// The rules of the findings.
    pub(crate) rules: Vec<usize>,
}

impl Edits {
    /// Whether nothing is masked.
    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Spans of the text, in order, and what stands in their place.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Range<usize>, &[u8])> {
        let mut from = 0;
        self.spans.iter().map(move |(span, end)| {
            let mask = &self.masks[from..*end];
            from = *end;
            (span.clone(), mask)
        })
    }

    /// Overwrites the masks: some show a part of their secret.
    pub(crate) fn wipe(&mut self) {
        wipe(&mut self.masks);
    }

    /// Makes ready for the next text; a buffer of more bytes than `most` is not kept.
    pub(crate) fn clear(&mut self, most: usize) {
        self.done = 0;
        self.spans.clear();
        self.rules.clear();
        self.masks.clear();
        self.masks.shrink_to(most);
    }
}

impl Sink for Edits {
    type Error = Infallible;

    fn clean(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.done += bytes.len();
        Ok(())
    }

    fn masked(&mut self, finding: &Finding, mask: &[u8]) -> Result<(), Infallible> {
        let start = self.done;
        self.done += (finding.end - finding.start) as usize;
        self.masks.extend_from_slice(mask);
        self.spans.push((start..self.done, self.masks.len()));
        self.rules.push(finding.rule());
        Ok(())
    }
}
