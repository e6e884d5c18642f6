//! Hard problem 9: binary and invalid UTF-8. Bytes outside findings are identical, for any input.

use proptest::prelude::*;
use redact_stream::ScannerKind;
use redact_tests::random::Random;
use redact_tests::{Run, Setup, cut};

use crate::shapes;

proptest! {
    #[test]
    fn random_bytes_pass(input in prop::collection::vec(any::<u8>(), 0..2000), seed in any::<u64>()) {
        // `Run` compares what passes with the original.
        let mut random = Random::new(seed);
        for setup in [Setup::builtin(), shapes::setup()] {
            let engine = setup.engine(ScannerKind::Auto, true);
            let whole = Run::whole(&engine, &input);
            if whole.findings.is_empty() {
                prop_assert!(whole.output == input);
            }
            let cuts = cut::k_way(input.len(), &mut random);
            prop_assert_eq!(Run::pieces(&engine, &input, &cuts), whole);
        }
    }

    #[test]
    fn secrets_are_found_between_random_bytes(
        before in prop::collection::vec(any::<u8>(), 0..300),
        after in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let secret = b"zap-0123456789abcdef0123"; // the longest that the rule takes
        let input = [&before[..], b"\n", secret, b" ", &after].concat();
        let engine = shapes::setup().engine(ScannerKind::Auto, true);
        let output = engine.redact(&input);
        let wanted = [b"\n[REDACTED:variable] ".as_slice()].concat();
        prop_assert!(output.windows(wanted.len()).any(|w| w == wanted));
    }

    #[test]
    fn utf8_stays_utf8(input in "\\PC{0,40}(acme_0123abcd|zap-abcdefg|x-key=\\PC{4,9})\\PC{0,40}") {
        let engine = shapes::setup().engine(ScannerKind::Auto, true);
        let output = engine.redact(input.as_bytes());
        prop_assert!(std::str::from_utf8(&output).is_ok(), "{}", output.escape_ascii());
    }
}

#[test]
fn every_byte_value_passes_in_every_pair() {
    let input: Vec<u8> = (0..=255u8).flat_map(|a| (0..=255u8).flat_map(move |b| [a, b])).collect();
    let engine = Setup::builtin().engine(ScannerKind::Auto, true);
    let run = Run::whole(&engine, &input);
    assert!(run.findings.is_empty() && run.output == input);
}

#[test]
fn utf16_and_nul_padding_pass() {
    let text: Vec<u8> =
        "INFO started\r\nlistening\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let engine = Setup::builtin().engine(ScannerKind::Auto, true);
    for input in [text, vec![0; 300_000], vec![0xff; 300_000], vec![b'\r'; 300_000]] {
        assert!(Run::whole(&engine, &input).output == input);
    }
}
