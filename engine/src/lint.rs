//! For rule authors: does a rule do what its examples say?
//!
//! ```
//! let rules = redact_stream::RuleSet::parse("r.toml", r#"
//!     [[rule]]
//!     id = "acme-token"
//!     pattern = '\bacme_[0-9a-f]{32}\b'
//!     matches = ["acme_{hex:31}"]
//! "#)?;
//! let problems = redact_stream::lint::examples(&rules);
//! assert_eq!(problems.len(), 1);
//! assert!(problems[0].to_string().contains("example 1 of `matches`"));
//! # Ok::<(), redact_stream::BuildError>(())
//! ```

use crate::Engine;
use crate::error::Problem;
use crate::rule::byte_set::ByteSet;
use crate::rule::frequency::probability;
use crate::rule::{Confidence, Rule, RuleSet, example};

/// An example of a rule with its `{kind:N}` templates filled in.
pub fn expand(rule: &Rule, example: &str) -> String {
    example::expand(example, rule.id())
}

/// Runs every rule alone over its own examples: each of `matches` must hold a finding, none of `rejects` may.
///
/// A rule whose findings all drop below its own confidence (a failed checksum) counts as matching.
pub fn examples(rules: &RuleSet) -> Vec<Problem> {
    rules.iter().flat_map(rule_examples).collect()
}

/// How often a rule may wake the scanners in ordinary log text before [`cost`] complains, in hits per megabyte. The built-in
/// rule that costs most, `url-credential`, wakes at each `://`.
pub const MOST_HITS_PER_MB: f64 = 1000.0;

/// Ordinary log text without secrets, to measure rules on.
pub fn sample() -> &'static [u8] {
    crate::rule::frequency::SAMPLE
}

/// How often what the default scanner looks for is expected in a megabyte of ordinary log text: what a rule costs on clean lines.
///
/// For the first bytes of long words it is what a sample of log text holds; for anchors the larger of that and what byte
/// frequencies say.
pub fn hits_per_megabyte(rule: &Rule) -> f64 {
    let sample = crate::rule::frequency::SAMPLE;
    let per_megabyte = |count: usize| count as f64 * 1e6 / sample.len() as f64;
    let holds = |text: &[u8], window: &[ByteSet]| {
        text.len() >= window.len() && text.iter().zip(window).all(|(byte, set)| set.contains(*byte))
    };
    if !rule.heads.is_empty() {
        let word = ByteSet::word();
        let starts = |at: &usize| at.checked_sub(1).is_none_or(|p| !word.contains(sample[p]));
        let heads = rule.heads.iter().map(|head| {
            let set = head.class.set();
            let stands = |at: &usize| {
                let run = sample[*at..].iter().take_while(|b| set.contains(**b)).count();
                run >= head.run as usize && holds(&sample[*at..], &head.window)
            };
            per_megabyte((0..sample.len()).filter(starts).filter(stands).count())
        });
        return heads.sum();
    }
    let anchors = rule.anchors.iter().map(|anchor| {
        let counted =
            sample.windows(anchor.window.len()).filter(|text| holds(text, &anchor.window));
        per_megabyte(counted.count()).max(probability(&anchor.window) * 1e6)
    });
    anchors.sum()
}

/// The first bytes of words, where that is how a rule is looked for, or its anchors.
fn windows(rule: &Rule) -> impl Iterator<Item = &[ByteSet]> {
    let anchors = rule.anchors.iter().filter(|_| rule.heads.is_empty());
    rule.heads.iter().map(|h| &*h.window).chain(anchors.map(|a| &*a.window))
}

/// Rules that cost too much: more than [`MOST_HITS_PER_MB`], with the anchor and how to get a better one.
pub fn cost(rules: &RuleSet) -> Vec<Problem> {
    let too_much = rules.iter().filter(|rule| hits_per_megabyte(rule) > MOST_HITS_PER_MB);
    too_much
        .map(|rule| Problem {
            source: rule.source().to_owned(),
            line: Some(rule.line()),
            rule: Some(rule.id().to_owned()),
            message: format!(
                "expected {:.0} hits per MB of log text (at most {MOST_HITS_PER_MB:.0}): {} is too common; let a \
                 rarer literal stand next to it in the pattern, or add longer `keywords`",
                hits_per_megabyte(rule),
                describe(rule),
            ),
        })
        .collect()
}

/// The anchor that hits most, as a character-class expression.
fn describe(rule: &Rule) -> String {
    let common = |a: &&[ByteSet], b: &&[ByteSet]| probability(a).total_cmp(&probability(b));
    let Some(window) = windows(rule).max_by(common) else { return "nothing".to_owned() };
    let class = |set: &ByteSet| {
        let bytes: Vec<u8> = set.iter().collect();
        match bytes.as_slice() {
            [one] => char::from(*one).escape_default().to_string(),
            [a, b] if a ^ b == 0x20 => char::from(*b).to_string(),
            many if many.len() > 8 => format!("[{} bytes]", many.len()),
            few => format!(
                "[{}]",
                few.iter().map(|b| char::from(*b).escape_default().to_string()).collect::<String>()
            ),
        }
    };
    format!("`{}`", window.iter().map(class).collect::<String>())
}

fn rule_examples(rule: &Rule) -> Vec<Problem> {
    let problem = |message: String| Problem {
        source: rule.source().to_owned(),
        line: Some(rule.line()),
        rule: Some(rule.id().to_owned()),
        message,
    };
    let alone = RuleSet::from_rules(vec![rule.clone()]);
    let builder = Engine::builder().rules(alone).only([rule.id()]).confidence(Confidence::Low);
    let engine = match builder.build() {
        Ok(engine) => engine,
        Err(error) => return error.problems().to_vec(),
    };
    let mut problems = Vec::new();
    if rule.matches().len() == 0 {
        problems.push(problem("`matches` is empty; add at least one example".to_owned()));
    }
    for (i, text) in rule.matches().enumerate() {
        if engine.find(expand(rule, text).as_bytes()).is_empty() {
            let message = "is not found; correct the pattern or the example";
            problems.push(problem(format!("example {} of `matches` {message}", i + 1)));
        }
    }
    for (i, text) in rule.rejects().enumerate() {
        if !engine.find(expand(rule, text).as_bytes()).is_empty() {
            let message = "is found; narrow the pattern or correct the example";
            problems.push(problem(format!("example {} of `rejects` {message}", i + 1)));
        }
    }
    problems
}
