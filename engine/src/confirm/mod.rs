//! Step 2 of 5: confirm. From candidates to exact spans, by one piece of code for all scanners.
//!
//! For each rule the matches of a line are those of `captures_iter`: leftmost-first, one after the other, except that a
//! match which a condition refuses hides nothing; the search goes on one byte after its start. Candidates only say where
//! to look: an anchored lazy DFA runs at each position that a scanner nominated.
//!
//! Lines: the haystack of a match is its line, up to the line feed. A [`View`] says which part of a long or open line is
//! decided: matches that start at or after `limit` are left for later, when their whole reach is there.
//!
//! Before: [`crate::scan`]; after: [`crate::resolve`].

use std::ops::Range;
use std::sync::OnceLock;

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind, PatternID, meta};

use crate::rule::{Handle, ValueSyntax, parse};
use crate::scan::Candidate;
use crate::{block, mask};

pub(crate) mod assignment;
pub(crate) mod check;
pub(crate) mod condition;
pub(crate) mod fate;
pub(crate) mod personal;
pub(crate) mod words;

/// One accepted match of one rule: what is to be masked, in bytes from the block's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) rule: u32,
    /// The rest of a secret that something else interrupts: it goes without a mask of its own.
    pub(crate) silent: bool,
    /// In a JSON string, as far as that is known.
    pub(crate) in_string: bool,
}

impl Hit {
    pub(crate) fn new(span: Range<usize>, rule: u32) -> Hit {
        Hit { start: span.start, end: span.end, rule, silent: false, in_string: false }
    }
}

/// Which part of a haystack may be decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// The haystack's first byte, counted from the start of the stream.
    pub(crate) base: u64,
    /// No match starts before this position.
    pub(crate) min_start: usize,
    /// No match starts at or after this position.
    pub(crate) limit: usize,
    /// More bytes of the last line may follow: a match that could still grow or change is not decided, but noted.
    pub(crate) growing: bool,
}

impl View {
    /// Whole lines.
    pub(crate) fn closed(base: u64, len: usize) -> View {
        View { base, min_start: 0, limit: len, growing: false }
    }
}

/// A rule with its automata, which are compiled when first needed.
pub(crate) struct Compiled {
    pub(crate) rule: Handle,
    anchored: OnceLock<Box<DFA>>,
    /// What stands before the group `secret`.
    before_secret: OnceLock<Option<Box<DFA>>>,
    unanchored: OnceLock<meta::Regex>,
    allow: OnceLock<Option<meta::Regex>>,
}

/// By rule: the lazy DFAs' states.
#[derive(Default)]
struct Caches {
    anchored: Vec<Option<Box<Cache>>>,
    before_secret: Vec<Option<Box<Cache>>>,
    unanchored: Vec<Option<Box<meta::Cache>>>,
}

/// What one thread needs to confirm: the lazy DFAs' states, and how far each rule has come.
pub(crate) struct Scratch {
    caches: Caches,
    /// By rule: the stream offset before which no match starts any more.
    next: Vec<u64>,
    /// By rule: set while its next match is not decided yet.
    blocked: Vec<bool>,
    values: assignment::Memo,
    /// The least position that may still become part of a secret: what a flush may not release.
    pub(crate) hold: usize,
    /// Begin markers of multi-line secrets, in order of position: the marker's span and rule.
    pub(crate) begins: Vec<Hit>,
}

impl Scratch {
    pub(crate) fn new(rules: usize) -> Scratch {
        Scratch {
            caches: Caches {
                anchored: (0..rules).map(|_| None).collect(),
                before_secret: (0..rules).map(|_| None).collect(),
                unanchored: (0..rules).map(|_| None).collect(),
            },
            ..Scratch::without_caches(rules)
        }
    }

    /// For use with the caches of another ([`Scratch::swap_caches`]).
    pub(crate) fn without_caches(rules: usize) -> Scratch {
        Scratch {
            caches: Caches::default(),
            next: vec![0; rules],
            blocked: vec![false; rules],
            values: assignment::Memo::default(),
            hold: usize::MAX,
            begins: Vec::new(),
        }
    }

    pub(crate) fn swap_caches(&mut self, other: &mut Scratch) {
        std::mem::swap(&mut self.caches, &mut other.caches);
    }

    /// Lets a rule match from a stream offset on again.
    pub(crate) fn unadvance(&mut self, rule: usize, to: u64) {
        self.next[rule] = to;
    }

