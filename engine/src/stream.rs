//! Step 5 of 5: stream. From pieces of any size to the output, with bounded memory and at once.
//!
//! [`StreamRedactor`] cuts what it is given into *complete lines*, which leave at once, and an *open line*, which is
//! carried until its line feed comes, [`StreamRedactor::flush`] is called, or it fills the window. The output does not
//! depend on how the input was cut:
//! - whole lines are looked at with their whole line as context;
//! - an open line longer than the window is decided in steps at fixed distances from its start. A step decides only matches
//!   whose whole reach (the longest a rule can look ahead) is in the window, and keeps enough behind for look-behind.
//!
//! ```text
//!           keep        done                 limit      window
//! carry:    |  context  |  not yet written   |  reach   |
//! ```
//!
//! `flush` is for pauses of the input (a prompt, a progress bar): it writes everything that cannot become part of a secret
//! and holds the rest.
//!
//! Memory: the window (256 KiB or four times the reach), one block's hits, and nothing per clean line. The carry is wiped on
//! drop.
//!
//! Before: [`crate::mask`]; after: the caller's [`Sink`].

use std::any::Any;
use std::convert::Infallible;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroize;

use crate::block::OpenBlock;
use crate::confirm::{self, Hit, Scratch, View};
use crate::engine::{Engine, Finding};
use crate::mask;
use crate::resolve::resolve;
use crate::scan::Candidate;

/// Complete lines are looked at in blocks of at most this many bytes: 64 KiB and more cost the same per byte, less costs
/// more (`bench`, `block_size`).
const BLOCK: usize = 256 << 10;
/// How often a line with findings is looked at again for what the masks themselves bring about; after that the rest of the
/// line is masked, so that hostile lines cost no more than this many looks.
const MAX_ROUNDS: usize = 8;

/// Where the output goes.
///
/// `Vec<u8>` is one; [`WriteSink`] wraps any [`io::Write`].
pub trait Sink {
    /// What writing may fail with.
    type Error;

    /// Takes bytes of the input as they are.
    ///
    /// # Errors
    /// Whatever writing fails with; the stream must then be dropped.
    fn clean(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Takes the mask that stands for a finding.
    ///
    /// # Errors
    /// Whatever writing fails with; the stream must then be dropped.
    fn masked(&mut self, finding: &Finding, mask: &[u8]) -> Result<(), Self::Error> {
        let _ = finding;
        self.clean(mask)
    }
}

impl Sink for Vec<u8> {
    type Error = Infallible;

    fn clean(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// A [`Sink`] over an [`io::Write`].
#[derive(Debug)]
pub struct WriteSink<W>(pub W);

impl<W: io::Write> Sink for WriteSink<W> {
    type Error = io::Error;

    fn clean(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}

/// A redaction of one stream of bytes, given in pieces of any size: the output does not depend on how it was cut.
///
/// ```
/// use redact_stream::{Engine, StreamRedactor};
///
/// let engine = Engine::builder().build()?;
/// let mut stream = StreamRedactor::new(engine);
/// let mut out = Vec::new();
/// stream.push(b"GET / Authorization: Bearer 0a1b2c3d", &mut out).unwrap();
/// stream.push(b"4e5f60718293a4b5\nnext", &mut out).unwrap();
/// stream.finish(&mut out).unwrap();
/// assert_eq!(out, b"GET / Authorization: Bearer [REDACTED:authorization-header]\nnext");
/// # Ok::<(), redact_stream::BuildError>(())
/// ```
pub struct StreamRedactor {
    engine: Arc<Engine>,
    work: Work,
    /// The open line's bytes that are still needed.
    carry: Vec<u8>,
    /// How many bytes of the carry are written already.
    done: usize,
    /// The offset of the carry's first byte in the stream.
    base: u64,
    /// Whether the carry starts in the middle of a line.
    cut: bool,
}

impl std::fmt::Debug for StreamRedactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamRedactor")
            .field("offset", &self.work.offset)
            .field("held_bytes", &self.held_bytes())
            .finish_non_exhaustive()
    }
}

impl Drop for StreamRedactor {
    fn drop(&mut self) {
        self.carry.zeroize();
        self.work.masked.zeroize();
    }
}

impl StreamRedactor {
    /// A new stream.
    pub fn new(engine: Arc<Engine>) -> StreamRedactor {
        let work = Work::new(&engine);
        StreamRedactor { engine, work, carry: Vec::new(), done: 0, base: 0, cut: false }
    }

