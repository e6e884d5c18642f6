//! The engine: rules, compiled once, and shared by all streams.
//!
//! [`EngineBuilder`] selects rules, a mask and a scanner; [`Engine`] is immutable, `Send + Sync`, and does no I/O. For one
//! text there are [`Engine::redact`] and [`Engine::find`]; for a stream, [`crate::StreamRedactor`].

use std::borrow::Cow;
use std::sync::Arc;

use crate::allow::AllowList;
use crate::confirm::Compiled;
use crate::confirm::condition::Accept;
use crate::error::{BuildError, Problem};
use crate::kernel::Kernel;
use crate::keys::{self, Keys};
use crate::mask::Mask;
use crate::rule::{Confidence, Handle, Rule, RuleSet};
use crate::scan::{DatabaseCache, Scanner, ScannerKind, ScannerOptions};
use crate::stream::{Sink, StreamRedactor};

/// A secret that was found: which rule, and where in the input. It holds no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    pub(crate) rule: u32,
    /// The offset of its first byte in the input, before anything was masked.
    pub start: u64,
    /// The offset behind its last byte.
    pub end: u64,
    /// Its line, from 1.
    pub line: u64,
}

impl Finding {
    /// The index of the rule that names it, for [`Engine::rule`] and [`crate::Stats::findings`].
    pub fn rule(&self) -> usize {
        self.rule as usize
    }
}

/// Chooses what an [`Engine`] looks for and how it masks.
///
/// ```
/// use redact_stream::{Confidence, Engine, Mask};
///
/// let engine = Engine::builder()
///     .except(["jwt"])
///     .confidence(Confidence::High)
///     .mask(Mask::stars())
///     .build()?;
/// assert!(engine.rules().all(|rule| rule.id() != "jwt"));
/// # Ok::<(), redact_stream::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EngineBuilder {
    rules: RuleSet,
    only: Vec<String>,
    except: Vec<String>,
    groups: Vec<String>,
    confidence: Confidence,
    mask: Mask,
    allow: AllowList,
    scanner: ScannerOptions,
    window: Option<usize>,
    recheck: bool,
    decode_depth: usize,
    keys: Vec<String>,
}

impl EngineBuilder {
    /// Uses these rules instead of the built-in ones.
    pub fn rules(mut self, rules: RuleSet) -> EngineBuilder {
        self.rules = rules;
        self
    }

    /// Uses only the rules with these ids or groups; naming a group switches it on.
    pub fn only<I: IntoIterator<Item = T>, T: Into<String>>(mut self, names: I) -> EngineBuilder {
        self.only.extend(names.into_iter().map(Into::into));
        self
    }

    /// Leaves out the rules with these ids or groups.
    pub fn except<I: IntoIterator<Item = T>, T: Into<String>>(mut self, names: I) -> EngineBuilder {
        self.except.extend(names.into_iter().map(Into::into));
        self
    }

    /// Switches on groups beside `secrets`, such as `pii`.
    pub fn groups<I: IntoIterator<Item = T>, T: Into<String>>(mut self, names: I) -> EngineBuilder {
        self.groups.extend(names.into_iter().map(Into::into));
        self
    }

    /// The least confidence of a finding; [`Confidence::Medium`] if it is not set.
    pub fn confidence(mut self, confidence: Confidence) -> EngineBuilder {
        self.confidence = confidence;
        self
    }

    /// What stands in place of a secret; [`Mask::label`] if it is not set.
    pub fn mask(mut self, mask: Mask) -> EngineBuilder {
        self.mask = mask;
        self
    }

    /// Values that are left alone, by their SHA-256; none if it is not set.
    pub fn allow_hashes(mut self, list: AllowList) -> EngineBuilder {
        self.allow = list;
        self
    }

    /// The scanner; all give the same bytes. Where it cannot be used, `regex` is, and [`Engine::scanner_notes`] says why.
    pub fn scanner(mut self, scanner: ScannerKind) -> EngineBuilder {
        self.scanner.kind = scanner;
        self
    }

    /// Whether [`build`](EngineBuilder::build) fails if the scanner that was asked for cannot be used.
    pub fn scanner_strict(mut self, strict: bool) -> EngineBuilder {
        self.scanner.strict = strict;
        self
    }

    /// Where [`ScannerKind::Hyperscan`] keeps its compiled database; without one it compiles at every start.
    pub fn hyperscan_cache(mut self, cache: Arc<dyn DatabaseCache>) -> EngineBuilder {
        self.scanner.cache = Some(cache);
        self
    }

    /// How many bytes of one line are looked at together, for tests; raised to the least that the rules need.
    pub fn window(mut self, bytes: usize) -> EngineBuilder {
        self.window = Some(bytes);
        self
    }

    /// Whether masked lines are looked at again, so that redacting the output changes nothing; they are if it is not set.
    pub fn recheck(mut self, recheck: bool) -> EngineBuilder {
        self.recheck = recheck;
        self
    }