    /// Forgets where the rules stood, for text that does not follow what was confirmed before.
    pub(crate) fn rewind(&mut self) {
        self.next.fill(0);
    }
}

/// How an anchored run of a rule's automaton ended.
struct Walk {
    end: Option<usize>,
    /// The automaton could go on behind the last byte.
    alive: bool,
}

impl Compiled {
    pub(crate) fn new(rule: Handle) -> Compiled {
        Compiled {
            rule,
            anchored: OnceLock::new(),
            before_secret: OnceLock::new(),
            unanchored: OnceLock::new(),
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

    fn dfa(&self) -> &DFA {
        self.anchored.get_or_init(|| {
            let dfa = DFA::builder()
                .configure(
                    DFA::config()
                        .match_kind(MatchKind::LeftmostFirst)
                        .cache_capacity(512 << 10)
                        .skip_cache_capacity_check(true),
                )
                .syntax(syntax_config())
                .thompson(thompson::Config::new().utf8(false))
                .build(self.rule.pattern())
                .expect("the pattern was parsed and bounded when the rule was made");
            Box::new(dfa)
        })
    }

    pub(crate) fn regex(&self) -> &meta::Regex {
        self.unanchored.get_or_init(|| meta_regex(self.rule.pattern()))
    }

    /// The rule's allow patterns as one regex.
    pub(crate) fn allow(&self) -> Option<&meta::Regex> {
        let build = || {
            let parts: Vec<String> = self.rule.allow().map(|a| format!("(?:{a})")).collect();
            (!parts.is_empty()).then(|| meta_regex(&parts.join("|")))
        };
        self.allow.get_or_init(build).as_ref()
    }

    fn walk(&self, cache: &mut Option<Box<Cache>>, line: &[u8], at: usize) -> Walk {
        let dfa = self.dfa();
        let cache = cache.get_or_insert_with(|| Box::new(dfa.create_cache()));
        let input = Input::new(line).range(at..).anchored(Anchored::Yes);
        let mut walk = Walk { end: None, alive: false };
        // Errors are: a quit byte (none is configured) and a full cache (it is cleared and refilled for ever).
        const NEVER_FAILS: &str = "no quit bytes, no bound on cache clearing";
        let mut state: LazyStateID = dfa.start_state_forward(cache, &input).expect(NEVER_FAILS);
        for (i, byte) in line[at..].iter().enumerate() {
            state = dfa.next_state(cache, state, *byte).expect(NEVER_FAILS);
            if state.is_tagged() {
                if state.is_match() {
                    walk.end = Some(at + i);
                } else if state.is_dead() {
                    return walk;
                }
            }
        }
        walk.alive = true;
        state = dfa.next_eoi_state(cache, state).expect(NEVER_FAILS);
        if state.is_match() {
            walk.end = Some(line.len());
        }
        walk
    }

    /// Whether a match that starts at `at` could go on behind the end of `line`.
    pub(crate) fn is_alive(
        &self,
        index: usize,
        scratch: &mut Scratch,
        line: &[u8],
        at: usize,
    ) -> bool {
        self.walk(&mut scratch.caches.anchored[index], line, at).alive
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
        let cache = &mut scratch.caches.before_secret[index];
        let cache = cache.get_or_insert_with(|| Box::new(dfa.create_cache()));
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

    /// The first match that starts in `lo..=hi`.
    fn search(
        &self,
        scratch: &mut Scratch,
        index: usize,
        line: &[u8],
        lo: usize,
        hi: usize,
    ) -> Option<Range<usize>> {
        if hi - lo < FEW_STARTS {
            // Most starts fail at their first bytes; setting up a search costs more.
            let cache = &mut scratch.caches.anchored[index];
            return (lo..=hi).find_map(|at| self.walk(cache, line, at).end.map(|end| at..end));
        }
        let end = line.len().min(hi + self.rule.max_len() + 1);
        let regex = self.regex();
        let cache =
            scratch.caches.unanchored[index].get_or_insert_with(|| Box::new(regex.create_cache()));
        let found = regex.search_with(cache, &Input::new(line).range(lo..end))?;
        (found.start() <= hi).then(|| found.range())
    }

    /// What the match `span` says is secret.
    fn secret(
        &self,
        scratch: &mut Scratch,
        index: usize,
        line: &[u8],
        span: Range<usize>,
    ) -> Range<usize> {
        if !self.rule.has_secret_group {
            return span;
        }
        let regex = self.regex();
        let Some(group) = regex.group_info().to_index(PatternID::ZERO, "secret") else {
            return span;
        };
        let cache =
            scratch.caches.unanchored[index].get_or_insert_with(|| Box::new(regex.create_cache()));
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

    /// What the match `span` says is secret, and whether it is.
    fn verdict(
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
                if mask::in_label_mask(line, span.start) || block::in_marker(line, span.start) {
                    return Verdict::NoValue;
                }
                match assignment::value(line, span.clone(), growing, &mut scratch.values) {
                    assignment::Value::Secret(value, again) => (value, again),
                    assignment::Value::None => return Verdict::NoValue,
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

/// So many starts are tried one by one, not searched for.
const FEW_STARTS: usize = 32;

fn syntax_config() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false).multi_line(true).crlf(true)
}

fn meta_regex(pattern: &str) -> meta::Regex {
    meta::Regex::builder()
        .syntax(syntax_config())
        .configure(
            meta::Config::new()
                .utf8_empty(false)
                .nfa_size_limit(None)
                .hybrid_cache_capacity(512 << 10),
        )
        .build(pattern)
        .expect("the pattern was parsed and bounded when the rule was made")
}

/// Confirms `candidates` in `hay` and appends the accepted hits; begin markers go to `scratch.begins`.
///
/// `candidates` are sorted here. With [`View::growing`], `scratch.hold` is lowered to the first byte that may belong to a
/// match not yet decided.
pub(crate) fn confirm(
    rules: &[Compiled],
    accept: &condition::Accept,
    hay: &[u8],
    view: View,
    candidates: &mut [Candidate],
    scratch: &mut Scratch,
    hits: &mut Vec<Hit>,
) {
    // They come in a few rows that are in order already, which this sort merges.
    candidates.sort();
    // The same buffer holds other text now.
    scratch.values = assignment::Memo::default();
    let mut line = 0..0;
    for i in 0..candidates.len() {
        let candidate = candidates[i];
        if i > 0 && candidate == candidates[i - 1] {
            continue;
        }
        let index = candidate.rule as usize;
        let (mut lo, hi) =
            (candidate.lo as usize, (candidate.hi as usize).min(view.limit.wrapping_sub(1)));
        if view.limit == 0 {
            return;
        }
        lo = lo.max(view.min_start);
        while lo <= hi {
            let next = scratch.next[index].saturating_sub(view.base) as usize;
            lo = lo.max(next);
            if lo > hi {
                break;
            }
            if !(line.start <= lo && lo < line.end) {
                line = line_around(hay, lo);
            }
            let in_line = hi.min(line.end - 1);
            let mut job = Job {
                compiled: &rules[index],
                accept,
                index,
                hay,
                line: line.clone(),
                growing: view.growing && line.end == hay.len(),
                base: view.base,
            };
            lo = job.run(lo, in_line, scratch, hits);
        }
    }
    if view.growing {
        scratch.blocked.fill(false);
    }
}

/// The line that holds position `at`, with its line feed.
pub(crate) fn line_around(hay: &[u8], at: usize) -> Range<usize> {
    let start = memchr::memrchr(b'\n', &hay[..at]).map_or(0, |p| p + 1);
    let end = memchr::memchr(b'\n', &hay[at..]).map_or(hay.len(), |p| at + p + 1);
    start..end
}

struct Job<'a> {
    compiled: &'a Compiled,
    accept: &'a condition::Accept,
    index: usize,
    hay: &'a [u8],
    line: Range<usize>,
    growing: bool,
    base: u64,
}

impl Job<'_> {
    /// Looks for one match that starts in `lo..=hi` of the haystack; answers where to go on.
    fn run(&mut self, lo: usize, hi: usize, scratch: &mut Scratch, hits: &mut Vec<Hit>) -> usize {
        let offset = self.line.start;
        let mut line = &self.hay[self.line.clone()];
        if let [text @ .., b'\n'] = line {
            line = text;
        }
        if lo - offset >= line.len() {
            return hi + 1;
        }
        let (from, to) = (lo - offset, (hi - offset).min(line.len() - 1));
        let compiled = self.compiled;
        let span = if to == from {
            let walk = compiled.walk(&mut scratch.caches.anchored[self.index], line, from);
            let cut = |end: &usize| matches!(character_around(line, *end), Some((_, None)));
            if self.growing && (walk.alive || walk.end.as_ref().is_some_and(cut)) {
                self.undecided(from, walk.end, line, scratch);
                return lo + 1;
            }
            walk.end.map(|end| from..end)
        } else if self.growing {
            // Position by position, so that what may still grow is seen.
            self.run(lo, lo, scratch, hits);
            return lo + 1;
        } else {
            compiled.search(scratch, self.index, line, from, to)
        };
        let Some(span) = span else { return hi + 1 };
        let (start, end) = (span.start, span.end);
        if self.growing && mask::cut_label_mask(line).is_some_and(|mask| mask < end) {
            // Whether it reaches into a mask is not known yet.
            self.undecided(from, Some(end), line, scratch);
            return lo + 1;
        }
        if scratch.blocked[self.index] {
            let secret = compiled.secret(scratch, self.index, line, span);
            scratch.hold = scratch.hold.min(offset + secret.start);
            return offset + start + 1;
        }
        match self.decide(line, span, scratch) {
            Outcome::Secret(secret, again) => {
                let inside_end = secret.end;
                let spans = std::iter::once(secret).chain(again);
                let spans = spans.map(|span| offset + span.start..offset + span.end);
                hits.extend(spans.map(|span| Hit::new(span, self.index as u32)));
                // Keys all inside a long value need no look of their own: each would read the rest of it.
                let inside = (offset + inside_end).saturating_sub(assignment::LONG_VALUE);
                self.advance(scratch, (offset + end).max(inside))
            }
            Outcome::Begin => {
                scratch.begins.push(Hit::new(offset + start..offset + end, self.index as u32));
                self.advance(scratch, offset + end)
            }
            Outcome::Open(from) => {
                scratch.hold = scratch.hold.min(offset + from);
                // Keys inside the value must not move the rule past this one.
                scratch.blocked[self.index] = true;
                offset + end
            }
            Outcome::Key => self.advance(scratch, offset + end),
            Outcome::Refused => offset + start + 1,
        }
    }

    fn advance(&self, scratch: &mut Scratch, to: usize) -> usize {
        scratch.next[self.index] = self.base + to as u64;
        to
    }

    /// A match at `at`, which would now end at `end`, may still grow: nothing of its secret may be released yet.
    fn undecided(&self, at: usize, end: Option<usize>, line: &[u8], scratch: &mut Scratch) {
        let rule = &self.compiled.rule;
        let secret = match (rule.value, rule.block) {
            // The secret stands behind the key or marker: it may have begun if that can be complete.
            (ValueSyntax::Assignment, _) | (_, Some(_)) => {
                let end = end.unwrap_or(line.len());
                end + line[end..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
            }
            _ => self.compiled.secret_start(self.index, scratch, line, at),
        };
        scratch.hold = scratch.hold.min(self.line.start + secret);
        scratch.blocked[self.index] = true;
    }

    fn decide(&self, line: &[u8], span: Range<usize>, scratch: &mut Scratch) -> Outcome {
        let Job { compiled, index, accept, growing, .. } = self;
        match compiled.verdict(*index, accept, line, span, *growing, scratch) {
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
            Verdict::Judged(.., Err(_)) => Outcome::Refused,
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
    /// A key whose value may go on behind the end: hold from here.
    Open(usize),
    Refused,
}

/// What is said of one match.
enum Verdict {
    /// A multi-line secret begins behind the match.
    Begin,
    /// A key without a value.
    NoValue,
    /// A key whose value may go on behind the end: it begins here.
    Open(usize),
    /// The span that may be secret, the same value once more, and what its conditions say.
    Judged(Range<usize>, Option<Range<usize>>, Result<(), condition::Refusal>),
}

/// Widens a span so that it does not cut a UTF-8 sequence.
fn whole_characters(line: &[u8], span: Range<usize>) -> Range<usize> {
    let start = match character_around(line, span.start) {
        Some((start, Some(_))) => start,
        _ => span.start,
    };
    let end = character_around(line, span.end).and_then(|(_, end)| end).unwrap_or(span.end);
    start..end
}

/// The UTF-8 sequence that goes on at position `at`, begun before: where it starts, and where it ends if all of it is there.
///
/// A sequence that another byte breaks off is none.
pub(crate) fn character_around(line: &[u8], at: usize) -> Option<(usize, Option<usize>)> {
    if line.get(at).is_some_and(|b| b & 0xc0 != 0x80) {
        return None;
    }
    let start = (at.saturating_sub(3)..at).rev().find(|p| line[*p] & 0xc0 != 0x80)?;
    let len = match line[start] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let sequence = &line[start..line.len().min(start + len)];
    match std::str::from_utf8(sequence) {
        Ok(_) if at < start + len => Some((start, Some(start + len))),
        Err(error) if error.error_len().is_none() => Some((start, None)),
        _ => None,
    }
}
