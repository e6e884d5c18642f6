//! One pass over the rest of a line, for lines in which a rule begins to match again and again.
//!
//! The anchored automaton of [`super::compiled`] reads the same bytes once for each start. This one has the pattern
//! unanchored: it follows all starts at once, and says where the first match is or that there is none. It is slower on text
//! with few starts, and its states are many: it is made only where [`super::budget`] asks for it.
//!
//! Limits: in rows of starts at irregular distances, each byte may need a new state. When that takes more than it saves,
//! the pass is given up, and after some such lines not tried any more: what is left is the anchored automaton's cost, the
//! length of the longest match for each start.

use std::ops::Range;

use regex_automata::Input;
use regex_automata::hybrid::dfa::DFA;
use regex_automata::hybrid::regex::{Cache, Regex};
use regex_automata::nfa::thompson;

/// So often a rule's pass is given up before no more is tried.
const MOST_FAILURES: u32 = 4;

/// The unanchored automata of a rule.
pub(super) struct Sweep(Regex);

/// Their states.
pub(super) struct States {
    cache: Cache,
    failures: u32,
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
        let dfa = DFA::config()
            .cache_capacity(capacity)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(2))
            .minimum_bytes_per_state(Some(8));
        let regex = Regex::builder()
            .syntax(super::compiled::syntax_config())
            .thompson(thompson::Config::new().utf8(false))
            .dfa(dfa)
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
