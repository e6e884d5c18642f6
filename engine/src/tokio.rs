//! Redaction inside asynchronous pipes: adapters over tokio's `AsyncWrite` and `AsyncRead`, behind the feature `tokio`.
//!
//! What a process prints, or what a peer sends, often passes through an asynchronous copy. Two adapters put a
//! [`StreamRedactor`] there:
//! - [`RedactWriter`]: what is written to it comes out redacted in the inner writer;
//! - [`RedactReader`]: what is read from it is the inner reader's content, redacted.
//!
//! ```
//! use redact_stream::{Engine, tokio::RedactWriter};
//! use tokio::io::AsyncWriteExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::builder().build()?;
//! let mut writer = RedactWriter::new(Vec::new(), engine);
//! writer.write_all(b"db = redis://:hunter2-exam").await?;
//! writer.write_all(b"ple@cache:6379\n").await?;
//! writer.shutdown().await?;
//! assert_eq!(writer.get_ref(), b"db = redis://:[REDACTED:url-credential]@cache:6379\n");
//! # Ok(())
//! # }
//! ```
//!
//! Complete lines pass at once. Of an open line, a pause (a flush of the writer, an inner reader that is not ready)
//! releases all that cannot be part of a secret, so that prompts and progress bars get through.
//!
//! Memory: the stream's own ([`crate::StreamRedactor`]), and the output of at most one piece of [`PIECE`] bytes that the
//! other side has not taken yet. Input is wiped as soon as it is redacted; output that waits is redacted already.
//!
//! Limits: the inner reader or writer must be `Unpin`; wrap others in [`Box::pin`]. Nothing is spawned, no timer is used.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use bytes::{Buf, BytesMut};
use zeroize::Zeroizing;

use crate::engine::Engine;
use crate::stream::{Sink, Stats, StreamRedactor};

/// How many bytes are redacted in one go: a pipe's worth, so that a task yields often enough.
pub const PIECE: usize = 64 << 10;

/// Redacts what is written to it. See the [module documentation](self).
///
/// The end of an open line may be held back: `flush` releases what cannot be part
/// of a secret, `shutdown` the rest. A writer that is dropped without a shutdown
/// drops what it holds.
///
/// When the inner writer fails, what it did not take stays: the operation can be tried again.
#[derive(Debug)]
pub struct RedactWriter<W> {
    inner: W,
    stream: StreamRedactor,
    ready: Ready,
    /// A failure of the inner writer, met while the bytes of this call were accepted already.
    failed: Option<io::Error>,
    flushed: bool,
    finished: bool,
}

impl<W> RedactWriter<W> {
    /// A writer into `inner` that masks what `engine` finds.
    pub fn new(inner: W, engine: Arc<Engine>) -> RedactWriter<W> {
        RedactWriter {
            inner,
            stream: StreamRedactor::new(engine),
            ready: Ready::default(),
            failed: None,
            flushed: true,
            finished: false,
        }
    }

    /// The inner writer.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    /// The inner writer. What is written to it directly is not redacted.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// The inner writer back. What is not written yet is lost: shut down first.
    pub fn into_inner(self) -> W {
        self.inner
    }

    /// What has passed so far.
    pub fn stats(&self) -> &Stats {
        self.stream.stats()
    }

    /// How many bytes wait: of the input for their line's end, and of the output for the inner writer.
    pub fn held_bytes(&self) -> usize {
        self.stream.held_bytes() + self.ready.0.len()
    }
}

impl<W: AsyncWrite + Unpin> RedactWriter<W> {
    /// Writes all that is ready.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Err(error));
        }
        while self.ready.0.has_remaining() {
            match ready!(Pin::new(&mut self.inner).poll_write(cx, &self.ready.0))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                taken => self.ready.0.advance(taken),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for RedactWriter<W> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        input: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.finished {
            let message = "this writer was shut down; nothing can be written to it any more";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, message)));
        }
        // Backpressure: no new input before the output of the last piece is gone.
        ready!(this.poll_drain(cx))?;
        let piece = &input[..input.len().min(PIECE)];
        let Ok(()) = this.stream.push(piece, &mut this.ready);
        this.flushed = this.flushed && piece.is_empty();
        if let Poll::Ready(Err(error)) = this.poll_drain(cx) {
            this.failed = Some(error);
        }
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.flushed {
            let Ok(()) = this.stream.flush(&mut this.ready);
            this.flushed = true;
        }
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.finished {
            let Ok(()) = this.stream.finish(&mut this.ready);
            (this.finished, this.flushed) = (true, true);
        }
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }
}

