//! One block through the steps: scan, confirm, decode, follow multi-line secrets, resolve, look again at what was masked,
//! write.
//!
//! [`Work`] is what goes on from block to block beside the carry. [`crate::stream`] says which bytes are in a block and what
//! of them may be decided ([`View`]).

mod settle;

use std::ops::Range;

use settle::Recheck;

use crate::block::{self, Known, OpenBlock};
use crate::coded::{self, Coded, inline};
use crate::confirm::{self, Hit, Scratch, View};
use crate::engine::{Engine, Finding};
use crate::json::OfLine;
use crate::resolve::resolve;
use crate::scan::{Candidate, Looked, Space};
use crate::stream::{Sink, Stats};
use crate::{json, mask};

/// What a stream needs beside its carry: scratch space, and what goes on from block to block.
pub(crate) struct Work {
    pub(crate) view: View,
    /// The offset in the stream of the first byte not yet written.
    pub(crate) offset: u64,
    pub(crate) stats: Stats,
    pub(crate) block: Option<OpenBlock>,
    /// Whether lines behind the last finding count too: not if nothing follows.
    pub(crate) counts_all_lines: bool,
    /// Whether the line whose start is no longer there began as JSON does.
    pub(crate) cut_json: Option<bool>,
    /// Hits that reach over the last step's limit; spans from the carry's base at that time are in stream offsets.
    pending: Vec<(u64, u64, Hit)>,
    candidates: Vec<Candidate>,
    hits: Vec<Hit>,
    /// Space for the hits of the lines that were looked at again.
    settled: Vec<Hit>,
    /// Space for the hits of one line.
    of_line: Vec<Hit>,
    space: Space,
    scratch: Scratch,
    coded: Coded,
    recheck: Recheck,
    mask: Vec<u8>,
    pub(crate) masked: Vec<u8>,
    spans: Vec<Range<usize>>,
}

impl Work {
    pub(crate) fn new(engine: &Engine) -> Work {
        let rules = engine.program().len();
        Work {
            view: View::closed(0, 0),
            offset: 0,
            stats: Stats { findings: vec![0; rules], ..Stats::default() },
            block: None,
            counts_all_lines: true,
            cut_json: None,
            pending: Vec::new(),
            candidates: Vec::new(),
            hits: Vec::new(),
            settled: Vec::new(),
            of_line: Vec::new(),
            space: Space::new(engine.scanner()),
            scratch: Scratch::new(rules),
            coded: Coded::new(engine),
            recheck: Recheck::new(rules),
            mask: Vec::new(),
            masked: Vec::new(),
            spans: Vec::new(),
        }
    }

    /// Whether a text is quiet ([`Looked::Nothing`]).
    pub(crate) fn is_quiet(&mut self, engine: &Engine, text: &[u8]) -> bool {
        let looked = self.space.scan_short(engine, text, &mut self.candidates);
        engine.keys().is_none() && matches!(looked, Looked::Nothing { is_quiet: true })
    }

    /// Decides what `self.view` allows of `hay` and writes it from `done` on.
    // Mostly nothing is found: that way is a short one.
    #[inline]
    pub(crate) fn run<S: Sink>(
        &mut self,
        engine: &Engine,
        hay: &[u8],
        done: usize,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let view = self.view;
        let coded = scan(&mut self.space, &mut self.coded, engine, hay, view, &mut self.candidates);
        if coded.is_none()
            && engine.keys().is_none()
            && self.pending.is_empty()
            && self.block.is_none()
            && !view.growing
        {
            return self.emit(engine, hay, done, view.limit, sink);
        }
        self.decide(engine, hay, done, coded.unwrap_or(false), sink)
    }

