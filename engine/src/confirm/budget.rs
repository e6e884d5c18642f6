//! What one line may cost one rule: linear time, whatever the line.
//!
//! A rule may begin to match at every byte of a line and read on as far as its longest match each time. Two accounts keep
//! that from adding up:
//! - [`Refused`]: matches that a condition refuses. They are known to be no secrets only because they were read, and the
//!   next may start one byte further. Beyond the budget, nothing is refused any more: it is masked unseen.
//! - [`Vain`]: starts that turn out to be no match. Beyond the budget the rest of the line is searched in one pass instead
//!   ([`super::sweep`]), which finds the same.
//!
//! The first depends on nothing but the line, so the output depends neither on how the input was cut nor on the scanner.
//! Ordinary text stays below: few rules match what they refuse, and hardly one does so again and again in one line.

/// What a line may cost beside what [`PER_BYTE`] allows, in bytes.
const FREE: u64 = 16 << 10;
/// How often each byte of a line may be read in vain by one rule.
const PER_BYTE: u64 = 2;

/// The bytes of a line in matches that were refused.
#[derive(Clone, Default)]
pub(super) struct Refused {
    /// Where the line starts in the stream.
    line: u64,
    /// The offset before which all matches are accounted for.
    known: u64,
    spent: u64,
}

impl Refused {
    /// Adds a match of `len` bytes at `start` of the line that starts at `line`, both in bytes of the stream; false if the
    /// line has cost too much.
    pub(super) fn add(&mut self, line: u64, start: u64, len: usize) -> bool {
        if self.line != line {
            *self = Refused { line, known: start, spent: 0 };
        }
        if start >= self.known {
            // Where the input paused, the same match is looked at twice.
            (self.known, self.spent) = (start + 1, self.spent + len as u64);
        }
        self.spent <= FREE + PER_BYTE * (start - line)
    }
}

/// The bytes of a line that were read from starts of no match.
#[derive(Clone, Default)]
pub(super) struct Vain {
    line: u64,
    /// Where in the line counting began.
    from: usize,
    spent: u64,
}

impl Vain {
    /// Adds `read` bytes from position `at` of the line that starts at `line` of the stream; false if it is time for one
    /// pass, after which counting begins anew.
    pub(super) fn add(&mut self, line: u64, at: usize, read: usize) -> bool {
        if self.line != line || at < self.from {
            *self = Vain { line, from: at, spent: 0 };
        }
        self.spent += read as u64;
        let is_little = self.spent <= FREE + PER_BYTE * (at - self.from) as u64;
        if !is_little {
            (self.from, self.spent) = (at, 0);
        }
        is_little
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_grows_with_the_line_and_ends_with_it() {
        let mut refused = Refused::default();
        // Starts 100 bytes apart may read so many bytes each for ever.
        let each = 100 * PER_BYTE as usize;
        assert!((0..10_000).all(|i| refused.add(50, 50 + i * 100, each)));
        let last = 50 + 10_000 * 100;
        let in_time = (0..1000).take_while(|i| refused.add(50, last + i, each)).count();
        assert_eq!(in_time as u64, FREE / (each as u64 - PER_BYTE));
        assert!(refused.add(last + 2000, last + 2000, 400), "a new line has a new budget");
    }

    #[test]
    fn what_is_seen_twice_counts_once() {
        let mut refused = Refused::default();
        assert!((0..1000).all(|_| refused.add(0, 7, 4000)));
    }

    #[test]
    fn after_a_pass_counting_begins_anew() {
        let mut vain = Vain::default();
        let until = |vain: &mut Vain| (0..).take_while(|i| vain.add(9, 20 + i, 1000)).count();
        let first = until(&mut vain);
        assert!(first >= 16 && until(&mut vain) >= first - 1);
    }
}
