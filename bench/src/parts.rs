//! What each part of `redact` costs: the same text with one part switched off, or on, and the difference.
//!
//! Counted are instructions, where valgrind is there, and CPU time, of runs that take turns. A part's cost is that of all without
//! it: parts share work (a position that two of them look at is found once), so that costs do not add up to the whole.
//!
//! Limits: terminal and JSON escapes are one part with base64 and hex, since one switch rules them.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use redact_bench::check::Family;
use redact_bench::contestant::Contestant;
use redact_bench::instructions::{Input, per_byte};
use redact_bench::kernel;
use redact_bench::pipe;
use redact_bench::report::{Conditions, Table, median};
use redact_bench::text::{Text, TextKind};
use redact_stream::{Rule, RuleSet, ValueSyntax};

use crate::Failure;
use crate::runner::{Sample, build, sample};

/// What a run of `parts` measures.
#[derive(Debug, Args)]
pub(crate) struct PartsArgs {
    /// Size of each text whose CPU time is measured, in MB; instructions are counted on 2 MB
    #[arg(long, default_value_t = 16)]
    size_mb: u64,
    /// How often each part runs on each text; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The texts
    #[arg(long, value_delimiter = ',', default_value = "clean,json", value_parser = crate::text_kind)]
    texts: Vec<TextKind>,
    /// The folder for the table
    #[arg(long, default_value = "bench/results")]
    out: PathBuf,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The program to measure, instead of one that is built now
    #[arg(long)]
    redact: Option<PathBuf>,
}

/// One way to run `redact`.
struct Part {
    name: &'static str,
    /// The part is what this run does more than the first, instead of less.
    adds: bool,
    contestant: Contestant,
}

/// Longest time of one run.
const LIMIT: Duration = Duration::from_secs(120);
/// The sizes of the text whose instructions are counted, and of its beginning, which is taken off; in bytes.
const COUNTED: [u64; 2] = [1_000_000, 2_000_000];

pub(crate) fn run(args: &PartsArgs) -> Result<(), Failure> {
    let broken = |what: &str, error: String| Failure::Broken(format!("error: {what}: {error}"));
    let work = tempfile::tempdir().map_err(|e| broken("temporary folder", e.to_string()))?;
    let redact = match &args.redact {
        Some(path) => path.canonicalize().map_err(|e| broken("--redact", e.to_string()))?,
        None => build(cfg!(feature = "hyperscan"))?,
    };
    let rules = RuleSet::builtin();
    let parts = parts(&redact, &rules);
    let mut conditions = Conditions::collect(rules.iter().filter(|rule| rule.is_default()).count());
    conditions.add("seed", &args.seed.to_string());
    conditions.add("rounds", &args.rounds.to_string());
    conditions.add("kernel that is counted", counted_kernel());
    let header = &["text", "part", "instructions_per_byte", "of_all", "cpu_s_per_gb", "cpu_of_all"];
    let mut table = Table::new("parts", header);
    let empty = work.path().join("empty");
    File::create(&empty).map_err(|e| broken("a text", e.to_string()))?;
    let starts = cpu(&parts, &empty, 3)?;
    for kind in &args.texts {
        let text = |bytes| Text { kind: *kind, bytes, seed: args.seed };
        let made = |name: &str, text| -> Result<_, Failure> {
            let folder = work.path().join(format!("{name}-{}", kind.name()));
            std::fs::create_dir(&folder).map_err(|e| broken("a text", e.to_string()))?;
            sample(text, &folder).map_err(|e| broken("a text", e.to_string()))
        };
        let [half, full] = COUNTED;
        let (half, full) = (made("half", text(half))?, made("full", text(full))?);
        let timed = made("timed", text(args.size_mb * 1_000_000))?;
        let times = cpu(&parts, &timed.file, args.rounds)?;
        let seconds = times.iter().zip(&starts).map(|(time, start)| {
            time.saturating_sub(*start).as_secs_f64() * 1e9 / timed.bytes as f64
        });
        let seconds: Vec<f64> = seconds.collect();
        let counts = instructions(&parts, &half, &full);
        println!("\n{}", kind.name());
        for (i, part) in parts.iter().enumerate() {
            let cost = |all: &[f64]| match (i, part.adds) {
                (0, _) => all[0],
                (_, true) => all[i] - all[0],
                (_, false) => all[0] - all[i],
            };
            let cells = |all: &[f64]| match all.is_empty() {
                true => ["missing".to_owned(), String::new()],
                false => {
                    let share = 100.0 * cost(all) / all[0].max(f64::MIN_POSITIVE);
                    [format!("{:.2}", cost(all)), format!("{share:.0} %")]
                }
            };
            let ([count, of_all], [time, time_of_all]) = (cells(&counts), cells(&seconds));
            println!(
                "  {:<44} {count:>8} per byte {of_all:>6}  {time:>6} CPU-s/GB {time_of_all:>6}",
                part.name
            );
            let (text, name) = (kind.name().to_owned(), part.name.to_owned());
            table.push(vec![text, name, count, of_all, time, time_of_all]);
        }
    }
    std::fs::create_dir_all(&args.out)
        .and_then(|()| table.write(&args.out, &conditions))
        .map_err(|e| broken(&args.out.display().to_string(), e.to_string()))?;
    println!("\nwritten to {}", args.out.display());
    Ok(())
}

