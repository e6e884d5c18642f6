//! Hard problem 4 once more: of long lines with few masks, only what is around the masks is looked at again. What comes out is the
//! same as from a scanner that looks at all of it, and a second run changes nothing.

use std::sync::LazyLock;

use proptest::prelude::*;
use redact_stream::{RuleSet, ScannerKind, lint};
use redact_tests::{MaskForm, Run, Setup};

use crate::shapes::GENERIC;

/// The built-in rules' examples, those of several lines apart.
static EXAMPLES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let rules = RuleSet::builtin();
    let of_rule = |rule| {
        let examples = redact_stream::Rule::matches(rule);
        examples.map(|example| lint::expand(rule, example)).collect::<Vec<_>>()
    };
    rules.iter().flat_map(of_rule).filter(|example| !example.contains(['\n', '\r'])).collect()
});

/// Few parts, most of them whole examples, and much between them, so that masks are far apart.
fn line() -> impl Strategy<Value = String> {
    let example = prop::sample::select(EXAMPLES.as_slice());
    let begun = (prop::sample::select(EXAMPLES.as_slice()), 0usize..80)
        .prop_map(|(text, len)| text.chars().take(len).collect());
    let word = prop::sample::select(GENERIC).prop_map(str::to_owned);
    let part = prop_oneof![4 => example, 1 => begun, 2 => word];
    let gap = prop_oneof![2 => 0usize..4, 2 => 4usize..300, 3 => 1500usize..5000];
    let filler =
        prop::sample::select(vec!["a plain word, ", "x", "/path/of-a/file.rs:12 ", "7f-", "; "]);
    prop::collection::vec((part, gap, filler), 2..10).prop_map(|parts| {
        let text = |(part, gap, filler): (String, usize, &str)| {
            part + &filler.repeat(gap / filler.len() + 1)
        };
        parts.into_iter().map(text).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn around_masks_is_enough(
        line in line(),
        form in prop::sample::select(MaskForm::all()),
    ) {
        // A mask of letters alone joins what stands beside it to a line of base64, which blocks mask.
        prop_assume!(!matches!(&form, MaskForm::Fixed(t) if t.bytes().all(|b| b.is_ascii_alphanumeric())));
        let setup = Setup { rules: RuleSet::builtin(), ..Setup::builtin() }.mask(form);
        let input = line.as_bytes();
        let engines = [ScannerKind::Simd, ScannerKind::Regex].map(|kind| setup.engine(kind, true));
        let [once, all] = engines.each_ref().map(|engine| Run::whole(engine, input));
        prop_assert_eq!(&once.output, &all.output);
        let twice = Run::whole(&engines[0], &once.output).output;
        prop_assert_eq!(once.output.escape_ascii().to_string(), twice.escape_ascii().to_string());
    }
}
