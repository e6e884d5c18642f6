//! Settings: what flags, the configuration file and defaults say together, and where each value comes from.
//!
//! A [`Settings`] is complete and checked value by value; what needs the rules (names of `only`, say) is checked in
//! [`crate::run`]. A flag replaces the file's value, lists too.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;
use redact_stream::{Confidence, Engine, EngineBuilder, Mask, RuleSet, ScannerKind};
use serde::Deserialize;

use crate::args::{ConfigArgs, RuleArgs, SettingArgs};
use crate::config::{self, Entry, Layer};
use crate::error::Error;

/// The environment variable with the key of `--mask pseudonym`.
pub(crate) const MASK_KEY_VARIABLE: &str = "REDACT_MASK_KEY";
/// How long the input pauses before an incomplete line is written: short enough to look immediate, long enough that a
/// program that writes a line in pieces is not looked at piece by piece.
const FLUSH_AFTER_MS: u64 = 50;

/// The groups that `--pii` switches on.
const PERSONAL: [&str; 2] = ["pii", "paths"];

/// What stands in place of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum MaskChoice {
    Label,
    Fixed(String),
    Stars,
    Partial(usize),
    Pseudonym,
}

impl FromStr for MaskChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<MaskChoice, String> {
        let (name, argument) = match text.split_once(':') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        match (name, argument) {
            ("label", None) => Ok(MaskChoice::Label),
            ("stars", None) => Ok(MaskChoice::Stars),
            ("pseudonym", None) => Ok(MaskChoice::Pseudonym),
            // The key, perhaps; it must not be repeated here.
            ("pseudonym", Some(_)) => Err(format!(
                "a key does not belong on the command line, where other users see it; write `pseudonym` and give \
                 --mask-key-file FILE or {MASK_KEY_VARIABLE}"
            )),
            ("fixed", Some(text)) => match Mask::fixed(text) {
                Ok(_) => Ok(MaskChoice::Fixed(text.to_owned())),
                Err(error) => Err(messages(&error).join("; ")),
            },
            ("fixed", None) => Err("write fixed:TEXT, such as fixed:XXXX".to_owned()),
            ("partial", Some(keep)) => match keep.parse() {
                Ok(keep @ 1..=8) => Ok(MaskChoice::Partial(keep)),
                _ => Err("write partial:N with N from 1 to 8".to_owned()),
            },
            ("partial", None) => Err("write partial:N, such as partial:4".to_owned()),
            _ => Err("a mask is label, fixed:TEXT, stars, partial:N or pseudonym".to_owned()),
        }
    }
}

impl TryFrom<String> for MaskChoice {
    type Error = String;

    fn try_from(text: String) -> Result<MaskChoice, String> {
        text.parse()
    }
}

impl fmt::Display for MaskChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MaskChoice::Label => f.write_str("label"),
            MaskChoice::Fixed(text) => write!(f, "fixed:{text}"),
            MaskChoice::Stars => f.write_str("stars"),
            MaskChoice::Partial(keep) => write!(f, "partial:{keep}"),
            MaskChoice::Pseudonym => f.write_str("pseudonym"),
        }
    }
}

/// How to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EngineChoice {
    Auto,
    Simd,
    Hyperscan,
    Regex,
}

impl EngineChoice {
    pub(crate) fn name(self) -> &'static str {
        match self {
            EngineChoice::Auto => "auto",
            EngineChoice::Simd => "simd",
            EngineChoice::Hyperscan => "hyperscan",
            EngineChoice::Regex => "regex",
        }
    }
}

impl From<EngineChoice> for ScannerKind {
    fn from(choice: EngineChoice) -> ScannerKind {
        match choice {
            EngineChoice::Auto => ScannerKind::Auto,
            EngineChoice::Simd => ScannerKind::Simd,
            EngineChoice::Hyperscan => ScannerKind::Hyperscan,
            EngineChoice::Regex => ScannerKind::Regex,
        }
    }
}

/// When masks are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}

impl ColorChoice {
    fn name(self) -> &'static str {
        match self {
            ColorChoice::Auto => "auto",
            ColorChoice::Always => "always",
            ColorChoice::Never => "never",
        }
    }
}

/// The least confidence of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ConfidenceChoice {
    Low,
    Medium,
    High,
}

impl From<ConfidenceChoice> for Confidence {
    fn from(choice: ConfidenceChoice) -> Confidence {
        match choice {
            ConfidenceChoice::Low => Confidence::Low,
            ConfidenceChoice::Medium => Confidence::Medium,
            ConfidenceChoice::High => Confidence::High,
        }
    }
}

/// How many threads look at a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "ThreadsText")]
pub(crate) enum ThreadsChoice {
    /// As many as there are idle cores.
    Auto,
    Exactly(usize),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "the number of threads, or \"auto\"")]
enum ThreadsText {
    Number(u64),
    Text(String),
}

