//! What the tests of this crate share: runs of the engine, ways to cut an input, cases, an oracle.
//!
//! Everything here uses the engine's public API only. The suites stand in `suite/`, the cases in `data/`.
//! - [`scanners`]: the one list of scanners; every property holds for all of them;
//! - [`Run`]: the output and the findings of an input that came in pieces;
//! - [`cut`]: where to cut; [`random`]: text to cut;
//! - [`case`]: `data/*.toml`; [`oracle`]: a second, naive implementation; [`replay`]: what the fuzzer runs.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, LazyLock, Mutex};

use redact_stream::{
    Confidence, Engine, Finding, Mask, RuleSet, ScannerKind, SecretBytes, Sink, StreamRedactor,
};

/// The README's code runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

pub mod case;
pub mod cut;
pub mod oracle;
pub mod random;
pub mod replay;

/// Every scanner that is built in.
///
/// # Panics
/// If there is none: a suite that runs nothing must not pass.
pub fn scanners() -> Vec<ScannerKind> {
    let all = vec![ScannerKind::Simd, ScannerKind::Regex];
    assert!(!all.is_empty(), "no scanner to test");
    all
}

/// How an engine masks, in a form that tests can look into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MaskForm {
    /// [`Mask::label`].
    Label,
    /// [`Mask::fixed`].
    Fixed(String),
    /// [`Mask::stars`].
    Stars,
    /// [`Mask::partial`].
    Partial(usize),
    /// [`Mask::pseudonym`] under a key of these tests.
    Pseudonym,
}

impl MaskForm {
    /// One of each kind, and the edges of those with a parameter.
    pub fn all() -> Vec<MaskForm> {
        use MaskForm::*;
        let fixed = ["***", "X", "MASKED", "[REDACTED]", "%00"].map(|t| Fixed(t.to_owned()));
        [Label, Stars, Partial(0), Partial(4), Partial(8), Pseudonym]
            .into_iter()
            .chain(fixed)
            .collect()
    }

    /// Reads `label`, `fixed:TEXT`, `stars`, `partial:N`, `pseudonym`.
    ///
    /// # Panics
    /// If it is none of them.
    pub fn parse(text: &str) -> MaskForm {
        match text.split_once(':') {
            Some(("fixed", text)) => MaskForm::Fixed(text.to_owned()),
            Some(("partial", n)) => MaskForm::Partial(n.parse().expect("partial:N")),
            None if text == "label" => MaskForm::Label,
            None if text == "stars" => MaskForm::Stars,
            None if text == "pseudonym" => MaskForm::Pseudonym,
            _ => panic!("unknown mask {text:?}"),
        }
    }

    /// The engine's mask.
    ///
    /// # Panics
    /// If the engine refuses it.
    pub fn mask(&self) -> Mask {
        match self {
            MaskForm::Label => Mask::label(),
            MaskForm::Fixed(text) => Mask::fixed(text).expect("a mask of these tests is valid"),
            MaskForm::Stars => Mask::stars(),
            MaskForm::Partial(keep) => Mask::partial(*keep),
            MaskForm::Pseudonym => {
                let key = SecretBytes::new(b"a key that is only for tests".to_vec());
                Mask::pseudonym(key).expect("the key is long enough")
            }
        }
    }
}

/// What an engine is built from.
#[derive(Clone, Debug)]
pub struct Setup {
    /// A name under which its engines are kept, since building them costs more than most tests.
    pub name: Option<&'static str>,
    /// The rules.
    pub rules: RuleSet,
    /// The mask.
    pub mask: MaskForm,
    /// The least confidence.
    pub confidence: Confidence,
    /// Whether masked lines are looked at again.
    pub recheck: bool,
    /// How often coded text is decoded.
    pub decode_depth: usize,
}

impl Setup {
    /// Rules from TOML, label masks, every confidence; nothing is decoded, since the oracle decodes nothing.
    ///
    /// # Panics
    /// If the rules are bad.
    pub fn new(rules: &str) -> Setup {
        let rules = RuleSet::parse("test.toml", rules).unwrap_or_else(|e| panic!("{e}\n{rules}"));
        Setup {
            name: None,
            rules,
            mask: MaskForm::Label,
            confidence: Confidence::Low,
            recheck: true,
            decode_depth: 0,
        }
    }

    /// The built-in rules that no provider owns: they are few, and all kinds of rules are among them.
    pub fn builtin() -> Setup {
        const GENERIC: [&str; 8] = [
            "private-key",
            "putty-private-key",
            "jwt",
            "authorization-header",
            "cookie-header",
            "url-credential",
            "connection-string",
            "assignment",
        ];
        let mut rules = RuleSet::builtin();
        rules.retain(|rule| GENERIC.contains(&rule.id()));
        assert_eq!(rules.len(), GENERIC.len(), "a generic rule was renamed");
        let name = Some("generic");
        let (mask, confidence) = (MaskForm::Label, Confidence::Medium);
        Setup { name, rules, mask, confidence, recheck: true, decode_depth: 1 }
    }

    /// With a name that stands for these rules.
    pub fn named(self, name: &'static str) -> Setup {
        Setup { name: Some(name), ..self }
    }

    /// With another mask.
    pub fn mask(&self, mask: MaskForm) -> Setup {
        Setup { mask, ..self.clone() }
    }

    /// Masked lines are not looked at again.
    pub fn once(&self) -> Setup {
        Setup { recheck: false, ..self.clone() }
    }

