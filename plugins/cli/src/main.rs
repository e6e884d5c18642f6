//! `redact`: masks secrets in what passes through it, from standard input to standard output or in files.
//!
//! A thin shell around `redact-stream`: the engine decides what a secret is and what stands in its place; this program
//! reads, waits, writes and reports. The modules stand in the order of a run:
//!
//! ```text
//! args ─┐
//! config ┴▶ settings ─▶ run: Plan ─▶ files ─▶ live ─▶ (engine) ─▶ sink ─▶ output, report
//!           checked,    nothing is   open,    read,               write
//!           located     written yet  rename   wait
//! ```
//!
//! Exit codes: 0, 1 (`--check` found something), 2 (an error). A reader that goes away is no error.

mod args;
mod config;
mod settings;

mod run;

mod codec;
mod files;
mod live;
mod reload;
mod sink;
mod stdio;
mod temp;

mod parallel;
mod progress;
mod report;

mod explain_cmd;
mod rule_docs;
mod rule_schema;
mod rules_cmd;

mod error;

use std::process::ExitCode;

fn main() -> ExitCode {
    error::hide_panic_messages();
    std::panic::catch_unwind(run::run).unwrap_or(ExitCode::from(error::EXIT_ERROR))
}