    /// The same, once it is known what may be found; `coded` says whether something coded is.
    #[inline(never)]
    fn decide<S: Sink>(
        &mut self,
        engine: &Engine,
        hay: &[u8],
        done: usize,
        coded: bool,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let view = self.view;
        let open_end = view.limit < hay.len() || view.growing;
        self.hits.clear();
        let base = view.base;
        self.hits.extend(self.pending.drain(..).map(|(start, end, hit)| Hit {
            start: (start - base) as usize,
            end: (end - base) as usize,
            ..hit
        }));
        self.scratch.hold = usize::MAX;
        self.scratch.begins.clear();
        let rules = engine.program();
        confirm::confirm(
            rules,
            engine.accept(),
            hay,
            view,
            &mut self.candidates,
            &mut self.scratch,
            &mut self.hits,
        );
        self.blocks(engine, hay, done);
        let mut stop = view.limit;
        if view.growing {
            stop = crate::hold::release_limit(rules, hay, &mut self.scratch).max(done);
        }
        if coded {
            let hold = self.find_coded(engine, view, hay);
            // A line that fills the window must go on.
            if view.growing || hold > done {
                stop = stop.min(hold).max(done);
            }
        }
        if view.growing {
            stop = json::whole_escape(hay, stop).max(done);
        }
        if engine.decode_depth() > 0 {
            split_at_sequences(hay, &mut self.hits, 0);
        }
        if let Some(keys) = engine.keys() {
            let hold = keys.find(hay, view, &engine.accept().mask, &mut self.hits);
            stop = stop.min(hold).max(done);
        }
        keep_unwritten(&mut self.hits, done);
        resolve(rules, &mut self.hits);
        let mut line = 0..0;
        let has_json = self.fit_json(hay, done, &mut line);
        if !self.hits.is_empty() && engine.recheck() {
            self.settle(engine, hay, done, stop, open_end, &mut line);
            // It adds hits to lines that have some.
            match has_json {
                true => drop(self.fit_json(hay, done, &mut line)),
                false => keep_unwritten(&mut self.hits, done),
            }
        }
        if open_end {
            stop = self.postpone(stop);
        }
        self.emit(engine, hay, done, stop, sink)
    }

    /// Adds what the coded lines of a block hold; answers where the block must stop for them.
    fn find_coded(&mut self, engine: &Engine, view: View, hay: &[u8]) -> usize {
        let context = coded::Context {
            engine,
            view,
            len: hay.len(),
            space: &mut self.space,
            scratch: &mut self.scratch,
        };
        let first = self.hits.len();
        let hold = self.coded.find(context, &mut self.hits);
        // A marker that is written with escapes is none any more in what they stand for.
        for hit in &mut self.hits[first..] {
            hit.end = block::end_before_marker(hay, hit.start..hit.end).max(hit.start + 1);
        }
        hold
    }

    /// Hits that are not over at `stop` wait for the next step; answers where to stop instead.
    fn postpone(&mut self, stop: usize) -> usize {
        let base = self.view.base;
        let first = self.hits.iter().position(|h| h.end > stop).unwrap_or(self.hits.len());
        let new_stop = self.hits.get(first).map_or(stop, |h| h.start.min(stop));
        let waiting = self.hits.drain(first..);
        self.pending.extend(waiting.map(|h| (base + h.start as u64, base + h.end as u64, h)));
        new_stop
    }

