//! `docs/rules.md`: a table of all built-in rules, made from the rules themselves.

use redact_stream::{Confidence, Engine, EngineBuilder, RuleSet, ScannerKind, lint};

use crate::error::Error;
use crate::run::problem_lines;

/// The most characters of an example that are shown.
const LONGEST_EXAMPLE: usize = 120;

const HEAD: &str = "\
# Built-in rules

<!-- Made by `cargo run -p redact-filter -- rules docs > docs/rules.md`; change engine/rules/*.toml instead. -->

`redact rules show ID` says more about a rule; [writing-rules.md](writing-rules.md) explains what confidence and groups are. The examples
are made up, and shown as the rules mask them.
";

/// The page.
///
/// # Errors
/// The rules cannot be compiled.
pub(crate) fn page() -> Result<String, Error> {
    let rules = RuleSet::builtin();
    let build = |builder: EngineBuilder| {
        builder
            .confidence(Confidence::Low)
            .scanner(ScannerKind::Regex)
            .build()
            .map_err(|error| Error::all(problem_lines(&error)))
    };
    let all = build(Engine::builder())?;
    let personal: usize = rules.iter().filter(|rule| rule.group() != "secrets").count();
    let mut out = format!(
        "{HEAD}\n{} rules: {} of secrets, {personal} of personal data (`--pii`).\n",
        rules.len(),
        rules.len() - personal
    );
    let mut last = "";
    for rule in rules.iter() {
        if rule.source() != last {
            last = rule.source();
            let name = last.trim_start_matches("rules/").trim_end_matches(".toml");
            out.push_str(&format!(
                "\n## {name}\n\n| id | provider | description | example | confidence | group | reference |\n\
                 |---|---|---|---|---|---|---|\n"
            ));
        }
        let mut alone = rules.clone();
        alone.retain(|other| other.id() == rule.id());
        let engine = build(Engine::builder().rules(alone).only([rule.id()]))?;
        let example = rule.matches().next().map_or(String::new(), |text| {
            let masked = engine.redact_str(&lint::expand(rule, text)).into_owned();
            // An example may hold a second secret, of another rule.
            code(&all.redact_str(&masked))
        });
        let reference = match rule.reference() {
            "" => String::new(),
            page => format!("[page](<{page}>)"),
        };
        let row = [
            format!("`{}`", rule.id()),
            cell(rule.provider()),
            cell(rule.description()),
            example,
            rule.confidence().name().to_owned(),
            cell(rule.group()),
            reference,
        ];
        out.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    Ok(out)
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

/// Text as code in a table: one line, not too long.
fn code(text: &str) -> String {
    let line = without_fillers(text.trim()).replace(['\n', '\r', '\t'], " ").replace('|', "\\|");
    let mut short: String = line.chars().take(LONGEST_EXAMPLE).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    match short.contains('`') {
        true => format!("`` {short} ``"),
        false => format!("`{short}`"),
    }
}

/// Shortens long runs of letters and digits: public ids say nothing in a table and would look like live secrets.
fn without_fillers(text: &str) -> String {
    const LONGEST: usize = 20;
    let mut out = String::new();
    for part in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let run = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        match run.len() >= LONGEST && run.bytes().any(|b| b.is_ascii_digit()) {
            true => out.push_str(&format!("{}…{}", &run[..4], &part[run.len()..])),
            false => out.push_str(part),
        }
    }
    out
}
