//! One pass over the rest of a line, for lines in which a rule begins to match again and again.
//!
//! The anchored automaton of [`super::compiled`] reads the same bytes once for each start. This one has the pattern
//! unanchored: it follows all starts at once, and says where the first match is or that there is none. It is slower on text
//! with few starts, and its states are many: it is made only where [`super::budget`] asks for it.
//!
//! The automata of a pattern with high bounds are large, and slow to make. So first a [`Glance`] is taken with the one of the
//! pattern without them: where that finds nothing, there is nothing.
//!
//! Limits: in rows of starts at irregular distances, each byte may need a new state. When that takes more than it saves,
//! the pass is given up, and after some such lines not tried any more: what is left is the anchored automaton's cost, the
//! length of the longest match for each start.

use std::ops::Range;

use regex_automata::Input;
use regex_automata::hybrid::dfa::{self, DFA};
use regex_automata::hybrid::regex::{Cache, Regex};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_syntax::hir::Hir;

use super::bounds::without_high_bounds;

/// So often a rule's pass is given up, or a glance says nothing, before no more is tried.
const MOST_FAILURES: u32 = 4;

/// The unanchored automata of a rule.
pub(super) struct Sweep(Regex);

/// Their states.
pub(super) struct States {
    cache: Cache,
    failures: u32,
}

/// The unanchored automaton of a pattern without its high bounds, which has few states: it says that there is no match.
pub(super) struct Glance(DFA);

/// Its states.
#[derive(Default)]
pub(super) struct GlanceStates {
    cache: Option<Box<dfa::Cache>>,
    failures: u32,
}

impl Glance {
    /// For a pattern that has high bounds; its states may take `capacity` bytes.
    pub(super) fn new(hir: &Hir, capacity: usize) -> Option<Glance> {
        let near = without_high_bounds(hir)?;
        let config = thompson::Config::new().utf8(false).which_captures(WhichCaptures::None);
        let nfa = thompson::Compiler::new().configure(config).build_from_hir(&near.hir).ok()?;
        DFA::builder().configure(config_of(capacity)).build_from_nfa(nfa).ok().map(Glance)
    }

    /// Whether no match starts in `line` at `lo` or behind, if that can be told.
    pub(super) fn is_clear(&self, states: &mut GlanceStates, line: &[u8], lo: usize) -> bool {
        if states.failures >= MOST_FAILURES {
            return false;
        }
        let cache = states.cache.get_or_insert_with(|| Box::new(self.0.create_cache()));
        let input = Input::new(line).range(lo..).earliest(true);
        let is_clear = self.0.try_search_fwd(cache, &input).is_ok_and(|end| end.is_none());
        states.failures += u32::from(!is_clear);
        is_clear
    }
}

fn config_of(capacity: usize) -> dfa::Config {
    DFA::config()
        .cache_capacity(capacity)
        .skip_cache_capacity_check(true)
        .minimum_cache_clear_count(Some(2))
        .minimum_bytes_per_state(Some(8))
}

/// What a pass has found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Swept {
    /// The first match.
    Match(Range<usize>),
    /// There is none.
    Nothing,
    /// It was given up.
    Unknown,
}

impl Sweep {
    /// For a pattern that was parsed before; its states may take `capacity` bytes.
    pub(super) fn new(pattern: &str, capacity: usize) -> Option<Sweep> {
        let regex = Regex::builder()
            .syntax(super::compiled::syntax_config())
            .thompson(thompson::Config::new().utf8(false))
            .dfa(config_of(capacity))
            .build(pattern);
        regex.ok().map(Sweep)
    }

    /// The first match that starts in `line` at `lo` or behind.
    pub(super) fn run(&self, states: &mut Option<Box<States>>, line: &[u8], lo: usize) -> Swept {
        let make = || Box::new(States { cache: self.0.create_cache(), failures: 0 });
        let states = states.get_or_insert_with(make);
        if states.failures >= MOST_FAILURES {
            return Swept::Unknown;
        }
        match self.0.try_search(&mut states.cache, &Input::new(line).range(lo..)) {
            Ok(Some(found)) => Swept::Match(found.range()),
            Ok(None) => Swept::Nothing,
            Err(_) => {
                states.failures += 1;
                Swept::Unknown
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::parse;

    #[test]
    fn a_glance_says_nothing_where_there_may_be_a_match() {
        let hir = parse::hir(r"\bab[a-z-]{4,600}\.z").unwrap();
        let glance = Glance::new(&hir, 1 << 20).unwrap();
        let mut states = GlanceStates::default();
        let row = "abcd-".repeat(9000);
        let mut is_clear = |text: &str| glance.is_clear(&mut states, text.as_bytes(), 1);
        assert!(is_clear(&row) && is_clear(&format!("{row}.ab.z {row}")));
        assert!(!is_clear(&format!("{row}.z")) && !is_clear(" abcdef.z"));
        // After some such lines, it is not asked any more.
        assert!(!is_clear(" abcdef.z") && !is_clear(" abcdef.z") && !is_clear(&row));
        assert!(Glance::new(&parse::hir("ab[a-z]{4,60}").unwrap(), 1 << 20).is_none());
    }
}
