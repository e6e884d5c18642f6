//! Look again: what the masks themselves bring about is masked too, so that a second run over the output changes nothing.

use std::ops::Range;

use super::{Work, render, scan, split_at_sequences, without_line_end};
use crate::coded::{self, Map, original};
use crate::confirm::{self, Hit, Scratch, View};
use crate::engine::Engine;
use crate::json::OfLine;
use crate::resolve::resolve;
use crate::scan::Candidate;

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
        let coded = scan(&mut self.space, &mut self.coded, engine, &self.masked, view, candidates);
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
