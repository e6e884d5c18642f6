//! What is told about findings: the report (one JSON line each) and the statistics. Never a byte of a secret.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::time::Duration;

use redact_stream::{Engine, Finding, Stats};
use serde::Serialize;

use crate::sink::Raw;

/// The report file; every finding is written at once.
#[derive(Debug)]
pub(crate) struct Report(Raw);

/// One line. The order of fields is that of the file.
#[derive(Serialize)]
struct Line<'l> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'l str>,
    rule: &'l str,
    line: u64,
    /// Of the original, in bytes from 0.
    offset: u64,
    /// In bytes.
    length: u64,
}

impl Report {
    pub(crate) fn new(file: File) -> Report {
        Report(Raw::File(file))
    }

    pub(crate) fn finding(
        &mut self,
        file: Option<&str>,
        rule: &str,
        finding: &Finding,
    ) -> io::Result<()> {
        let length = finding.end - finding.start;
        let line = Line { file, rule, line: finding.line, offset: finding.start, length };
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        (&self.0).write_all(&text)
    }
}

/// Counts of all inputs.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    bytes: u64,
    lines: u64,
    /// By rule id.
    findings: BTreeMap<String, u64>,
}

impl Totals {
    pub(crate) fn add(&mut self, engine: &Engine, stats: &Stats) {
        self.bytes += stats.bytes;
        self.lines += stats.lines;
        for (rule, count) in by_count(engine, &stats.findings) {
            *self.findings.entry(rule.to_owned()).or_default() += count;
        }
    }

    /// Takes off what was counted twice.
    pub(crate) fn take_off(&mut self, engine: &Engine, stats: &Stats) {
        self.bytes -= stats.bytes;
        self.lines -= stats.lines;
        for (rule, count) in by_count(engine, &stats.findings) {
            *self.findings.entry(rule.to_owned()).or_default() -= count;
        }
    }

    pub(crate) fn found(&self) -> u64 {
        self.findings.values().sum()
    }

    /// The text of `--stats`.
    pub(crate) fn show(&self, engine: &Engine, config: Option<&str>, elapsed: Duration) -> String {
        let mut out = format!(
            "bytes     {}\nlines     {}\nfindings  {}\n",
            self.bytes,
            self.lines,
            self.found()
        );
        let counts = self.findings.iter().map(|(rule, count)| (rule.as_str(), *count));
        for (rule, count) in most_first(counts) {
            out.push_str(&format!("  {count:>8}  {rule}\n"));
        }
        let seconds = elapsed.as_secs_f64();
        let speed = self.bytes as f64 / 1e6 / seconds.max(1e-9);
        out.push_str(&format!("speed     {speed:.1} MB/s ({seconds:.3} s)\n"));
        out.push_str(&format!("engine    {}\n", engine.scanner_name()));
        if let Some(config) = config {
            out.push_str(&format!("config    {config}\n"));
        }
        out
    }
}

/// One line on the findings of one input, for `--check`.
pub(crate) fn summary(engine: &Engine, stats: &Stats) -> String {
    let total = stats.total();
    let kinds = by_count(engine, &stats.findings);
    let kinds: Vec<_> = kinds.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
    format!("{total} finding{} ({})", if total == 1 { "" } else { "s" }, kinds.join(", "))
}

/// Rules with findings, the most frequent first.
fn by_count<'e>(engine: &'e Engine, findings: &[u64]) -> Vec<(&'e str, u64)> {
    most_first(engine.rules().map(|rule| rule.id()).zip(findings.iter().copied()))
}

fn most_first<'e>(counts: impl Iterator<Item = (&'e str, u64)>) -> Vec<(&'e str, u64)> {
    let mut counts: Vec<_> = counts.filter(|(_, count)| *count > 0).collect();
    counts.sort_by_key(|(rule, count)| (std::cmp::Reverse(*count), *rule));
    counts
}
