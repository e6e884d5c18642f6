//! Look again: what the masks themselves bring about is masked too, so that a second run over the output changes nothing.

use std::ops::Range;

use super::{Work, render, scan, split_at_sequences, without_line_end};
use crate::coded::{self, Map, original};
use crate::confirm::{self, Hit, Scratch, View, assignment};
use crate::engine::Engine;
use crate::json::OfLine;
use crate::resolve::resolve;
use crate::scan::{Candidate, Margins, Space};

/// How often a line with findings is looked at again for what the masks themselves bring about; after that the rest of the
/// line is masked, so that hostile lines cost no more than this many looks.
const MAX_ROUNDS: usize = 4;

/// Scratch space for looking at masked lines again.
pub(super) struct Recheck {
    scratch: Scratch,
    candidates: Vec<Candidate>,
    pub(super) hits: Vec<Hit>,
    pub(super) fitted: Vec<Hit>,
    /// Masks of the line: their place in the masked text, and the span of the line they stand for.
    map: Map,
}

impl Recheck {
    pub(super) fn new(rules: usize) -> Recheck {
        Recheck {
            scratch: Scratch::without_caches(rules),
            candidates: Vec::new(),
            hits: Vec::new(),
            fitted: Vec::new(),
            map: Vec::new(),
        }
    }
}

impl Work {
    /// Makes the output a fixed point: each line with hits is masked, looked at again, and what its masks bring about is
    /// masked too.
    pub(super) fn settle(
        &mut self,
        engine: &Engine,
        hay: &[u8],
        done: usize,
        stop: usize,
        open_end: bool,
        last: &mut Range<usize>,
    ) {
        // Line by line, so that each costs what its own hits cost.
        let mut all = std::mem::replace(&mut self.hits, std::mem::take(&mut self.of_line));
        let mut settled = std::mem::take(&mut self.settled);
        let mut rest = all.as_slice();
        while let Some(first) = rest.first() {
            let line = confirm::line_around_again(hay, first.start, last);
            let count = rest.iter().take_while(|h| h.start < line.end).count().max(1);
            let text = line.start.max(done)..line.end.min(stop.max(first.end));
            // At a cut, what looks like a line's start or end is none.
            let cut = (
                text.start > line.start || (line.start == 0 && self.view.min_start > 0),
                open_end && (text.end < line.end || line.end == hay.len()),
            );
            self.hits.extend_from_slice(&rest[..count]);
            rest = &rest[count..];
            for round in 1.. {
                let known = self.hits.len();
                if !self.recheck_line(engine, hay, text.clone(), cut) {
                    break;
                }
                if round >= MAX_ROUNDS {
                    // Masks that go on feeding on what stands beside them: the rest of the line goes, then all of it.
                    let new = &self.hits[known..];
                    let start = new.iter().map(|h| h.start).min().unwrap_or(text.start);
                    let start = if round == MAX_ROUNDS { start } else { text.start };
                    let end = start + without_line_end(&hay[start..text.end.max(start)]).len();
                    let rule = new[0].rule;
                    self.hits.push(Hit::new(start..end.max(start + 1), rule));
                }
                resolve(engine.program(), &mut self.hits);
                if round > MAX_ROUNDS {
                    break;
                }
            }
            settled.append(&mut self.hits);
        }
        all.clear();
        self.of_line = std::mem::replace(&mut self.hits, settled);
        self.settled = all;
    }

