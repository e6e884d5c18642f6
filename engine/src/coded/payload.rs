//! Runs of base64 (RFC 4648, both alphabets) and hex that decode to text.
//!
//! Nearly all long words of a log are no payload: their first bytes decode to what is no text, and that ends it. What random
//! characters decode to is text with a chance of one in 10⁸ at the least length.

use std::ops::Range;

use super::inline::Unit;
use crate::kernel::classes::{Class, Classes, PAYLOAD, STEP, first_clear};

/// The least length of a run, in bytes: 18 bytes of base64, 12 of hex.
const SHORTEST: usize = PAYLOAD;
/// How many bytes of a run are decoded.
pub(crate) const LONGEST: usize = 32 << 10;
/// An open run this long, in bytes, waits for its end, if it decodes to text so far.
const HELD: usize = 8;

/// What is no base64.
const OTHER: u8 = 0xff;

const VALUES: [u8; 256] = {
    let mut values = [OTHER; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut i = 0;
    while i < 64 {
        values[alphabet[i] as usize] = i as u8;
        i += 1;
    }
    values[b'-' as usize] = 62;
    values[b'_' as usize] = 63;
    values
};

/// By hex digit: its value; [`OTHER`] for what is none.
const DIGITS: [u8; 256] = {
    let mut digits = [OTHER; 256];
    let mut i = 0;
    while i < 16 {
        digits[b"0123456789abcdef"[i] as usize] = i as u8;
        digits[b"0123456789ABCDEF"[i] as usize] = i as u8;
        i += 1;
    }
    digits
};

fn is_of_run(byte: u8) -> bool {
    VALUES[usize::from(byte)] != OTHER
}

/// The runs of a text that may be payloads, in order; one at the end also if it is shorter.
pub(crate) struct Runs<'t> {
    text: &'t [u8],
    /// Bytes of base64, and where runs of them start.
    base64: &'t [u64],
    payloads: &'t [u64],
    /// All before is dealt with.
    at: usize,
    /// The step that is looked at, and where in it runs start that were not given yet.
    step: usize,
    starts: u64,
    is_over: bool,
}

impl<'t> Runs<'t> {
    /// The runs of a text of these classes. If it is `cut`, the word that it begins with is no run: its start is not there.
    pub(crate) fn new(text: &'t [u8], classes: &'t Classes, cut: bool) -> Runs<'t> {
        let (base64, payloads) = (classes.of(Class::Base64), classes.of(Class::Payloads));
        let at = if cut { first_clear(base64, 0) } else { 0 };
        Runs { text, base64, payloads, at, step: 0, starts: payloads[0], is_over: false }
    }

    /// The run from `start` to where it ends, or as much of it as is decoded.
    fn run(&mut self, start: usize) -> Range<usize> {
        let mut end = first_clear(self.base64, start).min(start + LONGEST);
        self.at = end;
        end += self.text[end..].iter().take(2).take_while(|b| **b == b'=').count();
        start..end
    }
}

impl Iterator for Runs<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        // A run that is longer than what is decoded goes on as another.
        if self.at > 0 && self.at + SHORTEST <= self.text.len() && is_of_run(self.text[self.at]) {
            let start = self.at;
            let goes_on = is_of_run(self.text[start - 1]);
            if goes_on && first_clear(self.base64, start) >= start + SHORTEST {
                return Some(self.run(start));
            }
        }
        loop {
            while self.starts != 0 {
                let start = self.step * STEP + self.starts.trailing_zeros() as usize;
                self.starts &= self.starts - 1;
                if start >= self.at {
                    return Some(self.run(start));
                }
            }
            let rest = self.payloads.get(self.step + 1..).unwrap_or_default();
            let Some(steps) = rest.iter().position(|starts| *starts != 0) else { break };
            self.step += 1 + steps;
            self.starts = self.payloads[self.step];
        }
        self.step = self.payloads.len();
        if std::mem::replace(&mut self.is_over, true) {
            return None;
        }
        let from = self.at.max(self.text.len().saturating_sub(SHORTEST));
        let rest = &self.text[from..];
        let start = rest.iter().rposition(|b| !is_of_run(*b)).map_or(from, |p| from + p + 1);
        (start < self.text.len()).then_some(start..self.text.len())
    }
}

