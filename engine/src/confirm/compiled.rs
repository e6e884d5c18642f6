//! A rule with its automata, which are compiled when first needed.
//!
//! [`Compiled::walk`] runs the anchored lazy DFA from one start; [`Compiled::search`] finds the first match whose start is in
//! a range, and runs it only where the bytes say that a match may start; [`Compiled::secret`] says which part of a match is
//! secret. The automata's states are in [`Scratch`], so that threads share what never changes.

use std::ops::{Range, RangeInclusive};
use std::sync::OnceLock;

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind, PatternID, meta};
use regex_syntax::hir::{Hir, HirKind};

use super::bounds::without_high_bounds;
use super::long_run::LongRun;
use super::opening::{Need, Opening};
use super::{Scratch, assignment};
use crate::block;
use crate::rule::{Handle, ValueSyntax, parse};

/// A rule with its automata, which are compiled when first needed.
pub(crate) struct Compiled {
    pub(crate) rule: Handle,
    matcher: OnceLock<Box<Matcher>>,
    /// For what is longer than the matcher's horizon.
    long: OnceLock<Box<DFA>>,
    /// What stands before the group `secret`.
    before_secret: OnceLock<Option<Box<DFA>>>,
    unanchored: OnceLock<meta::Regex>,
    /// Says where the group `secret` stands, in matches within the matcher's horizon.
    groups: OnceLock<meta::Regex>,
    allow: OnceLock<Option<meta::Regex>>,
}

/// What finds the matches that start at nominated positions.
struct Matcher {
    opening: Opening,
    need: Option<Need>,
    run: Option<LongRun>,
    secret: Place,
    near: OnceLock<Near>,
}

/// The automaton of matches of ordinary length.
struct Near {
    anchored: DFA,
    /// How many bytes from a start the automaton reads as the pattern does.
    horizon: usize,
}

/// The states of a rule's automata, as far as they were needed.
#[derive(Default)]
pub(super) struct States {
    anchored: Option<Cache>,
    long: Option<Box<Cache>>,
    before_secret: Option<Box<Cache>>,
    unanchored: Option<Box<meta::Cache>>,
    groups: Option<Box<meta::Cache>>,
}

/// Where the group `secret` stands in a match, as far as that is the same in all matches; in bytes.
#[derive(Debug, Default)]
struct Place {
    before: Option<usize>,
    len: Option<usize>,
    after: Option<usize>,
}

impl Place {
    fn new(hir: &Hir) -> Place {
        let len = |part: &Hir| {
            let properties = part.properties();
            properties.minimum_len().filter(|least| properties.maximum_len() == Some(*least))
        };
        let sum = |parts: &[Hir]| parts.iter().map(len).sum();
        let is_secret = |part: &Hir| matches!(part.kind(), HirKind::Capture(c) if c.name.as_deref() == Some("secret"));
        let parts = match hir.kind() {
            HirKind::Concat(parts) => parts.as_slice(),
            _ => std::slice::from_ref(hir),
        };
        let Some(at) = parts.iter().position(is_secret) else { return Place::default() };
        Place { before: sum(&parts[..at]), len: len(&parts[at]), after: sum(&parts[at + 1..]) }
    }

    /// Where it stands in the match `span`, if that is clear.
    fn within(&self, span: &Range<usize>) -> Option<Range<usize>> {
        match *self {
            Place { before: Some(before), after: Some(after), .. } => {
                Some(span.start + before..span.end - after)
            }
            Place { before: Some(before), len: Some(len), .. } => {
                let start = span.start + before;
                Some(start..start + len)
            }
            Place { len: Some(len), after: Some(after), .. } => {
                let end = span.end - after;
                Some(end - len..end)
            }
            _ => None,
        }
    }
}

/// How an anchored run of a rule's automaton ended.
pub(super) struct Walk {
    pub(super) end: Option<usize>,
    /// The automaton could go on behind the last byte.
    pub(super) alive: bool,
    /// How many bytes it read.
    read: usize,
}

