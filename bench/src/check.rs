//! What an output holds, and whether it is right: asked before anything is timed.
//!
//! An [`Observer`] reads an output in pieces and keeps counts and a hash, not bytes. [`judge`] compares them with what the
//! text is known to hold:
//! - all kernels and scanners of `redact` must give the same bytes;
//! - tools with the same six rules must give the same bytes, with as many masks as secrets were planted;
//! - tools with all patterns must have masked every planted secret, and may mask more: they know no conditions;
//! - a tool with rules of its own must have masked at least one;
//! - a copy must be a copy.
//!
//! Limits: on texts without a known number of masks (keywords, base64, hostile ones) other tools are only asked to end
//! well; `redact` is compared with itself there too.

use memchr::memmem::Finder;
use sha2::{Digest as _, Sha256};

use crate::secrets::MARK;
use crate::text::TextKind;

/// The beginning of every mask.
const MASK_START: &str = "[REDACTED";

/// What was seen of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// How many masks it holds.
    pub masks: u64,
    /// How many planted secrets it still holds.
    pub secrets: u64,
}

impl Observed {
    /// Looks at a whole output.
    pub fn of(output: &[u8]) -> Observed {
        let mut observer = Observer::default();
        observer.read(output);
        observer.finish()
    }
}

/// Reads an output in pieces of any size.
#[derive(Debug)]
pub struct Observer {
    hash: Sha256,
    bytes: u64,
    masks: Counter,
    secrets: Counter,
}

impl Default for Observer {
    fn default() -> Observer {
        Observer {
            hash: Sha256::new(),
            bytes: 0,
            masks: Counter::new(MASK_START),
            secrets: Counter::new(MARK),
        }
    }
}

impl Observer {
    /// Takes the next bytes.
    pub fn read(&mut self, piece: &[u8]) {
        self.hash.update(piece);
        self.bytes += piece.len() as u64;
        self.masks.read(piece);
        self.secrets.read(piece);
    }

    /// What was seen.
    pub fn finish(self) -> Observed {
        let digest = self.hash.finalize();
        Observed {
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            bytes: self.bytes,
            masks: self.masks.count,
            secrets: self.secrets.count,
        }
    }
}

/// Counts a needle that does not overlap itself, also across pieces.
#[derive(Debug)]
struct Counter {
    finder: Finder<'static>,
    /// The last bytes, one fewer than the needle has.
    tail: Vec<u8>,
    count: u64,
}

impl Counter {
    fn new(needle: &'static str) -> Counter {
        Counter { finder: Finder::new(needle), tail: Vec::new(), count: 0 }
    }

    fn read(&mut self, piece: &[u8]) {
        let keep = self.finder.needle().len() - 1;
        self.tail.extend_from_slice(&piece[..piece.len().min(keep)]);
        self.count += self.finder.find_iter(&self.tail).count() as u64;
        self.count += self.finder.find_iter(piece).count() as u64;
        if piece.len() >= keep {
            self.tail.clear();
            self.tail.extend_from_slice(&piece[piece.len() - keep..]);
        } else {
            let over = self.tail.len().saturating_sub(keep);
            self.tail.drain(..over);
        }
    }
}

/// What a contestant's output is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Copies its input.
    Copy,
    /// `redact` with its default rules: one kernel or scanner.
    Redact,
    /// Any tool with the six rules of [`crate::secrets::SIX`] and one mask.
    Six,
    /// A tool with the patterns of all rules, without their conditions.
    All,
    /// A tool with rules of its own.
    Own,
}

/// What is known of a text.
#[derive(Clone, Debug)]
pub struct Known {
    /// What it consists of.
    pub kind: TextKind,
    /// How many secrets were planted.
    pub planted: u64,
    /// The text itself.
    pub input: Observed,
}

