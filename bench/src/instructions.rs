//! Instructions per byte, counted by callgrind: a figure that does not depend on who else uses the machine.
//!
//! Counted are those of the second half of a text: the run on the first half is taken off, so that neither starting nor
//! what is compiled at its first use counts. Valgrind knows no AVX-512: the kernel `vbmi` cannot be counted.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::contestant::Contestant;

/// A text in a file.
#[derive(Clone, Copy, Debug)]
pub struct Input<'f> {
    /// The file.
    pub file: &'f Path,
    /// Its length in bytes.
    pub bytes: u64,
}

/// The instructions per byte of a contestant on what `full` holds behind `half`, its beginning.
///
/// # Errors
/// Valgrind is missing, or the program cannot be run under it.
pub fn per_byte(contestant: &Contestant, half: Input, full: Input) -> Result<f64, String> {
    if contestant.name.ends_with("vbmi") {
        return Err("valgrind has no AVX-512".to_owned());
    }
    let more = count(contestant, full.file)?.saturating_sub(count(contestant, half.file)?);
    Ok(more as f64 / full.bytes.saturating_sub(half.bytes).max(1) as f64)
}

fn count(contestant: &Contestant, file: &Path) -> Result<u64, String> {
    let stdin = File::open(file).map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(contestant.program.as_ref()?)
        .args(&contestant.args)
        .envs(contestant.environment())
        .stdin(stdin)
        .stdout(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    collected(&String::from_utf8_lossy(&output.stderr))
        .ok_or_else(|| "valgrind counted nothing".to_owned())
}

/// The number in callgrind's last line, `==1== Collected : 12345`.
fn collected(report: &str) -> Option<u64> {
    let (_, rest) = report.rsplit_once("Collected :")?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_the_report() {
        let report = "==7== Events    : Ir\n==7== Collected : 132071\n==7== \n";
        assert_eq!(collected(report), Some(132_071));
        assert_eq!(collected("==7== killed"), None);
    }
}
