//! OpenTelemetry's exporters and processors, given redacted data only: for what reaches them past `tracing`.
//!
//! [`crate::RedactLayer`] covers what `tracing-opentelemetry` makes of spans and events. Attributes that are set by
//! `OpenTelemetrySpanExt::set_attribute`, spans of other libraries and log records made by OpenTelemetry's own API do not pass it.
//! [`RedactSpanExporter`], [`RedactLogProcessor`] and [`RedactLogExporter`] stand at the way out, where all of it passes.
//!
//! Texts are looked at wherever they are: names, attributes, events, links, status, bodies, nested values, and the resource. Keys of
//! attributes are names of fields for the [`crate::FieldPolicy`], in general: there are no targets.
//!
//! Limits: metrics are not covered; ids, trace state, and the names and versions of libraries stay as they are.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::Status;
use opentelemetry::{Array, InstrumentationScope, Key, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{
    LogBatch, LogExporter, LogProcessor, SdkLogRecord, SdkLogger, SdkLoggerProvider,
};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::policy::Plan;
use crate::redactor::{Lease, Redactor};
use crate::state::utf8;

/// What stands for a kind of value that is not known here.
const UNKNOWN_KIND: &str = "[REDACTED:unreadable]";

/// A span exporter that is given redacted spans only.
///
/// ```
/// use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
/// use tracing_redact::opentelemetry::RedactSpanExporter;
///
/// let exporter = RedactSpanExporter::new(InMemorySpanExporter::default(), &Default::default());
/// let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
/// # provider.shutdown().unwrap();
/// ```
#[derive(Debug)]
pub struct RedactSpanExporter<E> {
    inner: E,
    redactor: Redactor,
}

impl<E> RedactSpanExporter<E> {
    /// Wraps an exporter.
    pub fn new(exporter: E, redactor: &Redactor) -> RedactSpanExporter<E> {
        RedactSpanExporter { inner: exporter, redactor: redactor.clone() }
    }
}

impl<E: SpanExporter> SpanExporter for RedactSpanExporter<E> {
    fn export(&self, mut batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        let mut looker = Looker::new(&self.redactor);
        batch.iter_mut().for_each(|span| looker.span(span));
        drop(looker);
        self.inner.export(batch)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.inner.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        let resource = Looker::new(&self.redactor).resource(resource);
        self.inner.set_resource(&resource);
    }
}

/// A log processor that is given redacted records only; so are those behind it in the same provider.
///
/// ```
/// use opentelemetry_sdk::logs::{BatchLogProcessor, InMemoryLogExporter, SdkLoggerProvider};
/// use tracing_redact::opentelemetry::RedactLogProcessor;
///
/// let processor = BatchLogProcessor::builder(InMemoryLogExporter::default()).build();
/// let processor = RedactLogProcessor::new(processor, &Default::default());
/// let provider = SdkLoggerProvider::builder().with_log_processor(processor).build();
/// # provider.shutdown().unwrap();
/// ```
#[derive(Debug)]
pub struct RedactLogProcessor<P> {
    inner: P,
    records: Records,
}

impl<P> RedactLogProcessor<P> {
    /// Wraps a processor.
    pub fn new(processor: P, redactor: &Redactor) -> RedactLogProcessor<P> {
        RedactLogProcessor { inner: processor, records: Records::new(redactor) }
    }
}

impl<P: LogProcessor> LogProcessor for RedactLogProcessor<P> {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        *record = self.records.redacted(record);
        self.inner.emit(record, &Looker::new(&self.records.redactor).scope(scope));
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.inner.shutdown()
    }

    fn event_enabled(&self, level: Severity, target: &str, name: Option<&str>) -> bool {
        self.inner.event_enabled(level, target, name)
    }

    fn set_resource(&mut self, resource: &Resource) {
        let resource = Looker::new(&self.records.redactor).resource(resource);
        self.inner.set_resource(&resource);
    }
}

/// A log exporter that is given redacted records only.
///
/// ```
/// use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLoggerProvider};
/// use tracing_redact::opentelemetry::RedactLogExporter;
///
/// let exporter = RedactLogExporter::new(InMemoryLogExporter::default(), &Default::default());
/// let provider = SdkLoggerProvider::builder().with_batch_exporter(exporter).build();
/// # provider.shutdown().unwrap();
/// ```
#[derive(Debug)]
pub struct RedactLogExporter<E> {
    inner: E,
    records: Records,
}

impl<E> RedactLogExporter<E> {
    /// Wraps an exporter.
    pub fn new(exporter: E, redactor: &Redactor) -> RedactLogExporter<E> {
        RedactLogExporter { inner: exporter, records: Records::new(redactor) }
    }
}