    /// Takes the next bytes and writes what is decided.
    ///
    /// # Errors
    /// What the sink fails with. The stream must not be used any more then.
    pub fn push<S: Sink>(&mut self, mut input: &[u8], sink: &mut S) -> Result<(), S::Error> {
        while !input.is_empty() {
            if self.carry.is_empty() {
                let piece = &input[..input.len().min(BLOCK)];
                if let Some(last) = memchr::memrchr(b'\n', piece) {
                    let (lines, rest) = input.split_at(last + 1);
                    self.work.view = View::closed(self.work.offset, lines.len());
                    self.work.run(&self.engine, lines, 0, sink)?;
                    input = rest;
                    continue;
                }
                self.base = self.work.offset;
            }
            let room = self.engine.window() - self.carry.len();
            let piece = &input[..input.len().min(room)];
            let (piece, complete) = match memchr::memchr(b'\n', piece) {
                Some(at) => (&piece[..=at], true),
                None => (piece, false),
            };
            self.carry.reserve_exact(self.carry_room(piece.len()));
            self.carry.extend_from_slice(piece);
            input = &input[piece.len()..];
            if complete {
                self.close(sink)?;
            } else if self.carry.len() == self.engine.window() {
                self.step(sink)?;
            }
        }
        Ok(())
    }

    /// Writes everything that cannot become part of a secret, and holds the rest: for when the input pauses.
    ///
    /// # Errors
    /// What the sink fails with.
    pub fn flush<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        if self.carry.len() == self.done || self.work.block.is_some() {
            return Ok(());
        }
        let carry = std::mem::take(&mut self.carry);
        self.work.view = View {
            base: self.base,
            min_start: usize::from(self.cut),
            limit: carry.len(),
            growing: true,
        };
        let result = self.work.run(&self.engine, &carry, self.done, sink);
        self.carry = carry;
        self.keep_context();
        result
    }

    /// Writes what is left: the input is over. The stream can be used again, for another input whose offsets go on.
    ///
    /// # Errors
    /// What the sink fails with.
    pub fn finish<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        let result = if self.carry.is_empty() { Ok(()) } else { self.close(sink) };
        self.work.block = None;
        result
    }

    /// How many bytes of the input are held back.
    pub fn held_bytes(&self) -> usize {
        self.carry.len() - self.done
    }

    /// Whether nothing of what came matters to what comes: no line is open, nor a secret of several lines. A new stream
    /// would go on the same way.
    ///
    /// ```
    /// use redact_stream::{Engine, StreamRedactor};
    ///
    /// let mut stream = StreamRedactor::new(Engine::builder().build()?);
    /// stream.push(b"a line\n", &mut Vec::new()).unwrap();
    /// assert!(stream.is_at_rest());
    /// stream.push(b"half a li", &mut Vec::new()).unwrap();
    /// assert!(!stream.is_at_rest());
    /// # Ok::<(), redact_stream::BuildError>(())
    /// ```
    pub fn is_at_rest(&self) -> bool {
        self.carry.is_empty() && self.work.block.is_none()
    }

    /// What has passed so far.
    pub fn stats(&self) -> &Stats {
        &self.work.stats
    }

    /// The engine of this stream.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Grows the carry in few steps, so that pieces of a secret are not left behind in many old allocations.
    fn carry_room(&self, more: usize) -> usize {
        let wanted = self.carry.len() + more;
        if wanted <= self.carry.capacity() {
            0
        } else {
            wanted.next_power_of_two().clamp(4096, self.engine.window()) - self.carry.len()
        }
    }

