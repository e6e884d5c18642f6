//! What a wrapper costs: each event through a bare layer, and through the same layer wrapped.
//!
//! `cargo bench -p tracing-redact`. The layers: one that visits the values and does nothing with them, so that what is measured is
//! the wrapper; and `fmt`, writing to nowhere. The events, about 100 bytes of message and 4 fields:
//! - `same`: nothing changes from one to the next;
//! - `some`: a number in the message and one field change, as in most logs;
//! - `all`: every value is another each time, a field's one of four;
//! - `fresh`: the same, but none was there before;
//! - `masked`: one value holds a secret.
//!
//! It stands here and not in `bench/` since it needs nothing of the engine's benchmarks, and they nothing of `tracing`.

use std::fmt;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Subscriber};
use tracing_redact::{Engine, FieldPolicy, RedactExt as _, Redactor};
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, fmt as formatted, registry};

/// A layer that visits every value.
struct Visits;

struct Nothing;

impl Visit for Nothing {
    fn record_str(&mut self, _: &Field, value: &str) {
        black_box(value);
    }

    fn record_u64(&mut self, _: &Field, value: u64) {
        black_box(value);
    }

    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        // As every layer must that wants to know the value.
        fmt::Write::write_fmt(self, format_args!("{value:?}")).unwrap();
    }
}

impl fmt::Write for Nothing {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        black_box(text);
        Ok(())
    }
}

impl<S: Subscriber> Layer<S> for Visits {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut Nothing);
    }
}

const PATHS: [&str; 4] =
    ["/v1/accounts/list", "/v1/accounts/open", "/v1/ledger/entries", "/v1/search"];
const SERVICES: [&str; 4] = ["billing", "ledger", "search", "orders"];

fn same(_: u64) {
    tracing::info!(
        path = PATHS[0],
        service = SERVICES[0],
        status = 200u64,
        method = "GET",
        "request to the ledger service finished after 3 attempts, the answer was accepted by all replicas"
    );
}

fn some(n: u64) {
    tracing::info!(
        path = PATHS[0],
        service = SERVICES[n as usize % 4],
        status = 200u64,
        method = "GET",
        "request to the ledger service finished after {n} attempts, the answer was accepted by all replicas"
    );
}

fn all(n: u64) {
    let i = n as usize % 4;
    tracing::info!(
        path = PATHS[i],
        service = SERVICES[i],
        status = n,
        method = ["GET", "PUT", "POST", "HEAD"][i],
        "request to the ledger service finished after {n} attempts, the answer was accepted by all replicas"
    );
}

/// Values of which none comes twice in a long time.
static FRESH: LazyLock<Vec<[String; 2]>> = LazyLock::new(|| {
    let of = |n: usize| [format!("/v1/accounts/{n}/list"), format!("{}-{n}", SERVICES[n % 4])];
    (0..4096).map(of).collect()
});

fn fresh(n: u64) {
    let [path, service] = &FRESH[n as usize % 4096];
    tracing::info!(
        path,
        service,
        status = n,
        method = "GET",
        "request to the ledger service finished after {n} attempts, the answer was accepted by all replicas"
    );
}

fn masked(n: u64) {
    tracing::info!(
        path = PATHS[0],
        service = SERVICES[0],
        status = n,
        method = "GET",
        "connecting to postgres://billing:only-for-docs-42@db.internal.example:5432/ledger, after {n} attempts"
    );
}

type Log = fn(u64);

const EVENTS: [(&str, Log); 5] =
    [("same", same), ("some", some), ("all", all), ("fresh", fresh), ("masked", masked)];

fn dispatchers() -> Vec<(&'static str, Dispatch)> {
    let redactor = Redactor::new(Engine::builder().build().unwrap(), FieldPolicy::new());
    let r = &redactor;
    let fmt = || formatted::layer().with_ansi(false).without_time().with_writer(std::io::sink);
    let writer = std::io::sink.redacted_writer_with(r);
    let dispatchers = vec![
        ("visit, bare", registry().with(Visits).into()),
        ("visit, layer wrapped", registry().with(Visits.redacted_with(r)).into()),
        ("visit, subscriber wrapped", registry().with(Visits).redacted_subscriber_with(r).into()),
        ("fmt, bare", registry().with(fmt()).into()),
        ("fmt, layer wrapped", registry().with(fmt().redacted_with(r)).into()),
        ("fmt, writer wrapped", registry().with(fmt().with_writer(writer)).into()),
    ];
    // Before anything is measured: what should be masked is, and nothing else.
    for (name, dispatch) in &dispatchers {
        let before = redactor.counts().total();
        tracing::dispatcher::with_default(dispatch, || {
            same(1);
            some(1);
            (0..4).for_each(all);
            (0..4096).for_each(fresh);
        });
        assert_eq!(redactor.counts().total(), before, "{name}");
        tracing::dispatcher::with_default(dispatch, || masked(1));
        let found = redactor.counts().total() - before;
        assert_eq!(found, u64::from(!name.ends_with("bare")), "{name}");
    }
    dispatchers
}

fn events(c: &mut Criterion) {
    let dispatchers = dispatchers();
    for (event, log) in EVENTS {
        let mut group = c.benchmark_group(event);
        for (name, dispatch) in &dispatchers {
            let mut n = 0u64;
            tracing::dispatcher::with_default(dispatch, || {
                group.bench_function(*name, |b| {
                    b.iter(|| {
                        n += 1;
                        log(black_box(n));
                    });
                });
            });
        }
        group.finish();
    }
}

/// The same events on one thread and on several: an event's time stays as it is if nothing is shared.
fn threads(c: &mut Criterion) {
    let dispatchers = dispatchers();
    let most = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut group = c.benchmark_group("threads");
    for (name, dispatch) in dispatchers.iter().filter(|(name, _)| name.starts_with("visit")) {
        for threads in [1, most] {
            group.bench_function(format!("{name}, {threads} threads"), |b| {
                b.iter_custom(|events| {
                    let barrier = std::sync::Barrier::new(threads + 1);
                    std::thread::scope(|scope| {
                        let run = || {
                            tracing::dispatcher::with_default(dispatch, || {
                                // What a thread makes once is not measured.
                                (0..1000).for_each(all);
                                barrier.wait();
                                (0..events).for_each(|n| all(black_box(n)));
                                barrier.wait();
                            });
                        };
                        (0..threads).for_each(|_| drop(scope.spawn(run)));
                        barrier.wait();
                        let started = Instant::now();
                        barrier.wait();
                        started.elapsed()
                    })
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1));
    targets = events, threads
}
criterion_main!(benches);
