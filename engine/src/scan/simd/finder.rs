//! From a text to the positions where windows may start: the kernel tells most others apart, 64 at a time, and the first looks
//! of the [`Lookup`] the rest.

use std::borrow::Cow;
use std::ops::Range;

use super::features::HEAD;
use super::lookup::Lookup;
use super::tables::Tables;
use crate::kernel::classes::STEP;
use crate::kernel::{Hits, Kernel};

/// Windows that are looked for.
pub(crate) struct Finder {
    lookup: Lookup,
    /// Without tables, the kernel has no part in it.
    tables: Option<Cow<'static, Tables>>,
}

impl Finder {
    pub(crate) fn new(lookup: Lookup, tables: Option<Cow<'static, Tables>>) -> Finder {
        Finder { lookup, tables }
    }

    pub(crate) fn lookup(&self) -> &Lookup {
        &self.lookup
    }

    pub(crate) fn tables(&self) -> Option<&Tables> {
        self.tables.as_deref()
    }

    /// Appends the positions of `part`, and some behind it, where some window may start to `near`: quick looks, without
    /// branches.
    #[inline(always)]
    pub(crate) fn find(
        &self,
        kernel: Kernel,
        block: &[u8],
        part: Range<usize>,
        hits: &mut Hits,
        near: &mut Vec<u32>,
    ) {
        let mut at = part.start;
        if let Some(tables) = &self.tables {
            let within = &block[..block.len().min(part.end + STEP + HEAD)];
            while at < part.end {
                let next = kernel.hits(tables, within, at, hits);
                if next == at {
                    break;
                }
                let from = near.len();
                kernel.positions(at as u32, hits.masks(), near);
                self.lookup.keep(block, near, from);
                at = next;
            }
            // The last few are looked at with line feeds behind them: what needs those is no match, and is told apart later.
            let rest = &block[at.min(block.len())..];
            if at < part.end && rest.len() < STEP + HEAD {
                let mut last = [b'\n'; 2 * STEP + HEAD - 1];
                last[..rest.len()].copy_from_slice(rest);
                let steps = rest.len().div_ceil(STEP);
                if kernel.hits(tables, &last[..steps * STEP + HEAD - 1], 0, hits) > 0 {
                    let masks = hits.masks();
                    for (mask, base) in masks.iter_mut().zip((0..).step_by(STEP)) {
                        let left = rest.len().saturating_sub(base);
                        *mask &= if left < STEP { (1 << left) - 1 } else { !0 };
                    }
                    let from = near.len();
                    kernel.positions(at as u32, masks, near);
                    self.lookup.keep(block, near, from);
                    at = block.len();
                }
            }
        }
        // All positions where there is no vector kernel.
        if at < part.end {
            self.lookup.keep_in(block, at..part.end, near);
        }
    }
}
