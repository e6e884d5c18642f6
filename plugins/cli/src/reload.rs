//! New rules for a run that goes on: on SIGHUP the files of `--rules` and `--allow` are read again.
//!
//! The new engine takes over where a line ends. What was seen of the last lines is shown to it first, without output, so that a
//! private key whose first line has just passed is masked to its end; while the body of one is being masked, the old
//! engine stays. New files with a mistake change nothing: the mistakes are told, and the old rules stay in use.
//!
//! Offsets and lines of the report go on counting from the start of the input; the counts of `--stats` are kept by rule id.

use std::io::{self, Read as _, Write};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redact_stream::{Engine, Finding, Sink, Stats, StreamRedactor};
use signal_hook::consts::SIGHUP;
use zeroize::Zeroizing;

use crate::error::{Error, warn, write_stderr};
use crate::sink::{SinkError, SpanSink};

/// How many lines the new engine is shown, and how many must have passed since the last line of a key: more than the engine
/// waits for a key's next line.
const LINES: usize = 8;
/// The most bytes of them.
const CONTEXT: usize = 16 << 10;

/// Builds the engine anew.
type Build<'p> = Box<dyn Fn() -> Result<Arc<Engine>, Error> + 'p>;

/// Waits for SIGHUP and knows how to obey it.
pub(crate) struct Reload<'p> {
    build: Build<'p>,
    asked: Arc<AtomicBool>,
    /// Readable after a signal, so that `poll` returns.
    wake: UnixStream,
    /// The last bytes of the input; they may hold secrets, so they are wiped.
    recent: Zeroizing<Vec<u8>>,
    /// Whether `recent` starts at the start of a line.
    whole: bool,
    /// Whether the input so far ends with a line.
    at_line_end: bool,
    /// Counts of engines that were replaced; true for those of lines that were only shown.
    counts: Vec<(Arc<Engine>, Stats, bool)>,
}

impl<'p> Reload<'p> {
    /// Starts to listen; until then SIGHUP ends the program.
    pub(crate) fn listen(build: Build<'p>) -> io::Result<Reload<'p>> {
        let (wake, signal) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let asked = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(SIGHUP, Arc::clone(&asked))?;
        // After the flag, so that whoever wakes up finds it set.
        signal_hook::low_level::pipe::register(SIGHUP, signal)?;
        let recent = Zeroizing::new(Vec::with_capacity(2 * CONTEXT));
        let (whole, at_line_end) = (true, true);
        Ok(Reload { build, asked, wake, recent, whole, at_line_end, counts: Vec::new() })
    }

    /// What becomes readable at a signal.
    pub(crate) fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// The signal was noticed.
    pub(crate) fn awake(&mut self) {
        while matches!(self.wake.read(&mut [0; 64]), Ok(1..)) {}
    }

    /// Whether new rules are wanted and a line ends here.
    pub(crate) fn is_due(&self) -> bool {
        self.at_line_end && self.asked.load(Ordering::Relaxed)
    }

    /// How many of these bytes of the input to pass before [`Reload::is_due`] is asked again.
    pub(crate) fn up_to_line_end(&self, bytes: &[u8]) -> usize {
        let end = bytes.iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| at + 1);
        if self.asked.load(Ordering::Relaxed) { end } else { bytes.len() }
    }

    /// These bytes of the input have passed.
    pub(crate) fn passed(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        self.at_line_end = *last == b'\n';
        if bytes.len() >= CONTEXT {
            self.recent.clear();
            self.whole = false;
        }
        self.recent.extend_from_slice(&bytes[bytes.len().saturating_sub(CONTEXT)..]);
        let excess = self.recent.len().saturating_sub(CONTEXT);
        if excess > 0 {
            self.recent.drain(..excess);
            self.whole = false;
        }
    }

    /// Lets a new engine take over, if its files are sound and no secret of several lines is being masked.
    pub(crate) fn switch<W: Write>(
        &mut self,
        stream: &mut StreamRedactor,
        sink: &mut SpanSink<'_, W>,
    ) -> Result<(), SinkError> {
        let (bytes, lines) = sink.position(stream.stats());
        if sink.last_block_line().is_some_and(|last| lines < last + LINES as u64) {
            return Ok(());
        }
        self.asked.store(false, Ordering::Relaxed);
        let engine = match (self.build)() {
            Ok(engine) => engine,
            Err(error) => {
                error.tell();
                warn("the rules were not read again; the old ones stay in use");
                return Ok(());
            }
        };
        stream.finish(sink)?;
        let old = std::mem::replace(stream, StreamRedactor::new(Arc::clone(&engine)));
        let shown = self.last_lines();
        stream.push(shown, &mut Discard)?;
        let known = stream.stats().clone();
        sink.go_on(Arc::clone(&engine), bytes - known.bytes, lines - known.lines);
        let rules = engine.rules().len();
        self.counts.push((Arc::clone(old.engine()), old.stats().clone(), false));
        self.counts.push((engine, known, true));
        write_stderr(&format!("redact: the rules were read again; {rules} are in use\n"));
        Ok(())
    }

    /// The counts of what was replaced; true for what is to be taken off.
    pub(crate) fn counts(&mut self) -> impl Iterator<Item = (Arc<Engine>, Stats, bool)> {
        self.counts.drain(..)
    }

    fn last_lines(&self) -> &[u8] {
        let ends = self.recent.iter().enumerate().rev().filter(|(_, b)| **b == b'\n');
        let mut starts = ends.map(|(at, _)| at + 1).skip(1);
        let start = match starts.nth(LINES - 1) {
            Some(start) => start,
            None if self.whole => 0,
            // The first line is cut.
            None => self.recent.iter().position(|b| *b == b'\n').map_or(0, |at| at + 1),
        };
        &self.recent[start..]
    }
}

/// Takes what was written before.
struct Discard;

impl Sink for Discard {
    type Error = SinkError;

    fn clean(&mut self, _: &[u8]) -> Result<(), SinkError> {
        Ok(())
    }

    fn masked(&mut self, _: &Finding, _: &[u8]) -> Result<(), SinkError> {
        Ok(())
    }
}