    /// Adds what is found in the masked `line`, whose hits are all that there are; true if there was anything.
    fn recheck_line(
        &mut self,
        engine: &Engine,
        hay: &[u8],
        line: Range<usize>,
        cut: (bool, bool),
    ) -> bool {
        let again = &mut self.recheck;
        self.masked.clear();
        again.map.clear();
        let mut of_line = OfLine::default();
        let mut at = line.start;
        for hit in self.hits.iter().take_while(|h| h.start < line.end) {
            self.masked.extend_from_slice(&hay[at..hit.start]);
            let from = self.masked.len();
            render(engine, hay, hit, self.cut_json, &mut of_line, &mut self.masked);
            let span = hit.start - line.start..hit.end - line.start;
            again.map.push((from..self.masked.len(), span));
            at = hit.end;
        }
        self.masked.extend_from_slice(&hay[at.min(line.end)..line.end]);
        let view = View::line(self.masked.len());
        let candidates = &mut again.candidates;
        let scanned = Scanned {
            candidates: &self.candidates,
            decided: self.view.decided,
            line: line.clone(),
        };
        let looked = scanned.scan(&mut self.space, engine, &self.masked, &again.map, candidates);
        let coded = match looked {
            true => Some(self.coded.decode(&self.masked, &self.space.classes, view)),
            false => scan(&mut self.space, &mut self.coded, engine, &self.masked, view, candidates),
        };
        let Some(coded) = coded else { return false };
        again.scratch.rewind();
        again.scratch.begins.clear();
        again.hits.clear();
        again.scratch.swap_caches(&mut self.scratch);
        confirm::confirm(
            engine.program(),
            engine.accept(),
            &self.masked,
            view,
            &mut again.candidates,
            &mut again.scratch,
            &mut again.hits,
        );
        again.scratch.swap_caches(&mut self.scratch);
        let end = self.masked.len();
        if coded {
            let context = coded::Context {
                engine,
                view,
                len: end,
                space: &mut self.space,
                scratch: &mut self.scratch,
            };
            self.coded.find(context, &mut again.hits);
        }
        let map = &again.map;
        let real = |h: &&Hit| !(cut.0 && h.start == 0 || cut.1 && h.end == end);
        let new = again.hits.iter().filter(real).map(|h| Hit {
            start: line.start + original(map, h.start, false),
            end: line.start + original(map, h.end, true),
            ..*h
        });
        let before = self.hits.len();
        self.hits.extend(new);
        if engine.decode_depth() > 0 {
            split_at_sequences(hay, &mut self.hits, before);
        }
        self.hits.len() > before
    }
}

/// What a scan of a block said of one of its lines.
struct Scanned<'k> {
    /// Of the block, in order.
    candidates: &'k [Candidate],
    /// Where the block was scanned from.
    decided: usize,
    line: Range<usize>,
}

impl Scanned<'_> {
    /// Writes the candidates of the masked line without a scan of all of it: those of the line itself, and what is around masks. False
    /// if it must be scanned instead.
    fn scan(
        &self,
        space: &mut Space,
        engine: &Engine,
        masked: &[u8],
        map: &Map,
        out: &mut Vec<Candidate>,
    ) -> bool {
        let Some(Margins { near, far }) = engine.scanner().margins() else { return false };
        // Keys that masks bring about are read one after the other, in their order.
        if engine.accept().mask.shows_part() {
            return false;
        }
        let around: usize = map.iter().map(|(mask, _)| mask.len() + 2 * near).sum();
        let is_little = 2 * around < masked.len().min(self.line.len());
        if !is_little || self.line.start < self.decided {
            return false;
        }
        out.clear();
        let masks = map.iter().map(|(mask, _)| mask.clone());
        engine.kernel().classes(masked, &mut space.classes);
        if !space.scan_changes(engine, masked, masks, out) {
            return false;
        }
        let Range { start, end } = self.line;
        // They are in order of their first positions.
        let longest = self.candidates.iter().map(|c| c.hi - c.lo).max().unwrap_or(0) as usize;
        let first = self.candidates.partition_point(|c| c.lo as usize + longest < start);
        let of_line = self.candidates[first..].iter().take_while(|c| (c.lo as usize) < end);
        let mut place = Place { map, next: 0, far };
        // Nearer ones are looked at in the order of candidates that are moved.
        let mut clear =
            Unchanged { map, next: 0, far: far.max(assignment::OF_LINK), len: end - start };
        for c in of_line.filter(|c| c.hi as usize >= start) {
            if c.is_link()
                && start <= c.lo as usize
                && let Some(new) = clear.of(c.lo as usize - start..c.hi as usize - start)
            {
                out.push(Candidate { lo: new.start as u32, hi: new.end as u32, rule: c.rule });
                continue;
            }
            let c = c.unknown();
            let (lo, hi) = ((c.lo as usize).max(start), (c.hi as usize).min(end));
            let new = place.of(lo - start, hi - start);
            out.push(Candidate { lo: new.start as u32, hi: new.end as u32, rule: c.rule });
        }
        true
    }
}

/// Where links of chains stand in the masked text of a line of `len` bytes, asked for in order.
struct Unchanged<'m> {
    map: &'m Map,
    /// The first mask that is not far before what was asked for last.
    next: usize,
    /// At this distance and nearer, changes count.
    far: usize,
    len: usize,
}