    /// With coded text decoded so often.
    pub fn decode_depth(&self, decode_depth: usize) -> Setup {
        Setup { decode_depth, ..self.clone() }
    }

    /// The engine with one scanner and the least window, or the default one.
    ///
    /// # Panics
    /// If it cannot be built.
    pub fn engine(&self, scanner: ScannerKind, least_window: bool) -> Arc<Engine> {
        type Kept = Mutex<HashMap<String, Arc<Engine>>>;
        static KEPT: LazyLock<Kept> = LazyLock::new(Kept::default);
        let Some(name) = self.name else { return self.build(scanner, least_window) };
        let Setup { mask, recheck, decode_depth, .. } = self;
        let key = format!("{name} {mask:?} {recheck} {decode_depth} {scanner:?} {least_window}");
        let mut kept = KEPT.lock().expect("no test panics while it builds an engine");
        Arc::clone(kept.entry(key).or_insert_with(|| self.build(scanner, least_window)))
    }

    fn build(&self, scanner: ScannerKind, least_window: bool) -> Arc<Engine> {
        let groups: Vec<String> = self.rules.iter().map(|r| r.group().to_owned()).collect();
        let builder = Engine::builder()
            .rules(self.rules.clone())
            .groups(groups)
            .confidence(self.confidence)
            .mask(self.mask.mask())
            .recheck(self.recheck)
            .decode_depth(self.decode_depth)
            .scanner(scanner);
        let builder = if least_window { builder.window(0) } else { builder };
        builder.build().unwrap_or_else(|e| panic!("{e}"))
    }

    /// Engines with every scanner and both windows.
    pub fn engines(&self) -> Vec<Arc<Engine>> {
        let both = |kind: ScannerKind| [true, false].map(|least| self.engine(kind, least));
        scanners().into_iter().flat_map(both).collect()
    }
}

/// What came out of an engine.
#[derive(Clone, PartialEq, Eq)]
pub struct Run {
    /// All bytes.
    pub output: Vec<u8>,
    /// All findings, in order.
    pub findings: Vec<Finding>,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let spans: Vec<_> = self.findings.iter().map(|x| (x.start, x.end, x.rule())).collect();
        write!(f, "{:?} {spans:?}", self.output.escape_ascii().to_string())
    }
}

impl Run {
    /// The whole input in one piece.
    pub fn whole(engine: &Arc<Engine>, input: &[u8]) -> Run {
        Run::pieces(engine, input, &[])
    }

    /// The input cut at `cuts`, ascending.
    pub fn pieces(engine: &Arc<Engine>, input: &[u8], cuts: &[usize]) -> Run {
        Run::flushed(engine, input, cuts, |_| false)
    }

    /// The input cut at `cuts`, ascending; behind those for which `flush` is true the stream is flushed.
    pub fn flushed(
        engine: &Arc<Engine>,
        input: &[u8],
        cuts: &[usize],
        flush: impl Fn(usize) -> bool,
    ) -> Run {
        let mut stream = StreamRedactor::new(Arc::clone(engine));
        let mut sink = Recorder::new(input);
        let mut from = 0;
        for cut in cuts {
            let Ok(()) = stream.push(&input[from..*cut], &mut sink);
            if flush(*cut) {
                let Ok(()) = stream.flush(&mut sink);
            }
            from = *cut;
        }
        let Ok(()) = stream.push(&input[from..], &mut sink);
        let Ok(()) = stream.finish(&mut sink);
        assert_eq!(stream.held_bytes(), 0, "finish leaves nothing behind");
        assert_eq!(stream.stats().bytes, input.len() as u64, "every byte is accounted for");
        assert_eq!(stream.stats().total(), sink.run.findings.len() as u64);
        assert_eq!(sink.at, input.len(), "every byte comes out or is masked");
        sink.run
    }
}

/// A sink that compares what passes with the original, byte for byte: what is no finding comes out unchanged, in order.
pub struct Recorder<'t> {
    input: &'t [u8],
    /// How much of the input has come out.
    at: usize,
    /// Line feeds before `counted`.
    lines: u64,
    counted: usize,
    /// What came out so far.
    pub run: Run,
}

impl<'t> Recorder<'t> {
    /// A recorder of what becomes of `input`.
    pub fn new(input: &'t [u8]) -> Recorder<'t> {
        Recorder {
            input,
            at: 0,
            lines: 0,
            counted: 0,
            run: Run { output: Vec::new(), findings: Vec::new() },
        }
    }
}

impl Sink for Recorder<'_> {
    type Error = Infallible;

    fn clean(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        let end = self.at + bytes.len();
        assert!(self.input[self.at..end] == *bytes, "clean bytes at {} changed", self.at);
        self.at = end;
        self.run.output.extend_from_slice(bytes);
        Ok(())
    }

    fn masked(&mut self, finding: &Finding, mask: &[u8]) -> Result<(), Infallible> {
        assert_eq!(
            finding.start as usize, self.at,
            "a finding stands at its offset in the original"
        );
        assert!(finding.start < finding.end, "a finding is not empty");
        let more = &self.input[self.counted..self.at];
        self.lines += more.iter().filter(|b| **b == b'\n').count() as u64;
        self.counted = self.at;
        assert_eq!(finding.line, self.lines + 1, "a finding stands on its line");
        self.at = finding.end as usize;
        self.run.findings.push(*finding);
        self.run.output.extend_from_slice(mask);
        Ok(())
    }
}
