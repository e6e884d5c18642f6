//! All scanners and kernels on the same large text: their outputs must have one hash.
//!
//! A kernel is chosen when a process's engine is built, so each runs in a process of its own ([`child`]), which makes the
//! text again from the seed and streams it through the library in pieces of uneven size.

use std::convert::Infallible;
use std::process::{Command, Stdio};

use redact_stream::{Engine, ScannerKind, Sink, StreamRedactor};

use crate::check::{Observed, Observer};
use crate::kernel;
use crate::text::Text;
use redact_tests::random::Random;

/// One way to run the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The scanner.
    pub scanner: ScannerKind,
    /// The kernel to force.
    pub kernel: Option<&'static str>,
}

impl Way {
    /// All ways that this build and CPU have, the portable one first: the others are compared with it.
    pub fn all() -> Vec<Way> {
        let plain = |scanner| Way { scanner, kernel: None };
        let simd = |kernel| Way { scanner: ScannerKind::Simd, kernel: Some(kernel) };
        let mut all = vec![plain(ScannerKind::Regex)];
        if cfg!(feature = "hyperscan") {
            all.push(plain(ScannerKind::Hyperscan));
        }
        all.extend(kernel::available().into_iter().map(simd));
        all
    }

    /// The name that the engine itself must say.
    fn name(self) -> String {
        match self.kernel {
            Some(kernel) => format!("{} ({kernel})", self.scanner.name()),
            None => self.scanner.name().to_owned(),
        }
    }
}

struct Observing(Observer);

impl Sink for Observing {
    type Error = Infallible;

    fn clean(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.read(bytes);
        Ok(())
    }
}

/// Streams `text` through the library.
///
/// # Errors
/// The scanner cannot be used.
pub fn redact(scanner: ScannerKind, text: Text) -> Result<(String, Observed), String> {
    let engine = Engine::builder().scanner(scanner).scanner_strict(true).build();
    let engine = engine.map_err(|error| error.to_string())?;
    let name = engine.scanner_name();
    let mut stream = StreamRedactor::new(engine);
    let mut sink = Observing(Observer::default());
    let mut sizes = Random::new(text.seed);
    for piece in text.pieces() {
        let mut rest = &piece[..];
        while !rest.is_empty() {
            // As reads are: mostly large, at times a few bytes.
            let most = if sizes.below(8) == 0 { 100 } else { 200_000 };
            let (next, left) = rest.split_at((1 + sizes.below(most)).min(rest.len()));
            let Ok(()) = stream.push(next, &mut sink);
            rest = left;
        }
    }
    let Ok(()) = stream.finish(&mut sink);
    Ok((name, sink.0.finish()))
}

/// What the process of one way does: answers the line that [`compare`] reads.
///
/// # Errors
/// The scanner cannot be used.
pub fn child(scanner: ScannerKind, text: Text) -> Result<String, String> {
    let (name, seen) = redact(scanner, text)?;
    Ok(format!("{}\t{}\t{}\t{name}", seen.sha256, seen.bytes, seen.masks))
}

/// Runs all ways on `text`, one after the other; `say` hears of each.
///
/// # Errors
/// A way cannot be run or is another than was asked for, two outputs differ, or nothing was masked at all.
pub fn compare(text: Text, mut say: impl FnMut(&str)) -> Result<(), String> {
    let mut first: Option<String> = None;
    for way in Way::all() {
        let line = run(way, text).map_err(|error| format!("{}: {error}", way.name()))?;
        say(&line);
        let (output, name) = line.rsplit_once('\t').ok_or("a process answered nothing")?;
        if !name.starts_with(&way.name()) {
            return Err(format!("{} was asked for and {name} was used", way.name()));
        }
        if output.ends_with("\t0") {
            return Err(format!("{name} masked nothing"));
        }
        match &first {
            None => first = Some(output.to_owned()),
            Some(first) if first == output => {}
            Some(_) => return Err(format!("the output of {name} differs")),
        }
    }
    Ok(())
}

fn run(way: Way, text: Text) -> Result<String, String> {
    let myself = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(myself);
    command
        .args(["equal-one", "--scanner", way.scanner.name(), "--text", text.kind.name()])
        .args(["--bytes", &text.bytes.to_string(), "--seed", &text.seed.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .env_remove(kernel::VARIABLE);
    if let Some(kernel) = way.kernel {
        command.env(kernel::VARIABLE, kernel);
    }
    let output = command.output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned()),
        false => Err("its process failed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::TextKind;

    #[test]
    fn the_scanners_of_this_process_agree_on_mixed_text() {
        let text = Text { kind: TextKind::Mixed, bytes: 60_000, seed: 11 };
        let (_, regex) = redact(ScannerKind::Regex, text).unwrap();
        let (_, simd) = redact(ScannerKind::Simd, text).unwrap();
        assert_eq!(regex, simd);
        assert!(regex.masks > 0);
    }
}