impl Compiled {
    pub(crate) fn new(rule: Handle) -> Compiled {
        Compiled {
            rule,
            matcher: OnceLock::new(),
            long: OnceLock::new(),
            before_secret: OnceLock::new(),
            unanchored: OnceLock::new(),
            groups: OnceLock::new(),
            allow: OnceLock::new(),
        }
    }

    /// How many bytes behind the start of a match may decide about it.
    pub(crate) fn reach(&self) -> usize {
        let value = match self.rule.value {
            ValueSyntax::Match => 0,
            ValueSyntax::Assignment => assignment::MAX_REACH,
        };
        let block = if self.rule.block.is_some() { block::SAME_LINE_CAP } else { 0 };
        self.rule.max_len() + value + block + block::LONGEST_END_MARKER
    }

    fn matcher(&self) -> &Matcher {
        self.matcher.get_or_init(|| {
            let hir = self.hir();
            Box::new(Matcher {
                opening: Opening::new(&hir),
                run: LongRun::new(&hir),
                secret: Place::new(&hir),
                need: Need::new(&hir, self.rule.anchors.iter().map(|a| &*a.window)),
                near: OnceLock::new(),
            })
        })
    }

    fn near(&self) -> &Near {
        self.matcher().near.get_or_init(|| {
            let hir = self.hir();
            let near = without_high_bounds(&hir);
            Near {
                anchored: self.anchored(near.as_ref().map_or(&hir, |near| &near.hir)),
                horizon: near.as_ref().map_or(usize::MAX, |near| near.horizon),
            }
        })
    }

    fn long(&self) -> &DFA {
        self.long.get_or_init(|| Box::new(self.anchored(&self.hir())))
    }

    fn hir(&self) -> Hir {
        parse::hir(self.rule.pattern()).expect(CHECKED)
    }

    fn anchored(&self, hir: &Hir) -> DFA {
        let config = thompson::Config::new().utf8(false).which_captures(WhichCaptures::None);
        let nfa = thompson::Compiler::new().configure(config).build_from_hir(hir);
        let config = DFA::config()
            .match_kind(MatchKind::LeftmostFirst)
            .cache_capacity(self.capacity())
            .skip_cache_capacity_check(true);
        DFA::builder().configure(config).build_from_nfa(nfa.expect(CHECKED)).expect(CHECKED)
    }

    /// The most bytes of an automaton's states. All states along the longest match must fit: an automaton that forgets them
    /// would make them anew in each such match, which costs a hundred times as much as reading.
    fn capacity(&self) -> usize {
        const LEAST: usize = 512 << 10;
        const OF_A_STATE: usize = 384;
        LEAST.max(self.rule.max_len() * OF_A_STATE)
    }

    pub(crate) fn regex(&self) -> &meta::Regex {
        self.unanchored.get_or_init(|| meta_regex(self.rule.pattern(), self.capacity()))
    }

    fn groups(&self) -> &meta::Regex {
        self.groups.get_or_init(|| {
            let hir = self.hir();
            let near = without_high_bounds(&hir);
            meta::Regex::builder()
                .configure(
                    meta::Config::new()
                        .utf8_empty(false)
                        .nfa_size_limit(None)
                        // Where a match is, is known.
                        .hybrid(false)
                        .dfa(false)
                        .auto_prefilter(false),
                )
                .build_from_hir(near.as_ref().map_or(&hir, |near| &near.hir))
                .expect(CHECKED)
        })
    }

    /// The rule's allow patterns as one regex.
    pub(crate) fn allow(&self) -> Option<&meta::Regex> {
        let build = || {
            let parts: Vec<String> = self.rule.allow().map(|a| format!("(?:{a})")).collect();
            (!parts.is_empty()).then(|| meta_regex(&parts.join("|"), self.capacity()))
        };
        self.allow.get_or_init(build).as_ref()
    }

