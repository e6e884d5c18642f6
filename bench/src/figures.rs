//! The figures: each is measured, shown on the terminal, and kept for the tables and plots.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redact_bench::check::Family;
use redact_bench::contestant::Contestant;
use redact_bench::instructions::{Input, per_byte};
use redact_bench::latency::{self, Latency};
use redact_bench::pipe::{self, Run};
use redact_bench::plot::{self, Bar};
use redact_bench::report::{Conditions, Table, gigabytes_per_second, median};
use redact_bench::text::{Text, TextKind};
use redact_stream::Engine;

use crate::Failure;
use crate::runner::{Sample, Verdict};

/// How often a program is started.
const STARTS: usize = 30;
/// A run that takes longer is not repeated in later rounds: the noise of the machine is small beside it.
const ONCE: Duration = Duration::from_secs(10);
/// The size of the text whose lines are timed one by one, in bytes.
const LATENCY_TEXT: u64 = 1_000_000;

/// All tables, and what the plots show of them.
pub(crate) struct Figures {
    pipe: Table,
    samples: Table,
    start: Table,
    latency: Table,
    instructions: Table,
    rows: Vec<Row>,
}

/// A row of the table `pipe`, for the plots.
struct Row {
    text: TextKind,
    contestant: String,
    ours: bool,
    gb_per_s: f64,
    cpu_s_per_gb: f64,
}

impl Default for Figures {
    fn default() -> Figures {
        Figures {
            pipe: Table::new(
                "pipe",
                &[
                    "text",
                    "contestant",
                    "status",
                    "bytes",
                    "runs",
                    "wall_s",
                    "gb_per_s",
                    "speed_to_cat",
                    "cpu_s",
                    "cpu_s_per_gb",
                    "cpu_s_per_gb_without_start",
                    "peak_rss_kib",
                    "planted",
                    "secrets_left",
                    "masks",
                ],
            ),
            samples: Table::new(
                "pipe-samples",
                &["text", "contestant", "round", "wall_s", "cpu_s", "peak_rss_kib"],
            ),
            start: Table::new("start", &["contestant", "median_ms", "least_ms", "cpu_ms"]),
            latency: Table::new("latency", &["place", "contestant", "p50_us", "p99_us"]),
            instructions: Table::new("instructions", &["contestant", "instructions_per_byte"]),
            rows: Vec::new(),
        }
    }
}

