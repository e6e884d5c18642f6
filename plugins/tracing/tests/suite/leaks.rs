//! The leak matrix: outputs × places × what is wrapped.

use tracing_redact::{Engine, FieldPolicy, Redactor};

use crate::outputs::{OUTPUTS, Wrap};
use crate::planted::{Kind, PLACES, found_in};

/// What an output shows at all.
fn shows(output: &str, kind: Kind) -> bool {
    match (output, kind) {
        // Spans as they are when they are made, and nothing else.
        ("tracing-error", _) => kind == Kind::Span,
        // Events are part of a span.
        ("tracing-opentelemetry", Kind::Orphan) => false,
        ("sentry, logs", Kind::Span | Kind::Late) => false,
        (_, Kind::Source) => !output.contains("JSON") && !output.ends_with("one's own"),
        _ => true,
    }
}

/// A redactor that counts by itself.
pub(crate) fn redactor() -> Redactor {
    Redactor::new(Engine::builder().build().unwrap(), FieldPolicy::new())
}

#[test]
fn without_the_wrapper_every_output_leaks() {
    let mut blind = Vec::new();
    for (name, output) in OUTPUTS {
        let text = output(Wrap::Nothing, &redactor());
        let found = found_in(&text);
        let missing: Vec<_> = PLACES
            .iter()
            .filter(|place| shows(name, place.kind) && !found.contains(place))
            .map(|place| place.word)
            .collect();
        let more: Vec<_> = found.iter().filter(|p| !shows(name, p.kind)).map(|p| p.word).collect();
        blind.extend((!missing.is_empty() || !more.is_empty()).then_some((name, missing, more)));
    }
    assert!(blind.is_empty(), "these do not show what the test is about, or more: {blind:#?}");
}

#[test]
fn with_the_wrapper_no_output_leaks() {
    for (name, output) in OUTPUTS {
        for wrap in Wrap::ALL {
            let redactor = redactor();
            let text = output(wrap, &redactor);
            let found: Vec<_> = found_in(&text).iter().map(|place| place.word).collect();
            assert!(found.is_empty(), "{name}, {wrap:?} wrapped, leaks {found:?}\n{text}");
            // It is all there but for the secrets.
            assert!(text.contains("nothing to see"), "{name}, {wrap:?} wrapped:\n{text}");
            assert!(text.contains("[REDACTED:field]"), "{name}, {wrap:?} wrapped:\n{text}");
            assert!(
                text.contains("[REDACTED:url-credential]"),
                "{name}, {wrap:?} wrapped:\n{text}"
            );
            let counts = redactor.counts();
            assert!(counts.by_name >= 8 && counts.total() >= 20, "{name}: {counts:?}");
            assert_eq!((counts.unreadable, counts.dropped), (0, 0), "{name}");
        }
    }
}
