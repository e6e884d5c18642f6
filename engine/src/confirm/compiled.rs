//! A rule with its automata, which are compiled when first needed.
//!
//! [`Compiled::walk`] runs the anchored lazy DFA from one start; [`Compiled::search`] finds the first match whose start is in
//! a range, and runs it only where the bytes say that a match may start; [`Compiled::secret`] says which part of a match is
//! secret. The automata's states are in [`Scratch`], so that threads share what never changes.

mod secret;

use std::ops::{Range, RangeInclusive};
use std::sync::OnceLock;

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, meta};
use regex_syntax::hir::{Hir, Look};

use super::bounds::without_high_bounds;
use super::long_run::LongRun;
use super::need::Need;
use super::opening::Opening;
use super::place::Place;
use super::recent::Recent;
use super::sweep::{self, Glance, GlanceStates, Sweep, Swept};
use super::walk::{Automaton, Walk};
use super::{Scratch, assignment};
use crate::block;
use crate::rule::{Handle, ValueSyntax, parse};

/// A rule with its automata, which are compiled when first needed.
pub(crate) struct Compiled {
    pub(crate) rule: Handle,
    /// Apart: a flush asks many rules whether they begin, and few for more.
    opening: OnceLock<Box<Opening>>,
    matcher: OnceLock<Box<Matcher>>,
    /// For what is longer than the matcher's horizon.
    long: OnceLock<Box<Automaton>>,
    /// What stands before the group `secret`.
    before_secret: OnceLock<Option<Box<DFA>>>,
    unanchored: OnceLock<meta::Regex>,
    /// Says where the group `secret` stands, in matches within the matcher's horizon.
    groups: OnceLock<meta::Regex>,
    glance: OnceLock<Option<Box<Glance>>>,
    sweep: OnceLock<Option<Box<Sweep>>>,
    allow: OnceLock<Option<Allow>>,
}

/// A rule's allow patterns as one regex.
struct Allow {
    regex: meta::Regex,
    /// Each matches at the start of a line only.
    at_start: bool,
}

/// What finds the matches that start at nominated positions.
struct Matcher {
    need: Option<Need>,
    run: Option<LongRun>,
    secret: Place,
    /// For matches of ordinary length.
    near: OnceLock<Automaton>,
}

/// The states of a rule's automata, as far as they were needed.
#[derive(Default)]
pub(super) struct States {
    recent: Recent,
    near: Option<Box<Cache>>,
    long: Option<Box<Cache>>,
    /// The addresses of the bytes that the near automaton read last without coming to an end.
    beyond: Range<usize>,
    before_secret: Option<Box<Cache>>,
    unanchored: Option<Box<meta::Cache>>,
    groups: Option<Box<meta::Cache>>,
    glance: GlanceStates,
    sweep: Option<Box<sweep::States>>,
}

