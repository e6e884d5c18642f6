//! Errors of building: what is wrong, where, and what to write instead.
//!
//! No error ever holds bytes of the input that is being redacted; rule files are the user's own configuration, so their
//! ids and lines are shown.

use std::fmt;

/// One thing that is wrong with rules or configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The file, as the caller named it.
    pub source: String,
    /// The line, from 1, if it is known.
    pub line: Option<usize>,
    /// The rule's id, if it is known.
    pub rule: Option<String>,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(rule) = &self.rule {
            write!(f, ": rule `{rule}`")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Rules or configuration that cannot be used: every [`Problem`] found, not only the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    problems: Vec<Problem>,
}

impl BuildError {
    pub(crate) fn new(problems: Vec<Problem>) -> BuildError {
        BuildError { problems }
    }

    pub(crate) fn one(source: &str, message: String) -> BuildError {
        let problem = Problem { source: source.to_owned(), line: None, rule: None, message };
        BuildError { problems: vec![problem] }
    }

    /// All problems, in the order of the files.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for BuildError {}