/// Whether `seen` may be the output of a contestant of this family; `first` is that of the family's first contestant.
///
/// # Errors
/// What is wrong with it.
pub fn judge(
    family: Family,
    known: &Known,
    seen: &Observed,
    first: Option<&Observed>,
) -> Result<(), String> {
    let planted = known.planted;
    let exact = known.kind.is_exact();
    let same = |other: &Observed, whose: &str| match seen.sha256 == other.sha256 {
        true => Ok(()),
        false => Err(format!(
            "the output differs from {whose}: {} bytes and {} masks instead of {} and {}",
            seen.bytes, seen.masks, other.bytes, other.masks
        )),
    };
    let none_left = match seen.secrets {
        0 => Ok(()),
        left => Err(format!("{left} of {planted} planted secrets are left")),
    };
    let all_masked = match seen.masks == planted {
        true => none_left.clone(),
        false => Err(format!("{} masks for {planted} planted secrets", seen.masks)),
    };
    match family {
        Family::Copy => same(&known.input, "the input"),
        Family::Redact => {
            none_left?;
            if exact {
                all_masked?;
            }
            first.map_or(Ok(()), |first| same(first, "the first kernel's"))
        }
        Family::Six if exact => {
            all_masked?;
            first.map_or(Ok(()), |first| same(first, "the first tool's with the six rules"))
        }
        Family::All if exact && seen.masks < planted => all_masked,
        Family::All => none_left,
        Family::Own if planted > 0 && seen.secrets >= planted => {
            Err("it masked none of the planted secrets".to_owned())
        }
        Family::Six | Family::Own => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use redact_stream::Engine;

    use super::*;
    use crate::text::Text;

    fn known(kind: TextKind) -> (Known, Vec<u8>, Vec<u8>) {
        let mut text = Vec::new();
        let written = Text { kind, bytes: 60_000, seed: 5 }.write_to(&mut text).unwrap();
        let output = Engine::builder().build().unwrap().redact(&text).into_owned();
        let known = Known { kind, planted: written.planted, input: Observed::of(&text) };
        (known, text, output)
    }

    #[test]
    fn right_outputs_pass_and_wrong_ones_are_refused() {
        let (known, text, output) = known(TextKind::S10);
        let right = Observed::of(&output);
        assert!(right.masks > 20);
        assert_eq!(judge(Family::Redact, &known, &right, Some(&right)), Ok(()));
        assert_eq!(judge(Family::Copy, &known, &Observed::of(&text), None), Ok(()));
        assert!(judge(Family::Copy, &known, &right, None).is_err());

        // A tool that does nothing, one that stops early, one that changes another byte.
        let mut changed = output.clone();
        changed[0] ^= 1;
        let cut = &output[..output.len() / 2];
        for wrong in [&text[..], cut, &changed] {
            let wrong = Observed::of(wrong);
            assert!(judge(Family::Redact, &known, &wrong, Some(&right)).is_err());
            assert!(judge(Family::Six, &known, &wrong, Some(&right)).is_err());
        }
        let nothing = Observed::of(&text);
        for family in [Family::Redact, Family::Six, Family::All, Family::Own] {
            assert!(judge(family, &known, &nothing, None).is_err(), "{family:?}");
        }
    }

    #[test]
    fn clean_text_passes_unchanged_and_a_mask_in_it_is_refused() {
        for kind in [TextKind::Clean, TextKind::Json] {
            let (known, text, output) = known(kind);
            assert!(text == output);
            let mut masked = output;
            masked.extend_from_slice(b"[REDACTED:password]\n");
            assert!(judge(Family::Redact, &known, &Observed::of(&masked), None).is_err());
        }
    }

    #[test]
    fn counts_do_not_depend_on_how_the_output_was_cut() {
        let (_, _, output) = known(TextKind::S10);
        let whole = Observed::of(&output);
        for size in [1, 3, 9, 10, 1000] {
            let mut observer = Observer::default();
            output.chunks(size).for_each(|piece| observer.read(piece));
            assert_eq!(observer.finish(), whole, "pieces of {size} bytes");
        }
    }
}