impl<E: LogExporter> LogExporter for RedactLogExporter<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let redacted = |(record, scope): (&SdkLogRecord, &InstrumentationScope)| {
            let scope = Looker::new(&self.records.redactor).scope(scope);
            (self.records.redacted(record), scope.into_owned())
        };
        let records: Vec<(SdkLogRecord, InstrumentationScope)> =
            batch.iter().map(redacted).collect();
        let records: Vec<_> = records.iter().map(|(record, scope)| (record, scope)).collect();
        self.inner.export(LogBatch::new(&records)).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.inner.shutdown()
    }

    fn event_enabled(&self, level: Severity, target: &str, name: Option<&str>) -> bool {
        self.inner.event_enabled(level, target, name)
    }

    fn set_resource(&mut self, resource: &Resource) {
        let resource = Looker::new(&self.records.redactor).resource(resource);
        self.inner.set_resource(&resource);
    }
}

/// Makes redacted copies of log records: attributes can be added to a record, not changed.
struct Records {
    redactor: Redactor,
    /// Of a provider without processors: where new records come from.
    blank: SdkLogger,
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("redactor", &self.redactor).finish_non_exhaustive()
    }
}

impl Records {
    fn new(redactor: &Redactor) -> Records {
        let blank = SdkLoggerProvider::builder().build().logger("tracing-redact");
        Records { redactor: redactor.clone(), blank }
    }

    fn redacted(&self, record: &SdkLogRecord) -> SdkLogRecord {
        let mut looker = Looker::new(&self.redactor);
        let mut new = self.blank.create_log_record();
        record.event_name().into_iter().for_each(|name| new.set_event_name(name));
        record.target().into_iter().for_each(|target| new.set_target(target.clone()));
        record.timestamp().into_iter().for_each(|time| new.set_timestamp(time));
        record.observed_timestamp().into_iter().for_each(|time| new.set_observed_timestamp(time));
        record.severity_text().into_iter().for_each(|text| new.set_severity_text(text));
        record.severity_number().into_iter().for_each(|number| new.set_severity_number(number));
        if let Some(context) = record.trace_context() {
            new.set_trace_context(context.trace_id, context.span_id, context.trace_flags);
        }
        if let Some(body) = record.body() {
            let mut body = body.clone();
            looker.any("message", &mut body);
            new.set_body(body);
        }
        for (key, value) in record.attributes_iter() {
            let mut value = value.clone();
            looker.any(key.as_str(), &mut value);
            new.add_attribute(key.clone(), value);
        }
        new
    }
}

/// Looks at OpenTelemetry's kinds of values.
struct Looker<'r> {
    redactor: &'r Redactor,
    lease: Lease<'r>,
}

