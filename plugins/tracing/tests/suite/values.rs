//! Values: what becomes of each kind.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};

use redact_stream::lint;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_redact::{Engine, FieldPolicy, RedactExt as _, Redactor, TargetPolicy};
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, registry};

use crate::leaks::redactor;

/// Fields as a layer sees them: name, kind, text.
type Seen = Vec<(&'static str, &'static str, String)>;

/// A layer that notes the fields of the last event.
#[derive(Clone, Default)]
struct Kinds(Arc<Mutex<Seen>>);

impl<S: Subscriber> Layer<S> for Kinds {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut visitor = Visitor(Vec::new());
        event.record(&mut visitor);
        *self.0.lock().unwrap() = visitor.0;
    }
}

struct Visitor(Seen);

macro_rules! note {
    ($($method:ident $kind:ty;)*) => {
        $(fn $method(&mut self, field: &Field, value: $kind) {
            self.0.push((field.name(), &stringify!($method)[7..], format!("{value:?}")));
        })*
    };
}

impl Visit for Visitor {
    note! {
        record_i64 i64;
        record_u64 u64;
        record_i128 i128;
        record_u128 u128;
        record_f64 f64;
        record_bool bool;
        record_str &str;
        record_bytes &[u8];
        record_debug &dyn fmt::Debug;
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = format!("{value} ({value:?})");
        let mut next = value.source();
        while let Some(source) = next {
            text += &format!(", from {source} ({source:?})");
            next = source.source();
        }
        self.0.push((field.name(), "error", text));
    }
}

/// What a layer sees of the event that `log` logs: bare, and wrapped.
fn seen(redactor: &Redactor, log: impl Fn()) -> (Seen, Seen) {
    let see = |wrapped: bool| {
        let layer = Kinds::default();
        let wrapper = wrapped.then(|| layer.clone().redacted_with(redactor));
        let bare = (!wrapped).then(|| layer.clone());
        tracing::subscriber::with_default(registry().with(wrapper).with(bare), &log);
        std::mem::take(&mut *layer.0.lock().unwrap())
    };
    (see(false), see(true))
}

/// The texts of the last event's fields, wrapped.
fn texts(redactor: &Redactor, log: impl Fn()) -> Vec<String> {
    seen(redactor, log).1.into_iter().map(|(_, _, text)| text).collect()
}