    pub(super) fn walk(&self, states: &mut Option<Box<States>>, line: &[u8], at: usize) -> Walk {
        let Near { anchored, horizon } = self.near();
        let States { anchored: near, long, .. } = &mut **states.get_or_insert_default();
        let near = near.get_or_insert_with(|| anchored.create_cache());
        walk_up_to(*horizon, anchored, near, line, at).unwrap_or_else(|| {
            let dfa = self.long();
            let long = long.get_or_insert_with(|| Box::new(dfa.create_cache()));
            let walk = walk_up_to(usize::MAX, dfa, long, line, at);
            walk.expect("it may read to the end of the line")
        })
    }

    /// Whether a match that starts at `at` could go on behind the end of `line`.
    pub(crate) fn is_alive(
        &self,
        index: usize,
        scratch: &mut Scratch,
        line: &[u8],
        at: usize,
    ) -> bool {
        self.walk(&mut scratch.states[index], line, at).alive
    }

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

    /// The first match that starts in `lo..=hi` of a line that is complete; `offset` is where the line starts in the stream.
    pub(super) fn search(
        &self,
        scratch: &mut Scratch,
        index: usize,
        line: &[u8],
        offset: u64,
        starts: RangeInclusive<usize>,
    ) -> Option<Range<usize>> {
        let (mut lo, hi) = starts.into_inner();
        let Matcher { opening, need, run, .. } = self.matcher();
        let (first, mut read) = (lo, 0);
        while let Some(at) = opening.next(line, lo..=hi) {
            lo = at + 1;
            if let Some(need) = need
                && !need.follows(line, at, offset, &mut scratch.progress(index).clear)
            {
                continue;
            }
            if let Some(run) = run
                && !run.follows(line, at, offset, &mut scratch.progress(index).without_run)
            {
                continue;
            }
            let walk = self.walk(&mut scratch.states[index], line, at);
            if let Some(end) = walk.end {
                return Some(at..end);
            }
            read += walk.read;
            if read > MOST_READ + (at - first) * 4 && lo <= hi {
                return self.search_at_once(scratch, index, line, lo, hi);
            }
        }
        None
    }

    /// The first match that starts in `lo..=hi`, in one pass.
    fn search_at_once(
        &self,
        scratch: &mut Scratch,
        index: usize,
        line: &[u8],
        lo: usize,
        hi: usize,
    ) -> Option<Range<usize>> {
        let end = line.len().min(hi + self.rule.max_len() + 1);
        let regex = self.regex();
        let states = scratch.states[index].get_or_insert_default();
        let cache = states.unanchored.get_or_insert_with(|| Box::new(regex.create_cache()));
        let found = regex.search_with(cache, &Input::new(line).range(lo..end))?;
        (found.start() <= hi).then(|| found.range())
    }

