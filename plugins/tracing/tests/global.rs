//! What needs the whole process: the global subscriber, which nothing keeps from being called while it is called, and the panic
//! hook.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard};

use tracing::{Event, Subscriber};
use tracing_redact::{Engine, FieldPolicy, RedactExt as _, Redactor, panic};
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, registry};

static SEEN: Mutex<String> = Mutex::new(String::new());
static REDACTOR: LazyLock<Redactor> =
    LazyLock::new(|| Redactor::new(Engine::builder().build().unwrap(), FieldPolicy::new()));

/// One test at a time: all share the subscriber.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    static INIT: LazyLock<()> = LazyLock::new(|| {
        registry().with(Notes).with(Echo).redacted_subscriber_with(&REDACTOR).init();
    });
    let guard = ALONE.lock().unwrap();
    LazyLock::force(&INIT);
    SEEN.lock().unwrap().clear();
    guard
}

/// A layer that writes down what it sees.
struct Notes;

impl<S: Subscriber> Layer<S> for Notes {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        writeln!(SEEN.lock().unwrap(), "{event:?}").unwrap();
    }
}

/// A layer that answers each event that it is told to by one more.
struct Echo;

static ECHOES: AtomicU64 = AtomicU64::new(0);

impl<S: Subscriber> Layer<S> for Echo {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "echo" {
            ECHOES.fetch_add(1, Ordering::Relaxed);
            tracing::info!(target: "echo", "echo of password=only4docs!");
        }
    }
}

#[test]
fn a_layer_that_logs_comes_to_an_end() {
    let _alone = alone();
    for round in 1..=3 {
        let dropped = REDACTOR.counts().dropped;
        tracing::info!(target: "echo", "start");
        assert_eq!(REDACTOR.counts().dropped - dropped, 1);
        // Nothing is left behind: each goes as deep as the first.
        assert_eq!(ECHOES.load(Ordering::Relaxed), round * 8);
    }
    assert!(!SEEN.lock().unwrap().contains("only4docs!"));
    assert!(SEEN.lock().unwrap().contains("echo of password=[REDACTED:secret]"));
}

/// A value that logs itself when it is shown.
struct Loud;

impl fmt::Debug for Loud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = tracing::info_span!("inner", secret = "password=only4docs!");
        span.in_scope(|| tracing::info!(again = ?self, "shown with password=only4docs!"));
        f.write_str("loud")
    }
}

#[test]
fn a_value_that_logs_itself_comes_to_an_end() {
    let _alone = alone();
    let dropped = REDACTOR.counts().dropped;
    tracing::info!(loud = ?Loud, "start");
    // The event of the deepest, and the values of its span.
    assert_eq!(REDACTOR.counts().dropped - dropped, 2);
    let seen = SEEN.lock().unwrap();
    assert!(!seen.contains("only4docs!"), "{seen}");
    assert_eq!(seen.matches("shown with password=[REDACTED:secret]").count(), 7, "{seen}");
    assert!(seen.contains("start"));
}

#[test]
fn panics_are_reported_redacted() {
    let _alone = alone();
    static REPORTS: Mutex<String> = Mutex::new(String::new());
    let write = |report: &str| REPORTS.lock().unwrap().push_str(report);
    std::panic::set_hook(Box::new(panic::hook(&REDACTOR, write)));
    let secret = "only4docs!";
    let caught = [
        std::panic::catch_unwind(|| panic!("cannot connect with password={secret}")),
        std::panic::catch_unwind(|| panic!("plain text")),
        std::panic::catch_unwind(|| std::panic::panic_any(42)),
        // A panic inside the redactor's own work is reported like any other.
        std::panic::catch_unwind(|| {
            struct Panics;
            impl fmt::Debug for Panics {
                fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                    panic!("shown with password=only4docs!");
                }
            }
            tracing::info!(value = ?Panics);
        }),
    ];
    drop(std::panic::take_hook());
    assert_eq!(caught.map(|result| result.is_err()), [true, true, true, false]);
    let reports = REPORTS.lock().unwrap();
    assert!(!reports.contains("only4docs!"), "{reports}");
    for part in [
        "cannot connect with password=[REDACTED:secret]",
        "shown with password=[REDACTED:secret]",
        "plain text",
        "(a value that is no text)",
        "thread 'panics_are_reported_redacted' panicked at ",
        "global.rs:",
    ] {
        assert!(reports.contains(part), "{part}\n{reports}");
    }
}