/// All of it first, then without each part, and with what is off by default.
fn parts(redact: &Path, rules: &RuleSet) -> Vec<Part> {
    let default = || rules.iter().filter(|rule| rule.is_default());
    let is_assignment = |rule: &&Rule| rule.value() == ValueSyntax::Assignment;
    let is_provider = |rule: &&Rule| !rule.provider().is_empty();
    let except = |of: &dyn Fn(&&Rule) -> bool| {
        let ids: Vec<&str> = default().filter(|rule| of(rule)).map(Rule::id).collect();
        vec!["--except".into(), ids.join(",").into()]
    };
    let part = |name: &'static str, adds, args: Vec<OsString>| {
        let contestant = Contestant {
            name: name.to_owned(),
            family: Family::Redact,
            program: Ok(redact.to_owned()),
            args: [OsString::from("--no-config")].into_iter().chain(args).collect(),
            env: Vec::new(),
            success: &[0],
        };
        Part { name, adds, contestant }
    };
    vec![
        part("all, as by default", false, Vec::new()),
        part("rules of providers", false, except(&is_provider)),
        part("assignments", false, except(&is_assignment)),
        part(
            "other rules of no provider",
            false,
            except(&|rule| !is_provider(rule) && !is_assignment(rule)),
        ),
        part(
            "looking inside escapes, base64 and hex",
            false,
            vec!["--decode-depth".into(), "0".into()],
        ),
        part("personal data (--pii)", true, vec!["--pii".into()]),
    ]
}

/// The median CPU time of each part, in runs that take turns.
fn cpu(parts: &[Part], file: &Path, rounds: usize) -> Result<Vec<Duration>, Failure> {
    let mut times = vec![Vec::new(); parts.len()];
    for _ in 0..rounds.max(1) {
        for (part, times) in parts.iter().zip(&mut times) {
            let run = pipe::measure(&part.contestant, file, LIMIT)
                .map_err(|e| Failure::Broken(format!("error: {}: {e}", part.name)))?;
            times.push(run.cpu);
        }
    }
    Ok(times.into_iter().map(median).collect())
}

/// Instructions per byte of each part; none if they cannot be counted.
fn instructions(parts: &[Part], half: &Sample, full: &Sample) -> Vec<f64> {
    let [half, full] = [half, full].map(|s| Input { file: &s.file, bytes: s.bytes });
    let count = |part: &Part| {
        let mut contestant = part.contestant.clone();
        contestant.env.push((kernel::VARIABLE, counted_kernel().into()));
        per_byte(&contestant, half, full)
    };
    parts.iter().map(count).collect::<Result<_, _>>().unwrap_or_else(|reason| {
        println!("missing  instructions: {reason}");
        Vec::new()
    })
}

/// The fastest kernel that valgrind knows.
fn counted_kernel() -> &'static str {
    kernel::available().into_iter().find(|name| *name != "vbmi").unwrap_or("scalar")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_a_part_of_the_default_rules() {
        let rules = RuleSet::builtin();
        let parts = parts(Path::new("redact"), &rules);
        let ids = |part: &Part| {
            let args: Vec<&str> = part.contestant.args.iter().filter_map(|a| a.to_str()).collect();
            args.iter().position(|a| *a == "--except").map(|at| args[at + 1].split(',').count())
        };
        let all = rules.iter().filter(|rule| rule.is_default()).count();
        assert_eq!(parts.iter().filter_map(ids).sum::<usize>(), all);
        assert!(parts.iter().filter_map(ids).all(|count| count > 3));
    }
}
