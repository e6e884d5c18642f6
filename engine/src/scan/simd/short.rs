//! Short texts: a log's values and lines. Nearly all hold nothing, and to see that takes a part of what a scan takes.
//!
//! The text is looked at between line ends, where it is whole steps: there is nothing special about its start and its end, no
//! step that is looked at apart, and no run that goes on behind. Hits and classes of bytes are told in one go. Where no window
//! may start and no 16 bytes of a run follow one another, which is most often, that is all.
//!
//! Limits: texts of up to [`Few::LONGEST`] bytes, of which nothing goes on behind their end.

use super::{Candidate, Scratch, SimdScanner};
use crate::kernel::Job;
use crate::kernel::classes::Classes;
use crate::scan::Looked;
use crate::scan::simd::runs::Runs;

/// A look at a short text.
pub(super) struct Look<'s> {
    pub(super) scanner: &'s SimdScanner,
    pub(super) text: &'s [u8],
    pub(super) classes: &'s mut Classes,
    pub(super) scratch: &'s mut Scratch,
    pub(super) out: &'s mut Vec<Candidate>,
}

impl<'s> Job for Look<'s> {
    type Output = Looked<'s>;

    #[inline(always)]
    fn run(self) -> Looked<'s> {
        let Look { scanner, text, classes, scratch, out } = self;
        let SimdScanner { kernel, everywhere, heads, context, .. } = scanner;
        let Scratch { hits, triggers, near, few } = scratch;
        let tables = everywhere.tables();
        if !tables.is_some_and(|tables| kernel.few(tables, text, hits, few)) {
            return Looked::Not;
        }
        near.clear();
        everywhere.lookup().near(text, few.hits(), near);
        let has_rows = few.has_rows;
        let has_more = few.has_escapes || has_rows && few.find_starts();
        if !has_more {
            let (mut stands, mut tells) = (false, false);
            for at in near.iter() {
                let here = scanner.looks(text, i64::from(*at) - 1, has_rows);
                stands |= here.0;
                tells |= here.1;
                if tells {
                    break;
                }
            }
            if !(tells || has_rows && heads.may_stand(text, few.starts(), near)) {
                return Looked::Nothing { is_quiet: !stands && !has_rows };
            }
        }
        few.classes(classes);
        let block = few.pad(text);
        let runs = Runs(classes);
        triggers.clear();
        near.iter().for_each(|at| scanner.look(block, i64::from(*at), runs, triggers, out));
        if has_rows {
            heads.scan(*kernel, block, 0..block.len(), runs, near, out);
        }
        if let Some(context) = context.as_ref().filter(|_| !triggers.is_empty()) {
            context.scan(*kernel, block, runs, triggers, (hits, near), out);
        }
        // As positions in the text, which begins behind a line end.
        out.retain_mut(|candidate| {
            candidate.lo = candidate.lo.saturating_sub(1);
            candidate.hi = candidate.hi.min(text.len() as u32);
            candidate.hi.checked_sub(1).is_some_and(|hi| {
                candidate.hi = hi;
                candidate.lo <= hi
            })
        });
        Looked::Padded(block, classes)
    }
}
