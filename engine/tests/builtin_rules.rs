//! Every built-in rule finds its examples and leaves its near-misses.

use redact_stream::{RuleSet, lint};

#[test]
fn examples_hold() {
    let rules = RuleSet::builtin();
    let problems = lint::examples(&rules);
    let text: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert!(text.is_empty(), "{}", text.join("\n"));
}

#[test]
fn every_rule_says_whose_secret_it_is_and_where_that_is_written() {
    for rule in RuleSet::builtin().iter() {
        assert!(!rule.description().is_empty(), "{}", rule.id());
        assert!(rule.reference().starts_with("https://"), "{}", rule.id());
    }
}

#[test]
fn no_rule_costs_much_on_clean_text() {
    // Personal data has common forms; its groups are off unless they are asked for.
    let mut rules = RuleSet::builtin();
    rules.retain(|rule| rule.group() == "secrets");
    let problems = lint::cost(&rules);
    let text: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert!(text.is_empty(), "{} rules:\n{}", text.len(), text.join("\n"));
}
