//! Every `tracing` layer redacted, not only the formatter.
//!
//! Secrets reach logs as values of events and spans, and from there each layer's output: the console, a file, OpenTelemetry, Sentry,
//! the journal. A layer cannot redact for the layers beside it; these wrappers do it for the layers inside them.
//!
//! ```
//! use tracing_redact::RedactExt as _;
//! use tracing_subscriber::prelude::*;
//!
//! let subscriber = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer().redacted());
//! # tracing::subscriber::with_default(subscriber, || {
//! tracing::info!(password = "correct horse", "connected to postgres://app:not4real-42@db:5432/app");
//! // INFO connected to postgres://app:[REDACTED:url-credential]@db:5432/app password="[REDACTED:field]"
//! # });
//! ```
//!
//! | to redact | wrap it with |
//! |---|---|
//! | one layer | [`RedactExt::redacted`]: [`RedactLayer`] |
//! | all layers at once | [`RedactExt::redacted_subscriber`]: [`RedactSubscriber`] |
//! | only what is formatted | [`RedactExt::redacted_writer`]: [`RedactMakeWriter`] |
//! | what `log` or `env_logger` write | [`RedactWriter`] |
//! | the message of a panic | [`panic::install`] |
//! | what reaches OpenTelemetry past `tracing` | `opentelemetry`, a feature |
//!
//! The path of an event: `forward.rs` ─▶ 1 `state.rs`, what to do with each field ─▶ 2 `capture.rs`, values are written down ─▶
//! 3 `values.rs`, one look at all ─▶ 4 `rebuild.rs`, the values in place of the old ones ─▶ `forward.rs`, to the layer inside.
//!
//! # What decides
//! The rules of [`Engine`] look at each value; a [`FieldPolicy`] masks values for the name of their field. A [`Redactor`] is both.
//! What was masked is counted, by rule ([`Redactor::counts`]).
//!
//! # What is not covered
//! - Names of fields, spans and targets, and what a macro's text says itself: these are static, in the program's text.
//! - Panics without the hook, `eprintln!`, and whatever else does not pass through `tracing` or a wrapped writer.
//! - Structure of `valuable` values: they are passed on as the text of their `Debug`.
//! - What no rule describes, in a field whose name says nothing.

mod forward;
mod wrap;

mod policy;
mod redactor;

mod capture;
mod edits;
mod known;
mod rebuild;
mod state;
mod values;

mod writer;

mod metrics;
#[cfg(feature = "opentelemetry")]
pub mod opentelemetry;
pub mod panic;

pub use metrics::Counts;
pub use policy::{FieldPolicy, TargetPolicy};
pub use redact_stream::{BuildError, Engine};
pub use redactor::Redactor;
pub use wrap::{RedactExt, RedactLayer, RedactSubscriber};
pub use writer::{RedactMakeWriter, RedactWriter};

#[cfg(doctest)]
mod readme {
    //! The README's programs.
    #[doc = include_str!("../README.md")]
    struct Readme;
}