#[derive(Debug)]
struct Failed(&'static str, Option<Box<Failed>>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

#[test]
fn clean_values_keep_their_kind_and_text() {
    let error = Failed("outer", Some(Box::new(Failed("inner", None))));
    let (bare, wrapped) = seen(&redactor(), || {
        tracing::info!(
            a = -1,
            b = 2u64,
            c = -3i128,
            d = 4u128,
            e = 1.5,
            f = true,
            g = "text",
            h = &b"bytes"[..],
            i = &b"\xff\xfe"[..],
            j = ?Some(1),
            k = %"shown",
            l = &error as &(dyn Error + 'static),
            m = "",
            n = Option::<u64>::None,
            o = "two\nlines\n",
            "message {}",
            1
        );
    });
    assert_eq!(bare.len(), 15);
    assert_eq!(wrapped, bare);
}

#[test]
fn more_fields_than_usual_are_no_matter() {
    let (bare, wrapped) = seen(&redactor(), || {
        tracing::info!(
            a1 = 1,
            a2 = 1,
            a3 = 1,
            a4 = 1,
            a5 = 1,
            a6 = 1,
            a7 = 1,
            a8 = 1,
            a9 = 1,
            a10 = 1,
            b1 = 1,
            b2 = 1,
            b3 = 1,
            b4 = 1,
            b5 = 1,
            b6 = 1,
            b7 = 1,
            b8 = 1,
            b9 = 1,
            b10 = 1,
            c1 = 1,
            c2 = 1,
            c3 = 1,
            c4 = 1,
            c5 = 1,
            c6 = 1,
            c7 = 1,
            c8 = 1,
            c9 = 1,
            c10 = 1,
            d1 = 1,
            d2 = 1,
            d3 = 1,
            d4 = 1,
            d5 = 1,
            d6 = "last",
        );
    });
    assert_eq!(bare.len(), 36);
    assert_eq!(wrapped, bare);
}

/// Values are masked one by one, as the engine masks a text, whatever stands beside them.
#[test]
fn examples_of_all_rules_are_masked_as_the_engine_does() {
    let engine = Engine::builder().build().unwrap();
    let redactor = Redactor::new(Arc::clone(&engine), FieldPolicy::new());
    let mut masked = 0;
    for rule in engine.rules() {
        for example in rule.matches() {
            let text = lint::expand(rule, example);
            let wanted = engine.redact_str(&text);
            masked += usize::from(wanted != text);
            let (shown, quoted) = (format!("{wanted:?}"), format!("{wanted}"));
            let text = text.as_str();
            let fields = || {
                tracing::info!(before = "MIIEfakefakefakefakefakefake", x = text, n = 3, y = %text, after = "/v1/acc", "{text}");
            };
            let before = "\"MIIEfakefakefakefakefakefake\"".to_owned();
            let seen = texts(&redactor, fields);
            let all = [quoted.clone(), before, shown, "3".into(), quoted, "\"/v1/acc\"".into()];
            assert_eq!(seen, all, "{}", rule.id());
        }
    }
    assert!(masked > 500, "only {masked} examples were masked");
}

/// The same for values thrown together at random, with pieces of them in between.
#[test]
fn values_side_by_side_are_masked_as_each_alone() {
    let engine = Engine::builder().build().unwrap();
    let redactor = Redactor::new(Arc::clone(&engine), FieldPolicy::new());
    let mut values: Vec<String> = engine
        .rules()
        .flat_map(|rule| rule.matches().map(|example| lint::expand(rule, example)))
        .collect();
    let begin = format!("{}BEGIN PRIVATE KEY{}", "-".repeat(5), "-".repeat(5));
    values.extend(
        ["", "\n", "\n\n", "\r\n", "a\r", "{", "\"", "password=", "<token>", "\u{e9}"]
            .map(str::to_owned),
    );
    values.extend([format!("{begin}\nMIIEfakefakefakefakefakefake"), begin]);
    // Numbers of a simple generator, the same each time.
    let mut state = 1u64;
    let mut pick = |count: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % count
    };
    for _ in 0..1000 {
        let mut value = || {
            let value = &values[pick(values.len())];
            let cut = match pick(4) {
                0 => pick(value.len() + 1),
                _ => value.len(),
            };
            let cut = (0..=cut).rev().find(|cut| value.is_char_boundary(*cut)).unwrap();
            value[..cut].to_owned()
        };
        let picked = [value(), value(), value(), value()];
        let [a, b, c, d] = &picked;
        let seen = texts(&redactor, || tracing::info!(a = %a, b = %b, c = %c, "{d}"));
        let wanted = [d, a, b, c].map(|value| engine.redact_str(value).into_owned());
        assert_eq!(seen, wanted);
    }
}

#[test]
fn what_is_masked_becomes_text() {
    let engine = Engine::builder().groups(["pii"]).build().unwrap();
    let redactor = Redactor::new(engine, FieldPolicy::new().mask(["pin", "flag"]).unwrap());
    // A test number of the card schemes.
    let card = 4_111_111_111_111_111u64;
    let (_, wrapped) = seen(&redactor, || {
        tracing::info!(card, other = 17, pin = 4711, flag = true, h = &b"password=only4docs!"[..]);
    });
    let text = |name, text: &str| (name, "str", format!("{text:?}"));
    let wanted = [
        text("card", "[REDACTED:payment-card]"),
        ("other", "i64", "17".to_owned()),
        text("pin", "[REDACTED:field]"),
        text("flag", "[REDACTED:field]"),
        text("h", "password=[REDACTED:secret]"),
    ];
    assert_eq!(wrapped, wanted);
}

#[test]
fn bytes_that_are_no_text_are_masked_too() {
    let (_, wrapped) = seen(&redactor(), || {
        tracing::info!(raw = &b"\xff\xfe password=only4docs!"[..]);
    });
    let wanted = format!("{:?}", b"\xff\xfe password=[REDACTED:secret]");
    assert_eq!(wrapped, [("raw", "bytes", wanted)]);
}

#[test]
fn errors_are_rebuilt_with_their_sources() {
    let inner = Failed("password=only4docs!", None);
    let error = Failed("outer", Some(Box::new(Failed("between", Some(Box::new(inner))))));
    let (_, wrapped) = seen(&redactor(), || {
        tracing::info!(
            a = &error as &(dyn Error + 'static),
            b = &Failed("clean", None) as &(dyn Error + 'static)
        );
    });
    let secret = "password=[REDACTED:secret]";
    let inner = format!("Failed(\"{secret}\", None)");
    let between = format!("Failed(\"between\", Some({inner}))");
    let outer = format!("Failed(\"outer\", Some({between}))");
    let wanted = format!("outer ({outer}), from between ({between}), from {secret} ({inner})");
    let clean = "clean (Failed(\"clean\", None))".to_owned();
    assert_eq!(wrapped, [("a", "error", wanted), ("b", "error", clean)]);
}

#[test]
fn values_that_hide_themselves_stay_as_they_are() {
    let own = redact_stream::SecretBytes::new(b"only4docs!".to_vec());
    let password = secrecy::SecretString::from("only4docs!");
    let (bare, wrapped) = seen(&redactor(), || {
        tracing::info!(password = ?password, token = ?own, secret = ?Some(1));
    });
    assert_eq!(wrapped[..2], bare[..2]);
    assert_eq!(wrapped[2].2, "[REDACTED:field]");
}

#[test]
fn names_decide_by_target_and_exceptions() {
    let policy = FieldPolicy::new()
        .mask(["session", "*.pin"])
        .and_then(|p| p.allow(["token"]))
        .and_then(|p| p.keep(["raw"]))
        .unwrap()
        .target("app::login", TargetPolicy::new().mask_all().allow(["status"]).unwrap())
        .target("app::trusted", TargetPolicy::new().keep_all());
    let redactor = Redactor::new(Engine::builder().build().unwrap(), policy);
    let secret = "password=only4docs!";
    let seen = texts(&redactor, || {
        tracing::info!(user.session = "x", card.pin = 17, token = "none given", raw = secret);
    });
    assert_eq!(
        seen,
        [
            "\"[REDACTED:field]\"",
            "\"[REDACTED:field]\"",
            "\"none given\"",
            "\"password=only4docs!\""
        ]
    );
    let seen = texts(&redactor, || {
        tracing::info!(target: "app::login::form", user = "ann", status = 200, "{secret}");
    });
    assert_eq!(seen, ["password=[REDACTED:secret]", "\"[REDACTED:field]\"", "200"]);
    let seen = texts(&redactor, || {
        tracing::info!(target: "app::trusted", password = "x", "{secret}");
    });
    assert_eq!(seen, ["password=only4docs!", "\"x\""]);
}

/// `key` and `auth` name many harmless things: the rules decide, with the name in front.
#[test]
fn weak_names_are_evidence() {
    let noise = "9f86d081884c7d659a2feaa0c55ad015";
    let redactor = redactor();
    for round in 0..3 {
        let seen =
            texts(&redactor, || tracing::info!(key = noise, other = noise, auth = "required"));
        assert_eq!(
            seen,
            ["\"[REDACTED:secret]\"", &format!("\"{noise}\""), "\"required\""],
            "{round}"
        );
        let seen =
            texts(&redactor, || tracing::info!(key = "user:42", other = noise, auth = "required"));
        assert_eq!(seen[0], "\"user:42\"", "{round}");
    }
}

#[test]
fn counts_of_tokens_stay_and_passwords_of_digits_do_not() {
    let seen = texts(&redactor(), || {
        tracing::info!(
            tokens = 4096,
            token = 1_234_567_890_123_456u64,
            password = 4711,
            has_password = true
        );
    });
    assert_eq!(seen, ["4096", "\"[REDACTED:field]\"", "\"[REDACTED:field]\"", "true"]);
}

/// A field that is the same again is not looked at again; one that changes is.
#[test]
fn what_is_remembered_changes_nothing() {
    let redactor = redactor();
    let log = |text: &str| {
        texts(&redactor, || tracing::info!(same = "the same", text, shown = %text, "text {text}"))
    };
    for round in 0..200 {
        for text in ["clean", "clean", "password=only4docs!", "clean too", "password=only4docs!"] {
            let wanted = text.replace("only4docs!", "[REDACTED:secret]");
            let wanted =
                [format!("text {wanted}"), "\"the same\"".into(), format!("{wanted:?}"), wanted];
            assert_eq!(log(text), wanted, "{round}");
        }
    }
    assert_eq!(redactor.counts().total(), 200 * 2 * 3);
}

#[test]
fn long_values_are_looked_at_to_their_end() {
    let long = format!("{}password=only4docs!", "a clean word, ".repeat(100_000));
    let seen = texts(&redactor(), || tracing::info!(long, "x"));
    assert!(seen[1].ends_with("a clean word, password=[REDACTED:secret]\""));
    let lines = "a clean line\n".repeat(100_000) + "password=only4docs!";
    let seen = texts(&redactor(), || tracing::info!("{lines}"));
    assert!(seen[0].ends_with("a clean line\npassword=[REDACTED:secret]"));
}

#[test]
fn a_key_of_several_lines_is_masked_and_nothing_beside_it() {
    let begin = format!("{}BEGIN PRIVATE KEY{}", "-".repeat(5), "-".repeat(5));
    let (bare, wrapped) = seen(&redactor(), || {
        // The key is cut off: nobody says where it ends.
        let key = format!("{begin}\nMIIEfakefakefakefakefakefake");
        tracing::info!(pem = %key, digest = "MIIEotherotherotherotherother", id = "0123456789abcdef0123456789abcdef");
    });
    assert_eq!(wrapped[0].2, format!("{begin}\n[REDACTED:private-key]"));
    assert_eq!(wrapped[1..], bare[1..]);
}

/// A value's `Debug` may panic, fail, or answer something else each time.
#[test]
fn values_that_cannot_be_read_are_masked() {
    struct Panics;
    impl fmt::Debug for Panics {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("only4docs!")?;
            std::panic::resume_unwind(Box::new("no matter"))
        }
    }
    struct Fails;
    impl fmt::Debug for Fails {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("only4docs!")?;
            Err(fmt::Error)
        }
    }
    #[derive(Debug)]
    struct Circle;
    impl fmt::Display for Circle {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("circle")
        }
    }
    impl Error for Circle {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self)
        }
    }
    let redactor = redactor();
    // Not `seen`: without the wrapper, this panics.
    let layer = Kinds::default();
    let seen = Arc::clone(&layer.0);
    tracing::subscriber::with_default(registry().with(layer.redacted_with(&redactor)), || {
        tracing::info!(a = ?Panics, b = "password=only4docs!", c = ?Fails, d = 1);
    });
    let texts: Vec<_> = seen.lock().unwrap().iter().map(|(_, _, text)| text.clone()).collect();
    let unreadable = "[REDACTED:unreadable]";
    assert_eq!(texts, [unreadable, "\"password=[REDACTED:secret]\"", unreadable, "1"]);
    assert_eq!(redactor.counts().unreadable, 2);
    let subscriber = registry().with(Kinds::default().redacted_with(&redactor));
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(e = &Circle as &(dyn Error + 'static));
    });
}

#[test]
fn values_are_read_once() {
    struct Later(std::cell::Cell<u32>);
    impl fmt::Debug for Later {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.set(self.0.get() + 1);
            let secret = if self.0.get() > 1 { "password=only4docs!" } else { "clean" };
            f.write_str(secret)
        }
    }
    let layer = Kinds::default();
    let seen = Arc::clone(&layer.0);
    let subscriber = registry().with(layer.redacted_with(&redactor()));
    tracing::subscriber::with_default(subscriber, || tracing::info!(a = ?Later(0.into())));
    assert_eq!(seen.lock().unwrap()[0].2, "clean");
}
