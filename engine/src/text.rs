//! Many short texts, one after the other: field values, headers, messages.
//!
//! [`crate::Engine::redact`] makes its scratch space anew for each text, which costs far more than looking at a short one. A
//! [`TextRedactor`] keeps that space: a text without a secret allocates nothing. One belongs to one thread at a time.
//!
//! Each text stands for itself: no line and no secret of several lines goes on from one to the next.
//!
//! Limits: texts longer than [`LONGEST`] go through a stream of their own and allocate.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use zeroize::Zeroize;

use crate::confirm::View;
use crate::engine::{Engine, Finding};
use crate::scan;
use crate::stream::{Sink, StreamRedactor};
use crate::work::Work;

/// Longer texts, in bytes, are looked at by a stream: positions in a block have 32 bits, and scratch space grows with it.
const LONGEST: usize = 64 << 10;

/// Masks the secrets of many texts, each for itself, with the same output as [`Engine::redact`].
///
/// ```
/// use redact_stream::{Engine, TextRedactor};
///
/// let mut texts = TextRedactor::new(Engine::builder().build()?);
/// assert_eq!(texts.redact_str("user 42 logged in"), "user 42 logged in");
/// assert_eq!(texts.redact_str("login with password=only4docs!"), "login with password=[REDACTED:secret]");
/// # Ok::<(), redact_stream::BuildError>(())
/// ```
pub struct TextRedactor {
    engine: Arc<Engine>,
    work: Work,
}

impl std::fmt::Debug for TextRedactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextRedactor").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Drop for TextRedactor {
    fn drop(&mut self) {
        self.work.masked.zeroize();
    }
}

impl TextRedactor {
    /// Scratch space for texts that `engine` looks at.
    pub fn new(engine: Arc<Engine>) -> TextRedactor {
        let mut work = Work::new(&engine);
        work.counts_all_lines = false;
        TextRedactor { engine, work }
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Masks all secrets of a text.
    pub fn redact<'t>(&mut self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let mut sink = Late { text, base: self.work.offset, done: 0, out: None };
        let Ok(()) = self.redact_to(text, &mut sink);
        match sink.out {
            Some(out) => Cow::Owned(out),
            None => Cow::Borrowed(text),
        }
    }

    /// Masks all secrets of a text that is UTF-8.
    pub fn redact_str<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        match self.redact(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Cow::Owned(text),
                // Spans are widened to whole characters, so this does not happen.
                Err(error) => Cow::Owned(String::from_utf8_lossy(error.as_bytes()).into_owned()),
            },
        }
    }

    /// How many bytes in a row decide whether a text is quiet.
    pub const SPAN: usize = scan::SPAN;

    /// Whether a text is *quiet*: not only is nothing masked in it, but nothing begins in it that makes any rule look closer.
    /// False is no more than "not known": for long texts, say.
    ///
    /// What makes a rule look stands on at most [`TextRedactor::SPAN`] bytes in a row, so a text is quiet, whole, if all its
    /// parts of so many bytes are. Of a text that differs from a quiet one in its middle only, it is enough to look at what
    /// differs and at `SPAN - 1` bytes on either side: a log's messages are mostly such.
    ///
    /// ```
    /// use redact_stream::{Engine, TextRedactor};
    ///
    /// let mut texts = TextRedactor::new(Engine::builder().build()?);
    /// assert!(!texts.is_quiet(b"login with password=only4docs!"));
    /// // With the rest of its line, this may become something.
    /// assert!(!texts.is_quiet(b"password"));
    /// # Ok::<(), redact_stream::BuildError>(())
    /// ```
    pub fn is_quiet(&mut self, text: &[u8]) -> bool {
        self.work.is_quiet(&self.engine, text)
    }

    /// Gives a text to `sink`, masks in place of secrets. Offsets of findings go on from text to text; lines count from
    /// the start of each.
    ///
    /// # Errors
    /// What the sink fails with.
    pub fn redact_to<S: Sink>(&mut self, text: &[u8], sink: &mut S) -> Result<(), S::Error> {
        if text.len() > LONGEST {
            let mut stream = StreamRedactor::new(Arc::clone(&self.engine));
            let mut moved = Moved { by: self.work.offset, sink };
            let result = stream.push(text, &mut moved).and_then(|()| stream.finish(&mut moved));
            self.work.offset += text.len() as u64;
            return result;
        }
        // Offsets go on, so that nothing need be wound back for each text.
        let base = self.work.offset;
        self.work.stats.lines = 0;
        self.work.view = View::closed(base, text.len());
        let result = self.work.run(&self.engine, text, 0, sink);
        self.work.offset = base + text.len() as u64;
        self.work.block = None;
        result
    }
}
/// Copies only once something is masked.
struct Late<'t> {
    text: &'t [u8],
    /// The offset of the text.
    base: u64,
    /// How much of the text is dealt with.
    done: usize,
    out: Option<Vec<u8>>,
}

