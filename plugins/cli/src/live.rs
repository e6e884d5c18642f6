//! Reading: the loop that carries bytes from an input through the engine, and its clock.
//!
//! It waits with `poll` for these things at once: input, the moment at which an incomplete line must be flushed, SIGHUP where
//! [`crate::reload`] obeys it, and the reader of the output going away. The last is what ends
//! `tail -f app.log | redact | head -3` also when no further line comes: without input there is no write that could fail.
//!
//! Writing blocks, so a slow reader stops reading here, and memory stays flat. Where the input never pauses (a flood without
//! a newline) nothing needs flushing: the engine then decides the line in steps of its window.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redact_stream::{Engine, Stats, StreamRedactor};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::codec::Format;
use crate::error::{Error, Stop, warn};
use crate::progress::Progress;
use crate::reload::Reload;
use crate::sink::{SinkError, SpanSink};

/// How many bytes one read takes: the engine's block.
const READ: usize = 256 << 10;
/// The size that pipes are given, so that writer and reader take turns less often.
const PIPE: usize = 1 << 20;

/// The clock and the buffer, shared by all inputs of a run.
pub(crate) struct Pump<'p> {
    flush_after: Duration,
    reload: Option<Reload<'p>>,
    /// Holds raw input, so it is wiped.
    buffer: Zeroizing<Vec<u8>>,
}

/// An input, opened.
pub(crate) struct Source<'w> {
    name: String,
    kind: Kind<'w>,
    format: Format,
    /// Whether to look at the first bytes for data that the engine cannot see into.
    warns: bool,
}

enum Kind<'w> {
    Plain(Waiting<'w>),
    Packed(Box<dyn Read + Send + 'w>),
}

/// A file whose read waits, also for the reader of the output to go away.
struct Waiting<'w> {
    /// What was read to detect the format.
    head: Vec<u8>,
    file: File,
    watch: Option<BorrowedFd<'w>>,
}

enum Event {
    Input,
    Pause,
    ReaderGone,
    /// SIGHUP: new rules are wanted.
    Reload,
}

impl<'w> Source<'w> {
    /// Takes an opened file; unpacks it if `compressed`. `watch` is the output whose reader may go away.
    pub(crate) fn new(
        name: &str,
        file: File,
        compressed: bool,
        watch: Option<BorrowedFd<'w>>,
    ) -> Result<Source<'w>, Stop> {
        widen_pipe(file.as_fd());
        let mut input = Waiting { head: Vec::new(), file, watch };
        let format = match compressed {
            true => input.detect().map_err(|error| read_failed(name, &error))?,
            false => Format::Plain,
        };
        let kind = match format {
            Format::Plain => Kind::Plain(input),
            _ => Kind::Packed(format.decoder(input).map_err(|error| read_failed(name, &error))?),
        };
        Ok(Source { name: name.to_owned(), kind, format, warns: !compressed })
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Data that passes unseen is worth a word.
    fn warn_if_opaque(&self, start: &[u8]) {
        let name = &self.name;
        match Format::detect(start) {
            Some(format @ (Format::Gzip | Format::Zstd)) => warn(format_args!(
                "{name}: is {} data, in which nothing is found; use -z to look inside",
                format.name()
            )),
            _ if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") => {
                warn(format_args!(
                    "{name}: is UTF-16 text, in which nothing is found; convert it first: iconv -f UTF-16 -t UTF-8"
                ))
            }
            _ => {}
        }
    }

    /// The size in bytes of a regular file that is read as it is.
    pub(crate) fn plain_size(&self) -> Option<u64> {
        match &self.kind {
            Kind::Plain(input) => {
                input.file.metadata().ok().filter(|m| m.is_file()).map(|m| m.len())
            }
            Kind::Packed(_) => None,
        }
    }

    /// Fills `buffer` from `at` on, which is moved behind what was read; false if the input is over.
    pub(crate) fn fill(&mut self, buffer: &mut [u8], at: &mut usize) -> Result<bool, Stop> {
        let result = loop {
            if *at == buffer.len() {
                break Ok(true);
            }
            match self.read(&mut buffer[*at..]) {
                Ok(0) => break Ok(false),
                Ok(count) => *at += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(read_failed(&self.name, &error)),
            }
        };
        if *at > 0 && std::mem::take(&mut self.warns) {
            self.warn_if_opaque(&buffer[..*at]);
        }
        result
    }

    fn wait(&mut self, due: Option<Instant>, wake: Option<BorrowedFd<'_>>) -> io::Result<Event> {
        match &mut self.kind {
            Kind::Plain(input) => input.wait(due, wake),
            // A decoder may hold bytes that no poll shows.
            Kind::Packed(_) => Ok(Event::Input),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.kind {
            Kind::Plain(input) => input.read_some(buffer),
            Kind::Packed(input) => input.read(buffer),
        }
    }
}