    /// The open line is complete.
    fn close<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        let mut carry = std::mem::take(&mut self.carry);
        self.work.view =
            View { min_start: usize::from(self.cut), ..View::closed(self.base, carry.len()) };
        let result = self.work.run(&self.engine, &carry, self.done, sink);
        carry.clear();
        self.carry = carry;
        (self.done, self.cut) = (0, false);
        self.work.cut_json = None;
        result
    }

    /// The open line fills the window: decide what can be decided.
    fn step<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        let carry = std::mem::take(&mut self.carry);
        self.work.view = View {
            base: self.base,
            min_start: usize::from(self.cut),
            limit: carry.len() - self.engine.reach(),
            growing: false,
        };
        let result = self.work.run(&self.engine, &carry, self.done, sink);
        self.carry = carry;
        self.keep_context();
        result
    }

    /// Drops what is written, but for the context that later matches may need.
    fn keep_context(&mut self) {
        self.done = (self.work.offset - self.base) as usize;
        let keep_from = self.done.saturating_sub(self.engine.reach());
        if keep_from > 0 {
            let json = mask::begins_as_json(&self.carry);
            self.carry.drain(..keep_from);
            self.base += keep_from as u64;
            self.done -= keep_from;
            self.work.cut_json.get_or_insert(json);
            self.cut = true;
        }
    }
}

/// Counts of one stream.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes written or masked, of the input.
    pub bytes: u64,
    /// Line feeds among them.
    pub lines: u64,
    /// Findings by the rule that names them, in the engine's order of rules.
    pub findings: Vec<u64>,
}

impl Stats {
    /// All findings.
    pub fn total(&self) -> u64 {
        self.findings.iter().sum()
    }

    /// Adds what passed in a stream of the same engine since `earlier`, an earlier state of it.
    ///
    /// # Panics
    /// If `earlier` is a later state.
    pub fn add_since(&mut self, later: &Stats, earlier: &Stats) {
        self.bytes += later.bytes - earlier.bytes;
        self.lines += later.lines - earlier.lines;
        let counts = later.findings.iter().zip(&earlier.findings);
        self.findings.iter_mut().zip(counts).for_each(|(sum, (a, b))| *sum += a - b);
    }
}

/// What a stream needs beside its carry: scratch space, and what goes on from block to block.
struct Work {
    view: View,
    /// The offset in the stream of the first byte not yet written.
    offset: u64,
    stats: Stats,
    block: Option<OpenBlock>,
    /// Whether the line whose start is no longer there began as JSON does.
    cut_json: Option<bool>,
    /// Hits that reach over the last step's limit; spans from the carry's base at that time are in stream offsets.
    pending: Vec<(u64, u64, u32)>,
    candidates: Vec<Candidate>,
    hits: Vec<Hit>,
    scan_scratch: Box<dyn Any + Send>,
    scratch: Scratch,
    recheck: Recheck,
    mask: Vec<u8>,
    masked: Vec<u8>,
    spans: Vec<Range<usize>>,
}

/// Scratch space for looking at masked lines again.
struct Recheck {
    scratch: Scratch,
    candidates: Vec<Candidate>,
    hits: Vec<Hit>,
    /// Masks of the line: their place in the masked text, and the span they stand for.
    map: Vec<(Range<usize>, Range<usize>)>,
}

impl Work {
    fn new(engine: &Engine) -> Work {
        let rules = engine.program().len();
        Work {
            view: View::closed(0, 0),
            offset: 0,
            stats: Stats { findings: vec![0; rules], ..Stats::default() },
            block: None,
            cut_json: None,
            pending: Vec::new(),
            candidates: Vec::new(),
            hits: Vec::new(),
            scan_scratch: engine.scanner().scratch(),
            scratch: Scratch::new(rules),
            recheck: Recheck {
                scratch: Scratch::without_caches(rules),
                candidates: Vec::new(),
                hits: Vec::new(),
                map: Vec::new(),
            },
            mask: Vec::new(),
            masked: Vec::new(),
            spans: Vec::new(),
        }
    }

