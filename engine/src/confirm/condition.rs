//! The conditions of a rule: keywords near by, allow lists, entropy, checksums, and the least confidence asked for.

use std::ops::Range;

use super::{Compiled, check, filler};
use crate::allow::AllowList;
use crate::mask::{self, Mask};
use crate::rule::{CheckFailure, Confidence, Rule};

/// What the user accepts: set once, for all rules.
#[derive(Clone, Debug)]
pub(crate) struct Accept {
    /// The least confidence of a finding.
    pub(crate) confidence: Confidence,
    /// The mask in use: its own output is no secret.
    pub(crate) mask: Mask,
    /// Values that are left alone.
    pub(crate) listed: AllowList,
}

/// Why a match is no finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is a mask that an earlier run wrote.
    AlreadyMasked,
    /// No keyword stands near by.
    NoKeyword,
    /// An allow pattern matches.
    Allowed,
    /// It stands for a secret, as `XXXX…` does.
    Filler,
    /// Too little entropy.
    LowEntropy,
    /// The checksum or structure is wrong.
    CheckFailed,
    /// Below the least confidence that was asked for.
    LowConfidence,
    /// The user's list of values to leave alone has it.
    Listed,
}

/// Decides about the match whose start is `context` and whose secret is `secret`, both in bytes of `line`.
pub(crate) fn judge(
    compiled: &Compiled,
    accept: &Accept,
    line: &[u8],
    context: usize,
    secret: Range<usize>,
) -> Result<Confidence, Refusal> {
    let rule = &compiled.rule;
    if secret.is_empty() || accept.mask.covers(line, secret.clone()) {
        return Err(Refusal::AlreadyMasked);
    }
    if !has_keyword(rule, line, context) {
        return Err(Refusal::NoKeyword);
    }
    let bytes = &line[secret.clone()];
    // Numbers that mean a person may well repeat a digit; and a user's own rule means what it says.
    if rule.builtin && rule.group() == "secrets" && filler::is_filler(bytes) {
        return Err(Refusal::Filler);
    }
    if rule.entropy > 0.0 && entropy(bytes) < rule.entropy {
        return Err(Refusal::LowEntropy);
    }
    if compiled.allows(bytes) {
        return Err(Refusal::Allowed);
    }
    let mut confidence = rule.confidence;
    if rule.check.is_some_and(|c| !check::passes(c, line, secret)) {
        if rule.on_check_fail == CheckFailure::Refuse {
            return Err(Refusal::CheckFailed);
        }
        confidence = confidence.lowered();
    }
    if confidence < accept.confidence {
        return Err(Refusal::LowConfidence);
    }
    if accept.listed.holds(bytes) {
        return Err(Refusal::Listed);
    }
    Ok(confidence)
}

/// Whether a keyword ends before `at` and starts at most `near` bytes before it; words inside masks do not count.
fn has_keyword(rule: &Rule, line: &[u8], at: usize) -> bool {
    if rule.keywords.is_empty() {
        return true;
    }
    let from = at.saturating_sub(rule.near.into());
    let window = &line[from..at];
    rule.keywords().any(|keyword| {
        let is_keyword = |(_, w): &(usize, &[u8])| w.eq_ignore_ascii_case(keyword.as_bytes());
        let mut found = window.windows(keyword.len()).enumerate().filter(is_keyword);
        found.any(|(i, _)| !mask::in_label_mask(line, from + i))
    })
}

/// Shannon entropy in bits per byte.
pub(crate) fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0u32; 256];
    bytes.iter().for_each(|b| counts[usize::from(*b)] += 1);
    let total = bytes.len() as f32;
    -counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let p = *count as f32 / total;
            p * p.log2()
        })
        .sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_in_bits_per_byte() {
        assert_eq!(entropy(b"aaaa"), 0.0);
        assert_eq!(entropy(b"abab"), 1.0);
        assert_eq!(entropy(b"0123456789abcdef"), 4.0);
    }
}
