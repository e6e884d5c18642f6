//! What the fuzzer runs: functions of bytes that panic if a property does not hold.
//!
//! The targets in `fuzz/` call these; so does the test that replays `fuzz/crashes/TARGET/*`.

use std::sync::{Arc, OnceLock};

use redact_stream::{Engine, RuleSet, ScannerKind, lint};

use crate::random::Random;
use crate::{MaskForm, Run, Setup, cut, scanners};

/// A target: its name, which is the name of its folder of crashes, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 3] = [("stream", stream), ("rules", rules), ("idempotent", idempotent)];

/// Any cut of the input gives the same output and findings, with every scanner.
pub fn stream(input: &[u8]) {
    static ENGINES: OnceLock<Vec<Arc<Engine>>> = OnceLock::new();
    let engines = ENGINES.get_or_init(|| {
        scanners().into_iter().map(|kind| Setup::builtin().engine(kind, true)).collect()
    });
    let wanted = Run::whole(&engines[0], input);
    let mut random = Random::new(input.iter().fold(7, |h, b| h * 31 % 1_000_003 + u64::from(*b)));
    for engine in engines {
        for _ in 0..4 {
            let cuts = cut::k_way(input.len(), &mut random);
            assert_eq!(Run::pieces(engine, input, &cuts), wanted, "cut at {cuts:?}");
        }
    }
}

/// Reading rules never panics, and what is taken can be run on its examples.
pub fn rules(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(rules) = RuleSet::parse("fuzz.toml", &text) {
        let _ = lint::examples(&rules);
    }
}

/// A second run over the output changes nothing.
pub fn idempotent(input: &[u8]) {
    static ENGINES: OnceLock<Vec<(MaskForm, Arc<Engine>)>> = OnceLock::new();
    let engines = ENGINES.get_or_init(|| {
        let one = |form: MaskForm| {
            (form.clone(), Setup::builtin().mask(form).engine(ScannerKind::Auto, false))
        };
        MaskForm::all().into_iter().map(one).collect()
    });
    for (form, engine) in engines {
        let once = engine.redact(input);
        let twice = engine.redact(&once);
        assert!(
            once == twice,
            "{form:?}: {:?} becomes {:?}",
            once.escape_ascii().to_string(),
            twice.escape_ascii().to_string()
        );
    }
}