    /// What the match `span` says is secret.
    pub(super) fn secret(
        &self,
        scratch: &mut Scratch,
        index: usize,
        line: &[u8],
        span: Range<usize>,
    ) -> Range<usize> {
        if !self.rule.has_secret_group {
            return span;
        }
        if let Some(place) = self.matcher().secret.within(&span) {
            return place;
        }
        let States { groups, unanchored, .. } =
            &mut **scratch.states[index].get_or_insert_default();
        let (regex, cache) = match span.len() <= self.near().horizon {
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

/// Runs an automaton from one start; none if more than `horizon` bytes are there for it to read.
fn walk_up_to(
    horizon: usize,
    dfa: &DFA,
    cache: &mut Cache,
    line: &[u8],
    at: usize,
) -> Option<Walk> {
    let input = Input::new(line).range(at..).anchored(Anchored::Yes);
    let mut walk = Walk { end: None, alive: false, read: 0 };
    // Errors are: a quit byte (none is configured) and a full cache (it is cleared and refilled for ever).
    const NEVER_FAILS: &str = "no quit bytes, no bound on cache clearing";
    let mut state: LazyStateID = dfa.start_state_forward(cache, &input).expect(NEVER_FAILS);
    let len = line.len() - at;
    for (i, byte) in line[at..][..len.min(horizon)].iter().enumerate() {
        // The plain step knows neither marked states nor such as are not made yet.
        let before = state;
        if !before.is_tagged() {
            state = dfa.next_state_untagged(cache, before, *byte);
        }
        if before.is_tagged() || state.is_unknown() {
            state = dfa.next_state(cache, before, *byte).expect(NEVER_FAILS);
        }
        if state.is_tagged() {
            if state.is_match() {
                walk.end = Some(at + i);
            } else if state.is_dead() {
                walk.read = i + 1;
                return Some(walk);
            }
        }
    }
    if len > horizon {
        return None;
    }
    (walk.alive, walk.read) = (true, len);
    state = dfa.next_eoi_state(cache, state).expect(NEVER_FAILS);
    if state.is_match() {
        walk.end = Some(line.len());
    }
    Some(walk)
}

const CHECKED: &str = "the pattern was parsed and bounded when the rule was made";

/// So many bytes, and four for each start, are read in vain for one candidate before all its other starts are searched for at
/// once.
const MOST_READ: usize = 1 << 10;

fn syntax_config() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false).multi_line(true).crlf(true)
}

fn meta_regex(pattern: &str, capacity: usize) -> meta::Regex {
    meta::Regex::builder()
        .syntax(syntax_config())
        .configure(
            meta::Config::new()
                .utf8_empty(false)
                .nfa_size_limit(None)
                .hybrid_cache_capacity(capacity),
        )
        .build(pattern)
        .expect(CHECKED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_secret_is_what_the_groups_say() {
        let text = b"id=abcd;key = '0123456789' x=abcdefgh; k=0123-yz y=ab12,";
        for (pattern, clear) in [
            (r"\b(?P<secret>[0-9]{4,10})\b", true),
            (r"id=(?P<secret>[a-z]{4});", true),
            (r"key ?= ?'(?P<secret>[0-9]{10})'", true),
            (r"x=(?P<secret>[a-z]{8}).{0,3}", true),
            (r"k=(?P<secret>[0-9]{3,9})-(?:y|z){2}", true),
            (r"y ?=(?P<secret>[a-z0-9]{2,8}),", false),
            (r"(?:id|key)=(?P<secret>[a-z]{2,8});", false),
        ] {
            let source = format!(
                "[[rule]]\nid = 'a'\npattern = \"\"\"{}\"\"\"",
                pattern.replace('\\', "\\\\")
            );
            let set = crate::RuleSet::parse("t", &source).unwrap();
            let compiled = Compiled::new(set.into_rules().remove(0));
            let place = &compiled.matcher().secret;
            let mut captures = compiled.regex().create_captures();
            compiled.regex().captures(text, &mut captures);
            let (span, secret) =
                (captures.get_match().unwrap(), captures.get_group_by_name("secret"));
            let found = place.within(&span.range());
            assert_eq!(found, secret.map(|s| s.range()).filter(|_| clear), "{pattern}");
        }
    }

    #[test]
    fn what_is_turned_away_unread_is_no_match() {
        let set = crate::RuleSet::builtin();
        let examples = |rule: &crate::Rule| -> Vec<String> {
            rule.matches().chain(rule.rejects()).map(|e| crate::lint::expand(rule, e)).collect()
        };
        let all: Vec<String> = set.iter().flat_map(examples).collect();
        for (number, rule) in set.iter().enumerate() {
            let compiled = Compiled::new(Handle::Own(rule.clone().into()));
            let mut scratch = Scratch::new(1);
            // Its own examples, and some of the others' behind one another.
            let own = examples(rule);
            let others = all.iter().skip(number % 97).step_by(97).map(String::as_str);
            let others: String = others.collect::<Vec<_>>().join(" ");
            for text in own.iter().flat_map(|e| e.lines()).chain(others.lines()) {
                let line = text.as_bytes();
                scratch.rewind();
                let mut at = 0;
                while at < line.len() {
                    let found = compiled.search(&mut scratch, 0, line, 0, at..=line.len() - 1);
                    let wanted = compiled.regex().find(Input::new(line).range(at..));
                    assert_eq!(found, wanted.map(|m| m.range()), "{}", rule.id());
                    at = found.map_or(line.len(), |span| span.start + 1);
                }
            }
        }
    }
}