impl Unchanged<'_> {
    /// Where `span` is now, if all that has a say in it is as it was.
    fn of(&mut self, span: Range<usize>) -> Option<Range<usize>> {
        let far = self.far;
        while self.map.get(self.next).is_some_and(|(_, old)| old.end + far < span.start) {
            self.next += 1;
        }
        let end = self.map.get(self.next).map_or(self.len, |(_, old)| old.start);
        let before = self.next.checked_sub(1).map(|last| &self.map[last]);
        let (new_end, old_end) = before.map_or((0, 0), |(mask, old)| (mask.end, old.end));
        let is_far = old_end + far < span.start && span.end + far < end;
        is_far.then(|| new_end + (span.start - old_end)..new_end + (span.end - old_end))
    }
}

/// Where candidates of a line stand in its masked text, asked for in order.
struct Place<'m> {
    map: &'m Map,
    /// The first mask that is not far before what was asked for last.
    next: usize,
    /// How far a match may start from what nominates it.
    far: usize,
}

impl Place<'_> {
    /// Where `lo` and `hi` are now, with both in it: masks change how far they are from what nominates them, too.
    fn of(&mut self, lo: usize, hi: usize) -> Range<usize> {
        while self.map.get(self.next).is_some_and(|(_, span)| span.end + self.far < lo) {
            self.next += 1;
        }
        let before = self.next.checked_sub(1).map(|last| &self.map[last]);
        let (mask_end, span_end) = before.map_or((0, 0), |(mask, span)| (mask.end, span.end));
        let (mut new_lo, mut new_hi) = (mask_end + (lo - span_end), mask_end + (hi - span_end));
        let (mut less, mut more) = (0, 0);
        for (mask, span) in &self.map[self.next..] {
            if span.start > hi.saturating_add(self.far) {
                break;
            }
            let moved = |at: usize, new: usize, inside: usize| match () {
                () if span.end <= at => mask.end + (at - span.end),
                () if span.start <= at => inside,
                () => new,
            };
            (new_lo, new_hi) = (moved(lo, new_lo, mask.start), moved(hi, new_hi, mask.end));
            less += span.len().saturating_sub(mask.len());
            more += mask.len().saturating_sub(span.len());
        }
        new_lo.saturating_sub(less)..new_hi + more
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RuleSet;

    /// Long lines of the rules' examples, and of what lies between them.
    fn lines(rules: &RuleSet) -> Vec<Vec<u8>> {
        let examples: Vec<String> = rules
            .iter()
            .flat_map(|rule| rule.matches().map(|example| crate::lint::expand(rule, example)))
            .map(|example| example.replace(['\n', '\r'], " "))
            .collect();
        let filler = "a plain word, another/one.more=x; ".repeat(200);
        let mut lines = vec![Vec::new()];
        for (i, example) in examples.iter().enumerate() {
            let line = lines.last_mut().expect("there is one");
            line.extend_from_slice(example.as_bytes());
            line.extend_from_slice(&filler.as_bytes()[..[1, 3, 40, 250, 6000][i % 5]]);
            if line.len() > 30_000 {
                lines.push(Vec::new());
            }
        }
        lines
    }

    /// A candidate that is left out is a secret that stays: what a scan of the masked line nominates must be there.
    #[test]
    fn what_masks_bring_about_is_nominated() {
        let rules = RuleSet::builtin();
        for mask in [crate::Mask::default(), crate::Mask::fixed("MASKED").unwrap()] {
            let engine = Engine::builder().mask(mask).build().unwrap();
            let mut work = Work::new(&engine);
            let (mut checked, mut masks) = (0, 0);
            for line in lines(&rules).iter().filter(|line| line.len() > 10_000) {
                let hits = engine.find(line);
                let (mut masked, mut map, mut at) = (Vec::new(), Map::new(), 0);
                for hit in hits {
                    let span = hit.start as usize..hit.end as usize;
                    masked.extend_from_slice(&line[at..span.start]);
                    let from = masked.len();
                    let label = engine.rule(hit.rule()).label();
                    engine.accept().mask.render(label, &line[span.clone()], &mut masked);
                    map.push((from..masked.len(), span.clone()));
                    at = span.end;
                    masks += 1;
                }
                masked.extend_from_slice(&line[at..]);
                let (mut known, mut some, mut all) = (Vec::new(), Vec::new(), Vec::new());
                work.space.scan(&engine, line, &mut known);
                known.sort_unstable();
                let known = Scanned { candidates: &known, decided: 0, line: 0..line.len() };
                if !known.scan(&mut work.space, &engine, &masked, &map, &mut some) {
                    continue;
                }
                work.space.scan(&engine, &masked, &mut all);
                for c in all {
                    let holds = |s: &&Candidate| s.rule == c.rule && s.lo <= c.lo && c.hi <= s.hi;
                    let id = engine.rule(c.rule as usize).id();
                    assert!(some.iter().any(|s| holds(&s)), "{id} {c:?}");
                    checked += 1;
                }
            }
            assert!(checked > 1000 && masks > 500, "{checked} {masks}");
        }
    }

    /// What is known of links of chains is what another look at them would say: a scanner without margins takes one.
    #[test]
    fn links_of_chains_are_what_another_look_says() {
        let engines = |mask: &crate::Mask| {
            [crate::ScannerKind::Simd, crate::ScannerKind::Regex]
                .map(|kind| Engine::builder().mask(mask.clone()).scanner(kind).build().unwrap())
        };
        let masks =
            [crate::Mask::default(), crate::Mask::stars(), crate::Mask::fixed("M").unwrap()];
        let (mut masked, mut links) = (0, 0);
        for [simd, regex] in masks.iter().map(engines) {
            let mut work = Work::new(&simd);
            for n in [3usize, 20, 460, 700, 2000] {
                let secret = " x password=NOTREAL-7-hunter2! ";
                let rows = ["password=", "a_token=", "secret=;", "PASSWORD=key="];
                let row = |i: usize| rows[i % rows.len()].repeat(n * (1 + i % 3)) + secret;
                let line = (0..8).map(row).collect::<String>();
                let found = simd.redact(line.as_bytes());
                assert_eq!(found, regex.redact(line.as_bytes()), "{n}");
                masked += usize::from(*found != *line.as_bytes());
                work.view = View::closed(0, line.len());
                work.run(&simd, line.as_bytes(), 0, &mut Vec::new()).unwrap();
                links += work.recheck.candidates.iter().filter(|c| c.is_link()).count();
            }
        }
        // Else this shows nothing.
        assert!(masked == 15 && links > 10_000, "{masked} {links}");
    }

    /// The last letters of a secret may be the key of what stands behind it, again and again.
    #[test]
    fn keys_that_masks_show_are_read_as_another_look_reads_them() {
        let engines = [crate::ScannerKind::Simd, crate::ScannerKind::Regex].map(|kind| {
            Engine::builder().mask(crate::Mask::partial(4)).scanner(kind).build().unwrap()
        });
        for (row, count) in [("pwd=key=", 3000), ("key=passwd:password=", 1000)] {
            let line = row.repeat(count);
            let [simd, regex] = engines.each_ref().map(|engine| engine.redact_str(&line));
            assert!(simd == regex && *simd != *line, "{row}");
        }
    }

    #[test]
    fn a_link_is_known_far_from_masks_only() {
        let map: Map = vec![(300..310, 300..350), (500..540, 540..560)];
        let far = 100;
        let mut unchanged = Unchanged { map: &map, next: 0, far, len: 1000 };
        for (span, wanted) in [
            (100..140, None),
            (101..199, Some(101..199)),
            (101..200, None),
            (450..480, None),
            (660..700, None),
            (661..700, Some(641..680)),
            (700..899, Some(680..879)),
            (700..900, None),
        ] {
            assert_eq!(unchanged.of(span.clone()), wanted, "{span:?}");
        }
    }

    /// A mask that is shorter than its secret brings what stands far apart together.
    #[test]
    fn masks_move_what_is_far_from_them() {
        let rules = "[[rule]]\nid='inner'\npattern='inner_[a-z]{300}'\n\
                     [[rule]]\nid='outer'\npattern='[0-9a-f]{8} [^;]{0,600};FINISH-HERE'";
        let rules = RuleSet::parse("t", rules).unwrap();
        let text = ["-- ", &"filler ".repeat(900), "00c0ffee inner_", &"x".repeat(300), " "];
        let text = text.concat() + &"gap ".repeat(120) + ";FINISH-HERE" + &" more".repeat(900);
        let redacted = |kind| {
            let engine = Engine::builder().rules(rules.clone()).scanner(kind).build().unwrap();
            String::from_utf8(engine.redact(text.as_bytes()).into_owned()).unwrap()
        };
        let found = redacted(crate::ScannerKind::Simd);
        assert!(found.contains("[REDACTED:outer]") && !found.contains("00c0ffee"));
        assert_eq!(found, redacted(crate::ScannerKind::Regex));
    }
}
