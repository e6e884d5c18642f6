//! Tables with the conditions they were made under, as CSV files whose comment lines start with `#`.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::contestant::Contestants;

/// What a number depends on beside the program.
#[derive(Clone, Debug, Default)]
pub struct Conditions(Vec<(String, String)>);

impl Conditions {
    /// The machine, the time, the version and the rules.
    pub fn collect(rules: usize) -> Conditions {
        let mut all = Conditions::default();
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": "));
        all.add("cpu", model.map_or("unknown", |(_, name)| name));
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        all.add("cores", &cores.to_string());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        all.add("system", &format!("{} {}", std::env::consts::OS, kernel.trim()));
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load: Vec<&str> = load.split_whitespace().take(3).collect();
        all.add("load at the start", &load.join(" "));
        all.add("date", &said_by(Command::new("date").args(["-u", "+%FT%TZ"])));
        let commit = said_by(Command::new("git").args(["describe", "--always", "--dirty"]));
        all.add("version", &format!("{} {commit}", env!("CARGO_PKG_VERSION")));
        all.add("default rules", &rules.to_string());
        all
    }

    /// Adds one.
    pub fn add(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// Adds the tools' versions, the missing ones with the reason, and notes.
    pub fn add_contestants(&mut self, contestants: &Contestants) {
        for (tool, name) in [("rg-6", "ripgrep"), ("perl-6", "perl"), ("sed-6", "sed")] {
            let found = contestants.all.iter().find(|c| c.name == tool);
            if let Some(Ok(program)) = found.map(|c| &c.program) {
                self.add(name, &said_by(Command::new(program).arg("--version")));
            }
        }
        for contestant in &contestants.all {
            if let Err(reason) = &contestant.program {
                self.add("missing", &format!("{}: {reason}", contestant.name));
            }
        }
        for note in &contestants.notes {
            self.add("note", note);
        }
    }

    /// One line for a plot.
    pub fn short(&self) -> String {
        let value = |name: &str| {
            self.0.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str())
        };
        let (rules, date) = (value("default rules"), value("date"));
        let day = date.split('T').next().unwrap_or_default();
        format!(
            "{}, {} cores, {rules} rules, {day}; longer and shorter hold within one run only",
            value("cpu"),
            value("cores")
        )
    }
}

/// The first line with words that a command says, or a dash.
fn said_by(command: &mut Command) -> String {
    let output = command.output().map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
    let said = output.unwrap_or_default();
    said.lines().find(|l| !l.trim().is_empty()).unwrap_or("-").trim().to_owned()
}

/// Rows under a header.
#[derive(Clone, Debug)]
pub struct Table {
    name: &'static str,
    header: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table; `name` is that of its file, without the ending.
    pub fn new(name: &'static str, header: &'static [&'static str]) -> Table {
        Table { name, header, rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If it has not as many cells as the header.
    pub fn push(&mut self, row: Vec<String>) {
        assert_eq!(row.len(), self.header.len(), "{}: {row:?}", self.name);
        self.rows.push(row);
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The file's content.
    pub fn to_csv(&self, conditions: &Conditions) -> String {
        let mut out = String::new();
        for (name, value) in &conditions.0 {
            out.push_str(&format!("# {name}: {}\n", value.replace('\n', " ")));
        }
        let header = self.header.iter().map(|cell| (*cell).to_owned()).collect();
        for row in [&header].into_iter().chain(&self.rows) {
            let cells: Vec<String> = row.iter().map(|cell| quoted(cell)).collect();
            out.push_str(&cells.join(","));
            out.push('\n');
        }
        out
    }

    /// Writes it into `folder`, unless it is empty.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn write(&self, folder: &Path, conditions: &Conditions) -> io::Result<()> {
        match self.is_empty() {
            true => Ok(()),
            false => fs::write(folder.join(format!("{}.csv", self.name)), self.to_csv(conditions)),
        }
    }
}

fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

/// The middle of `values`, the upper one of two; the default if there are none.
pub fn median<T: Copy + PartialOrd + Default>(values: impl IntoIterator<Item = T>) -> T {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Bytes per second, in GB (10⁹ bytes).
pub fn gigabytes_per_second(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / 1e9 / time.as_secs_f64().max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_carries_its_conditions_and_quotes_its_cells() {
        let mut table = Table::new("t", &["name", "value"]);
        table.push(vec!["a,\"b\"".to_owned(), "1".to_owned()]);
        let mut conditions = Conditions::default();
        conditions.add("cpu", "one");
        assert_eq!(table.to_csv(&conditions), "# cpu: one\nname,value\n\"a,\"\"b\"\"\",1\n");
    }

    #[test]
    fn the_median_is_a_value_that_was_measured() {
        assert_eq!(median([3, 1, 2]), 2);
        assert_eq!(median(Vec::<u32>::new()), 0);
    }
}
