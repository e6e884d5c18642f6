//! Rules of personal data look at what stands beside a value: that must not depend on scanners, cuts or pauses.

use std::sync::Arc;

use redact_stream::{Engine, RuleSet, ScannerKind, StreamRedactor, lint};

fn engine(scanner: ScannerKind) -> Arc<Engine> {
    Engine::builder().only(["pii", "paths"]).scanner(scanner).build().unwrap()
}

/// All examples, each on a line.
fn lines() -> String {
    let rules = RuleSet::builtin();
    let personal = rules.iter().filter(|rule| rule.group() != "secrets");
    let examples: Vec<String> = personal
        .flat_map(|rule| {
            let texts = rule.matches().chain(rule.rejects());
            texts.map(|text| lint::expand(rule, text)).collect::<Vec<_>>()
        })
        .collect();
    assert!(examples.len() > 60, "{}", examples.len());
    examples.join("\n") + "\n"
}

/// All examples, each on a line, and again side by side.
fn text() -> String {
    let lines = lines();
    let joined = [" ", ",", ".", ":", "-"].map(|glue| lines.trim_end().replace('\n', glue));
    format!("{lines}{}\n", joined.join("\n"))
}

#[track_caller]
fn assert_same(got: &str, wanted: &str, what: &str) {
    for (got, wanted) in got.lines().zip(wanted.lines()) {
        let at = got.bytes().zip(wanted.bytes()).take_while(|(a, b)| a == b).count();
        let [got_near, wanted_near] =
            [got, wanted].map(|t| &t[at.saturating_sub(40)..t.len().min(at + 40)]);
        assert!(got == wanted, "{what}: {got_near} and {wanted_near}");
    }
    assert!(got == wanted, "{what}");
}

#[test]
fn all_scanners_and_cuts_give_the_same_bytes() {
    let text = text();
    let wanted = engine(ScannerKind::Regex).redact_str(&text).into_owned();
    assert!(wanted.matches("[REDACTED:").count() > 100);
    let engine = engine(ScannerKind::Simd);
    assert_same(&engine.redact_str(&text), &wanted, "simd");
    for size in [1, 2, 3, 7, 64, 1000] {
        assert_same(&in_pieces(&engine, &text, size, false), &wanted, &format!("{size} bytes"));
    }
}

#[test]
fn pauses_change_nothing() {
    let (engine, text) = (engine(ScannerKind::Simd), lines());
    let wanted = engine.redact_str(&text).into_owned();
    assert_same(&in_pieces(&engine, &text, 1, true), &wanted, "flushed at each byte");
}

fn in_pieces(engine: &Arc<Engine>, text: &str, size: usize, pauses: bool) -> String {
    let mut stream = StreamRedactor::new(Arc::clone(engine));
    let mut out = Vec::new();
    for piece in text.as_bytes().chunks(size) {
        stream.push(piece, &mut out).unwrap();
        if pauses {
            stream.flush(&mut out).unwrap();
        }
    }
    stream.finish(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_second_run_changes_nothing() {
    let engine = engine(ScannerKind::Auto);
    let once = engine.redact_str(&text()).into_owned();
    assert_eq!(engine.redact_str(&once), once);
}

#[test]
fn values_side_by_side_are_all_found() {
    let engine = engine(ScannerKind::Auto);
    for value in [
        "192.0.2.7",
        "2001:db8::7",
        "00:00:5e:00:53:01",
        "alice@example.com",
        "+14155550132",
        "4111 1111 1111 1111",
        "DE89370400440532013000",
        "078-05-1120",
    ] {
        for glue in [" ", ",", "; ", "\"", "|"] {
            let line = [value; 3].join(glue);
            let masked = engine.redact_str(&line).into_owned();
            let parts: Vec<_> = masked.split(glue).collect();
            assert!(
                parts.len() == 3 && parts.iter().all(|p| p.starts_with("[REDACTED:")),
                "{masked}"
            );
        }
    }
}