impl Compiled {
    pub(crate) fn new(rule: Handle) -> Compiled {
        Compiled {
            rule,
            opening: OnceLock::new(),
            matcher: OnceLock::new(),
            long: OnceLock::new(),
            before_secret: OnceLock::new(),
            unanchored: OnceLock::new(),
            groups: OnceLock::new(),
            glance: OnceLock::new(),
            sweep: OnceLock::new(),
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
        self.rule.max_len() + value + block + block::LONGEST_ESCAPED_MARKER
    }

    fn matcher(&self) -> &Matcher {
        self.matcher.get_or_init(|| {
            let hir = self.hir();
            self.opening.get_or_init(|| Box::new(Opening::new(&hir)));
            Box::new(Matcher {
                run: LongRun::new(&hir),
                secret: Place::new(&hir),
                need: Need::new(&hir, self.rule.anchors.iter().map(|a| &*a.window)),
                near: OnceLock::new(),
            })
        })
    }

    fn opening(&self) -> &Opening {
        self.opening.get_or_init(|| Box::new(Opening::new(&self.hir())))
    }

    fn near(&self) -> &Automaton {
        let build = || Automaton::near(&self.hir(), self.capacity());
        self.matcher().near.get_or_init(build)
    }

    fn long(&self) -> &Automaton {
        self.long.get_or_init(|| Box::new(Automaton::new(&self.hir(), self.capacity())))
    }

    fn hir(&self) -> Hir {
        parse::hir(self.rule.pattern()).expect(CHECKED)
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

    /// Whether one of the rule's allow patterns matches in `secret`.
    pub(crate) fn allows(&self, secret: &[u8]) -> bool {
        let build = || {
            let parts: Vec<String> = self.rule.allow().map(|a| format!("(?:{a})")).collect();
            (!parts.is_empty()).then(|| Allow {
                regex: meta_regex(&parts.join("|"), self.capacity()),
                at_start: self.rule.allow().all(at_line_start),
            })
        };
        self.allow.get_or_init(build).as_ref().is_some_and(|allow| {
            // Where only one line starts, nothing need be searched.
            let is_line = || memchr::memchr2(b'\n', b'\r', secret).is_none();
            let anchored = if allow.at_start && is_line() { Anchored::Yes } else { Anchored::No };
            allow.regex.is_match(Input::new(secret).anchored(anchored))
        })
    }

    pub(super) fn walk(&self, states: &mut Option<Box<States>>, line: &[u8], at: usize) -> Walk {
        let States { recent, near, long, beyond, .. } = match states {
            Some(states) => &mut **states,
            None => new_states(states),
        };
        if let Some(walk) = recent.get(line, at) {
            return walk;
        }
        let address = line.as_ptr() as usize + at;
        if !beyond.contains(&address) {
            if let Some(walk) = self.near().walk(near, line, at) {
                recent.put(line, at, &walk);
                return walk;
            }
            if let Some(read) = self.near().vain(near, line, at, self.rule.max_len()) {
                return Walk { end: None, alive: false, read };
            }
            // Starts in what was read in vain most likely are in vain too.
            *beyond = address..address + self.near().horizon();
        }
        self.long().walk(long, line, at).expect("it may read to the end of the line")
    }

    /// Whether a match that starts at `at` could go on behind the end of `line`.
    pub(crate) fn is_alive(
        &self,
        index: usize,
        scratch: &mut Scratch,
        line: &[u8],
        at: usize,
    ) -> bool {
        self.opening().may_begin(line, at) && self.walk(&mut scratch.states[index], line, at).alive
    }

    /// The first match that starts in a range of a line that is complete up to the reach of matches that start before
    /// `limit`; `offset` is where the line starts in the stream.
    ///
    /// If the rule has begun in vain too often, the rule's progress says from where on this line it may match next.
    pub(super) fn search(
        &self,
        scratch: &mut Scratch,
        index: usize,
        line: &[u8],
        offset: u64,
        starts: RangeInclusive<usize>,
        limit: usize,
    ) -> Option<Range<usize>> {
        let (mut lo, hi) = starts.into_inner();
        let Matcher { need, run, .. } = self.matcher();
        let opening = self.opening();
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
            if !scratch.progress(index).vain.add(offset, at, walk.read) {
                let states = scratch.states[index].get_or_insert_default();
                if self.glance().is_some_and(|g| g.is_clear(&mut states.glance, line, lo)) {
                    let progress = scratch.progress(index);
                    progress.next = progress.next.max(offset + line.len().min(limit) as u64);
                    return None;
                }
                let Some(sweep) = self.sweep() else { continue };
                let (found, next) = match sweep.run(&mut states.sweep, line, lo) {
                    Swept::Match(span) if span.start <= hi => return Some(span),
                    Swept::Match(span) => (None, span.start),
                    Swept::Nothing => (None, line.len()),
                    Swept::Unknown => continue,
                };
                let progress = scratch.progress(index);
                progress.next = progress.next.max(offset + next.min(limit) as u64);
                return found;
            }
        }
        None
    }

    fn glance(&self) -> Option<&Glance> {
        let build = || Glance::new(&self.hir(), self.capacity()).map(Box::new);
        self.glance.get_or_init(build).as_deref()
    }

    fn sweep(&self) -> Option<&Sweep> {
        let build = || Sweep::new(self.rule.pattern(), self.capacity()).map(Box::new);
        self.sweep.get_or_init(build).as_deref()
    }
}

#[cold]
#[inline(never)]
fn new_states(states: &mut Option<Box<States>>) -> &mut States {
    states.get_or_insert_default()
}

pub(super) const CHECKED: &str = "the pattern was parsed and bounded when the rule was made";

pub(super) fn syntax_config() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false).multi_line(true).crlf(true)
}

