//! Where the secret stands in a match: by its [`Place`](crate::confirm::place::Place) if that is clear, else behind the only end of
//! what stands before it, else by the automaton that tells groups apart, which costs most.

use std::ops::Range;

use regex_automata::hybrid::dfa::DFA;
use regex_automata::nfa::thompson;
use regex_automata::{Anchored, Input, MatchKind, PatternID};

use super::{Compiled, States};
use crate::confirm::Scratch;
use crate::rule::parse;

impl Compiled {
    /// Where the secret of a match that starts at `at` and is not complete can begin at the earliest, at most the line's end.
    pub(crate) fn secret_start(
        &self,
        index: usize,
        scratch: &mut Scratch,
        line: &[u8],
        at: usize,
    ) -> usize {
        let least = (at + self.rule.secret_offset as usize).min(line.len());
        let Some(dfa) = self.before_secret() else { return least };
        let states = scratch.states[index].get_or_insert_default();
        let cache = states.before_secret.get_or_insert_with(|| Box::new(dfa.create_cache()));
        let input = Input::new(line).range(at..).anchored(Anchored::Yes);
        let Ok(mut state) = dfa.start_state_forward(cache, &input) else { return least };
        for (i, byte) in line[at..].iter().enumerate() {
            match dfa.next_state(cache, state, *byte) {
                Ok(next) if next.is_match() => return at + i,
                Ok(next) => state = next,
                Err(_) => return least,
            }
        }
        line.len()
    }

    /// Where the secret of the match `span` begins, if what stands before it can end in one place only.
    pub(in crate::confirm) fn only_start(
        &self,
        index: usize,
        scratch: &mut Scratch,
        line: &[u8],
        span: &Range<usize>,
    ) -> Option<usize> {
        let dfa = self.before_secret()?;
        let states = scratch.states[index].get_or_insert_default();
        let cache = states.before_secret.get_or_insert_with(|| Box::new(dfa.create_cache()));
        let input = Input::new(line).range(span.start..).anchored(Anchored::Yes);
        let mut state = dfa.start_state_forward(cache, &input).ok()?;
        let mut start = None;
        for at in span.clone() {
            state = dfa.next_state(cache, state, line[at]).ok()?;
            // Matches show one byte late.
            if state.is_match() && start.replace(at).is_some() {
                return None;
            }
            if state.is_dead() {
                break;
            }
        }
        start
    }

    fn before_secret(&self) -> Option<&DFA> {
        let build = || {
            if !self.rule.has_secret_group {
                return None;
            }
            let hir = parse::before_secret(&parse::hir(self.rule.pattern()).ok()?)?;
            let config = thompson::Config::new().utf8(false);
            let nfa = thompson::Compiler::new().configure(config).build_from_hir(&hir).ok()?;
            let config = DFA::config()
                .match_kind(MatchKind::All)
                .cache_capacity(512 << 10)
                .skip_cache_capacity_check(true);
            DFA::builder().configure(config).build_from_nfa(nfa).ok().map(Box::new)
        };
        self.before_secret.get_or_init(build).as_deref()
    }

    /// What the match `span` says is secret.
    pub(in crate::confirm) fn secret(
        &self,
        scratch: &mut Scratch,
        index: usize,
        line: &[u8],
        span: Range<usize>,
    ) -> Range<usize> {
        if !self.rule.has_secret_group {
            return span;
        }
        let place = &self.matcher().secret;
        if let Some(secret) = place.within(line, &span) {
            return secret;
        }
        if let Some(start) = self.only_start(index, scratch, line, &span)
            && let Some(end) = place.end(start, &span)
        {
            return start..end;
        }
        let States { groups, unanchored, .. } =
            &mut **scratch.states[index].get_or_insert_default();
        let (regex, cache) = match span.len() <= self.near().horizon() {
            true => (self.groups(), groups),
            false => (self.regex(), unanchored),
        };
        let Some(group) = regex.group_info().to_index(PatternID::ZERO, "secret") else {
            return span;
        };
        let cache = cache.get_or_insert_with(|| Box::new(regex.create_cache()));
        let mut slots = [None; 32];
        let input = Input::new(line).range(span.clone()).anchored(Anchored::Yes);
        // The Pike VM panics when it is given more slots than the pattern has.
        let count = (group * 2 + 2).min(slots.len());
        regex.search_slots_with(cache, &input, &mut slots[..count]);
        match (slots.get(group * 2).copied().flatten(), slots.get(group * 2 + 1).copied().flatten())
        {
            (Some(start), Some(end)) => start.get()..end.get(),
            _ => span,
        }
    }
}
