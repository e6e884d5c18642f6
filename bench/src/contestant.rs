//! Who takes part: `cat` as the floor, `redact` with every kernel and scanner, and other tools.
//!
//! A program that is not there stays in the list, with the reason, so that no table leaves it out quietly. Each tool is run
//! the way its manual calls fast, with `LC_ALL=C`:
//!
//! | name | rules |
//! |---|---|
//! | `cat` | none |
//! | `redact-avx2` and other kernels, `redact-regex`, `redact-hyperscan` | all default rules |
//! | `redact-6`, `rg-6`, `perl-6`, `sed-6` | the six of [`crate::secrets::SIX`] |
//! | `rg-all` | the patterns of all default rules that are nothing but a pattern |
//! | `scrubbers` | its own |

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use redact_stream::{Rule, RuleSet};

use crate::check::Family;
use crate::kernel;
use crate::secrets::{MASK, SIX};

/// One program with its arguments.
#[derive(Clone, Debug)]
pub struct Contestant {
    /// The name in tables and on the command line.
    pub name: String,
    /// What its output must be.
    pub family: Family,
    /// Where the program is, or why it does not take part.
    pub program: Result<PathBuf, String>,
    /// What it is started with.
    pub args: Vec<OsString>,
    /// Its environment, beside `LC_ALL=C`.
    pub env: Vec<(&'static str, OsString)>,
    /// The exit codes that mean success.
    pub success: &'static [i32],
}

impl Contestant {
    fn new(name: &str, family: Family, program: Result<PathBuf, String>) -> Contestant {
        let (args, env) = (Vec::new(), Vec::new());
        Contestant { name: name.to_owned(), family, program, args, env, success: &[0] }
    }

