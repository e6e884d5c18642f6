//! Hard problem 3: overlaps, prefixes, self-overlap. The oracle says what a match is; no byte of one survives.

use proptest::prelude::*;
use redact_stream::{RuleSet, ScannerKind};
use redact_tests::oracle::{Answer, Oracle};
use redact_tests::{MaskForm, Run, Setup, scanners};

use crate::shapes::{self, RANDOM_FRAGMENTS, SHAPES};

fn agrees(rules: &str, mask: MaskForm, input: &[u8]) -> Result<Answer, TestCaseError> {
    let answer = Oracle::new(rules, mask.clone()).redact(input);
    let setup = if rules == SHAPES { shapes::setup() } else { Setup::new(rules) };
    for engine in setup.mask(mask).engines() {
        let run = Run::whole(&engine, input);
        let spans: Vec<_> =
            run.findings.iter().map(|f| (f.start as usize, f.end as usize, f.rule())).collect();
        prop_assert_eq!(&spans, &answer.spans, "spans of {}\n{}", engine.scanner_name(), rules);
        prop_assert_eq!(
            run.output.escape_ascii().to_string(),
            answer.output.escape_ascii().to_string()
        );
    }
    Ok(answer)
}

fn mask() -> impl Strategy<Value = MaskForm> {
    let forms = vec![
        MaskForm::Label,
        MaskForm::Stars,
        MaskForm::Fixed("~~".to_owned()),
        MaskForm::Partial(4),
    ];
    prop::sample::select(forms)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_the_oracle(input in shapes::text(), mask in mask()) {
        agrees(SHAPES, mask, &input)?;
    }

    #[test]
    fn rules_of_random_shape_agree_with_the_oracle(
        rules in shapes::random_rules(),
        input in shapes::text_of(RANDOM_FRAGMENTS),
        mask in mask(),
    ) {
        prop_assume!(RuleSet::parse("random.toml", &rules).is_ok());
        agrees(&rules, mask, &input)?;
    }

    #[test]
    fn no_byte_of_a_match_survives(input in shapes::text()) {
        let answer = Oracle::new(SHAPES, MaskForm::Stars).redact(&input);
        let engine = shapes::setup().mask(MaskForm::Stars).engine(ScannerKind::Auto, true);
        let found = Run::whole(&engine, &input).findings;
        for (start, end, rule) in answer.matches {
            let masked = |at: usize| found.iter().any(|f| (f.start..f.end).contains(&(at as u64)));
            prop_assert!((start..end).all(masked), "rule {} at {}..{}", rule, start, end);
        }
    }

    #[test]
    fn the_order_of_rules_does_not_decide_what_is_masked(input in shapes::text()) {
        let mut rules: Vec<&str> = SHAPES.split("[[rule]]").skip(1).collect();
        rules.reverse();
        let reversed: String = rules.iter().map(|r| format!("[[rule]]{r}")).collect();
        let masked = |setup: Setup| {
            setup.mask(MaskForm::Stars).engine(ScannerKind::Auto, true).redact(&input).into_owned()
        };
        let reversed = Setup::new(&reversed).named("reversed shapes");
        prop_assert_eq!(masked(shapes::setup()), masked(reversed));
    }
}

/// Secrets that are prefixes, suffixes and overlaps of one another, in both orders.
#[test]
fn secrets_within_secrets() {
    let sets = [
        ["tok_abc", "tok_abcdef"],
        ["tok_abc", "abc_tok"],
        ["x-aab", "aab-x"],
        ["key-----", "-----key"],
        ["QQab", "abQQ"],
    ];
    let mut checked = 0;
    for set in sets {
        for order in [[set[0], set[1]], [set[1], set[0]]] {
            let rule = |(i, s): (usize, &str)| format!("[[rule]]\nid = 'r{i}'\npattern = '{s}'\n");
            let rules: String = order.into_iter().enumerate().map(rule).collect();
            for left in set {
                for right in set {
                    for shared in 0..left.len() {
                        let glue = &left[left.len() - shared..];
                        if !right.starts_with(glue) {
                            continue;
                        }
                        let input = format!("a {left}{} b\n", &right[shared..]);
                        agrees(&rules, MaskForm::Label, input.as_bytes())
                            .expect("the oracle agrees");
                        let engine = Setup::new(&rules).engine(ScannerKind::Auto, false);
                        let output = engine.redact_str(&input).into_owned();
                        assert!(!set.iter().any(|s| output.contains(s)), "{input:?}: {output:?}");
                        checked += 1;
                    }
                }
            }
        }
    }
    assert!(checked > 40);
}

#[test]
fn auto_is_one_of_the_scanners() {
    let all: Vec<_> =
        scanners().iter().map(|s| shapes::setup().engine(*s, false).scanner_name()).collect();
    let auto = shapes::setup().engine(ScannerKind::Auto, false).scanner_name();
    assert!(all.contains(&auto), "{auto} is not among {all:?}");
}