/// Decodes a run and appends the text that it stands for; `open` if it may go on.
pub(crate) fn decode(run: &[u8], open: bool, out: &mut Vec<u8>) -> Unit {
    if run.first_chunk().is_some_and(|first| !may_be_text(first)) {
        return Unit::None;
    }
    if open && run.len() < LONGEST {
        let waits = run.len() >= HELD && (base64(run, out) || hex(run, out));
        return if waits { Unit::Open } else { Unit::None };
    }
    if run.len() < SHORTEST {
        return Unit::None;
    }
    let from = out.len();
    if hex(run, out) {
        return Unit::Bytes(run.len());
    }
    out.truncate(from);
    if base64(run, out) {
        return Unit::Bytes(run.len());
    }
    Unit::None
}

/// By byte: none of a text, ASCII, what goes on with a character of UTF-8, what begins one.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            b' '..=b'~' | b'\n' | b'\r' | b'\t' => 1,
            0x80..=0xbf => 2,
            0xc2..=0xf4 => 3,
            _ => 0,
        };
        byte += 1;
    }
    kinds
};

/// By kind of a byte: a bit for each kind that may stand behind it, or more.
const BEHIND: [u8; 4] = [0, 0b1010, 0b1110, 0b0100];

/// Whether what eight characters decode to may begin a text, without branches, since nobody can tell beforehand: nearly all
/// are noise. More may pass than is one.
#[inline(always)]
fn may_be_text(first: &[u8; 8]) -> bool {
    let (mut bits, mut nibbles, mut other, mut no_digit) = (0u64, 0u32, 0, 0);
    for byte in first {
        let (value, digit) = (VALUES[usize::from(*byte)], DIGITS[usize::from(*byte)]);
        bits = bits << 6 | u64::from(value & 63);
        nibbles = nibbles << 4 | u32::from(digit & 15);
        // An `=` ends what is decoded.
        other |= value;
        no_digit |= digit;
    }
    let [_, _, base64 @ ..] = bits.to_be_bytes();
    other == OTHER || begin_text(&base64) || no_digit < 16 && begin_text(&nibbles.to_be_bytes())
}

#[inline(always)]
fn begin_text(bytes: &[u8]) -> bool {
    let (mut may, mut before) = (1, 1);
    for byte in bytes {
        let kind = KINDS[usize::from(*byte)];
        may &= BEHIND[before] >> kind;
        before = usize::from(kind);
    }
    may & 1 == 1
}

/// Appends what base64 decodes to; false as soon as that is no text.
fn base64(run: &[u8], out: &mut Vec<u8>) -> bool {
    let (mut bits, mut count) = (0u32, 0);
    let mut check = TextCheck::default();
    for byte in run.iter().take_while(|b| **b != b'=') {
        bits = bits << 6 | u32::from(VALUES[usize::from(*byte)]);
        count += 6;
        if count >= 8 {
            count -= 8;
            let byte = (bits >> count) as u8;
            if !check.goes_on(byte) {
                return false;
            }
            out.push(byte);
        }
    }
    // The bits that are left over are zero.
    check.is_text() && bits & ((1 << count) - 1) == 0
}

/// The same for hex.
fn hex(run: &[u8], out: &mut Vec<u8>) -> bool {
    let mut check = TextCheck::default();
    run.chunks(2).all(|pair| {
        let [high, low] = pair else { return false };
        let (high, low) = (DIGITS[usize::from(*high)], DIGITS[usize::from(*low)]);
        let byte = high << 4 | low & 15;
        out.push(byte);
        high | low != OTHER && check.goes_on(byte)
    }) && check.is_text()
}

/// Whether bytes are text: ASCII without controls, and other characters in UTF-8, if they are not most of it.
#[derive(Default)]
struct TextCheck {
    ascii: usize,
    other: usize,
    /// How many more bytes a character needs.
    open: usize,
}