    /// How often coded text is decoded to look inside: terminal, JSON and percent escapes, base64 and hex; 1 if it is not set,
    /// 0 not to, at most 8. What is found inside is masked as it stands there, from one escape to another, or with its whole run.
    ///
    /// ```
    /// use redact_stream::Engine;
    ///
    /// let line = r"GET /?token\u003d0a1b2c3d4e5f60718293a4b5";
    /// let engine = Engine::builder().build()?;
    /// assert_eq!(engine.redact_str(line), r"GET /?token\u003d[REDACTED:secret]");
    /// let engine = Engine::builder().decode_depth(0).build()?;
    /// assert_eq!(engine.redact_str(line), line);
    /// # Ok::<(), redact_stream::BuildError>(())
    /// ```
    pub fn decode_depth(mut self, depth: usize) -> EngineBuilder {
        self.decode_depth = depth.min(8);
        self
    }

    /// Keys whose values are masked whatever they are, in lines of JSON (strings and numbers, also all those inside an object or
    /// array) and of logfmt (`key=value`); none if it is not set.
    ///
    /// A key stands for itself at any depth (`password`), or with what it is in (`user.token`); `*` stands for any part of a
    /// name, `**` for any number of names; with a slash in front it is a JSON pointer (RFC 6901) from the document's start
    /// (`/users/0/token`, `/users/*/token`). Case does not count. The rule is `key`.
    ///
    /// ```
    /// use redact_stream::Engine;
    ///
    /// let engine = Engine::builder().keys(["pass*", "/user/id"]).build()?;
    /// let line = r#"{"user":{"id":7,"n":1},"passcode":["a","b"]}"#;
    /// let clean = r#"{"user":{"id":"[REDACTED:key]","n":1},"passcode":["[REDACTED:key]","[REDACTED:key]"]}"#;
    /// assert_eq!(engine.redact_str(line), clean);
    /// assert_eq!(engine.redact_str("at=info pass=\"a b\" n=1"), "at=info pass=\"[REDACTED:key]\" n=1");
    /// # Ok::<(), redact_stream::BuildError>(())
    /// ```
    pub fn keys<I: IntoIterator<Item = T>, T: Into<String>>(mut self, keys: I) -> EngineBuilder {
        self.keys.extend(keys.into_iter().map(Into::into));
        self
    }

    /// Compiles the engine.
    ///
    /// # Errors
    /// `only` or `except` names nothing that there is, or nothing is left to look for; or the scanner cannot be used and
    /// is [strict](EngineBuilder::scanner_strict).
    pub fn build(self) -> Result<Arc<Engine>, BuildError> {
        let known = |name: &String| self.rules.iter().any(|r| r.id() == name || r.group() == name);
        let unknown: Vec<Problem> =
            [("only", &self.only), ("except", &self.except), ("groups", &self.groups)]
                .into_iter()
                .flat_map(|(field, names)| names.iter().map(move |name| (field, name)))
                .filter(|(_, name)| !known(name))
                .map(|(field, name)| Problem {
                    source: field.to_owned(),
                    line: None,
                    rule: None,
                    message: format!(
                        "there is no rule and no group `{name}`; `redact rules list` shows all"
                    ),
                })
                .collect();
        if !unknown.is_empty() {
            return Err(BuildError::new(unknown));
        }
        let named =
            |names: &[String], r: &Rule| names.iter().any(|n| n == r.id() || n == r.group());
        let wanted = |r: &Rule| {
            let on = match self.only.is_empty() {
                true => r.group() == "secrets" || self.groups.iter().any(|g| g == r.group()),
                false => named(&self.only, r),
            };
            on && r.confidence() >= self.confidence && !named(&self.except, r)
        };
        let mut chosen: Vec<Handle> = self.rules.into_rules();
        chosen.retain(|rule| wanted(rule));
        let keys = match self.keys.is_empty() {
            true => None,
            false => Some(Keys::new(&self.keys, chosen.len() as u32)?),
        };
        if keys.is_some() {
            chosen.push(keys::rule());
        }
        if chosen.is_empty() {
            let message = "no rule is left to look for; loosen `only`, `except` or `confidence`";
            return Err(BuildError::one("rules", message.to_owned()));
        }
        let kernel = Kernel::chosen();
        let (scanner, scanner_notes) =
            self.scanner.build(&chosen.iter().map(|rule| &**rule).collect::<Vec<_>>(), kernel)?;
        let program: Vec<Compiled> = chosen.into_iter().map(Compiled::new).collect();
        let reach = program.iter().map(Compiled::reach).max().unwrap_or(0);
        let least = 4 * reach + (64 << 10);
        let window = match self.window {
            Some(bytes) => bytes.max(least),
            None => least.max(256 << 10),
        };
        let accept = Accept { confidence: self.confidence, mask: self.mask, listed: self.allow };
        Ok(Arc::new(Engine {
            program,
            accept,
            kernel,
            scanner,
            scanner_notes,
            reach,
            window,
            recheck: self.recheck,
            decode_depth: self.decode_depth,
            keys,
        }))
    }
}

