//! Writing: the engine's [`Sink`] over a file descriptor, with few system calls and nothing kept back.
//!
//! [`SpanSink`] gathers small pieces and masks in a buffer; a long unchanged span goes out straight from the input buffer,
//! in one `writev` together with what was gathered. [`SpanSink::drain`] writes the rest: the caller does it after each
//! read's worth of input, so nothing waits here for more.
//!
//! [`Raw`] is the descriptor itself: it goes on when a call is interrupted and waits when an inherited non-blocking
//! descriptor is full, so that no byte is lost.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;

use redact_stream::{Engine, Finding, Sink, Stats};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::report::Report;

/// How many bytes are gathered before they are written.
const GATHER: usize = 64 << 10;
/// From this length on, copying a span costs more than a system call.
const LONG: usize = 16 << 10;

/// Where bytes go in the end.
#[derive(Debug)]
pub(crate) enum Raw {
    Nowhere,
    File(File),
}

impl Raw {
    /// Standard output, without Rust's line buffer.
    pub(crate) fn stdout() -> io::Result<Raw> {
        Ok(Raw::File(File::from(io::stdout().as_fd().try_clone_to_owned()?)))
    }

    /// The descriptor whose reader may go away while we wait for input.
    pub(crate) fn watched(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Raw::Nowhere => None,
            Raw::File(file) => Some(file.as_fd()),
        }
    }
}

impl Write for &Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Raw::Nowhere => Ok(bytes.len()),
            Raw::File(file) => patiently(file, || rustix::io::write(file.as_fd(), bytes)),
        }
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Raw::Nowhere => Ok(parts.iter().map(|part| part.len()).sum()),
            Raw::File(file) => patiently(file, || rustix::io::writev(file.as_fd(), parts)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn patiently(file: &File, call: impl Fn() -> rustix::io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => match poll(&mut [PollFd::new(file, PollFlags::OUT)], None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            },
            result => return Ok(result?),
        }
    }
}

/// What could not be written.
#[derive(Debug)]
pub(crate) enum SinkError {
    Output(io::Error),
    Report(io::Error),
}

/// Takes one input's redacted bytes and findings.
pub(crate) struct SpanSink<'r, W> {
    out: W,
    gathered: Vec<u8>,
    engine: Arc<Engine>,
    color: bool,
    report: Option<&'r mut Report>,
    /// The input's name in the report.
    name: Option<&'r str>,
    /// Where the engine's stream began, in bytes and lines of the input.
    start: (u64, u64),
    last_block_line: Option<u64>,
}

impl<'r, W: Write> SpanSink<'r, W> {
    pub(crate) fn new(
        out: W,
        engine: Arc<Engine>,
        color: bool,
        report: Option<&'r mut Report>,
        name: Option<&'r str>,
    ) -> SpanSink<'r, W> {
        let gathered = Vec::with_capacity(GATHER);
        let (start, last_block_line) = ((0, 0), None);
        SpanSink { out, gathered, engine, color, report, name, start, last_block_line }
    }

    /// Another engine goes on, whose stream begins at this byte and behind so many lines of the input.
    pub(crate) fn go_on(&mut self, engine: Arc<Engine>, bytes: u64, lines: u64) {
        self.engine = engine;
        self.start = (bytes, lines);
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// How many bytes and lines of the input have passed, if its stream counts `stats`.
    pub(crate) fn position(&self, stats: &Stats) -> (u64, u64) {
        (self.start.0 + stats.bytes, self.start.1 + stats.lines)
    }

    /// The last line, from 1, that was masked as part of a secret of several lines.
    pub(crate) fn last_block_line(&self) -> Option<u64> {
        self.last_block_line
    }

    /// Writes what was gathered.
    pub(crate) fn drain(&mut self) -> Result<(), SinkError> {
        let result = self.out.write_all(&self.gathered).map_err(SinkError::Output);
        self.gathered.clear();
        result
    }

    pub(crate) fn into_inner(self) -> W {
        self.out
    }

    fn gather(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        if self.gathered.len() + bytes.len() > GATHER {
            self.drain()?;
        }
        self.gathered.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes what was gathered and `bytes`.
    fn write_through(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut parts = [IoSlice::new(&self.gathered), IoSlice::new(bytes)];
        let mut rest = &mut parts[..];
        // Empty slices at the front are skipped, so that a write of 0 bytes means what it says.
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match self.out.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.gathered.clear();
        Ok(())
    }
}

impl<W: Write> Sink for SpanSink<'_, W> {
    type Error = SinkError;

    fn clean(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        if bytes.len() < LONG {
            return self.gather(bytes);
        }
        self.write_through(bytes).map_err(SinkError::Output)
    }

    fn masked(&mut self, finding: &Finding, mask: &[u8]) -> Result<(), SinkError> {
        let mut finding = *finding;
        finding.start += self.start.0;
        finding.end += self.start.0;
        finding.line += self.start.1;
        let rule = self.engine.rule(finding.rule());
        if rule.block().is_some() {
            self.last_block_line = Some(finding.line);
        }
        if let Some(report) = &mut self.report {
            report.finding(self.name, rule.id(), &finding).map_err(SinkError::Report)?;
        }
        if !self.color {
            return self.gather(mask);
        }
        let style = anstyle::AnsiColor::Magenta.on_default().bold();
        self.gather(style.render().to_string().as_bytes())?;
        self.gather(mask)?;
        self.gather(style.render_reset().to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a few bytes at a time.
    struct Slow(Vec<u8>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let some = bytes.len().min(7);
            self.0.extend_from_slice(&bytes[..some]);
            Ok(some)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn short_writes_lose_nothing_and_keep_the_order() {
        let engine = Engine::builder().build().unwrap();
        let long = vec![b'x'; LONG + 3];
        let mut sink = SpanSink::new(Slow(Vec::new()), engine, false, None, None);
        let mut wanted = Vec::new();
        for part in [b"a".as_slice(), &long, b"", b"b", &long, &long, b"c"] {
            sink.clean(part).unwrap();
            wanted.extend_from_slice(part);
        }
        sink.drain().unwrap();
        assert!(sink.into_inner().0 == wanted);
    }
}