/// Whether each match of a pattern is at the start of a line.
fn at_line_start(pattern: &str) -> bool {
    let starts = [Look::Start, Look::StartLF, Look::StartCRLF];
    let looks = parse::hir(pattern).map(|hir| hir.properties().look_set_prefix());
    looks.is_ok_and(|looks| starts.into_iter().any(|look| looks.contains(look)))
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
    use crate::RuleSet;

    #[test]
    fn what_is_turned_away_unread_is_no_match() {
        let set = RuleSet::builtin();
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
                    let found =
                        compiled.search(&mut scratch, 0, line, 0, at..=line.len() - 1, line.len());
                    let wanted = compiled.regex().find(Input::new(line).range(at..));
                    assert_eq!(found, wanted.map(|m| m.range()), "{}", rule.id());
                    at = found.map_or(line.len(), |span| span.start + 1);
                }
            }
        }
    }

    #[test]
    fn allow_patterns_match_as_they_do_anywhere() {
        let text = "[[rule]]\nid='a'\npattern='abcd'\nallow=['^x{1,3}$', '^[0-9]']\n\
                    [[rule]]\nid='b'\npattern='abcd'\nallow=['^x{1,3}$', '[0-9]']";
        let rules = RuleSet::parse("t", text).unwrap().into_rules();
        for (rule, at_start) in rules.into_iter().map(Compiled::new).zip([true, false]) {
            assert_eq!(rule.rule.allow().all(at_line_start), at_start);
            let all: Vec<&str> = rule.rule.allow().collect();
            let anywhere = meta_regex(&all.join("|"), 1 << 20);
            for secret in ["xx", "xxxx", "1a", "a1", "a\nxx\nb", "a\r1", "xx\r\n", "", "a x"] {
                let wanted = anywhere.is_match(secret);
                assert_eq!(rule.allows(secret.as_bytes()), wanted, "{at_start} {secret:?}");
            }
        }
    }

    #[test]
    fn rows_of_starts_are_searched_as_one_by_one() {
        let text = "[[rule]]\nid='a'\npattern='\\bab[a-z-]{4,600}\\.z{1,3}'";
        let compiled = Compiled::new(RuleSet::parse("t", text).unwrap().into_rules().remove(0));
        let row = |n: usize| "abcd-".repeat(n);
        let irregular: String =
            (1..4000usize).map(|n| format!("ab{}-", &"cdefghi"[..n * n % 7])).collect();
        for line in [
            row(20_000),
            format!("{}.zz {}.zzzz", row(20_000), row(15_000)),
            format!("{} {}.z{}", row(9000), row(3), row(9000)),
            irregular.clone(),
            format!("{irregular}.z"),
        ] {
            let line = line.as_bytes();
            let mut scratch = Scratch::new(1);
            let (mut at, mut found) = (0, Vec::new());
            while at < line.len() {
                // As from candidates: a few starts at a time.
                let last = line.len().min(at + 50) - 1;
                let span = compiled.search(&mut scratch, 0, line, 0, at..=last, line.len());
                let next = scratch.progress(0).next as usize;
                at = span.as_ref().map_or(last + 1, |span| span.end).max(next);
                found.extend(span);
            }
            let wanted: Vec<_> = compiled.regex().find_iter(line).map(|m| m.range()).collect();
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn a_line_that_may_go_on_is_alive_as_its_automaton_says() {
        for rule in RuleSet::builtin().iter() {
            let compiled = Compiled::new(Handle::Own(rule.clone().into()));
            let mut scratch = Scratch::new(1);
            for example in rule.matches().chain(rule.rejects()) {
                let text = crate::lint::expand(rule, example);
                for end in [1, 2, 3, 4, 5, 9, 17, 33].into_iter().filter(|end| *end <= text.len()) {
                    let line = &text.as_bytes()[..end];
                    for at in end.saturating_sub(6)..end {
                        let alive = compiled.is_alive(0, &mut scratch, line, at);
                        let walk = compiled.walk(&mut scratch.states[0], line, at);
                        assert_eq!(alive, walk.alive, "{}: {end} bytes from {at}", rule.id());
                    }
                }
            }
        }
    }
}