/// Reads redacted bytes. See the [module documentation](self).
///
/// ```
/// use redact_stream::{Engine, tokio::RedactReader};
/// use tokio::io::AsyncReadExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let input: &[u8] = b"db = redis://:hunter2-example@cache:6379";
/// let mut reader = RedactReader::new(input, Engine::builder().build()?);
/// let mut text = String::new();
/// reader.read_to_string(&mut text).await?;
/// assert_eq!(text, "db = redis://:[REDACTED:url-credential]@cache:6379");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RedactReader<R> {
    inner: R,
    stream: StreamRedactor,
    /// Where the inner reader writes to; wiped after each piece, and when dropped.
    input: Zeroizing<Vec<u8>>,
    ready: Ready,
    flushed: bool,
    finished: bool,
}

impl<R> RedactReader<R> {
    /// A reader of `inner` that masks what `engine` finds.
    pub fn new(inner: R, engine: Arc<Engine>) -> RedactReader<R> {
        RedactReader {
            inner,
            stream: StreamRedactor::new(engine),
            input: Zeroizing::new(vec![0; PIECE]),
            ready: Ready::default(),
            flushed: true,
            finished: false,
        }
    }

    /// The inner reader.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The inner reader. What is read from it directly is not redacted.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// The inner reader back. What was read from it and not handed on is lost.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// What has passed so far.
    pub fn stats(&self) -> &Stats {
        self.stream.stats()
    }

    /// How many bytes wait: of the input for their line's end, and of the output for the caller.
    pub fn held_bytes(&self) -> usize {
        self.stream.held_bytes() + self.ready.0.len()
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for RedactReader<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if out.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        while !this.ready.0.has_remaining() && !this.finished {
            let mut piece = ReadBuf::new(&mut this.input);
            match Pin::new(&mut this.inner).poll_read(cx, &mut piece) {
                Poll::Ready(Ok(())) => match piece.filled_mut() {
                    [] => {
                        let Ok(()) = this.stream.finish(&mut this.ready);
                        this.finished = true;
                    }
                    bytes => {
                        let Ok(()) = this.stream.push(bytes, &mut this.ready);
                        zeroize::Zeroize::zeroize(bytes);
                        this.flushed = false;
                    }
                },
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if this.flushed => return Poll::Pending,
                Poll::Pending => {
                    // The input pauses: what cannot be part of a secret gets through.
                    let Ok(()) = this.stream.flush(&mut this.ready);
                    this.flushed = true;
                    if !this.ready.0.has_remaining() {
                        return Poll::Pending;
                    }
                }
            }
        }
        let count = out.remaining().min(this.ready.0.len());
        out.put_slice(&this.ready.0[..count]);
        this.ready.0.advance(count);
        Poll::Ready(Ok(()))
    }
}

/// Redacted bytes that the other side has not taken yet.
#[derive(Debug, Default)]
struct Ready(BytesMut);

impl Sink for Ready {
    type Error = std::convert::Infallible;

