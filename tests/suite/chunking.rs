//! Hard problems 1 and 2: the output does not depend on how the input is cut, nor on the scanner.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use redact_tests::random::Random;
use redact_tests::{Run, Setup, cut};

use crate::shapes::{self, FRAGMENTS, GENERIC};

fn same_for_all(setup: &Setup, input: &[u8], seed: u64, cuts: usize) -> Result<(), TestCaseError> {
    let engines = setup.engines();
    let wanted = Run::whole(&engines[0], input);
    let mut random = Random::new(seed);
    for engine in &engines {
        prop_assert_eq!(&Run::whole(engine, input), &wanted, "scanner {}", engine.scanner_name());
        for _ in 0..cuts {
            let cuts = cut::k_way(input.len(), &mut random);
            let run = Run::pieces(engine, input, &cuts);
            prop_assert_eq!(&run, &wanted, "{} cut at {:?}", engine.scanner_name(), cuts);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn rules_of_all_shapes(input in shapes::text(), seed in any::<u64>()) {
        same_for_all(&shapes::setup(), &input, seed, 20)?;
    }

    #[test]
    fn generic_rules(input in shapes::text_of(GENERIC), seed in any::<u64>()) {
        same_for_all(&Setup::builtin(), &input, seed, 20)?;
    }

    #[test]
    fn lines_longer_than_the_window(
        head in shapes::text(),
        gap in 0usize..200,
        piece in prop::sample::select(vec!["acme_0123abcd ", "zap-", "x", "foo", "aab", "\u{20ac}"]),
        tail in shapes::text(),
        seed in any::<u64>(),
    ) {
        let setup = shapes::setup();
        let head: Vec<u8> = head.into_iter().filter(|b| *b != b'\n').collect();
        let times = (66_000 + gap) / piece.len();
        let input = [&head[..], &piece.as_bytes().repeat(times), &tail].concat();
        let engine = setup.engine(redact_stream::ScannerKind::Auto, true);
        let wanted = Run::whole(&engine, &input);
        let mut random = Random::new(seed);
        for _ in 0..3 {
            let cuts = cut::k_way(input.len(), &mut random);
            prop_assert!(Run::pieces(&engine, &input, &cuts) == wanted, "cut at {:?}", cuts);
        }
    }
}

#[test]
fn a_hundred_thousand_cuts() {
    const CUTS: usize = 100_000;
    let started = Instant::now();
    let mut random = Random::new(20_260_314);
    let all = [(shapes::setup(), FRAGMENTS), (Setup::builtin(), GENERIC)];
    let all: Vec<_> = all.iter().map(|(setup, text)| (setup.engines(), *text)).collect();
    let mut done = 0;
    while done < CUTS {
        let (engines, fragments) = &all[done / 50 % all.len()];
        let parts = 1 + random.below(25);
        let input = random.text(fragments, parts);
        let wanted = Run::whole(&engines[0], &input);
        for i in 0..50 {
            let engine = &engines[i % engines.len()];
            let cuts = cut::k_way(input.len(), &mut random);
            let run = Run::pieces(engine, &input, &cuts);
            let shown = input.escape_ascii();
            assert_eq!(run, wanted, "{} cut at {cuts:?}: \"{shown}\"", engine.scanner_name());
            done += 1;
        }
    }
    assert!(started.elapsed() < Duration::from_secs(600), "took {:?}", started.elapsed());
}