impl TextCheck {
    fn goes_on(&mut self, byte: u8) -> bool {
        match (self.open, byte) {
            (0, b' '..=b'~' | b'\n' | b'\r' | b'\t') => self.ascii += 1,
            (0, 0xc2..=0xdf) => self.open = 1,
            (0, 0xe0..=0xef) => self.open = 2,
            (0, 0xf0..=0xf4) => self.open = 3,
            (1.., 0x80..=0xbf) => {
                self.open -= 1;
                self.other += usize::from(self.open == 0);
            }
            _ => return false,
        }
        // Random bytes are seldom text, but a pair of them is UTF-8 now and then.
        self.ascii + self.other < 4 || self.other * 2 < self.ascii
    }

    fn is_text(&self) -> bool {
        self.open == 0 && self.ascii + self.other > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;

    fn plain(run: &str) -> Option<String> {
        let mut out = Vec::new();
        let unit = decode(run.as_bytes(), false, &mut out);
        (unit == Unit::Bytes(run.len())).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn text_is_told_from_noise() {
        for (run, wanted) in [
            ("eyJ1c2VyIjoiYWRtaW4iLCJuIjoxfQ==", Some(r#"{"user":"admin","n":1}"#)),
            ("eyJ1c2VyIjoiYWRtaW4iLCJuIjoxfQ", Some(r#"{"user":"admin","n":1}"#)),
            ("7b2275736572223a2261646d696e227d", Some(r#"{"user":"admin"}"#)),
            ("0123456789abcdef0123456789abcdef", None),
            ("internationalization_of_services", None),
            ("usr/share/applications/firefox", None),
            ("eyJ1c2VyIjoiYWRt", None),
        ] {
            assert_eq!(plain(run).as_deref(), wanted, "{run}");
        }
    }

    #[test]
    fn what_is_decoded_passes_the_quick_look() {
        // All first bytes of a text, and characters of two to four bytes behind one another in all ways.
        let letters =
            ["a", " ", "~", "\n", "\r", "\t", "\u{80}", "\u{7ff}", "\u{800}", "\u{10ffff}"];
        for a in letters {
            for b in letters {
                for c in letters {
                    let text = format!("{a}{b}{c}-and-so-on-and-so-on");
                    let hex: String = text.bytes().map(|b| format!("{b:02x}")).collect();
                    let upper = hex.to_uppercase();
                    let base64 = in_base64(text.as_bytes());
                    for run in [hex, upper, base64] {
                        assert!(may_be_text(run.as_bytes().first_chunk().unwrap()), "{run}");
                    }
                }
            }
        }
    }

    #[test]
    fn noise_does_not_pass_the_quick_look() {
        let mut state = 1u64;
        let words = (0..1000).map(|_| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let hex = format!("{:08x}", state >> 32);
            [hex, in_base64(&state.to_be_bytes()[..6])]
        });
        let passes = |word: &String| may_be_text(word.as_bytes().first_chunk().unwrap());
        let passed = words.flatten().filter(passes).count();
        assert!(passed < 2000 / 10, "{passed}");
    }

    fn in_base64(bytes: &[u8]) -> String {
        let mut out = String::new();
        for three in bytes.chunks(3) {
            let bits = three.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b));
            let bits = bits << (8 * (3 - three.len()));
            for i in 0..=three.len() {
                let value = (bits >> (18 - 6 * i) & 63) as u8;
                out.push((b' '..=b'z').find(|b| VALUES[usize::from(*b)] == value).unwrap().into());
            }
        }
        out
    }

    #[test]
    fn all_runs_are_found_wherever_they_stand() {
        for at in 0..60 {
            let text =
                format!("{}{} {}{}", "a b ".repeat(15).split_at(at).0, " ", "x".repeat(24), "== y");
            let mut classes = Classes::default();
            Kernel::detect().classes(text.as_bytes(), &mut classes);
            let runs: Vec<_> = Runs::new(text.as_bytes(), &classes, false).collect();
            let start = text.find("xxx").unwrap();
            let last = text.len() - 1;
            assert_eq!(runs, [start..start + 26, last..last + 1], "{at}");
        }
    }
}
