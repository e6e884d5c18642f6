//! The runner: checks all contestants, then measures them, and writes tables and plots.
//!
//! `cargo run --release -p redact-bench` does everything; `equal` compares the scanners on a large text. See `README.md`.
//!
//! Exit codes: 0; 1 if an output was wrong; 2 if something could not be run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use redact_bench::text::{Text, TextKind};
use redact_bench::{equal, pipe};
use redact_stream::ScannerKind;

mod figures;
mod parts;
mod runner;
mod worst;

/// Measures `redact` and other tools on texts made from a seed
///
/// Every output is checked before anything is timed; a wrong one ends the run with exit code 1.
#[derive(Debug, Parser)]
#[command(name = "redact-bench", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Sub>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// Compare the outputs of all scanners and kernels on one large text
    Equal {
        /// The text's size, in MB
        #[arg(long, default_value_t = 64)]
        size_mb: u64,
        /// The text
        #[arg(long, default_value = "mixed", value_parser = text_kind)]
        text: TextKind,
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// What each part costs: all without it, or with it, on the same text
    Parts(parts::PartsArgs),
    /// Which repeated beginning of a rule's example takes longest
    Worst(worst::WorstArgs),
    /// Write a text to standard output, for measuring by hand
    Text {
        #[arg(value_parser = text_kind)]
        text: TextKind,
        /// The text's size, in MB
        #[arg(long, default_value_t = 64)]
        size_mb: u64,
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// One scanner of `equal`
    #[command(hide = true)]
    EqualOne {
        #[arg(long, value_parser = scanner)]
        scanner: ScannerKind,
        #[arg(long, value_parser = text_kind)]
        text: TextKind,
        #[arg(long)]
        bytes: u64,
        #[arg(long)]
        seed: u64,
    },
    /// One measured run
    #[command(hide = true)]
    Measure {
        #[arg(long)]
        limit_seconds: u64,
        #[arg(long, value_delimiter = ',')]
        success: Vec<i32>,
        file: PathBuf,
        program: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

/// What a run measures.
#[derive(Debug, Args)]
struct RunArgs {
    /// Size of each text, in MB; hostile ones have at most 16
    #[arg(long, default_value_t = 64)]
    size_mb: u64,
    /// How often each contestant runs on each text; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only these texts, such as clean,s1000
    #[arg(long, value_delimiter = ',', value_parser = text_kind)]
    texts: Vec<TextKind>,
    /// Only the contestants whose names start so, such as cat,redact,rg-6
    #[arg(long, value_delimiter = ',')]
    contestants: Vec<String>,
    /// Only these figures: pipe, start, latency, instructions
    #[arg(long, value_delimiter = ',', value_parser = ["pipe", "start", "latency", "instructions"])]
    figures: Vec<String>,
    /// The folder for tables and plots
    #[arg(long, default_value = "bench/results")]
    out: PathBuf,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The program to measure, instead of one that is built now
    #[arg(long)]
    redact: Option<PathBuf>,
    /// Longest time of one run, in seconds; who takes longer on a hostile text is listed so
    #[arg(long, default_value_t = 120)]
    limit_seconds: u64,
}

/// Why a run ended early.
enum Failure {
    /// An output was wrong.
    Wrong(String),
    /// Something could not be run.
    Broken(String),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => runner::run(&cli.run),
        Some(Sub::Equal { size_mb, text, seed }) => {
            let text = Text { kind: text, bytes: size_mb * 1_000_000, seed };
            println!("sha256 of the output, its bytes, masks, scanner:");
            equal::compare(text, |line| println!("{line}")).map_err(Failure::Wrong)
        }
        Some(Sub::Parts(args)) => parts::run(&args),
        Some(Sub::Worst(args)) => worst::run(&args),
        Some(Sub::Text { text, size_mb, seed }) => {
            let text = Text { kind: text, bytes: size_mb * 1_000_000, seed };
            let written = text.write_to(&mut std::io::stdout().lock());
            written.map(|_| ()).map_err(|error| Failure::Broken(error.to_string()))
        }
        Some(Sub::EqualOne { scanner, text, bytes, seed }) => {
            let line = equal::child(scanner, Text { kind: text, bytes, seed });
            line.map(|line| println!("{line}")).map_err(Failure::Broken)
        }
        Some(Sub::Measure { limit_seconds, success, file, program, args }) => {
            let mut command = Command::new(program);
            command.args(args);
            let limit = Duration::from_secs(limit_seconds);
            let line = pipe::child(&file, command, &success, limit);
            line.map(|line| println!("{line}")).map_err(Failure::Broken)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Wrong(message)) => {
            eprintln!("error: {message}");
            ExitCode::from(1)
        }
        Err(Failure::Broken(message)) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn text_kind(name: &str) -> Result<TextKind, String> {
    TextKind::parse(name).ok_or_else(|| {
        let names: Vec<&str> = TextKind::all().iter().map(|kind| kind.name()).collect();
        format!("the texts are {}", names.join(", "))
    })
}

fn scanner(name: &str) -> Result<ScannerKind, String> {
    ScannerKind::parse(name).ok_or_else(|| "no such scanner".to_owned())
}