impl Waiting<'_> {
    fn detect(&mut self) -> io::Result<Format> {
        let mut byte = [0];
        loop {
            match Format::detect(&self.head) {
                Some(format) => return Ok(format),
                None => match read_patiently(&self.file, self.watch, &mut byte)? {
                    0 => return Ok(Format::Plain),
                    _ => self.head.push(byte[0]),
                },
            }
        }
    }

    fn wait(&self, due: Option<Instant>, wake: Option<BorrowedFd<'_>>) -> io::Result<Event> {
        if !self.head.is_empty() {
            return Ok(Event::Input);
        }
        wait(self.file.as_fd(), self.watch, wake, due)
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.head.is_empty() {
            return Ok(rustix::io::read(&self.file, buffer)?);
        }
        let some = self.head.len().min(buffer.len());
        buffer[..some].copy_from_slice(&self.head[..some]);
        self.head.drain(..some);
        Ok(some)
    }
}

impl Read for Waiting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.head.is_empty() {
            true => read_patiently(&self.file, self.watch, buffer),
            false => self.read_some(buffer),
        }
    }
}

/// Reads; goes on after interruptions, and waits where an inherited non-blocking descriptor is empty.
fn read_patiently(
    file: &File,
    watch: Option<BorrowedFd<'_>>,
    buffer: &mut [u8],
) -> io::Result<usize> {
    loop {
        if let Event::ReaderGone = wait(file.as_fd(), watch, None, None)? {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        match rustix::io::read(file, &mut *buffer) {
            Err(Errno::INTR | Errno::AGAIN) => {}
            result => return Ok(result?),
        }
    }
}

/// Waits for input, the moment `due`, the reader of `watch` going away, or `wake` becoming readable.
fn wait(
    input: BorrowedFd<'_>,
    watch: Option<BorrowedFd<'_>>,
    wake: Option<BorrowedFd<'_>>,
    due: Option<Instant>,
) -> io::Result<Event> {
    loop {
        let timeout = due.map(|due| {
            let left = due.saturating_duration_since(Instant::now());
            Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() }
        });
        // Errors are always reported; of the output nothing else is of interest.
        let of = |fd, flags| PollFd::from_borrowed_fd(fd, flags);
        // What is not watched is the input once more, without a wish.
        let mut fds = [
            of(input, PollFlags::IN),
            of(watch.unwrap_or(input), PollFlags::empty()),
            of(wake.unwrap_or(input), wake.map_or(PollFlags::empty(), |_| PollFlags::IN)),
        ];
        let ready = match poll(&mut fds, timeout.as_ref()) {
            Ok(ready) => ready,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        if ready == 0 {
            return Ok(Event::Pause);
        }
        let gone = PollFlags::ERR | PollFlags::HUP;
        if watch.is_some() && fds[1].revents().intersects(gone) {
            return Ok(Event::ReaderGone);
        }
        if wake.is_some() && !fds[2].revents().is_empty() {
            return Ok(Event::Reload);
        }
        return Ok(Event::Input);
    }
}

impl<'p> Pump<'p> {
    pub(crate) fn new(flush_after: Duration, reload: Option<Reload<'p>>) -> Pump<'p> {
        Pump { flush_after, reload, buffer: Zeroizing::new(vec![0; READ]) }
    }

    /// The counts of engines that were replaced; true for what was counted twice.
    pub(crate) fn replaced(&mut self) -> Vec<(Arc<Engine>, Stats, bool)> {
        self.reload.as_mut().map(|reload| reload.counts().collect()).unwrap_or_default()
    }

    /// Carries all of `source` through `stream` into `sink`.
    ///
    /// When an input ends with an error, what was read of it is still written.
    pub(crate) fn run<W: Write>(
        &mut self,
        source: &mut Source<'_>,
        stream: &mut StreamRedactor,
        sink: &mut SpanSink<'_, W>,
        progress: &mut Progress,
    ) -> Result<(), Stop> {
        let result = self.carry(source, stream, sink, progress);
        if !matches!(result, Ok(()) | Err(Stop::Input(_))) {
            return result;
        }
        stream.finish(sink).map_err(write_failed)?;
        sink.drain().map_err(write_failed)?;
        result
    }

    fn carry<W: Write>(
        &mut self,
        source: &mut Source<'_>,
        stream: &mut StreamRedactor,
        sink: &mut SpanSink<'_, W>,
        progress: &mut Progress,
    ) -> Result<(), Stop> {
        let mut due = None;
        loop {
            if let Some(reload) = self.reload.as_mut().filter(|reload| reload.is_due()) {
                progress.aside(|| reload.switch(stream, sink)).map_err(write_failed)?;
            }
            let wake = self.reload.as_ref().map(Reload::wake);
            match source.wait(due, wake).map_err(|error| read_failed(&source.name, &error))? {
                Event::Input => {}
                Event::ReaderGone => return Err(Stop::ReaderGone),
                Event::Reload => {
                    self.reload.iter_mut().for_each(Reload::awake);
                    continue;
                }
                Event::Pause => {
                    stream.flush(sink).map_err(write_failed)?;
                    sink.drain().map_err(write_failed)?;
                    due = None;
                    continue;
                }
            }
            let count = match source.read(&mut self.buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock => continue,
                    _ => return Err(read_failed(&source.name, &error)),
                },
            };
            if std::mem::take(&mut source.warns) {
                let start = &self.buffer[..count];
                progress.aside(|| source.warn_if_opaque(start));
            }
            let mut rest = &self.buffer[..count];
            if let Some(reload) = &mut self.reload {
                let first = reload.up_to_line_end(rest);
                stream.push(&rest[..first], sink).map_err(write_failed)?;
                reload.passed(&rest[..first]);
                if reload.is_due() {
                    progress.aside(|| reload.switch(stream, sink)).map_err(write_failed)?;
                }
                rest = &rest[first..];
                reload.passed(rest);
            }
            stream.push(rest, sink).map_err(write_failed)?;
            sink.drain().map_err(write_failed)?;
            progress.add(count);
            due = match stream.held_bytes() {
                0 => None,
                _ => due.or_else(|| Instant::now().checked_add(self.flush_after)),
            };
        }
    }
}

/// Gives a pipe more room, if `fd` is one and the system allows it.
pub(crate) fn widen_pipe(fd: BorrowedFd<'_>) {
    #[cfg(target_os = "linux")]
    if rustix::pipe::fcntl_getpipe_size(fd).is_ok_and(|size| size < PIPE) {
        let _ = rustix::pipe::fcntl_setpipe_size(fd, PIPE);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (fd, PIPE);
}

fn read_failed(name: &str, error: &io::Error) -> Stop {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Stop::ReaderGone;
    }
    Stop::Input(Error::io(name, "cannot be read", error))
}

pub(crate) fn write_failed(error: SinkError) -> Stop {
    match error {
        SinkError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Stop::ReaderGone,
        SinkError::Output(error) => {
            Stop::Fatal(Error::io("the output", "cannot be written", &error))
        }
        SinkError::Report(error) => {
            Stop::Fatal(Error::io("the report", "cannot be written", &error))
        }
    }
}
