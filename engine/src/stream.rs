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
//! What happens to a block is in `work.rs`. Before: [`crate::mask`]; after: the caller's [`Sink`].

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use zeroize::Zeroize;

use crate::confirm::View;
use crate::engine::{Engine, Finding};
use crate::mask;
use crate::work::Work;

/// Complete lines are looked at in blocks of at most this many bytes: 64 KiB and more cost the same per byte, less costs
/// more (`bench`, `block_size`).
const BLOCK: usize = 128 << 10;
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

    /// Takes the mask that stands for a finding. It is empty for the rest of a secret behind a terminal escape sequence, which
    /// stays.
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
    /// The offset of its line's first byte: before the carry's if that is cut.
    line: u64,
    /// The offset before which all matches that start there are decided for good.
    decided: u64,
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
        StreamRedactor { engine, work, carry: Vec::new(), done: 0, base: 0, line: 0, decided: 0 }
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
                self.line = self.base;
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
            first_line: self.line,
            min_start: self.min_start(),
            decided: 0,
            limit: carry.len(),
            growing: true,
            is_line: false,
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

    /// The least position of the carry at which a match may start: not its first if bytes before it are gone.
    fn min_start(&self) -> usize {
        usize::from(self.line < self.base)
    }

    /// How much of the carry is decided for good.
    fn decided(&self) -> usize {
        self.decided.saturating_sub(self.base) as usize
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
        self.work.view = View {
            first_line: self.line,
            min_start: self.min_start(),
            decided: self.decided(),
            ..View::closed(self.base, carry.len())
        };
        let result = self.work.run(&self.engine, &carry, self.done, sink);
        carry.clear();
        self.carry = carry;
        self.done = 0;
        self.work.cut_json = None;
        result
    }

    /// The open line fills the window: decide what can be decided.
    fn step<S: Sink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        let carry = std::mem::take(&mut self.carry);
        self.work.view = View {
            base: self.base,
            first_line: self.line,
            min_start: self.min_start(),
            decided: self.decided(),
            limit: carry.len() - self.engine.reach(),
            growing: false,
            is_line: false,
        };
        self.decided = self.base + self.work.view.limit as u64;
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
