//! A run: programs, texts, checks, figures, files.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use redact_bench::check::{Family, Known, Observed, Observer, judge};
use redact_bench::contestant::{Contestant, Contestants, Programs};
use redact_bench::pipe;
use redact_bench::report::Conditions;
use redact_bench::text::{Text, TextKind};
use redact_stream::Engine;

use crate::figures::{self, Figures};
use crate::{Failure, RunArgs};

/// Hostile texts are at most this long: what is slow on them is slow enough.
const HOSTILE: u64 = 16_000_000;

/// A text in a file.
pub(crate) struct Sample {
    pub(crate) file: PathBuf,
    pub(crate) known: Known,
    pub(crate) bytes: u64,
}

/// How a contestant's output was found to be.
pub(crate) enum Verdict {
    Right(Observed),
    Missing(String),
    /// A hostile text was too much for another tool: that is a result.
    GaveUp(String),
}

pub(crate) fn run(args: &RunArgs) -> Result<(), Failure> {
    let broken = |what: &str, error: String| Failure::Broken(format!("error: {what}: {error}"));
    let work = tempfile::tempdir().map_err(|e| broken("temporary folder", e.to_string()))?;
    let hyperscan = cfg!(feature = "hyperscan");
    let redact = match &args.redact {
        Some(path) => path.canonicalize().map_err(|e| broken("--redact", e.to_string()))?,
        None => build(hyperscan)?,
    };
    let programs = Programs { redact, hyperscan, work: work.path().to_owned() };
    let mut contestants =
        Contestants::find(&programs).map_err(|e| broken("pattern files", e.to_string()))?;
    if !args.contestants.is_empty() {
        let wanted = |name: &str| args.contestants.iter().any(|c| name.starts_with(c.as_str()));
        // Ratios are to `cat`.
        contestants.all.retain(|c| c.name == "cat" || wanted(&c.name));
    }
    let engine = Engine::builder().build().map_err(|e| broken("engine", e.to_string()))?;
    let mut conditions = Conditions::collect(engine.rules().len());
    conditions.add("seed", &args.seed.to_string());
    conditions.add("rounds", &args.rounds.to_string());
    let sizes = format!("{} MB, hostile texts at most {} MB", args.size_mb, HOSTILE / 1_000_000);
    conditions.add("size of a text", &sizes);
    conditions.add_contestants(&contestants);
    for contestant in &contestants.all {
        if let Err(reason) = &contestant.program {
            println!("missing  {}: {reason}", contestant.name);
        }
    }

    let has = |figure: &str| args.figures.is_empty() || args.figures.iter().any(|f| f == figure);
    let kinds = if args.texts.is_empty() { TextKind::all() } else { args.texts.clone() };
    let limit = Duration::from_secs(args.limit_seconds);
    let mut figures = Figures::default();
    let mut starts = Vec::new();
    if has("pipe") || has("start") {
        let empty = work.path().join("empty");
        File::create(&empty).map_err(|e| broken("a text", e.to_string()))?;
        starts = figures::start_cpu(&contestants.all, &empty, limit)?;
    }
    if has("pipe") {
        for kind in kinds {
            let most = if kind.is_hostile() { HOSTILE } else { u64::MAX };
            let bytes = (args.size_mb * 1_000_000).min(most);
            let sample = sample(Text { kind, bytes, seed: args.seed }, work.path())
                .map_err(|e| broken("a text", e.to_string()))?;
            let verdicts = check(&contestants.all, &sample, limit)?;
            println!(
                "\n{} ({} bytes, {} secrets): outputs checked",
                kind.name(),
                sample.bytes,
                sample.known.planted
            );
            let all = &contestants.all;
            figures::pipe(&mut figures, all, &verdicts, &sample, &starts, (args.rounds, limit))?;
            // One text at a time is enough for a small disk.
            let _ = std::fs::remove_file(&sample.file);
        }
    }
    if has("start") {
        figures::start(&mut figures, &contestants.all, &starts)?;
    }
    if has("latency") {
        figures::latency(&mut figures, &contestants.all, &engine, args.seed)?;
    }
    if has("instructions") {
        let half = Text { kind: TextKind::S1000, bytes: 1_000_000, seed: args.seed };
        let full = Text { bytes: 2_000_000, ..half };
        let [half, full] = [("half", half), ("full", full)].map(|(name, text)| {
            let folder = work.path().join(name);
            std::fs::create_dir(&folder)?;
            sample(text, &folder)
        });
        let half = half.map_err(|e| broken("a text", e.to_string()))?;
        let full = full.map_err(|e| broken("a text", e.to_string()))?;
        figures::instructions(&mut figures, &contestants.all, &half, &full);
    }
    figures
        .write(&args.out, &conditions)
        .map_err(|e| broken(&args.out.display().to_string(), e.to_string()))?;
    println!("\nwritten to {}", args.out.display());
    Ok(())
}

/// Builds the program that is measured, so that it is never an old one.
pub(crate) fn build(hyperscan: bool) -> Result<PathBuf, Failure> {
    let broken = |error: String| Failure::Broken(format!("error: building redact: {error}"));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--locked", "--package", "redact-filter"]);
    if hyperscan {
        command.args(["--features", "hyperscan"]);
    }
    let status = command.status().map_err(|error| broken(error.to_string()))?;
    if !status.success() {
        return Err(broken("see above".to_owned()));
    }
    let myself = std::env::current_exe().map_err(|error| broken(error.to_string()))?;
    let file = myself.with_file_name("redact");
    match file.is_file() && myself.parent().is_some_and(|folder| folder.ends_with("release")) {
        true => Ok(file),
        false => Err(broken("run with --release, or name a program by --redact".to_owned())),
    }
}

pub(crate) fn sample(text: Text, folder: &Path) -> std::io::Result<Sample> {
    let path = folder.join(format!("{}.log", text.kind.name()));
    let mut out =
        Observing { file: BufWriter::new(File::create(&path)?), seen: Observer::default() };
    let written = text.write_to(&mut out)?;
    let known = Known { kind: text.kind, planted: written.planted, input: out.seen.finish() };
    Ok(Sample { file: path, known, bytes: written.bytes })
}

/// Writes and looks.
struct Observing {
    file: BufWriter<File>,
    seen: Observer,
}

impl std::io::Write for Observing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write_all(bytes)?;
        self.seen.read(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Runs every contestant once and judges its output.
fn check(
    contestants: &[Contestant],
    sample: &Sample,
    limit: Duration,
) -> Result<Vec<Verdict>, Failure> {
    let mut first: Vec<(Family, Observed)> = Vec::new();
    let mut verdicts = Vec::new();
    for contestant in contestants {
        if let Err(reason) = &contestant.program {
            verdicts.push(Verdict::Missing(reason.clone()));
            continue;
        }
        let what = format!("{} on {}", contestant.name, sample.known.kind.name());
        let seen = match pipe::observe(contestant, &sample.file, limit) {
            Ok(seen) => seen,
            Err(error) if sample.known.kind.is_hostile() && contestant.family != Family::Redact => {
                verdicts.push(Verdict::GaveUp(error));
                continue;
            }
            Err(error) => return Err(Failure::Wrong(format!("{what}: {error}"))),
        };
        let reference = first.iter().find(|(family, _)| *family == contestant.family);
        judge(contestant.family, &sample.known, &seen, reference.map(|(_, seen)| seen))
            .map_err(|error| Failure::Wrong(format!("{what}: {error}")))?;
        if reference.is_none() {
            first.push((contestant.family, seen.clone()));
        }
        verdicts.push(Verdict::Right(seen));
    }
    Ok(verdicts)
}
