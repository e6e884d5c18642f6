//! The outputs that secrets could leave by.
//!
//! Each takes everything that [`crate::planted`] logs, wrapped or not, and answers what came out.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, Once};

use opentelemetry::trace::TracerProvider as _;
use sentry::integrations::tracing as sentry_layers;
use tracing::{Dispatch, Event, Subscriber, span};
use tracing_redact::{RedactExt as _, Redactor};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry, reload};

use crate::planted::log_all;

/// What is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrap {
    Nothing,
    Layer,
    Subscriber,
}

impl Wrap {
    pub(crate) const ALL: [Wrap; 2] = [Wrap::Layer, Wrap::Subscriber];
}

/// What came out.
pub(crate) type Output = fn(Wrap, &Redactor) -> String;

/// All outputs that need nothing outside the process, by their names.
pub(crate) const OUTPUTS: &[(&str, Output)] = &[
    ("fmt", |wrap, r| {
        with_fmt(wrap, r, |buffer| fmt::layer().with_ansi(false).with_writer(buffer))
    }),
    ("fmt, coloured", |wrap, r| {
        with_fmt(wrap, r, |buffer| fmt::layer().with_ansi(true).with_writer(buffer))
    }),
    ("fmt, compact", |wrap, r| {
        with_fmt(wrap, r, |buffer| fmt::layer().with_ansi(false).with_writer(buffer).compact())
    }),
    ("fmt, pretty", |wrap, r| {
        with_fmt(wrap, r, |buffer| fmt::layer().with_ansi(false).with_writer(buffer).pretty())
    }),
    ("fmt, JSON", |wrap, r| with_fmt(wrap, r, |buffer| fmt::layer().with_writer(buffer).json())),
    ("fmt, JSON, flattened", |wrap, r| {
        with_fmt(wrap, r, |buffer| fmt::layer().with_writer(buffer).json().flatten_event(true))
    }),
    ("EnvFilter per layer, JSON", |wrap, r| {
        with_fmt(wrap, r, |buffer| {
            fmt::layer().with_writer(buffer).json().with_filter(EnvFilter::new("error"))
        })
    }),
    ("reload", |wrap, r| {
        with_fmt(wrap, r, |buffer| {
            reload::Layer::new(fmt::layer().with_ansi(false).with_writer(buffer)).0
        })
    }),
    ("tracing-appender", appender),
    ("tracing-opentelemetry", opentelemetry),
    ("tracing-error", span_trace),
    ("sentry", |wrap, r| {
        let layer = sentry_layers::SpanLayer::new()
            .and_then(sentry_layers::ErrorLayer::new().enable_span_attributes());
        sentry(wrap, r, layer)
    }),
    ("sentry, logs", |wrap, r| sentry(wrap, r, sentry_layers::LogLayer::new())),
    ("a layer of one's own", own_layer),
];

/// A registry with a layer, wrapped as is said.
macro_rules! dispatch {
    ($wrap:expr, $redactor:expr, $layer:expr) => {
        match $wrap {
            Wrap::Nothing => Dispatch::new(registry().with($layer)),
            Wrap::Layer => Dispatch::new(registry().with($layer.redacted_with($redactor))),
            Wrap::Subscriber => {
                Dispatch::new(registry().with($layer).redacted_subscriber_with($redactor))
            }
        }
    };
}
pub(crate) use dispatch;

/// Runs with this dispatcher, to which `log` goes too.
pub(crate) fn run<R>(dispatch: &Dispatch, run: impl FnOnce() -> R) -> R {
    static LOG: Once = Once::new();
    LOG.call_once(|| tracing_log::LogTracer::init().unwrap());
    tracing::dispatcher::with_default(dispatch, run)
}

fn with_fmt<L>(wrap: Wrap, redactor: &Redactor, layer: impl FnOnce(Buffer) -> L) -> String
where
    L: Layer<registry::Registry> + Send + Sync,
{
    let buffer = Buffer::default();
    let layer = layer(buffer.clone());
    run(&dispatch!(wrap, redactor, layer), || log_all(|| ()));
    buffer.text()
}

fn appender(wrap: Wrap, redactor: &Redactor) -> String {
    let buffer = Buffer::default();
    let (writer, guard) = tracing_appender::non_blocking(buffer.clone());
    run(&dispatch!(wrap, redactor, fmt::layer().with_writer(writer)), || log_all(|| ()));
    drop(guard);
    buffer.text()
}

fn opentelemetry(wrap: Wrap, redactor: &Redactor) -> String {
    let exporter = opentelemetry_sdk::trace::InMemorySpanExporter::default();
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let dispatch = dispatch!(wrap, redactor, layer);
    run(&dispatch, || log_all(|| ()));
    provider.force_flush().unwrap();
    format!("{:?}", exporter.get_finished_spans().unwrap())
}

fn span_trace(wrap: Wrap, redactor: &Redactor) -> String {
    let dispatch = dispatch!(wrap, redactor, tracing_error::ErrorLayer::default());
    let trace = run(&dispatch, || log_all(tracing_error::SpanTrace::capture));
    assert_eq!(trace.status(), tracing_error::SpanTraceStatus::CAPTURED);
    format!("{trace}\n{trace:?}")
}

fn sentry<L>(wrap: Wrap, redactor: &Redactor, layer: L) -> String
where
    L: Layer<registry::Registry> + Send + Sync,
{
    let options = sentry::ClientOptions::new().traces_sample_rate(1.0);
    let log = || run(&dispatch!(wrap, redactor, layer), || log_all(|| ()));
    let envelopes = sentry::test::with_captured_envelopes_options(log, options);
    let mut out = Vec::new();
    envelopes.iter().for_each(|envelope| envelope.to_writer(&mut out).unwrap());
    String::from_utf8(out).unwrap()
}

fn own_layer(wrap: Wrap, redactor: &Redactor) -> String {
    let layer = Everything::default();
    let seen = layer.clone();
    run(&dispatch!(wrap, redactor, layer), || log_all(|| ()));
    seen.text()
}

/// A layer that writes down everything that it is given, wherever it is given it.
#[derive(Clone, Default)]
pub(crate) struct Everything(pub(crate) Arc<Mutex<String>>);

impl Everything {
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    fn add(&self, text: std::fmt::Arguments<'_>) {
        writeln!(self.0.lock().unwrap(), "{text}").unwrap();
    }
}

impl<S: Subscriber> Layer<S> for Everything {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, _: Context<'_, S>) {
        self.add(format_args!("{id:?} {attributes:?}"));
    }

    fn on_record(&self, id: &span::Id, record: &span::Record<'_>, _: Context<'_, S>) {
        self.add(format_args!("{id:?} {record:?}"));
    }

    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        self.add(format_args!("asked {event:?}"));
        true
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.add(format_args!("{event:?}"));
        let mut visitor = |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            self.add(format_args!("{field}: {value:?}, {value:#?}"));
        };
        event.record(&mut visitor);
    }
}

/// A writer into memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffer(pub(crate) Arc<Mutex<Vec<u8>>>);

impl Buffer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Buffer {
    type Writer = Buffer;

    fn make_writer(&'w self) -> Buffer {
        self.clone()
    }
}
