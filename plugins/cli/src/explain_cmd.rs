//! `redact rules explain`: which rules come near a text, and why each match is masked or left.
//!
//! The text is what may hold a secret, so nothing of it is shown unless the user says so.

use std::io::Read as _;
use std::process::ExitCode;

use redact_stream::explain::{Explanation, Reason, Verdict, explain};
use redact_stream::{Rule, RuleSet};
use zeroize::Zeroizing;

use crate::args::{ConfigArgs, RuleArgs};
use crate::error::Error;
use crate::run::{load_allow, load_rules, print, problem_lines};
use crate::settings::Settings;
use crate::stdio;

/// The most bytes that are explained: it is made for a few lines.
const LONGEST: u64 = 1 << 20;

pub(crate) fn run(
    text: String,
    show: bool,
    rules: RuleArgs,
    config: ConfigArgs,
) -> Result<ExitCode, Error> {
    let settings = Settings::of_rules(rules, config)?;
    let (rules, problems) = load_rules(&settings.rules.value);
    if !problems.is_empty() {
        return Err(Error::all(problems));
    }
    let allow = load_allow(&settings).map_err(Error::all)?;
    let builder = settings.builder(rules.clone()).allow_hashes(allow);
    let engine = builder.build().map_err(|error| Error::all(problem_lines(&error)))?;
    let text = Zeroizing::new(match text.as_str() {
        "-" => standard_input("be explained", "give it the line in question")?,
        _ => text.into_bytes(),
    });
    let found = explain(&engine, &rules, &text);
    let mut out = Zeroizing::new(String::new());
    for explanation in &found {
        out.push_str(&line(explanation, &rules));
        if show {
            let span = explanation.secret.as_ref().unwrap_or(&explanation.matched);
            let bytes = &text[span.start as usize..span.end as usize];
            out.push_str(&format!("    {}\n", bytes.escape_ascii()));
        }
    }
    if found.is_empty() {
        out.push_str("no rule comes near this text\n");
    }
    print(out.as_bytes())
}

/// All of standard input, which is not to be long.
pub(crate) fn standard_input(what: &str, hint: &str) -> Result<Vec<u8>, Error> {
    stdio::check_input()?;
    let mut text = Vec::new();
    let read = std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut text);
    read.map_err(|error| Error::io("standard input", "cannot be read", &error))?;
    match text.len() as u64 > LONGEST {
        true => {
            let problem = format!("standard input: more than {LONGEST} bytes cannot {what}");
            Err(Error::new(problem).hint(hint))
        }
        false => Ok(text),
    }
}

/// `acme-token: accepted: line 1, match 0..21, secret 5..21 (16 bytes), masked as [REDACTED:acme-token]`
fn line(explanation: &Explanation, rules: &RuleSet) -> String {
    let rule = rules.find(&explanation.rule);
    let label = rule.map_or("", Rule::label);
    let mut out = format!("{}: ", explanation.rule);
    let verdict = match &explanation.verdict {
        Verdict::Accepted => "accepted".to_owned(),
        Verdict::Merged { into, span } => {
            format!("accepted, merged into `{into}` at {}..{}", span.start, span.end)
        }
        Verdict::Begins => "accepted: a secret of several lines begins behind it".to_owned(),
        Verdict::NotInUse => "would be accepted, but is not in use with these settings".to_owned(),
        Verdict::Refused(reason) => {
            format!(
                "refused by {}: {}",
                reason.name(),
                rule.map_or(String::new(), |r| why(*reason, r))
            )
        }
        _ => "matched".to_owned(),
    };
    let matched = &explanation.matched;
    out.push_str(&verdict);
    out.push_str(&format!("; line {}, match {}..{}", explanation.line, matched.start, matched.end));
    if let Some(secret) = &explanation.secret {
        let length = secret.end - secret.start;
        out.push_str(&format!(", secret {}..{} ({length} bytes)", secret.start, secret.end));
    }
    if explanation.verdict == Verdict::Accepted {
        out.push_str(&format!(", masked as [REDACTED:{label}]"));
    }
    out.push('\n');
    out
}

fn why(reason: Reason, rule: &Rule) -> String {
    match reason {
        Reason::AlreadyMasked => "it is a mask already".to_owned(),
        Reason::NoValue => "no value that looks like a secret follows".to_owned(),
        Reason::Keyword => {
            let words: Vec<_> = rule.keywords().map(|word| format!("`{word}`")).collect();
            format!("in the {} bytes before it stands none of {}", rule.near(), words.join(", "))
        }
        Reason::Filler => {
            "it only stands for a secret: a few characters again and again".to_owned()
        }
        Reason::Entropy(bits) => {
            format!("{bits:.2} bits per byte, and {} are asked for", rule.entropy())
        }
        Reason::Allow => "a pattern of `allow` matches".to_owned(),
        Reason::Check => "its structure or checksum is wrong".to_owned(),
        Reason::Confidence => {
            let failed = rule.check().map_or("", |_| ", lowered since its check failed,");
            format!("`{}`{failed} is below --confidence", rule.confidence().name())
        }
        Reason::Listed => "its SHA-256 is listed".to_owned(),
        _ => String::new(),
    }
}
