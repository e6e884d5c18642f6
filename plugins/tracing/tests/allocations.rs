//! Events allocate nothing more than they would without the wrapper. A global allocator of its own, so a binary of its own.

use std::alloc::System;
use std::error::Error;
use std::fmt;
use std::io::{self, Write as _};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Subscriber, span};
use tracing_redact::{Engine, FieldPolicy, RedactExt as _, RedactWriter, Redactor};
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, registry};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A layer that looks at every value and keeps none.
struct Reads;

struct Count(usize);

impl fmt::Write for Count {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

impl Visit for Count {
    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        fmt::Write::write_fmt(self, format_args!("{value:?}")).unwrap();
    }
}

impl<S: Subscriber> Layer<S> for Reads {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        let mut count = Count(0);
        attributes.record(&mut count);
        std::hint::black_box(count.0);
    }

    fn on_record(&self, _: &span::Id, record: &span::Record<'_>, _: Context<'_, S>) {
        let mut count = Count(0);
        record.record(&mut count);
        std::hint::black_box(count.0);
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut count = Count(0);
        event.record(&mut count);
        std::hint::black_box(count.0);
    }
}

#[derive(Debug)]
struct Failed(&'static str, Option<&'static Failed>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.map(|source| source as _)
    }
}

static INNER: Failed = Failed("connection refused", None);
static FAILED: Failed = Failed("no answer", Some(&INNER));

const WORDS: [&str; 7] = ["ledger", "billing", "search", "index", "orders", "users", "mail"];

/// Events of all kinds; nothing of them is secret, and much is another each time.
fn log(n: usize) {
    let word = WORDS[n % WORDS.len()];
    tracing::info!(
        "request to the service finished after some attempts, and all replicas answered"
    );
    tracing::info!(n, word, ok = n > 0, took = n as f64, "request {n} to {word} finished");
    tracing::info!(path = %word, list = ?[n, n + 1], bytes = word.as_bytes(), "kinds of values");
    tracing::info!(key = word, auth = "required", ngrok = word, "names that are evidence");
    tracing::info!(error = &FAILED as &(dyn Error + 'static), "an error with its source");
    tracing::info!(lines = "one\ntwo\n", empty = "", escaped = "a\\tb\\u0041 100%25", "text {{}}");
}

fn log_spans(n: usize) {
    let span = tracing::info_span!(
        "request",
        path = WORDS[n % WORDS.len()],
        status = tracing::field::Empty
    );
    span.record("status", n);
    span.in_scope(|| log(n));
}

/// How often `run` allocates, by number of the round, once all is warm.
fn allocations(dispatch: &Dispatch, run: fn(usize)) -> usize {
    tracing::dispatcher::with_default(dispatch, || {
        (0..500).for_each(run);
        let region = Region::new(ALLOCATOR);
        (500..1000).for_each(run);
        let change = region.change();
        change.allocations + change.reallocations
    })
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn clean_events_allocate_nothing() {
    let redactor = Redactor::new(Engine::builder().build().unwrap(), FieldPolicy::new());
    let bare = Dispatch::new(registry().with(Reads));
    let layer = Dispatch::new(registry().with(Reads.redacted_with(&redactor)));
    let subscriber = Dispatch::new(registry().with(Reads).redacted_subscriber_with(&redactor));
    assert_eq!(allocations(&bare, log), 0);
    assert_eq!(allocations(&layer, log), 0);
    assert_eq!(allocations(&subscriber, log), 0);
    let of_bare = allocations(&bare, log_spans);
    assert_eq!(allocations(&layer, log_spans), of_bare);
    assert_eq!(allocations(&subscriber, log_spans), of_bare);
    assert_eq!(redactor.counts().total(), 0, "something was masked, so this shows nothing");

    // Nor does what is masked for a rule or for its name, as a rule.
    let masked = |n| tracing::info!(token = "none", "login of {n} with password=only4docs!");
    assert_eq!(allocations(&layer, masked), 0);
    assert_eq!(redactor.counts().total(), 2000);
    // Allocations are counted.
    assert!(allocations(&layer, |n| tracing::info!("{}", n.to_string())) >= 500);

    let lines = |writer: &mut RedactWriter<io::Sink>| {
        for n in 0..500 {
            writeln!(writer, "request {n} to {} finished", WORDS[n % WORDS.len()]).unwrap();
        }
    };
    let mut writer = RedactWriter::new(io::sink(), &redactor);
    lines(&mut writer);
    drop(writer);
    let region = Region::new(ALLOCATOR);
    // As `fmt` does it: a writer for each event.
    for n in 0..500 {
        writeln!(RedactWriter::new(io::sink(), &redactor), "request {n} finished").unwrap();
    }
    let mut writer = RedactWriter::new(io::sink(), &redactor);
    lines(&mut writer);
    assert_eq!(region.change().allocations, 0);
}