impl<'r> Looker<'r> {
    fn new(redactor: &'r Redactor) -> Looker<'r> {
        Looker { redactor, lease: redactor.lease_any() }
    }

    fn span(&mut self, span: &mut SpanData) {
        self.cow(&mut span.name);
        self.attributes(&mut span.attributes);
        for event in &mut span.events.events {
            self.cow(&mut event.name);
            self.attributes(&mut event.attributes);
        }
        span.links.links.iter_mut().for_each(|link| self.attributes(&mut link.attributes));
        if let Status::Error { description } = &mut span.status {
            self.cow(description);
        }
        if let Cow::Owned(scope) = self.scope(&span.instrumentation_scope) {
            span.instrumentation_scope = scope;
        }
    }

    fn scope<'s>(&mut self, scope: &'s InstrumentationScope) -> Cow<'s, InstrumentationScope> {
        let mut attributes: Vec<KeyValue> = scope.attributes().cloned().collect();
        self.attributes(&mut attributes);
        if attributes.iter().zip(scope.attributes()).all(|(new, old)| new.value == old.value) {
            return Cow::Borrowed(scope);
        }
        let mut new = InstrumentationScope::builder(scope.name().to_owned());
        if let Some(version) = scope.version() {
            new = new.with_version(version.to_owned());
        }
        if let Some(url) = scope.schema_url() {
            new = new.with_schema_url(url.to_owned());
        }
        Cow::Owned(new.with_attributes(attributes).build())
    }

    fn resource(&mut self, resource: &Resource) -> Resource {
        let attributes =
            resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        let mut attributes: Vec<KeyValue> = attributes.collect();
        self.attributes(&mut attributes);
        let builder = Resource::builder_empty();
        match resource.schema_url() {
            Some(url) => builder.with_schema_url(attributes, url.to_owned()).build(),
            None => builder.with_attributes(attributes).build(),
        }
    }

    fn attributes(&mut self, attributes: &mut [KeyValue]) {
        for attribute in attributes {
            self.value(attribute.key.as_str(), &mut attribute.value);
        }
    }

    fn value(&mut self, name: &str, value: &mut Value) {
        let new = match value {
            Value::Bool(old) => self.bool(name, *old),
            Value::I64(old) => self.number(name, &*old),
            Value::F64(old) => self.number(name, &*old),
            Value::String(old) => return self.string(name, old),
            Value::Array(Array::String(old)) => {
                return old.iter_mut().for_each(|old| self.string(name, old));
            }
            Value::Array(array) => {
                let numbers: Option<Vec<Option<String>>> = match array {
                    Array::Bool(old) => Some(old.iter().map(|v| self.bool(name, *v)).collect()),
                    Array::I64(old) => Some(old.iter().map(|v| self.number(name, v)).collect()),
                    Array::F64(old) => Some(old.iter().map(|v| self.number(name, v)).collect()),
                    _ => None,
                };
                match numbers {
                    // Arrays are of one kind: with a mask in it, it is one of texts.
                    Some(numbers) if numbers.iter().any(Option::is_some) => {
                        let mask = numbers.into_iter().flatten().next();
                        mask.map(|mask| format!("[{mask}]"))
                    }
                    Some(_) => None,
                    None => Some(UNKNOWN_KIND.to_owned()),
                }
            }
            _ => Some(UNKNOWN_KIND.to_owned()),
        };
        if let Some(new) = new {
            *value = Value::String(new.into());
        }
    }

    fn any(&mut self, name: &str, value: &mut AnyValue) {
        let new = match value {
            AnyValue::Boolean(old) => self.bool(name, *old),
            AnyValue::Int(old) => self.number(name, &*old),
            AnyValue::Double(old) => self.number(name, &*old),
            AnyValue::String(old) => return self.string(name, old),
            AnyValue::ListAny(old) => return old.iter_mut().for_each(|old| self.any(name, old)),
            AnyValue::Map(old) => return self.map(name, old),
            AnyValue::Bytes(old) => match std::str::from_utf8(old) {
                Ok(text) => self.text(name, text),
                Err(_) => self.bytes(name, old),
            },
            _ => Some(UNKNOWN_KIND.to_owned()),
        };
        if let Some(new) = new {
            *value = AnyValue::String(new.into());
        }
    }

    /// What is in a map has names of its own; that of the map may be one of a secret too.
    fn map(&mut self, name: &str, map: &mut HashMap<Key, AnyValue>) {
        let shared = self.redactor.shared();
        let plan = self.lease.state().plan(shared, name);
        for (key, value) in map {
            match plan {
                Plan::Mask(_) => self.any(name, value),
                _ => self.any(key.as_str(), value),
            }
        }
    }

    fn bool(&mut self, name: &str, value: bool) -> Option<String> {
        let shared = self.redactor.shared();
        match self.lease.state().plan(shared, name) {
            Plan::Mask(crate::policy::Reason::Named) => {
                Some(self.lease.state().mask(shared, if value { "true" } else { "false" }))
            }
            _ => None,
        }
    }

    fn number(&mut self, name: &str, value: &dyn std::fmt::Display) -> Option<String> {
        let shared = self.redactor.shared();
        let text = value.to_string();
        match self.lease.state().plan(shared, name) {
            Plan::Mask(reason) => {
                let digits = text.bytes().filter(u8::is_ascii_digit).count();
                reason.masks_number(digits).then(|| self.lease.state().mask(shared, &text))
            }
            Plan::Look if !shared.numbers => None,
            _ => self.text(name, &text),
        }
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) -> Option<String> {
        let text = utf8(bytes.to_vec());
        self.text(name, &text)
    }

    fn string(&mut self, name: &str, value: &mut StringValue) {
        if let Some(new) = self.text(name, value.as_str()) {
            *value = new.into();
        }
    }

    fn cow(&mut self, text: &mut Cow<'static, str>) {
        if let Cow::Owned(new) = self.lease.state().text(self.redactor.shared(), text) {
            *text = Cow::Owned(new);
        }
    }

    /// The text, if it is another now.
    fn text(&mut self, name: &str, text: &str) -> Option<String> {
        match self.lease.state().field(self.redactor.shared(), name, text) {
            Cow::Owned(new) => Some(new),
            Cow::Borrowed(_) => None,
        }
    }
}
