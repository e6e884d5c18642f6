//! Whether an assigned value looks like a secret.
//!
//! Most values of keys that sound secret are none: variables, types, placeholders, paths, words. The tests here are about
//! what the value *is*, so they hold for every language; keys that often name harmless things (`token`, `key`) ask for
//! more than `password` does.

use std::ops::Range;

use super::super::condition::entropy;
use super::syntax::Name;

/// Words of an identifier that make it the name of something about a secret.
const ABOUT: &[&str] = &[
    "type",
    "name",
    "id",
    "ids",
    "file",
    "path",
    "dir",
    "url",
    "uri",
    "endpoint",
    "length",
    "len",
    "count",
    "size",
    "expires",
    "expiry",
    "expiration",
    "expire",
    "ttl",
    "policy",
    "field",
    "label",
    "hint",
    "version",
    "enabled",
    "required",
    "max",
    "min",
    "limit",
    "prefix",
    "suffix",
    "format",
    "status",
    "error",
    "validator",
    "provider",
    "manager",
    "ref",
    "arn",
    "algorithm",
    "alg",
    "index",
    "column",
    "regex",
    "pattern",
    "placeholder",
    "confirm",
    "confirmation",
    "reset",
    "input",
    "class",
    "method",
    "mode",
    "timeout",
    "age",
    "usage",
    "used",
    "remaining",
    "public",
    "next",
    "page",
    "continuation",
    "cancellation",
    "primary",
    "foreign",
    "sort",
    "partition",
    "row",
    "strength",
    "rotation",
    "updated",
    "created",
    "changed",
    "last",
    "text",
    "title",
    "message",
    "description",
];

const NO_VALUES: &[&str] = &[
    "null",
    "none",
    "nil",
    "undefined",
    "true",
    "false",
    "yes",
    "no",
    "empty",
    "unset",
    "default",
    "required",
    "optional",
    "string",
    "str",
    "int",
    "integer",
    "number",
    "bool",
    "boolean",
    "object",
    "any",
    "void",
    "char",
    "bytes",
    "text",
    "password",
    "passwd",
    "secret",
    "token",
    "changeme",
    "example",
    "unknown",
    "invalid",
    "missing",
    "hidden",
    "masked",
    "redacted",
    "removed",
    "filtered",
    "n/a",
    "todo",
    "test",
    "bearer",
    "basic",
    "value",
];

const PLACEHOLDERS: &[&str] = &[
    "example",
    "changeme",
    "change_me",
    "change-me",
    "placeholder",
    "your",
    "xxxx",
    "****",
    "....",
    "redacted",
    "insert",
    "replace",
    "dummy",
    "<",
    "todo",
];

/// Judges the value at `span` of `line`.
pub(crate) fn is_secret(line: &[u8], name: &Name, span: Range<usize>, quoted: bool) -> bool {
    let value = line[span].trim_ascii();
    let value = &value[..value.len().min(super::LONG_VALUE)];
    if value.len() < 4 || about_a_secret(line, name) {
        return false;
    }
    let lower = String::from_utf8_lossy(value).to_ascii_lowercase();
    if NO_VALUES.contains(&lower.as_str())
        || PLACEHOLDERS.iter().any(|p| lower.contains(p))
        || is_reference(value)
        || (!quoted && is_code(value))
        || is_location(value)
        || is_prose(value)
        // Armour has rules of its own, which need the marker.
        || value == b"-----BEGIN"
        || value.iter().all(|b| *b == value[0])
    {
        return false;
    }
    match strength(&line[name.key.clone()]) {
        Strength::Strong => true,
        Strength::Weak => {
            let digit = value.iter().any(u8::is_ascii_digit);
            let letter = value.iter().any(u8::is_ascii_alphabetic);
            value.len() >= 12 && digit && letter && entropy(value) >= 3.0
        }
    }
}

enum Strength {
    Strong,
    Weak,
}

fn strength(key: &[u8]) -> Strength {
    let key = key.to_ascii_lowercase();
    let strong = [&b"passw"[..], b"pwd", b"passphrase", b"passcode", b"secret", b"credential"];
    if strong.iter().any(|s| key.windows(s.len()).any(|w| w == *s)) {
        Strength::Strong
    } else {
        Strength::Weak
    }
}

fn about_a_secret(line: &[u8], name: &Name) -> bool {
    let tail = words(&line[name.key.end..name.whole.end]);
    let head = words(&line[name.whole.start..name.key.start]);
    let last = |list: &[String]| list.iter().any(|w| ABOUT.contains(&w.as_str()));
    last(&tail) || head.last().is_some_and(|w| ABOUT.contains(&w.as_str()))
}

/// The words of an identifier part, in lower case: `_`, `-`, `.` and humps divide.
fn words(part: &[u8]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut previous = b'_';
    for byte in part {
        let divides = !byte.is_ascii_alphanumeric();
        let hump = byte.is_ascii_uppercase() && previous.is_ascii_lowercase();
        if divides {
            out.push(String::new());
        } else {
            if hump || out.is_empty() {
                out.push(String::new());
            }
            if let Some(word) = out.last_mut() {
                word.push(byte.to_ascii_lowercase().into());
            }
        }
        previous = *byte;
    }
    out.retain(|w| !w.is_empty());
    out
}

/// `$X`, `${X}`, `{{ x }}`, `%(x)s`, `#{x}`, `<x>`, `@x@`, `!ref`.
fn is_reference(value: &[u8]) -> bool {
    match value {
        [b'$', next, ..] => !next.is_ascii_digit(),
        [b'{' | b'<' | b'(' | b'[' | b'!', ..] => true,
        [b'#' | b'%', b'{' | b'(' | b's' | b'd' | b'v', ..] => true,
        [b'@', .., b'@'] | [b'%', .., b'%'] | [b'_', b'_', .., b'_', b'_'] => true,
        _ => {
            memchr::memmem::find(value, b"${").is_some()
                || memchr::memmem::find(value, b"{{").is_some()
        }
    }
}

/// A call, an index, a member access or a bare variable of program text.
fn is_code(value: &[u8]) -> bool {
    if value.iter().any(|b| matches!(b, b'(' | b'[' | b'{' | b'*')) {
        return true;
    }
    let segments: Vec<&[u8]> = value.split(|b| *b == b'.').collect();
    let word = |s: &&[u8]| {
        s.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
            && s.iter().all(|b| b.is_ascii_alphabetic() || *b == b'_')
    };
    segments.len() > 1 && segments.iter().all(|s| word(s))
}

fn is_location(value: &[u8]) -> bool {
    value.starts_with(b"/") && !value[1..].is_empty() && value[1..].contains(&b'/')
        || value.starts_with(b"./")
        || value.starts_with(b"~/")
        || memchr::memmem::find(value, b"://").is_some()
        || matches!(value, [drive, b':', b'\\', ..] if drive.is_ascii_alphabetic())
}

/// Text with blanks between words.
fn is_prose(value: &[u8]) -> bool {
    value.split(|b| *b == b' ').filter(|w| !w.is_empty()).count() >= 3
}
