//! For rule authors and the curious: which rules come near a text, and why each of their matches is masked or left.
//!
//! [`explain`] looks at all rules of a set, also those that the engine's settings leave out, and answers an
//! [`Explanation`] for each match of a pattern. It holds rule ids and spans, never bytes of the text.
//!
//! ```
//! use redact_stream::{Engine, RuleSet};
//! use redact_stream::explain::{Reason, Verdict, explain};
//!
//! let rules = RuleSet::parse("r.toml", r#"
//!     [[rule]]
//!     id = "acme-token"
//!     pattern = '\bacme_[0-9a-f]{8}\b'
//!     entropy = 3.0
//! "#)?;
//! let engine = Engine::builder().rules(rules.clone()).build()?;
//! let found = explain(&engine, &rules, b"acme_00000000 acme_01234567");
//! assert!(matches!(found[0].verdict, Verdict::Refused(Reason::Entropy(bits)) if bits < 3.0));
//! assert_eq!((found[1].secret.clone(), &found[1].verdict), (Some(14..27), &Verdict::Accepted));
//! # Ok::<(), redact_stream::BuildError>(())
//! ```
//!
//! Limits: what only the masks of a line bring about (a second look that the stream takes) is not explained; of a secret of
//! several lines only its first line is.

use std::ops::Range;
use std::sync::Arc;

use crate::confirm::condition::{Refusal, entropy};
use crate::confirm::fate::{Fate, fates};
use crate::confirm::{Scratch, line_around};
use crate::engine::{Engine, Finding};
use crate::rule::{Confidence, RuleSet};
use crate::scan::Space;

/// What became of one match of one rule. Spans are in bytes of the text, half-open.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// The rule's id.
    pub rule: String,
    /// The line, from 1.
    pub line: u64,
    /// What the pattern matches.
    pub matched: Range<u64>,
    /// What the match says is secret, if it came that far.
    pub secret: Option<Range<u64>>,
    /// Masked or left, and why.
    pub verdict: Verdict,
}

/// Whether a match is masked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is masked under the rule's label.
    Accepted,
    /// It is masked as part of a finding that another rule names.
    Merged {
        /// The id of that rule.
        into: String,
        /// The finding, in bytes of the text.
        span: Range<u64>,
    },
    /// A secret of several lines begins behind it.
    Begins,
    /// It would be masked, but the settings leave this rule out: its group is off, or it is excepted, or not among `only`, or
    /// its confidence is too low.
    NotInUse,
    /// It is left.
    Refused(Reason),
}

/// Why a match is no finding, by the condition that said so.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// It is a mask that an earlier run wrote.
    AlreadyMasked,
    /// No value that looks like a secret is assigned to the key.
    NoValue,
    /// None of the rule's `keywords` stands near by.
    Keyword,
    /// It only stands for a secret, as `XXXX…` does.
    Filler,
    /// Less entropy than the rule asks for; it has so many bits per byte.
    Entropy(f32),
    /// One of the rule's `allow` patterns matches.
    Allow,
    /// The rule's `check` failed, and the rule says `refuse`.
    Check,
    /// Its confidence, perhaps lowered by a failed check, is below the one that is asked for.
    Confidence,
    /// The user's list of values to leave alone has it.
    Listed,
}

impl Reason {
    /// The name of the condition, as in rule files where it has one.
    pub fn name(self) -> &'static str {
        match self {
            Reason::AlreadyMasked => "mask",
            Reason::NoValue => "value",
            Reason::Keyword => "keywords",
            Reason::Filler => "filler",
            Reason::Entropy(_) => "entropy",
            Reason::Allow => "allow",
            Reason::Check => "check",
            Reason::Confidence => "confidence",
            Reason::Listed => "the allow file",
        }
    }
}

/// Explains every match in `text` of every one of `rules`, in the order of the text. `engine` says which rules are in use and
/// what confidence is asked for.
///
/// It costs as much as compiling all `rules`: it is made for a few lines at a time.
pub fn explain(engine: &Arc<Engine>, rules: &RuleSet, text: &[u8]) -> Vec<Explanation> {
    let groups: Vec<&str> = rules.iter().map(|rule| rule.group()).collect();
    let all = Engine::builder().rules(rules.clone()).groups(groups).confidence(Confidence::Low);
    // Only an empty set cannot be built.
    let Ok(all) = all.build() else { return Vec::new() };
    let findings = engine.find(text);
    let mut candidates = Vec::new();
    Space::new(all.scanner()).scan(&all, text, &mut candidates);
    let mut places: Vec<(usize, usize)> = Vec::new();
    for candidate in &candidates {
        let mut at = candidate.lo as usize;
        while at < text.len() && at <= candidate.hi as usize {
            let line = line_around(text, at);
            places.push((line.start, candidate.rule as usize));
            at = line.end;
        }
    }
    places.sort_unstable();
    places.dedup();
    let mut scratch = Scratch::new(all.program().len());
    let mut found = Vec::new();
    for (start, index) in places {
        let mut line = &text[line_around(text, start)];
        if let [rest @ .., b'\n'] = line {
            line = rest;
        }
        let compiled = &all.program()[index];
        let in_use = engine.rules().any(|rule| rule.id() == compiled.rule.id());
        let at = |span: Range<usize>| (start + span.start) as u64..(start + span.end) as u64;
        for (span, fate) in fates(compiled, index, engine.accept(), line, &mut scratch) {
            let (secret, verdict) = match fate {
                Fate::Begin if in_use => (None, Verdict::Begins),
                Fate::Begin => (None, Verdict::NotInUse),
                Fate::NoValue => (None, Verdict::Refused(Reason::NoValue)),
                Fate::Refused(secret, refusal) => {
                    let bytes = &line[secret.clone()];
                    (Some(at(secret)), Verdict::Refused(reason(refusal, bytes)))
                }
                Fate::Secret(secret) if !in_use => (Some(at(secret)), Verdict::NotInUse),
                Fate::Secret(secret) => {
                    let secret = at(secret);
                    let verdict = accepted(engine, &findings, compiled.rule.id(), &secret);
                    (Some(secret), verdict)
                }
            };
            found.push(Explanation {
                rule: compiled.rule.id().to_owned(),
                line: 1 + memchr::memchr_iter(b'\n', &text[..start]).count() as u64,
                matched: at(span),
                secret,
                verdict,
            });
        }
    }
    found.sort_by_key(|e| (e.matched.start, e.matched.end));
    found
}

