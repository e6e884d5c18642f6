//! The wrappers around a layer and around a whole subscriber.
//!
//! Layers beside one another cannot redact for each other: each is given the event itself. A wrapper can, since what it passes on
//! is up to it: new values over the same static metadata. All else is passed on as it is; `forward.rs` has the two `impl`s.

use tracing_core::Metadata;
use tracing_core::field::{ValueSet, Visit};
use tracing_subscriber::fmt::MakeWriter;

use crate::redactor::Redactor;
use crate::writer::RedactMakeWriter;

/// A layer that is given redacted values only.
///
/// Several layers are better wrapped together, by [`RedactSubscriber`] or by [`Layer::and_then`] first: each wrapper looks at an
/// event anew. Also, `fmt` layers share what they wrote of a span's fields through the span; beside one that is not wrapped, a
/// wrapped one shows what the other wrote.
///
/// What filters inside the wrapper see is redacted. What a layer inside answers from `event_enabled` counts for it alone, since
/// it is asked when the event is redacted already; per-layer filters work as ever.
///
/// [`Layer::and_then`]: tracing_subscriber::Layer::and_then
#[derive(Clone, Debug)]
pub struct RedactLayer<L> {
    pub(crate) inner: L,
    pub(crate) redactor: Redactor,
}

/// A subscriber, with all its layers, that is given redacted values only.
///
/// ```
/// use tracing_redact::RedactExt as _;
/// use tracing_subscriber::prelude::*;
///
/// let subscriber = tracing_subscriber::registry()
///     .with(tracing_subscriber::fmt::layer())
///     .redacted_subscriber();
/// tracing::subscriber::with_default(subscriber, || {
///     tracing::info!(password = "correct horse", "login"); // … INFO login password="[REDACTED:field]"
/// });
/// ```
#[derive(Clone, Debug)]
pub struct RedactSubscriber<S> {
    pub(crate) inner: S,
    pub(crate) redactor: Redactor,
}

impl<L> RedactLayer<L> {
    /// Wraps a layer.
    pub fn new(layer: L, redactor: &Redactor) -> RedactLayer<L> {
        RedactLayer { inner: layer, redactor: redactor.clone() }
    }

    /// The layer.
    pub fn inner(&self) -> &L {
        &self.inner
    }

    /// What it redacts with.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}

impl<S> RedactSubscriber<S> {
    /// Wraps a subscriber.
    pub fn new(subscriber: S, redactor: &Redactor) -> RedactSubscriber<S> {
        RedactSubscriber { inner: subscriber, redactor: redactor.clone() }
    }

    /// The subscriber.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// What it redacts with.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}

/// Wraps in one word, with [`Redactor::default`] or one of your own.
pub trait RedactExt: Sized {
    /// A layer that is given redacted values only.
    ///
    /// ```
    /// use tracing_redact::RedactExt as _;
    /// use tracing_subscriber::prelude::*;
    ///
    /// let subscriber = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer().redacted());
    /// # tracing::subscriber::with_default(subscriber, || ());
    /// ```
    fn redacted(self) -> RedactLayer<Self> {
        self.redacted_with(&Redactor::default())
    }

    /// The same, with these rules and this policy.
    fn redacted_with(self, redactor: &Redactor) -> RedactLayer<Self> {
        RedactLayer::new(self, redactor)
    }

    /// A subscriber, with all its layers, that is given redacted values only.
    fn redacted_subscriber(self) -> RedactSubscriber<Self>
    where
        Self: tracing_core::Subscriber,
    {
        RedactSubscriber::new(self, &Redactor::default())
    }

    /// The same, with these rules and this policy.
    fn redacted_subscriber_with(self, redactor: &Redactor) -> RedactSubscriber<Self>
    where
        Self: tracing_core::Subscriber,
    {
        RedactSubscriber::new(self, redactor)
    }

    /// Writers of redacted text, for the `fmt` layer.
    fn redacted_writer(self) -> RedactMakeWriter<Self>
    where
        Self: for<'w> MakeWriter<'w>,
    {
        RedactMakeWriter::new(self, &Redactor::default())
    }

    /// The same, with these rules.
    fn redacted_writer_with(self, redactor: &Redactor) -> RedactMakeWriter<Self>
    where
        Self: for<'w> MakeWriter<'w>,
    {
        RedactMakeWriter::new(self, redactor)
    }
}

impl<T> RedactExt for T {}

impl Redactor {
    /// Gives to `then` the values that `record` visits, redacted; none if this event arose too deep inside others.
    pub(crate) fn values<R>(
        &self,
        metadata: &'static Metadata<'static>,
        record: impl FnOnce(&mut dyn Visit),
        then: impl FnOnce(&ValueSet<'_>) -> R,
    ) -> Option<R> {
        let mut lease = self.lease()?;
        Some(lease.state().redact(self.shared(), metadata, record, then))
    }

    /// The same, with no values if this arose too deep inside others: for spans, which must be passed on.
    pub(crate) fn values_or_none<R>(
        &self,
        metadata: &'static Metadata<'static>,
        record: impl FnOnce(&mut dyn Visit),
        then: impl FnOnce(&ValueSet<'_>) -> R,
    ) -> R {
        match self.lease() {
            Some(mut lease) => lease.state().redact(self.shared(), metadata, record, then),
            None => {
                let nothing = vec![None; metadata.fields().len()];
                then(&metadata.fields().value_set_all(&nothing))
            }
        }
    }
}