    /// Follows multi-line secrets through the block's lines.
    fn blocks(&mut self, engine: &Engine, hay: &[u8], done: usize) {
        if self.block.is_none() && self.scratch.begins.is_empty() {
            return;
        }
        let rules = engine.program();
        let fixed_mask = engine.accept().mask.fixed_text();
        let mut at = if self.block.is_some() { done.max(self.view.min_start) } else { 0 };
        // An open block goes on at the start of a line; `done` is one unless the line is a long one in parts.
        let mut next_begin = 0;
        let mut line = 0..0;
        loop {
            self.spans.clear();
            if let Some(block) = &mut self.block {
                if at >= hay.len() {
                    return;
                }
                line = confirm::line_around(hay, at);
                // Another begin marker on the line starts anew, but not in armour one that goes with a secret it is
                // part of: a second run does not see it.
                let hits = &self.hits;
                let is_hidden =
                    |m: Range<usize>| hits.iter().any(|h| h.start < m.end && m.start < h.end);
                let is_marker = |b: &&Hit| !block.is_armour() || !is_hidden(b.start..b.end);
                let begins = self.scratch.begins[next_begin..].iter();
                let on_line = begins.filter(|b| (at..line.end).contains(&b.start));
                let again = on_line.take(block::MOST_HIDDEN).find(is_marker).map(|b| b.start);
                let text = match again {
                    Some(begin) => &hay[line.start..begin],
                    None => without_line_feed(&hay[line.clone()]),
                };
                let rule = block.rule;
                let hidden = |m: Range<usize>| is_hidden(line.start + m.start..line.start + m.end);
                let known = Known { hidden: &hidden, fixed_mask };
                let goes_on = block.line(text, &known, &mut self.spans);
                self.add_spans(engine, hay, line.start, rule);
                at = again.unwrap_or(line.end);
                // A line that is cut by the window cannot be followed any further.
                let cut = self.view.limit < hay.len() && line.end == hay.len();
                if !goes_on || again.is_some() || cut {
                    self.block = None;
                }
                continue;
            }
            let Some(begin) = self.scratch.begins.get(next_begin).copied() else { return };
            next_begin += 1;
            if begin.start < at {
                continue;
            }
            // Many may stand on one line.
            if !line.contains(&begin.start) {
                line = confirm::line_around(hay, begin.start);
            }
            let text = without_line_feed(&hay[line.clone()]);
            let marker = begin.start - line.start..begin.end - line.start;
            let kind =
                rules[begin.rule as usize].rule.block.expect("only block rules begin blocks");
            if self.view.growing && line.end == hay.len() {
                // Whether the body ends on this line is not known yet.
                self.scratch.hold = self.scratch.hold.min(begin.end);
                self.scratch.unadvance(begin.rule as usize, self.view.base + begin.start as u64);
                return;
            }
            let label = rules[begin.rule as usize].rule.label();
            // A secret that holds the begin marker too goes with the block.
            let hits = &self.hits;
            let hidden = |m: Range<usize>| {
                let m = line.start + m.start..line.start + m.end;
                hits.iter().any(|h| h.start >= begin.end && h.start < m.end && m.start < h.end)
            };
            let known = Known { hidden: &hidden, fixed_mask };
            let spans = &mut self.spans;
            self.block = OpenBlock::begin(kind, begin.rule, label, text, marker, &known, spans);
            let last = self.spans.last().map_or(begin.end, |s| line.start + s.end);
            // Without an end on this line, all of the line was read: further markers on it say nothing new.
            at = if self.block.is_some() { line.end } else { last };
            self.add_spans(engine, hay, line.start, begin.rule);
            if line.end == hay.len() && hay.last() != Some(&b'\n') {
                self.block = None;
            }
        }
    }

    /// Adds the spans of a block's body; what an earlier run masked is none.
    fn add_spans(&mut self, engine: &Engine, hay: &[u8], offset: usize, rule: u32) {
        let spans = self.spans.iter().map(|s| offset + s.start..offset + s.end);
        let hits = spans.map(|span| Hit::new(span, rule));
        let mask = &engine.accept().mask;
        self.hits.extend(hits.filter(|h| !mask.covers(hay, h.start..h.end)));
    }

    /// Fits the hits of lines that begin as JSON into it; false if there are none. `last` is a line of `hay`.
    fn fit_json(&mut self, hay: &[u8], done: usize, last: &mut Range<usize>) -> bool {
        let mut first = 0;
        let mut has_json = false;
        while first < self.hits.len() {
            let line = confirm::line_around_again(hay, self.hits[first].start, last);
            let count = self.hits[first..].iter().take_while(|h| h.end <= line.end).count().max(1);
            let cut = line.start == 0 && self.view.min_start > 0;
            if !cut && mask::begins_as_json(&hay[line.clone()]) {
                has_json = true;
                let mut of_line = std::mem::take(&mut self.recheck.hits);
                let mut fitted = std::mem::take(&mut self.recheck.fitted);
                let moved =
                    |h: &Hit| Hit { start: h.start - line.start, end: h.end - line.start, ..*h };
                of_line.clear();
                of_line.extend(self.hits[first..first + count].iter().map(moved));
                fitted.clear();
                json::fit(&hay[line.clone()], &of_line, &mut fitted);
                let back =
                    |h: &Hit| Hit { start: h.start + line.start, end: h.end + line.start, ..*h };
                self.hits.splice(first..first + count, fitted.iter().map(back));
                first += fitted.len();
                (self.recheck.hits, self.recheck.fitted) = (of_line, fitted);
            } else {
                if cut && self.cut_json == Some(true) {
                    has_json = true;
                    // Its start is gone, but no escape is parted here either.
                    for i in first..first + count {
                        let next = self.hits.get(i + 1).map_or(line.end, |h| h.start);
                        let hit = &mut self.hits[i];
                        let from = json::whole_escape(hay, hit.start).max(done);
                        let span = json::whole_escapes(hay, &(from..next), hit.start..hit.end);
                        (hit.start, hit.end) = (span.start, span.end);
                    }
                }
                first += count;
            }
        }
        keep_unwritten(&mut self.hits, done);
        has_json
    }

