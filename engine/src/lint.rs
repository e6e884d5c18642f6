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
