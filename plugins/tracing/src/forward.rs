//! What the wrappers pass on: everything, values redacted.
//!
//! `downcast_raw` is how layers find one another (OpenTelemetry's context, `tracing-error`'s span traces, the marker of per-layer
//! filters): without it they stop working inside a wrapper. It is an unsafe method, and this file is the only one where unsafe
//! code is allowed.

#![allow(unsafe_code)]

use std::any::TypeId;
use std::sync::atomic::Ordering;

use tracing_core::field::ValueSet;
use tracing_core::span::{Attributes, Current, Id, Record};
use tracing_core::subscriber::Interest;
use tracing_core::{Dispatch, Event, LevelFilter, Metadata, Subscriber};
use tracing_subscriber::filter::FilterId;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanData};

use crate::wrap::{RedactLayer, RedactSubscriber};

impl<S, L> Layer<S> for RedactLayer<L>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    L: Layer<S>,
{
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        self.inner.on_register_dispatch(subscriber);
    }

    fn on_layer(&mut self, subscriber: &mut S) {
        self.inner.on_layer(subscriber);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.inner.register_callsite(metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, ctx: Context<'_, S>) -> bool {
        self.inner.enabled(metadata, ctx)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.inner.max_level_hint()
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        self.redactor.values_or_none(
            attributes.metadata(),
            |visitor| attributes.record(visitor),
            |values| self.inner.on_new_span(&with_values(attributes, values), id, ctx),
        );
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, ctx: Context<'_, S>) {
        let Some(metadata) = ctx.metadata(id) else {
            // Whose values these are is not known, so they cannot be put in place.
            self.redactor.shared().dropped.fetch_add(1, Ordering::Relaxed);
            return;
        };
        self.redactor.values(
            metadata,
            |visitor| record.record(visitor),
            |values| self.inner.on_record(id, &Record::new(values), ctx),
        );
    }

    fn on_follows_from(&self, span: &Id, follows: &Id, ctx: Context<'_, S>) {
        self.inner.on_follows_from(span, follows, ctx);
    }

    // `event_enabled` is asked in `on_event`, with the redacted event; to redact for it alone would double the cost.

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        self.redactor.values(
            event.metadata(),
            |visitor| event.record(visitor),
            |values| {
                let event = with_event_values(event, values);
                if self.inner.event_enabled(&event, ctx.clone()) {
                    self.inner.on_event(&event, ctx);
                }
            },
        );
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        self.inner.on_enter(id, ctx);
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        self.inner.on_exit(id, ctx);
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        self.inner.on_close(id, ctx);
    }

    fn on_id_change(&self, old: &Id, new: &Id, ctx: Context<'_, S>) {
        self.inner.on_id_change(old, new, ctx);
    }

    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            return Some(std::ptr::from_ref(self).cast());
        }
        // SAFETY: the pointer is to be one to a value of the type `id` that lives as long as `self`. The inner layer upholds that
        // for as long as it lives itself, and it is a field of `self` that is never replaced: nothing gives out a `&mut` to it
        // but `on_layer`, which has `self` borrowed.
        unsafe { self.inner.downcast_raw(id) }
    }
}

impl<S> Subscriber for RedactSubscriber<S>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        self.inner.on_register_dispatch(subscriber);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.inner.register_callsite(metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.inner.enabled(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.inner.max_level_hint()
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.redactor.values_or_none(
            attributes.metadata(),
            |visitor| attributes.record(visitor),
            |values| self.inner.new_span(&with_values(attributes, values)),
        )
    }

    fn record(&self, span: &Id, record: &Record<'_>) {
        let Some(metadata) = self.inner.span_data(span).map(|data| data.metadata()) else {
            self.redactor.shared().dropped.fetch_add(1, Ordering::Relaxed);
            return;
        };
        self.redactor.values(
            metadata,
            |visitor| record.record(visitor),
            |values| self.inner.record(span, &Record::new(values)),
        );
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.inner.record_follows_from(span, follows);
    }

    // `event_enabled` is asked in `event`, with the redacted event.

    fn event(&self, event: &Event<'_>) {
        self.redactor.values(
            event.metadata(),
            |visitor| event.record(visitor),
            |values| {
                let event = with_event_values(event, values);
                if self.inner.event_enabled(&event) {
                    self.inner.event(&event);
                }
            },
        );
    }

    fn enter(&self, span: &Id) {
        self.inner.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.inner.exit(span);
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.inner.clone_span(id)
    }

    fn try_close(&self, id: Id) -> bool {
        self.inner.try_close(id)
    }

    fn current_span(&self) -> Current {
        self.inner.current_span()
    }

    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            return Some(std::ptr::from_ref(self).cast());
        }
        // SAFETY: as above: the pointer is to be one to a value of the type `id` that lives as long as `self`; the inner subscriber
        // upholds that, and it is a field of `self` that nothing replaces.
        unsafe { self.inner.downcast_raw(id) }
    }
}

impl<'l, S: LookupSpan<'l>> LookupSpan<'l> for RedactSubscriber<S> {
    type Data = S::Data;

    fn span_data(&'l self, id: &Id) -> Option<S::Data> {
        self.inner.span_data(id)
    }

    fn register_filter(&mut self) -> FilterId {
        self.inner.register_filter()
    }
}

/// The same span with other values.
fn with_values<'v>(attributes: &Attributes<'_>, values: &'v ValueSet<'v>) -> Attributes<'v> {
    let metadata = attributes.metadata();
    match attributes.parent() {
        Some(parent) => Attributes::child_of(parent.clone(), metadata, values),
        None if attributes.is_root() => Attributes::new_root(metadata, values),
        None => Attributes::new(metadata, values),
    }
}

/// The same event with other values.
fn with_event_values<'v>(event: &Event<'_>, values: &'v ValueSet<'v>) -> Event<'v> {
    match event.is_contextual() {
        true => Event::new(event.metadata(), values),
        // No parent means that it is a root.
        false => Event::new_child_of(event.parent().cloned(), event.metadata(), values),
    }
}
