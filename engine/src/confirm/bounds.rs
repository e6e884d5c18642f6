//! Patterns without their high bounds: automata of a few states instead of thousands.
//!
//! `[a-z]{20,4000}` needs a state for each of 4,000 bytes; `[a-z]{20,}` needs 21. Both read fewer than 4,000 bytes the same
//! way: no repetition can be past its bound yet. So a pattern is compiled [without its high bounds](without_high_bounds) and
//! believed within its horizon; only for what is longer, the pattern itself is compiled.

use regex_syntax::hir::{Capture, Hir, HirKind, Repetition};

/// Bounds from here on are high. A lower one would send ordinary long values to the second automaton.
const HIGH: u32 = 256;

/// A pattern that reads few bytes as another does.
pub(super) struct Unbounded {
    pub(super) hir: Hir,
    /// After so many bytes from a match's start it still does.
    pub(super) horizon: usize,
}

/// The pattern `hir` without its high bounds, if it has any.
pub(super) fn without_high_bounds(hir: &Hir) -> Option<Unbounded> {
    let mut horizon = usize::MAX;
    let hir = relax(hir, &mut horizon);
    (horizon < usize::MAX).then_some(Unbounded { hir, horizon })
}

fn relax(hir: &Hir, horizon: &mut usize) -> Hir {
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            let sub = relax(&repetition.sub, horizon);
            let least = sub.properties().minimum_len().unwrap_or(0);
            let max = repetition.max.filter(|max| *max < HIGH || least == 0);
            if max.is_none()
                && let Some(bound) = repetition.max
            {
                // One byte less: where the bound is reached, going on is no longer the same.
                *horizon = (*horizon).min(bound as usize * least - 1);
            }
            Hir::repetition(Repetition { max, sub: Box::new(sub), ..repetition.clone() })
        }
        HirKind::Capture(capture) => {
            let sub = Box::new(relax(&capture.sub, horizon));
            Hir::capture(Capture { sub, ..capture.clone() })
        }
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(|p| relax(p, horizon)).collect()),
        HirKind::Alternation(parts) => {
            Hir::alternation(parts.iter().map(|p| relax(p, horizon)).collect())
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => hir.clone(),
    }
}
