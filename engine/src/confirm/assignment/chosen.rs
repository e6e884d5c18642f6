//! Passwords of letters only, as people choose them: `open_sesame`, `harbour_rDkf`.
//!
//! They look like any other words, so only a key that promises a password, and an operator or quotes around the value,
//! make one of them. [`is_chosen`] refuses what such values are otherwise: statements about a password (`required`), names
//! and placeholders (`test-password`), identifiers in the styles of program text (`proxyPassword`, `DB_HOST`).

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// What is no password, nor a text that holds it, in lower case.
#[rustfmt::skip]
const SAYS_SO: &[&str] = &[
    // Names of what should stand there.
    "pass", "pwd", "passwd", "passwort", "secret", "token", "cred", "auth", "login", "user", "admin", "name",
    "value", "string", "text", "field", "input", "param", "variable", "object", "type", "null",
    "none", "undefined", "empty", "blank", "bool", "true", "false", "byte", "char", "varchar",
    "key", "code", "config", "setting", "option", "default", "prompt", "file", "path", "stdin",
    "vault", "storage", "server", "client", "service", "database", "mysql", "postgres", "redis",
    "ldap", "kerberos", "digest", "crypt", "hash", "scram", "plain", "base", "basic", "hmac",
    // Placeholders.
    "test", "some", "your", "dummy", "fake", "mock", "sample", "example", "foobar", "lorem", "todo",
    "change", "replace", "insert", "enter", "here", "unknown", "anonymous", "guest", "public",
    // What becomes of it.
    "required", "optional", "missing", "invalid", "valid", "correct", "wrong", "expired", "accept",
    "reject", "denied", "failed", "failure", "success", "match", "enabled", "disabled", "allowed",
    "locked", "reset", "updated", "provided", "present", "protected", "removed", "deleted",
    "hidden", "masked", "filtered", "redacted", "sanitized", "omitted", "private", "confirm",
    "unsafe", "await", "async", "return", "function", "lambda", "static", "const", "select",
    "import", "extern", "yield", "struct",
    "forgot", "random", "generate", "not", "unset", "unused", "ignored", "length", "weak", "strong",
];

/// The shortest of them, in bytes: shorter words are too often something else.
const SHORTEST: usize = 6;
const LONGEST: usize = 40;

/// All of them together, made when first needed.
fn says_so() -> &'static AhoCorasick {
    static SEARCH: LazyLock<AhoCorasick> = LazyLock::new(|| {
        let search = AhoCorasick::builder().ascii_case_insensitive(true).build(SAYS_SO);
        search.expect("they are few and short")
    });
    &SEARCH
}

/// Whether a value of letters, `-` and `_` may be a password that someone chose.
pub(crate) fn is_chosen(value: &[u8]) -> bool {
    if value.len() < SHORTEST
        || value.len() > LONGEST
        || !value.iter().all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_'))
        || !value[0].is_ascii_alphabetic()
        || !value[value.len() - 1].is_ascii_alphabetic()
    {
        return false;
    }
    if says_so().is_match(value) {
        return false;
    }
    value.iter().all(|b| !b.is_ascii_uppercase()) || !is_styled(value)
}

/// What sentences have and lists of words drawn at random seldom do, in lower case.
const OF_SENTENCES: &[&str] = &[
    "the",
    "your",
    "you",
    "for",
    "and",
    "not",
    "this",
    "that",
    "with",
    "from",
    "must",
    "should",
    "will",
    "please",
    "enter",
    "when",
    "used",
    "use",
    "was",
    "are",
    "has",
    "have",
    "can",
    "than",
    "into",
    "key",
    "file",
    "passphrase",
    "password",
    "secret",
    "phrase",
    "value",
    "empty",
    "required",
    "none",
    "word",
    "words",
    "choose",
    "least",
];

/// Whether a passphrase is words drawn at random, as Diceware has it: four to twelve in lower case, and no sentence.
pub(crate) fn is_drawn(value: &[u8]) -> bool {
    let mut count = 0;
    let is_word = |word: &[u8]| {
        count += 1;
        (3..=9).contains(&word.len())
            && word.iter().all(u8::is_ascii_lowercase)
            && !OF_SENTENCES.iter().any(|w| w.as_bytes() == word)
    };
    value.split(|b| *b == b' ').all(is_word) && (4..=12).contains(&count)
}

/// Whether words are joined as in program text: humps of two letters and more, or one case in all parts.
fn is_styled(value: &[u8]) -> bool {
    let mut parts = value.split(|b| matches!(b, b'-' | b'_')).peekable();
    let upper = |part: &[u8]| part.iter().all(u8::is_ascii_uppercase);
    let humps = |part: &[u8]| {
        let mut words = super::key::words(part).peekable();
        words.peek().is_some()
            && words.all(|word| {
                word.len() > 1 && (upper(word) || word[1..].iter().all(u8::is_ascii_lowercase))
            })
    };
    let first = parts.peek().copied().unwrap_or_default();
    if upper(first) {
        return parts.all(upper);
    }
    let capital = first.first().is_some_and(u8::is_ascii_uppercase);
    parts.all(|part| humps(part) && !upper(part) && part[0].is_ascii_uppercase() == capital)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_words_are_told_from_sentences() {
        assert!(is_drawn(b"correct horse battery staple"));
        for text in ["enter four words here", "a horse is here now", "correct horse battery"] {
            assert!(!is_drawn(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn chosen_words_are_told_from_names_and_statements() {
        for text in ["open_sesame", "bluelagoon", "harbour_rDkf", "Winter-hOFo", "kestrel-BLRW"] {
            assert!(is_chosen(text.as_bytes()), "{text}");
        }
        for text in [
            "required",
            "test-password",
            "proxyCharlie",
            "ProxyCharlie",
            "DB_HOST",
            "db-host-Name",
            "oak",
            "-sesame",
            "blueLagoon",
            "undefined",
            "not_found",
        ] {
            assert!(!is_chosen(text.as_bytes()), "{text}");
        }
    }
}
