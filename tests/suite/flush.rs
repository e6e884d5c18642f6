//! Hard problem 5: latency against completeness. What cannot be part of a secret leaves at a flush; what may be, does not.

use std::sync::Arc;

use proptest::prelude::*;
use redact_stream::{Engine, ScannerKind, StreamRedactor};
use redact_tests::oracle::Oracle;
use redact_tests::{MaskForm, Run, Setup};

use crate::shapes::{self, GENERIC, SHAPES};

/// What has come out after `input` and a flush.
fn early(engine: &Arc<Engine>, input: &[u8]) -> Vec<u8> {
    let mut stream = StreamRedactor::new(Arc::clone(engine));
    let mut out = Vec::new();
    let Ok(()) = stream.push(input, &mut out);
    let Ok(()) = stream.flush(&mut out);
    out
}

fn flush_anywhere(
    setup: &Setup,
    input: &[u8],
    mut cuts: Vec<prop::sample::Index>,
    kept: u64,
) -> Result<(), TestCaseError> {
    let mut cuts: Vec<usize> = cuts.drain(..).map(|c| c.index(input.len() + 1)).collect();
    cuts.sort_unstable();
    for engine in setup.engines() {
        let wanted = Run::whole(&engine, input);
        let run = Run::flushed(&engine, input, &cuts, |at| kept >> (at % 64) & 1 == 1);
        prop_assert_eq!(&run, &wanted, "flushed at some of {:?}", cuts);
    }
    Ok(())
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn flushes_do_not_change_the_output(input in shapes::text(), cuts in cuts(), kept in any::<u64>()) {
        // What a mask brings about in text that has left already cannot be taken back.
        prop_assume!(!Oracle::new(SHAPES, MaskForm::Label).redact(&input).made_by_masks);
        flush_anywhere(&shapes::setup(), &input, cuts, kept)?;
    }

    #[test]
    fn what_leaves_early_is_the_beginning_of_the_output(input in shapes::text(), at in any::<prop::sample::Index>()) {
        prop_assume!(!Oracle::new(SHAPES, MaskForm::Label).redact(&input).made_by_masks);
        let engine = shapes::setup().engine(ScannerKind::Auto, true);
        let out = early(&engine, &input[..at.index(input.len() + 1)]);
        let whole = engine.redact(&input);
        prop_assert!(
            whole.starts_with(&out),
            "{} does not begin {}", out.escape_ascii(), whole.escape_ascii()
        );
    }

    #[test]
    fn no_secret_of_the_generic_rules_leaves_early(
        input in shapes::text_of(GENERIC),
        cuts in cuts(),
        kept in any::<u64>(),
    ) {
        // What a mask brings about in text that has left already cannot be taken back.
        let engine = Setup::builtin().mask(MaskForm::Stars).once().engine(ScannerKind::Auto, true);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.index(input.len() + 1)).collect();
        cuts.sort_unstable();
        let whole = Run::whole(&engine, &input);
        let run = Run::flushed(&engine, &input, &cuts, |at| kept >> (at % 64) & 1 == 1);
        for finding in &whole.findings {
            let covered = (finding.start..finding.end)
                .all(|at| run.findings.iter().any(|f| f.start <= at && at < f.end));
            prop_assert!(covered, "{:?}: flushed {:?}, whole {:?}", cuts, run, whole);
        }
    }

    #[test]
    fn clean_text_leaves_at_once(words in prop::collection::vec("[a-z]{1,9}[ .,]", 0..20), end in "[$#>] ") {
        let engine = Setup::builtin().engine(ScannerKind::Auto, false);
        let input = words.concat() + &end;
        let keyed = ["passw", "pwd", "secret", "token", "key", "cred", "author", "cookie", "bear"];
        prop_assume!(!keyed.iter().any(|k| input.contains(k)));
        prop_assert_eq!(early(&engine, input.as_bytes()), input.as_bytes());
    }
}

#[test]
fn prompts_dots_and_bars_leave_at_a_flush() {
    let engine = Setup::builtin().engine(ScannerKind::Auto, false);
    for text in [
        "Password: ",
        "[sudo] password for alice: ",
        "Enter passphrase for key '/home/a/.ssh/id': ",
        "Continue? [y/N] ",
        "user@host:~$ ",
        ">>> ",
        "mysql> ",
        "Username for 'https://example.net': ",
        ".",
        "....",
        "Compiling",
        "\r 42 % [=====>      ] 3.1 MB/s",
        "\r\u{1b}[2K  downloading\u{2026} 17/99",
        "\u{2807} building",
        "Token: ",
        "Enter your API key: ",
        "100%|\u{2588}\u{2588}\u{2588}| 10/10 [00:01<00:00]",
    ] {
        let out = early(&engine, text.as_bytes());
        assert_eq!(String::from_utf8_lossy(&out), text);
    }
}

#[test]
fn a_bar_that_is_flushed_bit_by_bit_comes_out_bit_by_bit() {
    let engine = Setup::builtin().engine(ScannerKind::Auto, true);
    let mut stream = StreamRedactor::new(engine);
    let mut out = Vec::new();
    let mut wanted = Vec::new();
    for i in 0..20_000 {
        let step = format!("\r{:3} % [{:<10}] {i} files", i / 200, "=".repeat(i % 10));
        let Ok(()) = stream.push(step.as_bytes(), &mut out);
        let Ok(()) = stream.flush(&mut out);
        wanted.extend_from_slice(step.as_bytes());
        assert_eq!(out.len(), wanted.len(), "step {i}");
    }
    assert!(out == wanted);
}

#[test]
fn what_may_begin_a_secret_stays() {
    let engine = Setup::builtin().engine(ScannerKind::Auto, false);
    for (text, held) in [
        ("password=hunter", "hunter"),
        ("{\"password\": \"hun", "hun"),
        ("export API_SECRET='abcd", "abcd"),
        ("Authorization: Bearer 0a1b", "0a1b"),
        ("postgres://app:hunter2", "hunter2"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJz", "eyJhbGciOiJIUzI1NiJ9.eyJz"),
        ("x eyJhbGciOi", "eyJhbGciOi"),
        ("{\"key\":\"-----BEGIN PRIVATE KEY-----\\nTUlJ", "\\nTUlJ"),
        ("Cookie: sid=01234", "sid=01234"),
    ] {
        let out = String::from_utf8(early(&engine, text.as_bytes())).expect("UTF-8");
        let rest =
            text.strip_prefix(&*out).unwrap_or_else(|| panic!("{text:?} came out as {out:?}"));
        assert!(rest.ends_with(held), "{text:?}: {out:?} came out");
        assert!(rest.len() <= held.len() + 16, "{text:?}: only {out:?} came out");
    }
}

/// What an unfinished run of base64 stands for is not known, and ends no token that stands before it and goes on in it.
#[test]
fn a_token_goes_on_in_what_may_be_a_payload() {
    let engine = Setup::builtin().engine(ScannerKind::Auto, true);
    let text = b"aB3=\\r\\neyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.bm90LXJl";
    let whole = engine.redact(&text[..]);
    assert!(!whole.windows(5).any(|w| w == b"eyJhb"));
    for end in 0..=text.len() {
        let out = early(&engine, &text[..end]);
        assert!(whole.starts_with(&out), "{end}: {}", out.escape_ascii());
    }
}
