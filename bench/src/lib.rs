//! Benchmarks of `redact`: how fast it is, what it costs, and how others do on the same texts.
//!
//! ```text
//! seed ─▶ lines, secrets ─▶ text ─▶ contestant ─▶ check ─▶ pipe, latency, instructions ─▶ report, plot
//! ```
//!
//! A [`text`] is made from a seed; every [`contestant`] must first pass [`check`]: who is wrong is not timed. Then they run
//! between two pipes in rounds ([`pipe`]), line by line ([`latency`]) and under callgrind ([`instructions`]). [`report`]
//! writes tables with their conditions, [`plot`] draws them. [`equal`] compares all scanners and kernels on large texts.
//!
//! `benches/stages.rs` measures the stages of the engine in memory.
//!
//! Limits: Linux; times are of one machine in one hour. Numbers are comparable within one run only.

mod lines;
pub mod secrets;
pub mod text;

pub mod contestant;
pub mod kernel;

pub mod check;

pub mod instructions;
pub mod latency;
pub mod pipe;

pub mod plot;
pub mod report;

pub mod equal;