impl ThreadsChoice {
    const MOST: usize = 64;
}

impl FromStr for ThreadsChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<ThreadsChoice, String> {
        match (text, text.parse()) {
            ("auto", _) => Ok(ThreadsChoice::Auto),
            (_, Ok(count @ 1..=ThreadsChoice::MOST)) => Ok(ThreadsChoice::Exactly(count)),
            _ => Err(format!("write auto or a number from 1 to {}", ThreadsChoice::MOST)),
        }
    }
}

impl TryFrom<ThreadsText> for ThreadsChoice {
    type Error = String;

    fn try_from(text: ThreadsText) -> Result<ThreadsChoice, String> {
        match text {
            ThreadsText::Number(number) => number.to_string().parse(),
            ThreadsText::Text(text) => text.parse(),
        }
    }
}

impl fmt::Display for ThreadsChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ThreadsChoice::Auto => f.write_str("\"auto\""),
            ThreadsChoice::Exactly(count) => write!(f, "{count}"),
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    Line(usize),
    Flag,
}

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    origin: Origin,
}

/// All settings of a run.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The configuration file, if there is one.
    pub(crate) file: Option<PathBuf>,
    pub(crate) rules: Setting<Vec<PathBuf>>,
    pub(crate) only: Setting<Vec<String>>,
    pub(crate) pii: Setting<bool>,
    pub(crate) except: Setting<Vec<String>>,
    pub(crate) keys: Setting<Vec<String>>,
    pub(crate) decode_depth: Setting<u8>,
    pub(crate) allow: Setting<Option<PathBuf>>,
    pub(crate) confidence: Setting<ConfidenceChoice>,
    pub(crate) mask: Setting<MaskChoice>,
    pub(crate) mask_key_file: Setting<Option<PathBuf>>,
    pub(crate) color: Setting<ColorChoice>,
    pub(crate) compressed: Setting<bool>,
    pub(crate) flush_after: Setting<u64>,
    pub(crate) engine: Setting<EngineChoice>,
    pub(crate) engine_strict: Setting<bool>,
    pub(crate) threads: Setting<ThreadsChoice>,
    pub(crate) stats: Setting<bool>,
}

impl Settings {
    /// Reads the configuration file, if there is one, and lets the flags win over it.
    pub(crate) fn resolve(args: SettingArgs) -> Result<Settings, Error> {
        let layer = layer(&args.config)?;
        let (compressed, strict, stats) = (args.compressed(), args.engine_strict(), args.stats());
        let pii = args.rules.pii();
        Ok(Settings {
            rules: pick(args.rules.rules, layer.rules, Vec::new()),
            only: pick(args.rules.only, layer.only, Vec::new()),
            pii: pick(pii, layer.pii, false),
            except: pick(args.rules.except, layer.except, Vec::new()),
            keys: pick(args.rules.keys, layer.keys, Vec::new()),
            decode_depth: pick(args.rules.decode_depth, layer.decode_depth, 1),
            allow: pick(
                args.rules.allow.map(Some),
                layer.allow.map(|e| Entry { value: Some(e.value), line: e.line }),
                None,
            ),
            confidence: pick(args.rules.confidence, layer.confidence, ConfidenceChoice::Medium),
            mask: pick(args.mask, layer.mask, MaskChoice::Label),
            mask_key_file: pick(
                args.mask_key_file.map(Some),
                layer.mask_key_file.map(|e| Entry { value: Some(e.value), line: e.line }),
                None,
            ),
            color: pick(args.color, layer.color, ColorChoice::Auto),
            compressed: pick(compressed, layer.compressed, false),
            flush_after: pick(args.flush_after, layer.flush_after, FLUSH_AFTER_MS),
            engine: pick(args.engine, layer.engine, EngineChoice::Auto),
            engine_strict: pick(strict, layer.engine_strict, false),
            threads: pick(args.threads, layer.threads, ThreadsChoice::Auto),
            stats: pick(stats, layer.stats, false),
            file: layer.path,
        })
    }

    /// The settings of commands that only look at rules.
    pub(crate) fn of_rules(rules: RuleArgs, config: ConfigArgs) -> Result<Settings, Error> {
        Settings::resolve(SettingArgs {
            rules,
            mask: None,
            mask_key_file: None,
            color: None,
            compressed: false,
            no_compressed: false,
            flush_after: None,
            engine: None,
            engine_strict: false,
            no_engine_strict: false,
            threads: None,
            stats: false,
            no_stats: false,
            config,
        })
    }

    /// An engine of these rules, as far as the settings say which to use.
    pub(crate) fn builder(&self, rules: RuleSet) -> EngineBuilder {
        let personal: &[&str] = if self.pii.value { &PERSONAL } else { &[] };
        // With `only`, groups count only if they are named there.
        let only = self.only.value.iter().map(String::as_str);
        let only: Vec<&str> = match self.only.value.is_empty() {
            true => Vec::new(),
            false => only.chain(personal.iter().copied()).collect(),
        };
        Engine::builder()
            .rules(rules)
            .only(only)
            .groups(personal.iter().copied())
            .except(self.except.value.iter().cloned())
            .keys(self.keys.value.iter().cloned())
            .decode_depth(self.decode_depth.value.into())
            .confidence(Confidence::from(self.confidence.value))
    }