/// Rules, compiled: immutable and shared.
pub struct Engine {
    program: Vec<Compiled>,
    accept: Accept,
    kernel: Kernel,
    scanner: Box<dyn Scanner>,
    scanner_notes: Vec<String>,
    reach: usize,
    window: usize,
    recheck: bool,
    decode_depth: usize,
    keys: Option<Keys>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("rules", &self.program.len())
            .field("scanner", &self.scanner.name())
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// A builder with the built-in rules.
    pub fn builder() -> EngineBuilder {
        EngineBuilder {
            rules: RuleSet::builtin(),
            only: Vec::new(),
            except: Vec::new(),
            groups: Vec::new(),
            confidence: Confidence::Medium,
            mask: Mask::label(),
            allow: AllowList::default(),
            scanner: ScannerOptions::default(),
            window: None,
            recheck: true,
            decode_depth: 1,
            keys: Vec::new(),
        }
    }

    /// The rules in use, in order.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.program.iter().map(|c| &*c.rule)
    }

    /// The rule with this index, as in [`Finding::rule`].
    ///
    /// # Panics
    /// If there is no such rule.
    pub fn rule(&self, index: usize) -> &Rule {
        &self.program[index].rule
    }

    /// The scanner in use, such as `regex`.
    pub fn scanner_name(&self) -> String {
        self.scanner.name()
    }

    /// Why another scanner was not used, and what else the user should know about the choice; one line each.
    pub fn scanner_notes(&self) -> &[String] {
        &self.scanner_notes
    }

    /// How far, in bytes, a rule may look behind the start of a match: the most that a stream holds back of a line, but for
    /// its window.
    pub fn reach(&self) -> usize {
        self.reach
    }

    /// Masks all secrets of a text.
    pub fn redact<'t>(self: &Arc<Self>, text: &'t [u8]) -> Cow<'t, [u8]> {
        let mut sink = CowSink { text, clean: 0, out: None };
        self.run(text, &mut sink);
        match sink.out {
            None => Cow::Borrowed(text),
            Some(mut out) => {
                out.extend_from_slice(&text[sink.clean..]);
                Cow::Owned(out)
            }
        }
    }

    /// Masks all secrets of a text that is UTF-8.
    pub fn redact_str<'t>(self: &Arc<Self>, text: &'t str) -> Cow<'t, str> {
        match self.redact(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Cow::Owned(text),
                // Spans are widened to whole characters, so this does not happen.
                Err(error) => Cow::Owned(String::from_utf8_lossy(error.as_bytes()).into_owned()),
            },
        }
    }

    /// The findings of a text, in order; spans are disjoint.
    pub fn find(self: &Arc<Self>, text: &[u8]) -> Vec<Finding> {
        let mut sink = FindSink(Vec::new());
        self.run(text, &mut sink);
        sink.0
    }

    fn run<S: Sink<Error = std::convert::Infallible>>(self: &Arc<Self>, text: &[u8], sink: &mut S) {
        // A fresh stream: offsets count from the text's start.
        let mut stream = StreamRedactor::new(Arc::clone(self));
        let done = stream.push(text, sink).and_then(|()| stream.finish(sink));
        let Ok(()) = done;
    }

    pub(crate) fn program(&self) -> &[Compiled] {
        &self.program
    }

    pub(crate) fn accept(&self) -> &Accept {
        &self.accept
    }

    pub(crate) fn kernel(&self) -> Kernel {
        self.kernel
    }

    pub(crate) fn scanner(&self) -> &dyn Scanner {
        &*self.scanner
    }

    /// Whether masked lines are looked at again.
    pub(crate) fn recheck(&self) -> bool {
        self.recheck
    }

    pub(crate) fn decode_depth(&self) -> usize {
        self.decode_depth
    }

    pub(crate) fn keys(&self) -> Option<&Keys> {
        self.keys.as_ref()
    }

    pub(crate) fn window(&self) -> usize {
        self.window
    }
}

/// Copies only once something is masked.
struct CowSink<'t> {
    text: &'t [u8],
    /// How much of the text is dealt with.
    clean: usize,
    out: Option<Vec<u8>>,
}

impl Sink for CowSink<'_> {
    type Error = std::convert::Infallible;

    fn clean(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        if let Some(out) = &mut self.out {
            out.extend_from_slice(bytes);
        }
        self.clean += bytes.len();
        Ok(())
    }

    fn masked(&mut self, finding: &Finding, mask: &[u8]) -> Result<(), Self::Error> {
        let text = &self.text[..finding.start as usize];
        self.out.get_or_insert_with(|| text.to_vec()).extend_from_slice(mask);
        self.clean = finding.end as usize;
        Ok(())
    }
}

struct FindSink(Vec<Finding>);

impl Sink for FindSink {
    type Error = std::convert::Infallible;

    fn clean(&mut self, _: &[u8]) -> Result<(), Self::Error> {
        Ok(())
    }

    fn masked(&mut self, finding: &Finding, _: &[u8]) -> Result<(), Self::Error> {
        self.0.push(*finding);
        Ok(())
    }
}