impl Sink for Late<'_> {
    type Error = Infallible;

    fn clean(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        if let Some(out) = &mut self.out {
            out.extend_from_slice(bytes);
        }
        self.done += bytes.len();
        Ok(())
    }

    fn masked(&mut self, finding: &Finding, mask: &[u8]) -> Result<(), Infallible> {
        let before = &self.text[..self.done];
        self.out.get_or_insert_with(|| before.to_vec()).extend_from_slice(mask);
        self.done = (finding.end - self.base) as usize;
        Ok(())
    }
}

/// Findings of a stream of its own, as part of a row of texts.
struct Moved<'s, S> {
    by: u64,
    sink: &'s mut S,
}

impl<S: Sink> Sink for Moved<'_, S> {
    type Error = S::Error;

    fn clean(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        self.sink.clean(bytes)
    }

    fn masked(&mut self, finding: &Finding, mask: &[u8]) -> Result<(), S::Error> {
        let moved =
            Finding { start: finding.start + self.by, end: finding.end + self.by, ..*finding };
        self.sink.masked(&moved, mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_masked_as_the_engine_does() {
        let engine = Engine::builder().build().unwrap();
        let mut texts = TextRedactor::new(Arc::clone(&engine));
        let long = format!("{}\npassword=only4docs!\n", "x ".repeat(LONGEST));
        let cases = [
            "",
            "\n",
            "a clean text",
            "password=only4docs!",
            "password=only4docs!\n\npassword=only4docs!",
            // A block that is not over must not go on in the next text.
            "-----BEGIN PRIVATE KEY-----\nMIIEfakefakefakefakefakefake",
            "MIIEfakefakefakefakefakefake",
            "{\"password\": \"only4docs!\", \"n\": 1}",
            r"pass\u0077ord=only4docs!",
            &long,
        ];
        for _ in 0..2 {
            for text in cases {
                let wanted = engine.redact_str(text);
                assert_eq!(texts.redact_str(text), wanted, "{text}");
            }
        }
    }

    #[test]
    fn offsets_go_on_from_text_to_text() {
        struct Spans(Vec<(u64, u64)>);
        impl Sink for Spans {
            type Error = Infallible;
            fn clean(&mut self, _: &[u8]) -> Result<(), Infallible> {
                Ok(())
            }
            fn masked(&mut self, finding: &Finding, _: &[u8]) -> Result<(), Infallible> {
                self.0.push((finding.start, finding.end));
                Ok(())
            }
        }
        let mut texts = TextRedactor::new(Engine::builder().build().unwrap());
        let mut spans = Spans(Vec::new());
        let long = format!("{}password=only4docs!", "x\n".repeat(LONGEST));
        let at = long.len() as u64;
        for text in [long.as_str(), "clean", "password=only4docs!"] {
            let Ok(()) = texts.redact_to(text.as_bytes(), &mut spans);
        }
        assert_eq!(spans.0, [(at - 10, at), (at + 14, at + 24)]);
    }
}