    /// A complete `redact.toml`, with comments that say where each value comes from.
    pub(crate) fn show(&self) -> String {
        let mut out = match &self.file {
            Some(path) => format!("# {}\n", path.display()),
            None => "# no configuration file\n".to_owned(),
        };
        let mut line = |name: &str, value: Option<String>, origin: &Origin| {
            let setting = match value {
                Some(value) => format!("{name} = {value}"),
                None => format!("# {name} is not set"),
            };
            let origin = match (origin, &self.file) {
                (Origin::Default, _) => "default".to_owned(),
                (Origin::Flag, _) => "command line".to_owned(),
                (Origin::Line(line), Some(path)) => format!("{}:{line}", path.display()),
                (Origin::Line(line), None) => format!("line {line}"),
            };
            out.push_str(&format!("{setting:<32}  # {origin}\n"));
        };
        line("rules", Some(list(self.rules.value.iter().map(|p| text(p)))), &self.rules.origin);
        line("only", Some(list(self.only.value.iter().cloned())), &self.only.origin);
        line("pii", Some(self.pii.value.to_string()), &self.pii.origin);
        line("except", Some(list(self.except.value.iter().cloned())), &self.except.origin);
        line("keys", Some(list(self.keys.value.iter().cloned())), &self.keys.origin);
        line("decode-depth", Some(self.decode_depth.value.to_string()), &self.decode_depth.origin);
        let allow = self.allow.value.as_deref().map(|p| quote(&text(p)));
        line("allow", allow, &self.allow.origin);
        let confidence = Confidence::from(self.confidence.value).name();
        line("confidence", Some(quote(confidence)), &self.confidence.origin);
        line("mask", Some(quote(&self.mask.value.to_string())), &self.mask.origin);
        let key_file = self.mask_key_file.value.as_deref().map(|path| quote(&text(path)));
        line("mask-key-file", key_file, &self.mask_key_file.origin);
        line("color", Some(quote(self.color.value.name())), &self.color.origin);
        line("compressed", Some(self.compressed.value.to_string()), &self.compressed.origin);
        line("flush-after", Some(self.flush_after.value.to_string()), &self.flush_after.origin);
        line("engine", Some(quote(self.engine.value.name())), &self.engine.origin);
        let strict = self.engine_strict.value.to_string();
        line("engine-strict", Some(strict), &self.engine_strict.origin);
        line("threads", Some(self.threads.value.to_string()), &self.threads.origin);
        line("stats", Some(self.stats.value.to_string()), &self.stats.origin);
        if self.mask_key_file.value.is_none() && std::env::var_os(MASK_KEY_VARIABLE).is_some() {
            out.push_str(&format!("# the key of mask pseudonym comes from {MASK_KEY_VARIABLE}\n"));
        }
        out
    }
}

fn layer(args: &ConfigArgs) -> Result<Layer, Error> {
    if args.no_config {
        return Ok(Layer::default());
    }
    match config::find(args.config.as_deref()) {
        Some(location) => config::read(location),
        None => Ok(Layer::default()),
    }
}

fn pick<T>(flag: Option<T>, entry: Option<Entry<T>>, default: T) -> Setting<T> {
    match (flag, entry) {
        (Some(value), _) => Setting { value, origin: Origin::Flag },
        (None, Some(entry)) => Setting { value: entry.value, origin: Origin::Line(entry.line) },
        (None, None) => Setting { value: default, origin: Origin::Default },
    }
}

fn quote(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.map(|item| quote(&item)).collect();
    format!("[{}]", items.join(", "))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// What the engine says about a value, without the place it does not know.
pub(crate) fn messages(error: &redact_stream::BuildError) -> Vec<String> {
    error.problems().iter().map(|problem| problem.message.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_what_they_print() {
        for text in ["label", "fixed:XXXX", "fixed:a:b", "stars", "partial:4", "pseudonym"] {
            assert_eq!(text.parse::<MaskChoice>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_key_on_the_command_line_is_not_repeated() {
        let message = "pseudonym:sample-key-value".parse::<MaskChoice>().unwrap_err();
        assert!(!message.contains("sample-key-value") && message.contains("--mask-key-file"));
    }

    #[test]
    fn masks_out_of_range_are_refused_with_advice() {
        for text in [
            "",
            "partial:0",
            "partial:9",
            "partial:x",
            "partial",
            "fixed",
            "fixed:",
            "fixed:a b",
            "stars:1",
        ] {
            assert!(text.parse::<MaskChoice>().is_err(), "{text}");
        }
    }
}
