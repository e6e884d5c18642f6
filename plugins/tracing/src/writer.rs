//! Writers that redact what is written: for those who only format, and for other loggers than `tracing`.
//!
//! A [`RedactWriter`] looks at lines as a stream: a secret is found however its text is cut into writes. A line leaves when it is
//! complete, on [`flush`](io::Write::flush) what cannot be part of a secret any more, and when the writer is dropped the rest.
//! What leaves, leaves in one write.
//!
//! Limits: it sees formatted text, so fields are masked by the rules only, as the command line does; and a writer that is made for
//! each event, as the `fmt` layer does, does not know the lines before.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use redact_stream::{Engine, Finding, Sink, StreamRedactor};
use tracing_core::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use crate::redactor::{Redactor, Shared};

/// More than this, in bytes, is not kept from writer to writer.
const MOST_KEPT: usize = 64 << 10;

/// Makes a [`RedactWriter`] around each writer that the other makes.
///
/// ```
/// use tracing_redact::RedactExt as _;
///
/// let subscriber = tracing_subscriber::fmt().with_writer(std::io::stderr.redacted_writer()).finish();
/// # tracing::subscriber::with_default(subscriber, || ());
/// ```
#[derive(Clone, Debug)]
pub struct RedactMakeWriter<M> {
    inner: M,
    redactor: Redactor,
}

impl<M> RedactMakeWriter<M> {
    /// Wraps what makes writers.
    pub fn new(inner: M, redactor: &Redactor) -> RedactMakeWriter<M> {
        RedactMakeWriter { inner, redactor: redactor.clone() }
    }
}

impl<'w, M: MakeWriter<'w>> MakeWriter<'w> for RedactMakeWriter<M> {
    type Writer = RedactWriter<M::Writer>;

    fn make_writer(&'w self) -> RedactWriter<M::Writer> {
        RedactWriter::new(self.inner.make_writer(), &self.redactor)
    }

    fn make_writer_for(&'w self, metadata: &Metadata<'_>) -> RedactWriter<M::Writer> {
        RedactWriter::new(self.inner.make_writer_for(metadata), &self.redactor)
    }
}

/// An [`io::Write`] that redacts, for any logger that writes text.
///
/// ```
/// use std::io::Write as _;
///
/// let mut out = Vec::new();
/// let mut writer = tracing_redact::RedactWriter::new(&mut out, &Default::default());
/// writer.write_all(b"GET / Authorization: Bearer 0a1b2c3d")?;
/// writer.write_all(b"4e5f60718293a4b5\n")?;
/// drop(writer);
/// assert_eq!(out, b"GET / Authorization: Bearer [REDACTED:authorization-header]\n");
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct RedactWriter<W: io::Write> {
    inner: W,
    redactor: Redactor,
    /// There until it is dropped.
    stream: Option<Box<Stream>>,
}

/// A stream, and what comes out of it.
#[derive(Debug)]
pub(crate) struct Stream {
    redactor: StreamRedactor,
    out: Vec<u8>,
}

impl Stream {
    pub(crate) fn new(engine: &Arc<Engine>) -> Stream {
        Stream { redactor: StreamRedactor::new(Arc::clone(engine)), out: Vec::new() }
    }
}

impl<W: io::Write> RedactWriter<W> {
    /// Redacts what goes to `inner`.
    pub fn new(inner: W, redactor: &Redactor) -> RedactWriter<W> {
        RedactWriter { inner, redactor: redactor.clone(), stream: Some(redactor.take_stream()) }
    }

    /// Writes what is held back: nothing more will come, or what comes next has nothing to do with it.
    ///
    /// Dropping does this too, and ignores errors.
    ///
    /// # Errors
    /// What the writer fails with.
    pub fn finish(&mut self) -> io::Result<()> {
        self.step(|redactor, sink| redactor.finish(sink))
    }

    fn step(
        &mut self,
        step: impl FnOnce(
            &mut StreamRedactor,
            &mut Counting<'_>,
        ) -> Result<(), std::convert::Infallible>,
    ) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let mut sink = Counting { shared: self.redactor.shared(), out: &mut stream.out };
        let Ok(()) = step(&mut stream.redactor, &mut sink);
        if stream.out.is_empty() {
            return Ok(());
        }
        let result = self.inner.write_all(&stream.out);
        stream.out.clear();
        stream.out.shrink_to(MOST_KEPT);
        result
    }
}

impl<W: io::Write> io::Write for RedactWriter<W> {
    /// Takes all of `bytes`; lines that they complete are written.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.step(|redactor, sink| redactor.push(bytes, sink))?;
        Ok(bytes.len())
    }

    /// Writes what cannot be part of a secret, and holds the rest.
    fn flush(&mut self) -> io::Result<()> {
        self.step(|redactor, sink| redactor.flush(sink))?;
        self.inner.flush()
    }
}

impl<W: io::Write> Drop for RedactWriter<W> {
    fn drop(&mut self) {
        // A writer that panicked while it was written to must not be written to again.
        if !std::thread::panicking() {
            let _ = self.finish();
        }
        if let Some(stream) = self.stream.take().filter(|stream| stream.redactor.is_at_rest()) {
            self.redactor.give_stream(stream);
        }
    }
}

struct Counting<'s> {
    shared: &'s Shared,
    out: &'s mut Vec<u8>,
}

impl Sink for Counting<'_> {
    type Error = std::convert::Infallible;

    fn clean(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn masked(&mut self, finding: &Finding, mask: &[u8]) -> Result<(), Self::Error> {
        self.shared.by_rule[finding.rule()].fetch_add(1, Ordering::Relaxed);
        self.clean(mask)
    }
}