    /// Decides what `self.view` allows of `hay` and writes it from `done` on.
    fn run<S: Sink>(
        &mut self,
        engine: &Engine,
        hay: &[u8],
        done: usize,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let view = self.view;
        self.candidates.clear();
        engine.scanner().scan(hay, &mut *self.scan_scratch, &mut self.candidates);
        let open_end = view.limit < hay.len() || view.growing;
        if self.candidates.is_empty()
            && self.pending.is_empty()
            && self.block.is_none()
            && !view.growing
        {
            return self.emit(engine, hay, done, view.limit, sink);
        }
        self.hits.clear();
        let base = view.base;
        self.hits.extend(self.pending.drain(..).map(|(start, end, rule)| Hit {
            start: (start - base) as usize,
            end: (end - base) as usize,
            rule,
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
        keep_unwritten(&mut self.hits, done);
        let mut stop = view.limit;
        if view.growing {
            stop = crate::hold::release_limit(rules, hay, &mut self.scratch).max(done);
        }
        resolve(rules, &mut self.hits);
        if !self.hits.is_empty() && engine.recheck() {
            self.settle(engine, hay, done, stop, open_end);
        }
        if open_end {
            stop = self.postpone(stop);
        }
        self.emit(engine, hay, done, stop, sink)
    }

    /// Hits that are not over at `stop` wait for the next step; answers where to stop instead.
    fn postpone(&mut self, stop: usize) -> usize {
        let base = self.view.base;
        let first = self.hits.iter().position(|h| h.end > stop).unwrap_or(self.hits.len());
        let new_stop = self.hits.get(first).map_or(stop, |h| h.start.min(stop));
        let waiting = self.hits.drain(first..);
        self.pending.extend(waiting.map(|h| (base + h.start as u64, base + h.end as u64, h.rule)));
        new_stop
    }

    /// Follows multi-line secrets through the block's lines.
    fn blocks(&mut self, engine: &Engine, hay: &[u8], done: usize) {
        if self.block.is_none() && self.scratch.begins.is_empty() {
            return;
        }
        let rules = engine.program();
        let mut at = if self.block.is_some() { done.max(self.view.min_start) } else { 0 };
        // An open block goes on at the start of a line; `done` is one unless the line is a long one in parts.
        let mut next_begin = 0;
        loop {
            self.spans.clear();
            if let Some(block) = &mut self.block {
                if at >= hay.len() {
                    return;
                }
                let line = confirm::line_around(hay, at);
                // Another begin marker on the line starts anew.
                let begins = self.scratch.begins[next_begin..].iter().map(|b| b.start);
                let again = begins.clone().find(|b| *b >= at).filter(|b| *b < line.end);
                let text = match again {
                    Some(begin) => &hay[line.start..begin],
                    None => without_line_feed(&hay[line.clone()]),
                };
                let rule = block.rule;
                let goes_on = block.line(text, &mut self.spans);
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
            let line = confirm::line_around(hay, begin.start);
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
            self.block = OpenBlock::begin(kind, begin.rule, label, text, marker, &mut self.spans);
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
        let hits =
            self.spans.iter().map(|s| Hit { start: offset + s.start, end: offset + s.end, rule });
        let mask = &engine.accept().mask;
        self.hits.extend(hits.filter(|h| !mask.covers(hay, h.start..h.end)));
    }

    /// Makes the output a fixed point: each line with hits is masked, looked at again, and what its masks bring about is
    /// masked too.
    fn settle(&mut self, engine: &Engine, hay: &[u8], done: usize, stop: usize, open_end: bool) {
        let mut first = 0;
        while first < self.hits.len() {
            let line = confirm::line_around(hay, self.hits[first].start);
            let text = line.start.max(done)..line.end.min(stop.max(self.hits[first].end));
            // At a cut, what looks like a line's start or end is none.
            let cut = (
                text.start > line.start || (line.start == 0 && self.view.min_start > 0),
                open_end && (text.end < line.end || line.end == hay.len()),
            );
            for round in 1.. {
                let known = self.hits.len();
                if !self.recheck_line(engine, hay, text.clone(), first, cut) {
                    break;
                }
                if round >= MAX_ROUNDS {
                    // Masks that go on feeding on what stands beside them: the rest of the line goes, then all of it.
                    let new = &self.hits[known..];
                    let start = new.iter().map(|h| h.start).min().unwrap_or(text.start);
                    let start = if round == MAX_ROUNDS { start } else { text.start };
                    let end = start + without_line_end(&hay[start..text.end.max(start)]).len();
                    self.hits.push(Hit { start, end: end.max(start + 1), rule: new[0].rule });
                }
                resolve(engine.program(), &mut self.hits);
                if round > MAX_ROUNDS {
                    break;
                }
            }
            first += self.hits[first..].iter().take_while(|h| h.start < line.end).count().max(1);
        }
    }

    /// Adds what is found in the masked `line`; true if there was anything.
    fn recheck_line(
        &mut self,
        engine: &Engine,
        hay: &[u8],
        line: Range<usize>,
        first: usize,
        cut: (bool, bool),
    ) -> bool {
        let again = &mut self.recheck;
        self.masked.clear();
        again.map.clear();
        let mut at = line.start;
        for hit in self.hits[first..].iter().take_while(|h| h.start < line.end) {
            self.masked.extend_from_slice(&hay[at..hit.start]);
            let from = self.masked.len();
            render(engine, hay, hit, self.cut_json, &mut self.masked);
            again.map.push((from..self.masked.len(), hit.start..hit.end));
            at = hit.end;
        }
        self.masked.extend_from_slice(&hay[at.min(line.end)..line.end]);
        again.candidates.clear();
        engine.scanner().scan(&self.masked, &mut *self.scan_scratch, &mut again.candidates);
        if again.candidates.is_empty() {
            return false;
        }
        again.scratch.rewind();
        again.scratch.begins.clear();
        again.hits.clear();
        let view = View::closed(0, self.masked.len());
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
        let map = &again.map;
        let real = |h: &&Hit| !(cut.0 && h.start == 0 || cut.1 && h.end == end);
        let new = again.hits.iter().filter(real).map(|h| Hit {
            start: unmask(map, line.start, h.start, false),
            end: unmask(map, line.start, h.end, true),
            rule: h.rule,
        });
        let before = self.hits.len();
        self.hits.extend(new);
        self.hits.len() > before
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
        let mut at = done;
        for hit in &self.hits {
            sink.clean(&hay[at..hit.start])?;
            self.mask.clear();
            render(engine, hay, hit, self.cut_json, &mut self.mask);
            self.stats.lines += count_lines(&hay[at..hit.start]);
            let finding = Finding {
                rule: hit.rule,
                start: self.view.base + hit.start as u64,
                end: self.view.base + hit.end as u64,
                line: self.stats.lines + 1,
            };
            sink.masked(&finding, &self.mask)?;
            self.stats.findings[hit.rule as usize] += 1;
            at = hit.end;
        }
        self.hits.clear();
        if at < stop {
            sink.clean(&hay[at..stop])?;
            self.stats.lines += count_lines(&hay[at..stop]);
        }
        let stop = stop.max(at);
        self.stats.bytes += (stop - done) as u64;
        self.offset = self.view.base + stop as u64;
        Ok(())
    }
}

fn render(engine: &Engine, hay: &[u8], hit: &Hit, cut_json: Option<bool>, out: &mut Vec<u8>) {
    let label = engine.program()[hit.rule as usize].rule.label();
    // A bare number of a JSON document becomes a string.
    let number = matches!(hay[hit.start], b'0'..=b'9' | b'-')
        && mask::is_json_number(hay, hit.start..hit.end)
        && {
            let line = confirm::line_around(hay, hit.start);
            match cut_json {
                Some(json) if line.start == 0 => json,
                _ => mask::begins_as_json(&hay[line]),
            }
        };
    if number {
        out.push(b'"');
    }
    engine.accept().mask.render(label, &hay[hit.start..hit.end], out);
    if number {
        out.push(b'"');
    }
}

/// A position in masked text as one in the text that was masked: inside a mask, the start or end of what it stands for.
fn unmask(map: &[(Range<usize>, Range<usize>)], base: usize, at: usize, end: bool) -> usize {
    let before = map.partition_point(|(m, _)| if end { m.end < at } else { m.end <= at });
    let (masked, original) =
        before.checked_sub(1).map_or((0, base), |last| (map[last].0.end, map[last].1.end));
    match map.get(before) {
        Some((m, o)) if m.start < at || (!end && m.start == at) => {
            if end {
                o.end
            } else {
                o.start
            }
        }
        _ => original + (at - masked),
    }
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