/// Times all contestants whose output was right, in rounds: A B C, A B C, …
pub(crate) fn pipe(
    figures: &mut Figures,
    contestants: &[Contestant],
    verdicts: &[Verdict],
    sample: &Sample,
    starts: &[Duration],
    (rounds, limit): (usize, Duration),
) -> Result<(), Failure> {
    let kind = sample.known.kind;
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); contestants.len()];
    for round in 0..rounds {
        for (i, contestant) in contestants.iter().enumerate() {
            let is_slow = runs[i].last().is_some_and(|run| run.wall > ONCE);
            if is_slow || !matches!(verdicts[i], Verdict::Right(_)) {
                continue;
            }
            let run = pipe::measure(contestant, &sample.file, limit)
                .map_err(|e| Failure::Broken(format!("error: {}: {e}", contestant.name)))?;
            figures.samples.push(vec![
                kind.name().to_owned(),
                contestant.name.clone(),
                (round + 1).to_string(),
                seconds(run.wall),
                seconds(run.cpu),
                run.rss_kib.to_string(),
            ]);
            runs[i].push(run);
        }
    }
    let wall = |runs: &[Run]| median(runs.iter().map(|run| run.wall));
    let cat = contestants.iter().position(|c| c.family == Family::Copy);
    let cat = cat.map_or(Duration::ZERO, |at| wall(&runs[at]));
    for (i, (contestant, verdict)) in contestants.iter().zip(verdicts).enumerate() {
        let runs = &runs[i];
        let name = &contestant.name;
        let seen = match verdict {
            Verdict::Right(seen) => seen,
            Verdict::Missing(reason) | Verdict::GaveUp(reason) => {
                let missing = matches!(verdict, Verdict::Missing(_));
                let status = if missing { "missing" } else { "failed" };
                if !missing {
                    println!("  {name:<18} {status}: {reason}");
                }
                let mut row =
                    vec![kind.name().to_owned(), name.clone(), format!("{status}: {reason}")];
                row.resize(15, String::new());
                figures.pipe.push(row);
                continue;
            }
        };
        let (wall, cpu) = (wall(runs), median(runs.iter().map(|run| run.cpu)));
        let speed = gigabytes_per_second(sample.bytes, wall);
        let to_cat = cat.as_secs_f64() / wall.as_secs_f64().max(1e-9);
        let per_gb = cpu.as_secs_f64() * 1e9 / sample.bytes as f64;
        let running = cpu.saturating_sub(starts[i]).as_secs_f64() * 1e9 / sample.bytes as f64;
        let rss = median(runs.iter().map(|run| run.rss_kib));
        println!(
            "  {name:<18} {speed:>8.3} GB/s  {to_cat:>6.3} of cat  {per_gb:>8.3} CPU-s/GB  {rss:>7} KiB  {:>7} masks",
            seen.masks
        );
        figures.pipe.push(vec![
            kind.name().to_owned(),
            name.clone(),
            "ok".to_owned(),
            sample.bytes.to_string(),
            runs.len().to_string(),
            seconds(wall),
            format!("{speed:.4}"),
            format!("{to_cat:.4}"),
            seconds(cpu),
            format!("{per_gb:.4}"),
            format!("{running:.4}"),
            rss.to_string(),
            sample.known.planted.to_string(),
            seen.secrets.to_string(),
            seen.masks.to_string(),
        ]);
        figures.rows.push(Row {
            text: kind,
            contestant: name.clone(),
            ours: name.starts_with("redact"),
            gb_per_s: speed,
            cpu_s_per_gb: per_gb,
        });
    }
    Ok(())
}

/// The CPU time of each contestant on nothing: a tool that compiles many rules does so in every run, however short.
pub(crate) fn start_cpu(
    contestants: &[Contestant],
    empty: &Path,
    limit: Duration,
) -> Result<Vec<Duration>, Failure> {
    let one = |contestant: &Contestant| -> Result<Duration, Failure> {
        let mut runs: Vec<Run> = Vec::new();
        while runs.len() < 3 && runs.last().is_none_or(|run| run.wall <= ONCE) {
            let run = pipe::measure(contestant, empty, limit)
                .map_err(|e| Failure::Broken(format!("error: {}: {e}", contestant.name)))?;
            runs.push(run);
        }
        Ok(median(runs.iter().map(|run| run.cpu)))
    };
    let all = contestants.iter();
    all.map(|c| if c.program.is_ok() { one(c) } else { Ok(Duration::ZERO) }).collect()
}

/// From exec to exit, with nothing to do.
pub(crate) fn start(
    figures: &mut Figures,
    contestants: &[Contestant],
    cpu: &[Duration],
) -> Result<(), Failure> {
    println!("\nstart to end on empty input");
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); contestants.len()];
    for _ in 0..STARTS {
        for (contestant, times) in contestants.iter().zip(&mut times) {
            let is_slow = times.last().is_some_and(|time| *time > ONCE);
            if contestant.program.is_ok() && !is_slow {
                let took = pipe::start_up(contestant)
                    .map_err(|e| Failure::Broken(format!("error: {}: {e}", contestant.name)))?;
                times.push(took);
            }
        }
    }
    for (i, (contestant, times)) in contestants.iter().zip(times).enumerate() {
        let name = &contestant.name;
        let Some(least) = times.iter().min().copied() else {
            let nothing = String::new;
            figures.start.push(vec![name.clone(), "missing".to_owned(), nothing(), nothing()]);
            continue;
        };
        let (median, least, cpu) = (millis(median(times)), millis(least), millis(cpu[i]));
        println!("  {name:<18} {median:>8} ms median  {least:>8} ms least  {cpu:>8} ms CPU");
        figures.start.push(vec![name.clone(), median, least, cpu]);
    }
    Ok(())
}

