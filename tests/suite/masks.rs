//! Hard problem 4: growth and idempotence. A mask never matches a rule, and offsets are those of the original.

use proptest::prelude::*;
use redact_stream::ScannerKind;
use redact_tests::{MaskForm, Run, Setup};

use crate::shapes::{self, GENERIC, RANDOM_FRAGMENTS};

fn form() -> impl Strategy<Value = MaskForm> {
    prop::sample::select(MaskForm::all())
}

fn idempotent(setup: &Setup, input: &[u8]) -> Result<(), TestCaseError> {
    let engine = setup.engine(ScannerKind::Auto, true);
    // `Run` compares every clean byte and every finding's offsets with the original.
    let once = Run::whole(&engine, input).output;
    let twice = Run::whole(&engine, &once).output;
    prop_assert_eq!(once.escape_ascii().to_string(), twice.escape_ascii().to_string());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn a_second_run_changes_nothing(input in shapes::text(), form in form()) {
        idempotent(&shapes::setup().mask(form), &input)?;
    }

    #[test]
    fn a_second_run_with_the_generic_rules_changes_nothing(
        input in shapes::text_of(GENERIC),
        form in form(),
    ) {
        // A mask of letters alone joins what stands beside it to a line of base64, which blocks mask.
        prop_assume!(!matches!(&form, MaskForm::Fixed(t) if t.bytes().all(|b| b.is_ascii_alphanumeric())));
        idempotent(&Setup::builtin().mask(form), &input)?;
    }

    #[test]
    fn a_second_run_with_random_rules_changes_nothing(
        rules in shapes::random_rules(),
        input in shapes::text_of(RANDOM_FRAGMENTS),
        form in form(),
    ) {
        prop_assume!(redact_stream::RuleSet::parse("random.toml", &rules).is_ok());
        idempotent(&Setup::new(&rules).mask(form), &input)?;
    }

    #[test]
    fn stars_keep_every_offset(input in shapes::text()) {
        let engine = shapes::setup().mask(MaskForm::Stars).engine(ScannerKind::Auto, true);
        let run = Run::whole(&engine, &input);
        let quotes = run.output.len() - input.len();
        prop_assert!(quotes.is_multiple_of(2), "only the quotes of JSON numbers add bytes");
    }

    #[test]
    fn equal_secrets_have_equal_pseudonyms(a in "[0-9a-f]{8}", b in "[0-9a-f]{8}") {
        let engine = shapes::setup().mask(MaskForm::Pseudonym).engine(ScannerKind::Auto, false);
        let masked = |secret: &str| engine.redact_str(&format!("acme_{secret}")).into_owned();
        prop_assert_eq!(masked(&a), masked(&a));
        prop_assert_eq!(a == b, masked(&a) == masked(&b));
    }
}
