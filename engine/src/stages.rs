//! The steps of the engine one by one, on one block: for benchmarks, which say what each costs. No part of what is kept stable.

use std::sync::Arc;

use crate::coded::Coded;
use crate::confirm::{self, Hit, Scratch, View};
use crate::engine::Engine;
use crate::kernel::Hits;
use crate::scan::{Candidate, Space};

/// A block of whole lines, and what the steps know of it.
///
/// ```
/// use redact_stream::{Engine, stages::Stages};
///
/// let mut block = Stages::new(Engine::builder().build()?, b"password=hunter2-NOTREAL\n");
/// block.classes();
/// assert!(block.scan() > 0);
/// assert!(!block.decode());
/// assert_eq!(block.confirm(), 1);
/// # Ok::<(), redact_stream::BuildError>(())
/// ```
pub struct Stages<'t> {
    engine: Arc<Engine>,
    text: &'t [u8],
    space: Space,
    found: Vec<Candidate>,
    candidates: Vec<Candidate>,
    coded: Coded,
    scratch: Scratch,
    hits: Vec<Hit>,
}

impl<'t> Stages<'t> {
    /// Nothing is known of `text` yet.
    pub fn new(engine: Arc<Engine>, text: &'t [u8]) -> Stages<'t> {
        Stages {
            space: Space::new(engine.scanner()),
            found: Vec::new(),
            candidates: Vec::new(),
            coded: Coded::new(&engine),
            scratch: Scratch::new(engine.program().len()),
            hits: Vec::new(),
            engine,
            text,
        }
    }

    /// Tells the classes of all bytes; the other steps go by them.
    pub fn classes(&mut self) {
        self.engine.kernel().classes(self.text, &mut self.space.classes);
    }

    /// What the vector kernel alone does for the scanner `simd` and the default rules; answers how many positions it lets
    /// through. It is a part of [`Stages::scan`].
    pub fn hits(&self) -> u32 {
        let (mut hits, mut at, mut count) = (Hits::default(), 0, 0);
        loop {
            let next = self.engine.kernel().hits(&crate::builtin::TABLES, self.text, at, &mut hits);
            if next == at {
                return count;
            }
            count += hits.masks().iter().map(|mask| mask.count_ones()).sum::<u32>();
            at = next;
        }
    }

    /// Step 1: answers how many candidates there are.
    pub fn scan(&mut self) -> usize {
        self.space.scan_known(&self.engine, self.text, &mut self.found);
        self.found.len()
    }

    /// Step 2: answers how many hits come of the candidates that [`Stages::scan`] found.
    pub fn confirm(&mut self) -> usize {
        let Stages { engine, text, found, candidates, scratch, hits, .. } = self;
        candidates.clone_from(found);
        scratch.rewind();
        scratch.begins.clear();
        hits.clear();
        let view = View::closed(0, text.len());
        confirm::confirm(engine.program(), engine.accept(), text, view, candidates, scratch, hits);
        hits.len()
    }

    /// Step 2½: whether something coded is there, which is then decoded.
    pub fn decode(&mut self) -> bool {
        self.coded.decode(self.text, &self.space.classes, View::closed(0, self.text.len()))
    }
}