    fn clean(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    /// Lines of every kind: with and without secrets, a secret at the end, a prompt, a PEM block.
    fn text() -> Vec<u8> {
        let key = "MIIEfakefakefakefakefakefake".repeat(2);
        format!(
            "start\nurl=postgres://app:s3cr3t-example@db:5432/app ok\r\n\
             -----BEGIN PRIVATE KEY-----\n{key}\n{key}\n-----END PRIVATE KEY-----\n\
             Authorization: Bearer 0a1b2c3d4e5f60718293a4b5\nplain \u{e9}\u{20ac} text\nPassword: \n\
             last redis://:hunter2-example@cache"
        )
        .into_bytes()
    }

    fn engine() -> Arc<Engine> {
        Engine::builder().build().unwrap()
    }

    /// Takes one byte at a time, is not ready every second time, and fails at `fail_at` bytes, once.
    #[derive(Default)]
    struct Slow {
        taken: Vec<u8>,
        polls: usize,
        fail_at: Option<usize>,
    }

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.polls += 1;
            if self.polls.is_multiple_of(2) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.fail_at == Some(self.taken.len()) {
                self.fail_at = None;
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            let count = bytes.len().min(1);
            self.taken.extend_from_slice(&bytes[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Yields pieces of a fixed size and pauses after each.
    struct Pausing<'t> {
        text: &'t [u8],
        piece: usize,
        pause: bool,
    }

    impl AsyncRead for Pausing<'_> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            out: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.pause = !self.pause;
            if self.pause {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let count = self.piece.min(self.text.len()).min(out.remaining());
            let (piece, rest) = self.text.split_at(count);
            out.put_slice(piece);
            self.text = rest;
            Poll::Ready(Ok(()))
        }
    }

    #[::tokio::test]
    async fn a_writer_gives_the_bytes_of_the_engine_for_all_pieces() {
        let (engine, text) = (engine(), text());
        let wanted = engine.redact(&text);
        for size in [1, 2, 3, 7, 64, 1000] {
            let mut writer = RedactWriter::new(Slow::default(), Arc::clone(&engine));
            for piece in text.chunks(size) {
                writer.write_all(piece).await.unwrap();
            }
            writer.shutdown().await.unwrap();
            assert_eq!(writer.held_bytes(), 0);
            assert_eq!(writer.stats().bytes, text.len() as u64);
            assert_eq!(writer.into_inner().taken, *wanted, "pieces of {size}");
        }
    }

    #[::tokio::test]
    async fn a_flush_after_each_piece_changes_nothing() {
        let (engine, text) = (engine(), text());
        let wanted = engine.redact(&text);
        for size in [1, 2, 5, 31] {
            let mut writer = RedactWriter::new(Vec::new(), Arc::clone(&engine));
            for piece in text.chunks(size) {
                writer.write_all(piece).await.unwrap();
                writer.flush().await.unwrap();
            }
            writer.shutdown().await.unwrap();
            assert_eq!(
                String::from_utf8_lossy(writer.get_ref()),
                String::from_utf8_lossy(&wanted),
                "pieces of {size}"
            );
        }
    }

    #[::tokio::test]
    async fn a_reader_gives_the_bytes_of_the_engine_for_all_pieces() {
        let (engine, text) = (engine(), text());
        let wanted = engine.redact(&text);
        for piece in [1, 2, 3, 7, 64, 1000] {
            for room in [1, 5, 4096] {
                let inner = Pausing { text: &text, piece, pause: false };
                let mut reader = RedactReader::new(inner, Arc::clone(&engine));
                let (mut all, mut buffer) = (Vec::new(), vec![0; room]);
                loop {
                    match reader.read(&mut buffer).await.unwrap() {
                        0 => break,
                        count => all.extend_from_slice(&buffer[..count]),
                    }
                }
                assert_eq!(
                    String::from_utf8_lossy(&all),
                    String::from_utf8_lossy(&wanted),
                    "pieces of {piece}, {room} at once"
                );
                assert!(reader.input.iter().all(|b| *b == 0), "input is wiped");
            }
        }
    }

    #[::tokio::test]
    async fn a_failure_of_the_inner_writer_loses_nothing() {
        let (engine, text) = (engine(), text());
        let wanted = engine.redact(&text);
        for fail_at in (0..wanted.len()).step_by(61) {
            let inner = Slow { fail_at: Some(fail_at), ..Slow::default() };
            let mut writer = RedactWriter::new(inner, Arc::clone(&engine));
            let (mut at, mut failures) = (0, 0);
            while at < text.len() {
                match writer.write(&text[at..text.len().min(at + 50)]).await {
                    Ok(count) => at += count,
                    Err(_) => failures += 1,
                }
            }
            while writer.shutdown().await.is_err() {
                failures += 1;
            }
            assert_eq!(failures, 1);
            assert_eq!(writer.into_inner().taken, *wanted);
        }
    }

    #[::tokio::test]
    async fn a_writer_that_is_not_drained_takes_no_more() {
        let (inner, mut other) = duplex(16);
        let mut writer = RedactWriter::new(inner, engine());
        let line = vec![b'x'; 200];
        let text = [line, b"\n".to_vec()].concat();
        writer.write_all(&text).await.unwrap();
        assert!(writer.held_bytes() <= text.len());
        let blocked = ::tokio::time::timeout(
            std::time::Duration::from_millis(20),
            writer.write_all(b"more\n"),
        );
        assert!(blocked.await.is_err());
        let reading = ::tokio::spawn(async move {
            let mut all = Vec::new();
            other.read_to_end(&mut all).await.unwrap();
            all
        });
        writer.write_all(b"end").await.unwrap();
        writer.shutdown().await.unwrap();
        drop(writer);
        assert_eq!(reading.await.unwrap(), [&text[..], b"end"].concat());
    }

    #[::tokio::test]
    async fn prompts_get_through_both_ways() {
        let (inner, mut other) = duplex(4096);
        let mut reader = RedactReader::new(inner, engine());
        let mut buffer = [0; 64];
        other.write_all(b"Continue? [y/N] ").await.unwrap();
        let count = reader.read(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..count], b"Continue? [y/N] ");

        let mut writer = RedactWriter::new(Vec::new(), engine());
        writer.write_all(b"Continue? [y/N] ").await.unwrap();
        assert!(writer.get_ref().is_empty());
        writer.flush().await.unwrap();
        assert_eq!(writer.get_ref(), b"Continue? [y/N] ");
    }

    #[::tokio::test]
    async fn nothing_is_taken_after_a_shutdown() {
        let mut writer = RedactWriter::new(Vec::new(), engine());
        writer.shutdown().await.unwrap();
        let error = writer.write(b"late").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
