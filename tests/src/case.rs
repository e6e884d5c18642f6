//! Cases as data: `data/*.toml`.
//!
//! ```toml
//! builtin = ["private-key"]      # built-in rules in use; without it, none
//! rules = '''[[rule]] …'''       # rules of the file's own
//!
//! [[case]]
//! name = "two keys on one line"
//! input = "…{hex:32}…"           # templates are filled in as in rules, the same in `output`
//! output = "…"                   # left out: the input, unchanged
//! mask = "stars"                 # left out: label
//! rules = '''[[rule]] …'''       # instead of the file's rules, built-in ones included
//! ```
//! Instead of a string, `input` and `output` may be a list of parts: `"text"`, `{ hex = "fffe" }`, `{ repeat = "ab", times = 3 }`.

use std::path::Path;

use redact_stream::{Confidence, RuleSet, lint};
use serde::Deserialize;

use crate::{MaskForm, Setup};

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file's and the case's name.
    pub name: String,
    /// What goes in.
    pub input: Vec<u8>,
    /// What must come out.
    pub output: Vec<u8>,
    /// With what.
    pub setup: Setup,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    builtin: Vec<String>,
    #[serde(default)]
    rules: String,
    /// Rules below this confidence are off; medium if nothing is said.
    confidence: Option<Level>,
    case: Vec<Raw>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Low,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    input: Bytes,
    output: Option<Bytes>,
    mask: Option<String>,
    rules: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Bytes {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    Text(String),
    Hex { hex: String },
    Repeat { repeat: String, times: usize },
}

/// All cases of `data/*.toml`.
///
/// # Panics
/// If a file is bad, or there are none.
pub fn all() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("tests/data is there")
        .map(|entry| entry.expect("tests/data is readable").path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    let cases: Vec<Case> = files.iter().flat_map(|path| read(path)).collect();
    assert!(!cases.is_empty(), "no cases");
    cases
}

fn read(path: &Path) -> Vec<Case> {
    let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
    let text = std::fs::read_to_string(path).expect("a case file is UTF-8");
    let file: File = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut rules = RuleSet::builtin();
    rules.retain(|rule| file.builtin.iter().any(|id| id == rule.id()));
    assert_eq!(rules.len(), file.builtin.len(), "{name}: a built-in rule is not there");
    let rules = rules.merge(parse(&name, &file.rules)).unwrap_or_else(|e| panic!("{e}"));
    let confidence = file.confidence.map_or(Confidence::Medium, |Level::Low| Confidence::Low);
    let case = |raw: Raw| {
        let name = format!("{name}: {}", raw.name);
        let rules = raw.rules.map_or_else(|| rules.clone(), |text| parse(&name, &text));
        let mask = MaskForm::parse(raw.mask.as_deref().unwrap_or("label"));
        let input = bytes(raw.input);
        let output = raw.output.map_or_else(|| input.clone(), bytes);
        let setup = Setup { name: None, rules, mask, confidence, recheck: true, decode_depth: 1 };
        Case { name, input, output, setup }
    };
    file.case.into_iter().map(case).collect()
}

fn parse(name: &str, rules: &str) -> RuleSet {
    RuleSet::parse(name, rules).unwrap_or_else(|e| panic!("{e}"))
}

fn bytes(bytes: Bytes) -> Vec<u8> {
    match bytes {
        Bytes::Text(text) => expand(&text),
        Bytes::Parts(parts) => parts.into_iter().flat_map(part).collect(),
    }
}

fn part(part: Part) -> Vec<u8> {
    match part {
        Part::Text(text) => expand(&text),
        Part::Repeat { repeat, times } => expand(&repeat).repeat(times),
        Part::Hex { hex } => {
            let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
            digits.chunks(2).map(|d| (d[0] * 16 + d[1]) as u8).collect()
        }
    }
}

/// Fills in `{kind:N}` as the rules' examples do.
fn expand(text: &str) -> Vec<u8> {
    let seed = "[[rule]]\nid = 'case'\npattern = 'case-seed'";
    let rules = RuleSet::parse("case", seed).expect("the seed rule is valid");
    lint::expand(rules.iter().next().expect("one rule"), text).into_bytes()
}