    /// Writes `hay[done..stop]`, hits masked.
    fn emit<S: Sink>(
        &mut self,
        engine: &Engine,
        hay: &[u8],
        done: usize,
        stop: usize,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let mut of_line = OfLine::default();
        let mut at = done;
        for hit in &self.hits {
            sink.clean(&hay[at..hit.start])?;
            self.stats.lines += count_lines(&hay[at..hit.start]);
            at = hit.end;
            self.mask.clear();
            render(engine, hay, hit, self.cut_json, &mut of_line, &mut self.mask);
            let finding = Finding {
                rule: hit.rule,
                start: self.view.base + hit.start as u64,
                end: self.view.base + hit.end as u64,
                line: self.stats.lines + 1,
            };
            sink.masked(&finding, &self.mask)?;
            self.stats.findings[hit.rule as usize] += 1;
        }
        self.hits.clear();
        if at < stop {
            sink.clean(&hay[at..stop])?;
            if self.counts_all_lines {
                self.stats.lines += count_lines(&hay[at..stop]);
            }
        }
        let stop = stop.max(at);
        self.stats.bytes += (stop - done) as u64;
        self.offset = self.view.base + stop as u64;
        Ok(())
    }
}

/// Writes the candidates of a text; answers whether it holds something coded, or nothing if there is neither.
fn scan(
    space: &mut Space,
    coded: &mut Coded,
    engine: &Engine,
    text: &[u8],
    view: View,
    out: &mut Vec<Candidate>,
) -> Option<bool> {
    if !view.growing && view.limit == text.len() {
        match space.scan_short(engine, text, out) {
            Looked::Nothing { .. } => return None,
            Looked::Padded(padded, classes) => {
                if !coded.decode(padded, classes, View::closed(0, padded.len())) {
                    return (!out.is_empty()).then_some(false);
                }
            }
            Looked::Not => {}
        }
    }
    space.scan_starts(engine, text, view.decided..view.limit, out);
    let is_coded = coded.decode(text, &space.classes, view);
    (is_coded || !out.is_empty()).then_some(is_coded)
}

/// Cuts hits, from number `from` on, at the terminal escape sequences inside them: these stay, in order, behind the mask.
fn split_at_sequences(hay: &[u8], hits: &mut Vec<Hit>, from: usize) {
    for i in from..hits.len() {
        let hit = hits[i];
        let text = &hay[..hit.end];
        let (mut at, mut search) = (hit.start, hit.start);
        let mut first = true;
        let mut add = |span: Range<usize>, hits: &mut Vec<Hit>| {
            if !span.is_empty() {
                let piece =
                    Hit { start: span.start, end: span.end, silent: hit.silent || !first, ..hit };
                match std::mem::take(&mut first) {
                    true => hits[i] = piece,
                    false => hits.push(piece),
                }
            }
        };
        while let Some(p) = memchr::memchr(0x1b, &text[search..]) {
            let start = search + p;
            match inline::sequence(&hay[start..], false) {
                inline::Unit::Bytes(len) => {
                    add(at..start, hits);
                    at = start + len;
                    search = at.min(hit.end);
                }
                _ => search = start + 1,
            }
        }
        if at > hit.start {
            add(at.min(hit.end)..hit.end, hits);
        }
    }
}

fn render(
    engine: &Engine,
    hay: &[u8],
    hit: &Hit,
    cut_json: Option<bool>,
    line: &mut OfLine,
    out: &mut Vec<u8>,
) {
    let mask = &engine.accept().mask;
    if hit.silent && !mask.keeps_length() {
        return;
    }
    let label = engine.program()[hit.rule as usize].rule.label();
    let quote = line.quote(hay, hit, cut_json);
    out.extend(quote.iter().flatten());
    mask.render(label, &hay[hit.start..hit.end], out);
    out.extend(quote.iter().flatten());
}

/// Drops hits that end before `done`, and cuts those that start before it.
fn keep_unwritten(hits: &mut Vec<Hit>, done: usize) {
    if done > 0 {
        hits.retain_mut(|hit| {
            hit.start = hit.start.max(done);
            hit.end > hit.start
        });
    }
}

fn without_line_feed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let text = without_line_feed(line);
    text.strip_suffix(b"\r").unwrap_or(text)
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