    fn args<T: Into<OsString>>(mut self, args: impl IntoIterator<Item = T>) -> Contestant {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The command that runs it as a filter.
    ///
    /// # Errors
    /// Why it does not take part.
    pub fn command(&self) -> Result<Command, String> {
        let mut command = Command::new(self.program.as_ref()?);
        command.args(&self.args).envs(self.environment());
        Ok(command)
    }

    /// All variables that it is given.
    pub fn environment(&self) -> impl Iterator<Item = (&'static str, OsString)> {
        self.env.iter().cloned().chain([("LC_ALL", "C".into())])
    }
}

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The program `redact` that is measured.
    pub redact: PathBuf,
    /// Whether it was built with the feature `hyperscan`.
    pub hyperscan: bool,
    /// A folder for pattern files and caches.
    pub work: PathBuf,
}

/// What all contestants are, and what a reader of the results should know about them.
#[derive(Clone, Debug)]
pub struct Contestants {
    /// In the order of the tables; missing ones too.
    pub all: Vec<Contestant>,
    /// One line each.
    pub notes: Vec<String>,
}

impl Contestants {
    /// Finds all programs and writes the pattern files.
    ///
    /// # Errors
    /// A pattern file cannot be written.
    pub fn find(programs: &Programs) -> std::io::Result<Contestants> {
        let mut all = vec![Contestant::new("cat", Family::Copy, on_path("cat"))];
        let redact = |name: &str, family| {
            let mut redact = Contestant::new(name, family, Ok(programs.redact.clone()));
            redact.env.push(("XDG_CACHE_HOME", programs.work.clone().into()));
            redact.args(["--no-config", "--engine-strict"])
        };
        let there = kernel::available();
        for name in kernel::NAMES {
            let mut contestant =
                redact(&format!("redact-{name}"), Family::Redact).args(["--engine", "simd"]);
            contestant.env.push((kernel::VARIABLE, name.into()));
            if !there.contains(name) {
                contestant.program = Err("this CPU does not have it".to_owned());
            }
            all.push(contestant);
        }
        all.push(redact("redact-regex", Family::Redact).args(["--engine", "regex"]));
        let mut hyperscan =
            redact("redact-hyperscan", Family::Redact).args(["--engine", "hyperscan"]);
        if !programs.hyperscan {
            hyperscan.program = Err("not built: use the feature `hyperscan`".to_owned());
        }
        all.push(hyperscan);
        let only: Vec<&str> = SIX.iter().map(|six| six.rule).collect();
        let mask = format!("fixed:{MASK}");
        all.push(redact("redact-6", Family::Six).args([
            "--mask",
            &mask,
            "--only",
            &only.join(","),
        ]));

        let (patterns, note) = plain_patterns(&RuleSet::builtin());
        let six: Vec<&str> = SIX.iter().map(|six| six.pattern).collect();
        all.push(ripgrep("rg-6", Family::Six, &six, &programs.work)?);
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        all.push(ripgrep("rg-all", Family::All, &patterns, &programs.work)?);
        let perl = SIX.iter().map(|six| format!("s/{}/{MASK}/g;", six.pattern)).collect::<String>();
        all.push(Contestant::new("perl-6", Family::Six, on_path("perl")).args(["-p", "-e", &perl]));
        let sed: Vec<String> = SIX.iter().map(|six| format!("s/{}/{MASK}/g", six.posix)).collect();
        all.push(
            Contestant::new("sed-6", Family::Six, on_path("sed")).args(["-E", &sed.join("\n")]),
        );
        let scrubbers = from_variable("SCRUBBERS").unwrap_or_else(|| on_path("scrubbers"));
        all.push(Contestant::new("scrubbers", Family::Own, scrubbers));
        Ok(Contestants { all, notes: vec![note] })
    }
}

fn ripgrep(
    name: &str,
    family: Family,
    patterns: &[&str],
    work: &Path,
) -> std::io::Result<Contestant> {
    let file = work.join(format!("{name}.patterns"));
    std::fs::write(&file, patterns.join("\n") + "\n")?;
    let program = from_variable("RIPGREP").unwrap_or_else(|| on_path("rg"));
    let mut contestant = Contestant::new(name, family, program)
        .args(["--no-config", "--passthru", "--no-unicode", "--text", "--color=never"])
        .args(["--no-line-number", "--no-filename", "--regex-size-limit=2G"])
        .args(["--dfa-size-limit=2G", "--replace", MASK, "--file"])
        .args([file.into_os_string(), "-".into()]);
    // 1: nothing matched.
    contestant.success = &[0, 1];
    Ok(contestant)
}

/// The default rules' patterns for a tool that knows nothing but patterns, and which rules are left out.
fn plain_patterns(rules: &RuleSet) -> (Vec<String>, String) {
    let default: Vec<&Rule> = rules.iter().filter(|rule| rule.is_default()).collect();
    let plain = |rule: &&&Rule| {
        rule.block().is_none() && rule.value() != redact_stream::ValueSyntax::Assignment
    };
    let patterns: Vec<String> = default
        .iter()
        .filter(plain)
        // The same group name may not stand in two patterns of one search.
        .map(|rule| rule.pattern().replace("(?P<secret>", "(?:"))
        .collect();
    let left_out: Vec<&str> = default.iter().filter(|r| !plain(r)).map(|r| r.id()).collect();
    let note = format!(
        "rg-all: {} of {} default rules, without their conditions; left out, as they are no patterns: {}",
        patterns.len(),
        default.len(),
        left_out.join(" ")
    );
    (patterns, note)
}

fn from_variable(name: &str) -> Option<Result<PathBuf, String>> {
    let path = PathBuf::from(std::env::var_os(name)?);
    Some(match path.is_file() {
        true => Ok(path),
        false => Err(format!("${name} names no file")),
    })
}

fn on_path(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .ok_or_else(|| format!("there is no `{name}` on the path"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_stays_in_the_list() {
        let work = tempfile::tempdir().unwrap();
        let programs =
            Programs { redact: "redact".into(), hyperscan: false, work: work.path().to_owned() };
        let all = Contestants::find(&programs).unwrap().all;
        let hyperscan = all.iter().find(|c| c.name == "redact-hyperscan").unwrap();
        assert!(hyperscan.command().unwrap_err().contains("not built"));
        assert!(all.iter().any(|c| c.name == "scrubbers"));
    }

    #[test]
    fn exported_patterns_have_no_group_names() {
        let (patterns, note) = plain_patterns(&RuleSet::builtin());
        assert!(patterns.len() > 100);
        assert!(patterns.iter().all(|p| !p.contains("?P<") && !p.contains('\n')));
        assert!(note.contains("private-key"), "{note}");
    }
}