fn accepted(engine: &Engine, findings: &[Finding], id: &str, secret: &Range<u64>) -> Verdict {
    let around = findings.iter().find(|f| f.start < secret.end && secret.start < f.end);
    match around {
        Some(finding) if engine.rule(finding.rule()).id() != id => Verdict::Merged {
            into: engine.rule(finding.rule()).id().to_owned(),
            span: finding.start..finding.end,
        },
        _ => Verdict::Accepted,
    }
}

fn reason(refusal: Refusal, secret: &[u8]) -> Reason {
    match refusal {
        Refusal::AlreadyMasked => Reason::AlreadyMasked,
        Refusal::NoKeyword => Reason::Keyword,
        Refusal::Allowed => Reason::Allow,
        Refusal::Filler => Reason::Filler,
        Refusal::LowEntropy => Reason::Entropy(entropy(secret)),
        Refusal::CheckFailed => Reason::Check,
        Refusal::LowConfidence => Reason::Confidence,
        Refusal::Listed => Reason::Listed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        [[rule]]
        id = "plain"
        pattern = '\bacme_(?P<secret>[0-9a-f]{8})\b'
        entropy = 1.0
        allow = ['^0123']
        [[rule]]
        id = "wide"
        pattern = '\bkey acme_[0-9a-f]{8}\b'
        [[rule]]
        id = "near"
        pattern = '\bsign_[0-9a-f]{8}\b'
        keywords = ["acme"]
        near = 16
        [[rule]]
        id = "card"
        pattern = '\bcard_(?P<secret>\d{4})\b'
        check = "luhn"
        [[rule]]
        id = "strict"
        pattern = '\bstrict_(?P<secret>\d{4})\b'
        check = "luhn"
        on_check_fail = "refuse"
        [[rule]]
        id = "off"
        group = "other"
        pattern = '\bother_[0-9a-f]{8}\b'
        [[rule]]
        id = "key"
        value = "assignment"
        pattern = '(?i:acme_key)'
        [[rule]]
        id = "block"
        block = "pem"
        pattern = '-----BEGIN ACME-----'
    "#;

    fn verdicts(text: &str) -> Vec<(String, Verdict)> {
        let rules = RuleSet::parse("test", RULES).unwrap();
        let engine = Engine::builder().rules(rules.clone()).build().unwrap();
        let found = explain(&engine, &rules, text.as_bytes());
        found.into_iter().map(|e| (e.rule, e.verdict)).collect()
    }

    #[track_caller]
    fn one(text: &str, rule: &str, verdict: Verdict) {
        assert_eq!(verdicts(text), [(rule.to_owned(), verdict)], "{text}");
    }

    #[test]
    fn every_condition_is_named() {
        let refused = Verdict::Refused;
        one("acme_89abcdef", "plain", Verdict::Accepted);
        one("acme_00000000", "plain", refused(Reason::Entropy(0.0)));
        one("acme_01234567", "plain", refused(Reason::Allow));
        one("sign_01234567", "near", refused(Reason::Keyword));
        one("card_1234", "card", refused(Reason::Confidence));
        one("strict_1234", "strict", refused(Reason::Check));
        one("other_01234567", "off", Verdict::NotInUse);
        one("acme_key is old", "key", refused(Reason::NoValue));
        one("-----BEGIN ACME-----", "block", Verdict::Begins);
        assert_eq!(verdicts("nothing"), []);
    }

    #[test]
    fn fillers_are_named() {
        let rules = RuleSet::builtin();
        let engine = Engine::builder().build().unwrap();
        let text = format!("glsa_{}_AAAAAAAA", "X".repeat(32));
        let found = explain(&engine, &rules, text.as_bytes());
        assert_eq!(found[0].verdict, Verdict::Refused(Reason::Filler));
    }

    #[test]
    fn what_another_rule_names_is_merged_into_it() {
        let merged = Verdict::Merged { into: "wide".to_owned(), span: 2..19 };
        let wanted = [("wide".to_owned(), Verdict::Accepted), ("plain".to_owned(), merged)];
        assert_eq!(verdicts("a key acme_89abcdef"), wanted);
    }

    #[test]
    fn spans_are_of_the_whole_text() {
        let rules = RuleSet::parse("test", RULES).unwrap();
        let engine = Engine::builder().rules(rules.clone()).build().unwrap();
        let found = explain(&engine, &rules, b"one\ntwo acme_89abcdef\r\n");
        assert_eq!((found[0].line, found[0].matched.clone()), (2, 8..21));
        assert_eq!(found[0].secret, Some(13..21));
    }
}
