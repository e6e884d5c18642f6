//! Values that are never masked, whatever rule finds them: known test keys, published examples.
//!
//! An [`AllowList`] holds SHA-256 hashes, so that the list itself holds no secret. It is asked only about findings that all
//! conditions of a rule accepted: clean lines cost nothing.
//!
//! ```
//! use redact_stream::{AllowList, Engine};
//!
//! let line = AllowList::line_of(b"only-for-docs-42");
//! let list = AllowList::parse("allow.txt", &format!("# our docs\n{line}  # the example\n"))?;
//! let engine = Engine::builder().allow_hashes(list).build()?;
//! assert_eq!(
//!     engine.redact_str("password=only-for-docs-42 password=only-for-docs-43"),
//!     "password=only-for-docs-42 password=[REDACTED:secret]",
//! );
//! # Ok::<(), redact_stream::BuildError>(())
//! ```
//!
//! Limits: a value counts as the rule cuts it, byte by byte; secrets of several lines have no value to compare. Who has the
//! list can test guesses: a hash of a password that can be guessed gives it away.

use std::collections::HashSet;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::error::{BuildError, Problem};

type Hash = [u8; 32];

/// Values, by their SHA-256, that are no findings.
#[derive(Clone, Debug, Default)]
pub struct AllowList(Arc<HashSet<Hash>>);

impl AllowList {
    /// Parses a list: one SHA-256 in 64 hex digits per line; `#` starts a comment, and blank lines are skipped. `source`
    /// names it in errors.
    ///
    /// # Errors
    /// Every line that is no hash, by its number; what stands there is not repeated, since it may be a secret.
    pub fn parse(source: &str, text: &str) -> Result<AllowList, BuildError> {
        let mut hashes = HashSet::new();
        let mut problems = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let entry = line.split('#').next().unwrap_or_default().trim();
            match hash(entry) {
                _ if entry.is_empty() => {}
                Some(hash) => {
                    hashes.insert(hash);
                }
                None => problems.push(Problem {
                    source: source.to_owned(),
                    line: Some(i + 1),
                    rule: None,
                    message:
                        "is no SHA-256 in 64 hex digits; `redact rules hash` makes a value's line"
                            .to_owned(),
                }),
            }
        }
        match problems.is_empty() {
            true => Ok(AllowList(Arc::new(hashes))),
            false => Err(BuildError::new(problems)),
        }
    }

    /// The line of a value: its SHA-256 in lower-case hex.
    pub fn line_of(value: &[u8]) -> String {
        Sha256::digest(value).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `value` is one of them.
    pub fn holds(&self, value: &[u8]) -> bool {
        !self.0.is_empty() && self.0.contains(&Hash::from(Sha256::digest(value)))
    }
}

fn hash(text: &str) -> Option<Hash> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let bytes: Vec<u8> =
        digits?.chunks(2).map(|d| d.iter().fold(0, |n, d| n << 4 | *d as u8)).collect();
    (text.len() == 64).then(|| Hash::try_from(bytes).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_standard() {
        // FIPS 180-4's example.
        let wanted = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(AllowList::line_of(b"abc"), wanted);
        let list =
            AllowList::parse("t", &format!("\n  {} # abc\n", wanted.to_uppercase())).unwrap();
        assert!(list.holds(b"abc") && !list.holds(b"abd") && list.len() == 1);
        assert!(AllowList::default().is_empty() && !AllowList::default().holds(b"abc"));
    }

    #[test]
    fn bad_lines_are_located_and_not_repeated() {
        let text = format!("# list\nhunter2-example\n{}\n{}é\n", "0".repeat(63), "0".repeat(63));
        let error = AllowList::parse("allow.txt", &text).unwrap_err();
        let lines: Vec<_> = error.problems().iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [Some(2), Some(3), Some(4)]);
        assert!(error.to_string().starts_with("allow.txt:2: is no SHA-256"));
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn a_listed_value_hides_nothing_beside_it() {
        let list = AllowList::parse("t", &AllowList::line_of(b"only-for-docs-42")).unwrap();
        let engine = crate::Engine::builder().allow_hashes(list).build().unwrap();
        let text =
            "password=only-for-docs-42\npassword=only-for-docs-421 password=only-for-docs-42";
        let wanted = text.replace("only-for-docs-421", "[REDACTED:secret]");
        assert_eq!(engine.redact_str(text), wanted);
    }
}
