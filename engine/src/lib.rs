//! Finds and masks secrets in byte streams.
//!
//! One engine, several scanners, the same bytes. The modules stand in the order in which a byte passes them:
//!
//! ```text
//! rule (TOML) ──▶ engine                                               once
//! bytes in ─▶ stream ─▶ 1 scan ─▶ 2 confirm ─▶ 3 resolve ─▶ 4 mask ─▶ 5 stream ─▶ bytes out
//!                coded lines also decoded (`coded`), hits fitted into JSON (`json`)
//! ```
//!
//! ```
//! use redact_stream::Engine;
//!
//! let engine = Engine::builder().build()?;
//! let line = "connecting to postgres://app:not4real-42@db:5432/app";
//! assert_eq!(engine.redact_str(line), "connecting to postgres://app:[REDACTED:url-credential]@db:5432/app");
//! # Ok::<(), redact_stream::BuildError>(())
//! ```
//!
//! The engine knows no I/O and no threads: whoever uses it brings a [`Sink`]. It works on bytes; what is no secret passes
//! unchanged, valid UTF-8 or not.
//!
//! Limits: a rule matches within one line and at most [`MAX_MATCH`] bytes; over several lines only PEM, PGP and PuTTY blocks are
//! followed, Kubernetes Secrets, and values on the line behind their name. What no rule describes is not found.

mod error;
mod rule;

mod kernel;
mod scan;

mod block;
mod coded;
mod confirm;

mod resolve;

mod mask;

mod hold;
mod json;
mod keys;
mod stream;
mod text;
mod work;

mod allow;
mod engine;
pub mod explain;
mod field;
pub mod lint;
mod secret;

#[cfg(feature = "stages")]
pub mod stages;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use allow::AllowList;
pub use engine::{Engine, EngineBuilder, Finding};
pub use error::{BuildError, Problem};
pub use field::KeyPromise;
pub use keys::KeyGlobs;
pub use mask::Mask;
pub use rule::{BlockKind, Check, CheckFailure, Confidence, MAX_MATCH, Rule, RuleSet, ValueSyntax};
#[cfg(feature = "hyperscan")]
pub use scan::hyperscan::FolderCache;
pub use scan::{DatabaseCache, ScannerKind};
pub use secret::SecretBytes;
pub use stream::{Sink, Stats, StreamRedactor, WriteSink};
pub use text::TextRedactor;

mod builtin {
    //! The built-in rules and the scanner's tables for them, as `build.rs` made them.
    use std::borrow::Cow;

    use crate::rule::byte_set::ByteSet;
    use crate::rule::run::{Run, RunClass, Sign};
    use crate::rule::spec::{EmbeddedAnchor, EmbeddedHead};
    use crate::rule::trigger::Around;
    use crate::rule::{BlockKind, Check, CheckFailure, Confidence, Rule, ValueSyntax};
    use crate::scan::simd::lookup::{Group, Index, Keys, Literal};
    use crate::scan::simd::tables::Tables;

    include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
}

impl RuleSet {
    /// The rules that come with the engine, from `engine/rules/*.toml`.
    pub fn builtin() -> RuleSet {
        RuleSet::embedded(builtin::BUILTIN)
    }
}
