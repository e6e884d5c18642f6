//! From one start to the end of the match there: a rule's anchored automata.
//!
//! Most matches are short, and most starts fail soon. So an [`Automaton`] is made of the pattern without its high bounds first
//! ([`super::bounds`]), which has far fewer states and says when more bytes are there than it can be believed for; then
//! the one of the pattern itself is made.

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::hir::Hir;

use super::bounds::without_high_bounds;
use super::compiled::CHECKED;
use crate::rule::byte_set::ByteSet;

/// An anchored lazy DFA.
pub(super) struct Automaton {
    dfa: DFA,
    /// How many bytes from a start it reads as the pattern does.
    horizon: usize,
}

/// How a run from one start ended.
pub(super) struct Walk {
    pub(super) end: Option<usize>,
    /// The automaton could go on behind the last byte.
    pub(super) alive: bool,
    /// How many bytes it read.
    pub(super) read: usize,
}

impl Automaton {
    /// Of the pattern itself; its states may take `capacity` bytes.
    pub(super) fn new(hir: &Hir, capacity: usize) -> Automaton {
        let config = thompson::Config::new().utf8(false).which_captures(WhichCaptures::None);
        let nfa = thompson::Compiler::new().configure(config).build_from_hir(hir);
        let config = DFA::config()
            .match_kind(MatchKind::LeftmostFirst)
            .cache_capacity(capacity)
            .skip_cache_capacity_check(true);
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa.expect(CHECKED));
        Automaton { dfa: dfa.expect(CHECKED), horizon: usize::MAX }
    }

    /// Of the pattern without its high bounds.
    pub(super) fn near(hir: &Hir, capacity: usize) -> Automaton {
        match without_high_bounds(hir) {
            Some(near) => {
                Automaton { horizon: near.horizon, ..Automaton::new(&near.hir, capacity) }
            }
            None => Automaton::new(hir, capacity),
        }
    }

    pub(super) fn horizon(&self) -> usize {
        self.horizon
    }

    /// Runs from `at` on; none if more bytes than the horizon are there to be read.
    pub(super) fn walk(
        &self,
        cache: &mut Option<Box<Cache>>,
        line: &[u8],
        at: usize,
    ) -> Option<Walk> {
        let dfa = &self.dfa;
        let cache = cache.get_or_insert_with(|| Box::new(dfa.create_cache()));
        let input = Input::new(line).range(at..).anchored(Anchored::Yes);
        // Errors are: a quit byte (none is configured) and a full cache (it is cleared and refilled for ever).
        const NEVER_FAILS: &str = "no quit bytes, no bound on cache clearing";
        let mut state: LazyStateID = dfa.start_state_forward(cache, &input).expect(NEVER_FAILS);
        let len = line.len() - at;
        let bytes = &line[at..][..len.min(self.horizon)];
        // How many bytes the match has; it has some.
        let mut matched = 0;
        let end = |matched: usize| (matched > 0).then_some(at + matched);
        // The bytes that are known to leave the marked state as it is.
        let mut loops = ByteSet::default();
        let mut in_loop = false;
        // A cache that was cleared numbers its states anew.
        let clears = cache.clear_count();
        let mut i = 0;
        while let Some(byte) = bytes.get(i) {
            i += 1;
            // The plain step knows neither marked states nor such as are not made yet.
            let before = state;
            if before.is_tagged() {
                state = dfa.next_state(cache, before, *byte).expect(NEVER_FAILS);
                // One match after the other, as where repetitions are counted.
                if state.is_match() && state != before {
                    (matched, in_loop) = (i - 1, false);
                    continue;
                }
            } else {
                state = dfa.next_state_untagged(cache, before, *byte);
                if !state.is_tagged() {
                    continue;
                }
                if state.is_unknown() {
                    state = dfa.next_state(cache, before, *byte).expect(NEVER_FAILS);
                }
            }
            if !state.is_tagged() {
                continue;
            }
            if state.is_dead() {
                return Some(Walk { end: end(matched), alive: false, read: i });
            }
            // Long matches end with a run of one class, which leaves the state as it is.
            if state == before && cache.clear_count() == clears {
                if !in_loop {
                    (loops, in_loop) = (ByteSet::default(), true);
                }
                loops.insert(*byte);
                i += bytes[i..].iter().take_while(|byte| loops.contains(**byte)).count();
            } else {
                in_loop = false;
            }
            if state.is_match() {
                matched = i - 1;
            }
        }
        if len > self.horizon {
            return None;
        }
        state = dfa.next_eoi_state(cache, state).expect(NEVER_FAILS);
        if state.is_match() {
            matched = len;
        }
        Some(Walk { end: end(matched), alive: true, read: len })
    }

    /// How many bytes were read to see that no match of the pattern starts at `at`, which has at most `most` bytes; none if
    /// some may. It is told though more bytes than the horizon are there, since all matches are matches without high bounds.
    pub(super) fn vain(
        &self,
        cache: &mut Option<Box<Cache>>,
        line: &[u8],
        at: usize,
        most: usize,
    ) -> Option<usize> {
        // Matches show one byte late. Where the line ends, what is read says too little.
        let bytes = line.get(at..)?.get(..most + 1)?;
        let cache = cache.get_or_insert_with(|| Box::new(self.dfa.create_cache()));
        let input = Input::new(line).range(at..).anchored(Anchored::Yes);
        let mut state = self.dfa.start_state_forward(cache, &input).ok()?;
        for (i, byte) in bytes.iter().enumerate() {
            state = self.dfa.next_state(cache, state, *byte).ok()?;
            if state.is_dead() {
                return Some(i + 1);
            }
            if state.is_match() {
                return None;
            }
        }
        Some(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::parse;

    #[test]
    fn without_high_bounds_it_reads_as_the_pattern_does_or_says_that_it_cannot() {
        let mut vain = 0;
        for (pattern, horizon) in [
            ("k=[a-z]{2,300}(?:-[0-9]{1,4})?", 299),
            ("k=(?:[a-z]|;[ ]?){2,300}?;k", 299),
            (r"k[a-z=]{0,400}=(?P<secret>(?:[a-z]{2}){200,260}|a{250,300})\b", 299),
            ("(?:k=[ ]?|[a-z]{0,256}){1,2}x", 255),
        ] {
            let hir = parse::hir(pattern).unwrap();
            let [near, exact] = [Automaton::near(&hir, 1 << 20), Automaton::new(&hir, 1 << 20)];
            assert_eq!((near.horizon, exact.horizon), (horizon, usize::MAX), "{pattern}");
            let (mut of_near, mut of_exact) = (None, None);
            let mut seen = [0, 0];
            for len in (0..40).chain(230..320).chain(490..540) {
                for end in ["", " ", ";k", "-12 ", "x", "="] {
                    let line = format!("k={}{end}", "a".repeat(len));
                    let found = near.walk(&mut of_near, line.as_bytes(), 0);
                    let wanted = exact.walk(&mut of_exact, line.as_bytes(), 0).unwrap();
                    seen[usize::from(found.is_some())] += 1;
                    if let Some(found) = found {
                        let parts = |w: &Walk| (w.end, w.alive, w.read);
                        assert_eq!(parts(&found), parts(&wanted), "{pattern} {len} {end:?}");
                    } else {
                        assert!(line.len() > horizon, "{pattern} {len} {end:?}");
                    }
                    let most = hir.properties().maximum_len().unwrap();
                    let long = line + &" ".repeat(most);
                    let is_vain = near.vain(&mut of_near, long.as_bytes(), 0, most).is_some();
                    let found = exact.walk(&mut of_exact, long.as_bytes(), 0).unwrap();
                    assert!(!is_vain || found.end.is_none(), "{pattern} {len} {end:?}");
                    vain += usize::from(is_vain && len > horizon);
                }
            }
            assert!(seen.iter().all(|count| *count > 0), "both cases were there: {pattern}");
        }
        assert!(vain > 0, "some cannot match though they go on");
    }
}
