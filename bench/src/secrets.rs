//! The secrets that are planted, and the six rules that find them in every tool.
//!
//! Each secret is put together here from parts and holds [`MARK`], so that no scanner takes this file for a leak and an
//! output is checked by counting. Six forms, so that tools without a rule set of their own can be given the same rules.

use redact_tests::random::Random;

/// Stands in every planted secret and nowhere else.
pub const MARK: &str = "NOTREAL";
/// What other tools are told to write in place of a match.
pub const MASK: &str = "[REDACTED]";

const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const DIGITS: &str = "0123456789";

/// One of the six rules, as one would write it for the other tools: without upper bounds, which cost them most.
#[derive(Clone, Copy, Debug)]
pub struct Six {
    /// The id of the built-in rule that finds the same.
    pub rule: &'static str,
    /// For ripgrep and Perl.
    pub pattern: &'static str,
    /// For `sed -E`: POSIX has no `(?:…)`.
    pub posix: &'static str,
}

/// The six rules.
pub const SIX: &[Six] = &[
    Six {
        rule: "github-token",
        pattern: r"\bgh[pousr]_[A-Za-z0-9_]{36,}",
        posix: r"\bgh[pousr]_[A-Za-z0-9_]{36,}",
    },
    Six {
        rule: "aws-access-key-id",
        pattern: r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        posix: r"\b(AKIA|ASIA)[A-Z0-9]{16}\b",
    },
    Six {
        rule: "gitlab-token",
        pattern: r"\bglpat-[A-Za-z0-9_-]{20,}",
        posix: r"\bglpat-[A-Za-z0-9_-]{20,}",
    },
    Six {
        rule: "slack-token",
        pattern: r"\bxox[abceoprs]-[0-9]+-[A-Za-z0-9-]{12,}",
        posix: r"\bxox[abceoprs]-[0-9]+-[A-Za-z0-9-]{12,}",
    },
    Six {
        rule: "jwt",
        pattern: r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}",
        posix: r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}",
    },
    Six {
        rule: "stripe-secret-key",
        pattern: r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}",
        posix: r"\b[sr]k_(live|test)_[A-Za-z0-9]{10,}",
    },
];

/// Appends a log line with one secret of the six forms, and its line feed.
pub(crate) fn planted_line(random: &mut Random, out: &mut Vec<u8>) {
    let at = random.below(SIX.len());
    let before = [
        "fetching https://git.example.com/team/app.git as ",
        "request signed by ",
        "job 4711 checked out with ",
        "posting to #alerts as ",
        "session ",
        "charging with ",
    ][at];
    let line = format!("2026-03-14T09:26:53Z DEBUG {before}{} then ", secret(at, random));
    out.extend_from_slice(line.as_bytes());
    crate::lines::message(random, out);
    out.push(b'\n');
}

/// A visibly fake secret of the form [`SIX`]`[at]`.
fn secret(at: usize, random: &mut Random) -> String {
    match at {
        0 => format!("gh{}_{MARK}{}", "p", random.word(ALNUM, 29)),
        1 => format!("{}{MARK}{}", ["AK", "IA"].concat(), random.word(BASE32, 9)),
        2 => format!("gl{}-{MARK}{}", "pat", random.word(ALNUM, 13)),
        3 => format!("xo{}-{}-{MARK}{}", "xb", random.word(DIGITS, 11), random.word(ALNUM, 17)),
        4 => {
            // {"alg":"HS256"}, then {"sub":" and a rest that says what it is.
            let head = concat!("eyJhbGci", "OiJIUzI1NiJ9");
            format!("{head}.eyJzdWIiOiJ{}.{MARK}{}", random.word(ALNUM, 12), random.word(ALNUM, 20))
        }
        _ => format!("{}k_test_{MARK}{}", "s", random.word(ALNUM, 17)),
    }
}

#[cfg(test)]
mod tests {
    use redact_stream::{Engine, RuleSet};

    use super::*;

    #[test]
    fn the_six_rules_exist_and_find_what_is_planted() {
        let builtin = RuleSet::builtin();
        assert!(SIX.iter().all(|six| builtin.find(six.rule).is_some()));
        let engine = Engine::builder().only(SIX.iter().map(|six| six.rule)).build().unwrap();
        let mut random = Random::new(1);
        for at in (0..SIX.len()).cycle().take(120) {
            let secret = secret(at, &mut random);
            let masked = engine.redact_str(&secret).into_owned();
            assert_eq!(masked, format!("[REDACTED:{}]", SIX[at].rule), "form {at}");
        }
    }
}