/// Line by line, in memory and through a pipe.
pub(crate) fn latency(
    figures: &mut Figures,
    contestants: &[Contestant],
    engine: &Arc<Engine>,
    seed: u64,
) -> Result<(), Failure> {
    println!("\nlatency of a line");
    let text = Text { kind: TextKind::S1000, bytes: LATENCY_TEXT, seed }.to_vec();
    let mut show = |place: &str, name: &str, times: Latency| {
        let (p50, p99) = (micros(times.p50), micros(times.p99));
        println!("  {place:<8} {name:<18} {p50:>9} µs p50  {p99:>9} µs p99");
        figures.latency.push(vec![place.to_owned(), name.to_owned(), p50, p99]);
    };
    show("memory", &engine.scanner_name(), latency::in_memory(engine, &text));
    // Others write complete lines at once only if told to, or not at all.
    let live = |c: &&Contestant| matches!(c.family, Family::Copy | Family::Redact);
    for contestant in contestants.iter().filter(live).filter(|c| c.program.is_ok()) {
        let times = latency::through_pipe(contestant, &text)
            .map_err(|e| Failure::Broken(format!("error: {}: {e}", contestant.name)))?;
        show("pipe", &contestant.name, times);
    }
    Ok(())
}

/// Instructions per byte, where valgrind is there.
pub(crate) fn instructions(
    figures: &mut Figures,
    contestants: &[Contestant],
    half: &Sample,
    full: &Sample,
) {
    println!("\ninstructions per byte ({})", full.known.kind.name());
    let (half, full) = (input(half), input(full));
    for contestant in contestants.iter().filter(|c| c.program.is_ok()) {
        let name = &contestant.name;
        let cell = match per_byte(contestant, half, full) {
            Ok(count) => format!("{count:.2}"),
            Err(reason) => format!("missing: {reason}"),
        };
        println!("  {name:<18} {cell:>8}");
        figures.instructions.push(vec![name.clone(), cell]);
    }
}

impl Figures {
    /// Writes all tables and plots that have something to say.
    pub(crate) fn write(&self, folder: &Path, conditions: &Conditions) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let tables = [&self.pipe, &self.samples, &self.start, &self.latency, &self.instructions];
        for table in tables {
            table.write(folder, conditions)?;
        }
        let note = conditions.short();
        let on = |text: TextKind, value: fn(&Row) -> f64| -> Vec<Bar> {
            let rows = self.rows.iter().filter(|row| row.text == text);
            rows.map(|r| Bar { label: r.contestant.clone(), value: value(r), ours: r.ours })
                .collect()
        };
        let best = self.rows.iter().find(|row| row.ours).map_or("", |row| &row.contestant);
        let texts = self.rows.iter().filter(|row| row.contestant == best);
        let texts = texts
            .map(|r| Bar { label: r.text.name().to_owned(), value: r.gb_per_s, ours: true })
            .collect();
        let plots = [
            (
                "pipe",
                "Pipe to pipe, one secret per 1,000 lines: longer is better".to_owned(),
                "GB/s",
                on(TextKind::S1000, |row| row.gb_per_s),
            ),
            (
                "cpu",
                "CPU time, one secret per 1,000 lines: shorter is better".to_owned(),
                "CPU-s/GB",
                on(TextKind::S1000, |row| row.cpu_s_per_gb),
            ),
            (
                "cpu-keywords",
                "CPU time, keys and values without secrets: shorter is better".to_owned(),
                "CPU-s/GB",
                on(TextKind::Keywords, |row| row.cpu_s_per_gb),
            ),
            ("texts", format!("{best} on all texts: longer is better"), "GB/s", texts),
        ];
        for (name, title, unit, bars) in plots {
            if !bars.is_empty() {
                let svg = plot::bars(&title, &note, unit, &bars);
                std::fs::write(folder.join(format!("{name}.svg")), svg)?;
            }
        }
        Ok(())
    }
}

fn input(sample: &Sample) -> Input<'_> {
    Input { file: &sample.file, bytes: sample.bytes }
}

fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

fn millis(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1e3)
}

fn micros(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e6)
}
