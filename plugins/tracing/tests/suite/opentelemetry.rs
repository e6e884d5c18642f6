//! What reaches OpenTelemetry past `tracing`.

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::{
    Link, Span as _, SpanContext, Status, TraceContextExt as _, TraceState, Tracer as _,
    TracerProvider as _,
};
use opentelemetry::{
    Array, InstrumentationScope, Key, KeyValue, SpanId, StringValue, TraceFlags, TraceId, Value,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLoggerProvider, SimpleLogProcessor};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_redact::opentelemetry::{RedactLogExporter, RedactLogProcessor, RedactSpanExporter};
use tracing_redact::{Engine, FieldPolicy, RedactExt as _, Redactor};
use tracing_subscriber::prelude::*;

use crate::leaks::redactor;

const SECRET: &str = "password=only4docs!";

/// The spans that `log` makes, exported as they are and redacted.
fn spans(redactor: &Redactor, log: impl Fn(&SdkTracerProvider)) -> [String; 2] {
    let (bare, inner) = (InMemorySpanExporter::default(), InMemorySpanExporter::default());
    let resource = Resource::builder_empty().with_schema_url(
        [KeyValue::new("process.command_line", format!("x --{SECRET}"))],
        "https://x.example",
    );
    let provider = SdkTracerProvider::builder()
        .with_resource(resource.build())
        .with_simple_exporter(bare.clone())
        .with_simple_exporter(RedactSpanExporter::new(inner.clone(), redactor))
        .build();
    log(&provider);
    provider.force_flush().unwrap();
    [bare, inner].map(|exporter| format!("{:?}", exporter.get_finished_spans().unwrap()))
}

#[test]
fn attributes_that_pass_by_tracing_are_redacted_on_the_way_out() {
    let [bare, redacted] = spans(&redactor(), |provider| {
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer.redacted());
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("span", user = "ann");
            span.set_attribute("direct", SECRET);
            span.set_attribute("api_key", "correct horse battery");
            assert!(span.context().span().span_context().is_valid());
        });
    });
    assert!(bare.contains("only4docs!") && bare.contains("correct horse"));
    assert!(!redacted.contains("only4docs!") && !redacted.contains("correct horse"), "{redacted}");
    assert!(redacted.contains("[REDACTED:secret]") && redacted.contains("ann"));
}

#[test]
fn every_text_of_a_span_is_looked_at() {
    let policy = FieldPolicy::new().mask(["codes"]).unwrap();
    let redactor = Redactor::new(Engine::builder().build().unwrap(), policy);
    let [bare, redacted] = spans(&redactor, |provider| {
        let scope = InstrumentationScope::builder("lib")
            .with_version("1.2")
            .with_attributes([KeyValue::new("scope", SECRET)])
            .build();
        let tracer = provider.tracer_with_scope(scope);
        let texts: Vec<StringValue> = vec!["x".into(), SECRET.into()];
        let linked = SpanContext::new(
            TraceId::from(1),
            SpanId::from(1),
            TraceFlags::default(),
            false,
            TraceState::default(),
        );
        let builder = tracer
            .span_builder(format!("name {SECRET}"))
            .with_attributes([
                KeyValue::new("list", Value::Array(Array::String(texts))),
                KeyValue::new("codes", Value::Array(Array::I64(vec![4711, 4712]))),
                KeyValue::new("passcode", 4713),
                KeyValue::new("http.status_code", 200),
            ])
            .with_links(vec![Link::new(linked, vec![KeyValue::new("link", SECRET)], 0)]);
        let mut span = tracer.build(builder);
        span.add_event(format!("event {SECRET}"), vec![KeyValue::new("of_event", SECRET)]);
        span.set_status(Status::error(SECRET));
        span.end();
    });
    assert_eq!(bare.matches("only4docs!").count(), 7, "{bare}");
    assert_eq!(redacted.matches("only4docs!").count(), 0, "{redacted}");
    assert_eq!(redacted.matches("[REDACTED:secret]").count(), 7, "{redacted}");
    assert!(bare.contains("4711") && !redacted.contains("471"), "{redacted}");
    assert!(redacted.contains("I64(200)") && redacted.contains("1.2"));
}

/// The records that `log` emits, as a processor and an exporter get them.
fn records(redactor: &Redactor) -> [String; 3] {
    let exporters = [(); 3].map(|()| InMemoryLogExporter::default());
    let [bare, exported, processed] = exporters.clone();
    let processor = SimpleLogProcessor::new(processed);
    let provider = SdkLoggerProvider::builder()
        .with_log_processor(SimpleLogProcessor::new(bare))
        .with_log_processor(SimpleLogProcessor::new(RedactLogExporter::new(exported, redactor)))
        .with_log_processor(RedactLogProcessor::new(processor, redactor))
        .build();
    let logger = provider.logger("lib");
    let mut record = logger.create_log_record();
    record.set_event_name("event");
    record.set_target("target");
    record.set_severity_text("INFO");
    record.set_severity_number(Severity::Info);
    record.set_body(AnyValue::from(format!("body {SECRET}")));
    let map = AnyValue::Map(Box::new(
        [
            (Key::new("inner"), AnyValue::from(SECRET)),
            (Key::new("password"), AnyValue::from("correct horse")),
        ]
        .into(),
    ));
    record.add_attribute("text", SECRET);
    record.add_attribute("bytes", AnyValue::Bytes(Box::new(SECRET.as_bytes().to_vec())));
    record.add_attribute("list", AnyValue::ListAny(Box::new(vec![SECRET.into(), 1.into(), map])));
    record.add_attribute("credentials", "correct horse");
    record.add_attribute("user", "ann");
    record.add_attribute("status", 200);
    logger.emit(record);
    provider.force_flush().unwrap();
    exporters.map(|exporter| {
        let logs = exporter.get_emitted_logs().unwrap();
        logs.iter().map(|log| format!("{:?}", log.record)).collect()
    })
}

#[test]
fn log_records_are_redacted_by_processor_and_exporter() {
    let [bare, exported, processed] = records(&redactor());
    let hex = format!("{:?}", SECRET.as_bytes());
    assert!(bare.contains("only4docs!") && bare.contains("correct horse") && bare.contains(&hex));
    for text in [exported, processed] {
        for secret in ["only4docs!", "correct horse", &hex] {
            assert!(!text.contains(secret), "{secret}\n{text}");
        }
        for rest in ["body password=[REDACTED:secret]", "ann", "200", "target", "\"event\"", "Info"]
        {
            assert!(text.contains(rest), "{rest}\n{text}");
        }
    }
}
