//! Whether an assigned value looks like a secret.
//!
//! Most values of keys that sound secret are none: variables, types, placeholders, paths, words. [`is_secret`] weighs what
//! the value *is* ([`Kind`]) against what its key promises ([`Promise`]) and how the two are tied ([`Tie`]):
//!
//! | value | `password` | `secret` | `token`, `api_key` | `key`, `auth` |
//! |---|---|---|---|---|
//! | noise (`9f86d081884c`) | yes | yes | yes | if long |
//! | letters with digits or signs (`hunter2!`) | yes | yes | no | no |
//! | digits | 4 and more | 6 and more | 16 and more | no |
//! | UUID | yes | yes | yes | no |
//! | one or two words that someone may have chosen ([`super::chosen`]) | yes | no | no | no |
//! | constants, code, references, paths, prose ([`super::other`]) | no | no | no | no |
//!
//! Values that only stand beside a key, or are arguments of a call, must be noise in any case.
//!
//! Limits: a token of plain words (`correcthorse`) is not told from a placeholder and stays.

use std::ops::Range;

use super::chosen::{is_chosen, is_drawn};
use super::classes::{self, CLOSE, DIGIT, OPEN, PLACE, PLACEHOLDER, POINTER, REFERENCE};
use super::key::{Promise, promise};
use super::kind::{Kind, count, is_uuid, kind};
use super::other::{is_code, is_crypt_hash, is_location, is_reference, is_tangled};
use super::syntax::{Found, Name, Tie};
use crate::confirm::words;

/// Values that hold one of these are placeholders, in lower case; their first bytes are those of the class [`PLACEHOLDER`].
const PLACEHOLDERS: &[&str] = &[
    "example",
    "changeme",
    "change_me",
    "change-me",
    "placeholder",
    "your-",
    "your_",
    "yourpass",
    "yourtoken",
    "yoursecret",
    "yourkey",
    "xxxx",
    "****",
    "....",
    "redacted",
    "insert",
    "replace",
    "dummy",
    "todo",
];

/// What the first bytes of a value do not say about it, the rest does not either. Bounds the work of one key.
pub(super) const LOOKED_AT: usize = 96;

/// The shortest value that may be a secret, in bytes.
const SHORTEST: usize = 4;

/// A value so near the end of a line, in bytes, ends the line: a carriage return or a full stop may follow.
pub(crate) const END_OF_LINE: usize = 2;

/// Which part of the value `found` of `line` is secret, if any: not the scheme before it, as in `Bearer x`, nor words
/// before noise in the text of an element.
pub(crate) fn secret(line: &[u8], name: &Name, found: &Found) -> Option<Range<usize>> {
    let text = &line[found.span.clone()];
    let text = &text[..text.len().min(LOOKED_AT)];
    if text.len() < SHORTEST {
        return None;
    }
    let inside = unquoted(text.trim_ascii());
    let value = without_scheme(inside);
    // What costs little comes first: most values are short, or references.
    let whole = text.trim_ascii();
    if whole.len() < SHORTEST || value.len() < SHORTEST || is_short_word(value) || is_chain(whole) {
        return None;
    }
    let classes = classes::all(value);
    if classes & (OPEN | REFERENCE) != 0 && is_reference(value) {
        return None;
    }
    let promise = promise(line, name)?;
    if !is_secret(line, name, found, promise, (value, classes)) {
        return None;
    }
    let words = if found.element && promise < Promise::Password { leading_words(value) } else { 0 };
    if value.len() == inside.len() && words == 0 {
        return Some(found.span.clone());
    }
    // Both are parts of the line: the distance of their starts is what stands before the secret.
    let before = value.as_ptr() as usize - text.as_ptr() as usize + words;
    Some(found.span.start + before..found.span.end)
}

/// Judges a value, whose bytes are of these classes.
fn is_secret(
    line: &[u8],
    name: &Name,
    found: &Found,
    promise: Promise,
    (value, classes): (&[u8], u16),
) -> bool {
    let has = |some: u16| classes & some != 0;
    if words::is_monotonous(value)
        || has(PLACE) && is_location(value)
        || has(REFERENCE) && is_crypt_hash(value)
        // Armour has rules of its own, which need the marker.
        || value == b"-----BEGIN"
    {
        return false;
    }
    let tangled = has(CLOSE) && (found.quoted || found.whole_line) && is_tangled(value);
    let may_be_code = has(OPEN | DIGIT | POINTER | PLACE);
    if may_be_code && !found.quoted && !found.element && !tangled && is_code(value) {
        return false;
    }
    let kind = match kind(value, found) {
        Kind::Mixed if tangled => Kind::Noise,
        kind => kind,
    };
    // `password('x1')` and `set("password", "x1")`, but not `password.encode('latin1')`.
    let behind = &line[name.key.end..];
    let listed = matches!(behind, [b'"' | b'\'', b',', ..])
        && value.iter().all(|b| !b.is_ascii_whitespace() && *b != b'(');
    let calls_key = name.whole.end == name.key.end && (behind.first() == Some(&b'(') || listed);
    if found.tie == Tie::Called && kind == Kind::Mixed && !calls_key {
        return false;
    }
    let key = &line[name.key.clone()];
    let at_end = found.span.end + END_OF_LINE >= line.len();
    if is_one_time(key, found, kind, value) {
        return true;
    }
    // `acme-access-3c0c39…`: a dash alone stands between.
    let joined = line.get(name.whole.end) == Some(&b'-') && found.span.start == name.whole.end + 1;
    if promise == Promise::Weak && !is_enough_for_weak(key, found, value, at_end, joined) {
        return false;
    }
    let chosen = promise == Promise::Password
        && matches!(found.tie, Tie::Assigned | Tie::Compared)
        && (found.quoted || found.whole_line || found.assigned_by_equals)
        && is_chosen(value);
    // `SSHPASS=x7!…`: no word has all three kinds of characters.
    let end = &key[key.len().saturating_sub(4)..];
    let names_password = end.eq_ignore_ascii_case(b"pass") || end.eq_ignore_ascii_case(b"auth");
    let passes = names_password && found.assigned_by_equals && has_three_kinds(value);
    let drawn = promise == Promise::Password && found.quoted && ends_phrase(key) && is_drawn(value);
    (chosen || passes || drawn || accepts(promise, found, kind, value)) && !is_placeholder(value)
}

/// `none`, `null`, `true`: of so few letters, and nothing but letters, no key makes a secret.
fn is_short_word(value: &[u8]) -> bool {
    value.len() < words::SHORTEST_RUN && value.iter().all(u8::is_ascii_alphabetic)
}

/// Whether a key says that its value is several words.
fn ends_phrase(key: &[u8]) -> bool {
    key.len() >= 6 && key[key.len() - 6..].eq_ignore_ascii_case(b"phrase")
}

/// Whether a value is a chain of assignments (`a=b=c=…`): its own keys, if there are any, say what is secret in it. Fewer signs
/// will do if they stand behind words: there are tokens with some `=`.
///
/// Also bounds what `token=token=…` costs: each of its keys would judge the rest of it.
pub(super) fn is_chain(value: &[u8]) -> bool {
    const MOST_SIGNS: usize = 5;
    const MOST_BEHIND_WORDS: usize = 3;
    let signs = count(value, |b| b == b'=');
    signs > MOST_SIGNS
        || signs > MOST_BEHIND_WORDS && {
            let behind_word = |at: &usize| {
                let before = value[..*at].last_chunk::<3>();
                before.is_some_and(|before| before.iter().all(u8::is_ascii_alphabetic))
            };
            memchr::memchr_iter(b'=', value).filter(behind_word).count() > MOST_BEHIND_WORDS
        }
}

/// Whether a value that a password is expected to be, outside the syntax of assignments, may be one.
pub(crate) fn may_be_password(value: &[u8]) -> bool {
    let found = Found {
        span: 0..value.len(),
        tie: Tie::Assigned,
        quoted: true,
        element: false,
        assigned_by_equals: true,
        whole_line: false,
        complete: true,
    };
    value.len() >= 4
        && !is_reference(value)
        && !words::is_monotonous(value)
        && !is_location(value)
        && !is_placeholder(value)
        && (kind(value, &found) != Kind::Words || is_chosen(value))
}

/// Whether a value where a password may stand, but no key promises one, is one: noise with a digit, or a mixture as password
/// rules want it.
pub(crate) fn is_strong_password(value: &[u8]) -> bool {
    let has_digit = value.iter().any(u8::is_ascii_digit);
    let is_one_word = !value.iter().any(u8::is_ascii_whitespace);
    (has_three_kinds(value) || has_digit && words::is_random(value))
        && is_one_word
        && may_be_password(value)
}

/// Letters, digits and signs, eight bytes and more; not the sign of assignments.
fn has_three_kinds(value: &[u8]) -> bool {
    value.len() >= 8
        && value.iter().any(u8::is_ascii_alphabetic)
        && value.iter().any(u8::is_ascii_digit)
        && value.iter().any(|b| b"!@#$%^&*+?".contains(b))
}

/// Whether a value that stands alone on its line, behind a tag that promises a secret, is one.
pub(crate) fn is_lone_secret(value: &[u8]) -> bool {
    value.len() >= 10
        && value.len() <= 4096
        && value.iter().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>'))
        && !is_reference(value)
        && !words::is_monotonous(value)
        && !is_location(value)
        && (words::is_random(value) || is_uuid(value))
        && !is_placeholder(value)
}

/// A code for one use: digits of an `otp` or `pin`, and what OAuth calls nonce and verifier, which may be short.
fn is_one_time(key: &[u8], found: &Found, kind: Kind, value: &[u8]) -> bool {
    if found.tie != Tie::Assigned {
        return false;
    }
    let is = |name: &str| key.eq_ignore_ascii_case(name.as_bytes());
    if is("otp") || is("pin") {
        return kind == Kind::Digits && (4..=8).contains(&value.len());
    }
    let digits = count(value, |b| b.is_ascii_digit());
    (is("nonce") || is("verifier") || is("authcode"))
        && value.len() >= 8
        && value.iter().all(u8::is_ascii_alphanumeric)
        && digits >= 4
        && digits < value.len()
}

/// What a key that names many harmless things asks for besides noise.
fn is_enough_for_weak(key: &[u8], found: &Found, value: &[u8], at_end: bool, joined: bool) -> bool {
    let ends = |word: &[u8]| {
        key.len() >= word.len() && key[key.len() - word.len()..].eq_ignore_ascii_case(word)
    };
    let names_key = ends(b"key") || ends(b"access") || ends(b"private");
    if matches!(found.tie, Tie::Called | Tie::Beside)
        && !(names_key && value.iter().all(|b| b.is_ascii_graphic() && !b"{}\\".contains(b)))
    {
        return false;
    }
    // `rest_api = "a1b2c3d4e5"` is an address, not a key.
    if ends(b"api") && value.len() < 20 {
        return false;
    }
    if found.quoted || found.whole_line || found.element {
        return true;
    }
    // In running text: neither variables nor fingerprints, nor what names a cache (`Linux-node-9f86d081…`).
    if is_name_with_hash(value) {
        return false;
    }
    let digits = value.iter().any(u8::is_ascii_digit);
    let hex = value.iter().all(u8::is_ascii_hexdigit);
    let joined = joined && found.tie == Tie::Beside && !ends(b"key");
    let assigned = found.tie == Tie::Assigned && (found.assigned_by_equals || at_end);
    digits && (!hex || names_key && (assigned || joined && value.len() >= 32))
}

/// Words and hex, joined by dashes.
fn is_name_with_hash(value: &[u8]) -> bool {
    let is_word = |piece: &[u8]| piece.len() < 12 && piece.iter().all(u8::is_ascii_alphabetic);
    let mut pieces = value.split(|b| *b == b'-');
    pieces.next().is_some_and(is_word)
        && value.contains(&b'-')
        && pieces.all(|piece| is_word(piece) || piece.iter().all(u8::is_ascii_hexdigit))
}

fn accepts(promise: Promise, found: &Found, kind: Kind, value: &[u8]) -> bool {
    let long = |least: usize| value.len() >= least;
    let both = || value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_alphabetic);
    match (found.tie, kind) {
        (_, Kind::Words) => false,
        (Tie::Called, Kind::Noise) if found.quoted && promise >= Promise::Secret => long(8),
        (Tie::Called, Kind::Mixed) if found.quoted && promise == Promise::Password => {
            long(6) && value.iter().any(u8::is_ascii_digit)
        }
        (Tie::Beside, Kind::Noise) if promise == Promise::Password => long(8) && both(),
        // `the password is x7!…`: what has all three kinds of characters is no word of a sentence, unless it is a version
        // (`1.2+dfsg1`).
        (Tie::Beside, Kind::Mixed) if promise == Promise::Password => {
            has_three_kinds(value) && !value.contains(&b'+')
        }
        (Tie::Called | Tie::Beside, Kind::Noise) => {
            long(if promise == Promise::Weak { 20 } else { 12 }) && both()
        }
        (Tie::Called | Tie::Beside, Kind::Uuid) => promise > Promise::Weak,
        (Tie::Called | Tie::Beside, _) => false,
        (_, Kind::Noise) => promise > Promise::Weak || long(9),
        (_, Kind::Mixed) => promise >= Promise::Secret,
        (_, Kind::Uuid) => promise > Promise::Weak,
        (_, Kind::Digits) => match promise {
            Promise::Password => true,
            Promise::Secret => long(6),
            Promise::Token => long(16),
            Promise::Weak => false,
        },
    }
}

/// `Bearer x`, `Basic x`, `Token x`, `OAuth x`: the scheme is no part of the value.
fn without_scheme(value: &[u8]) -> &[u8] {
    let name = value.iter().take(10).take_while(|b| b.is_ascii_alphanumeric()).count();
    let known: [&[u8]; 9] = [
        b"bearer",
        b"basic",
        b"token",
        b"oauth",
        b"oauth2",
        b"apikey",
        b"bot",
        b"negotiate",
        b"splunk",
    ];
    match &value[name..] {
        [b' ' | b':', rest @ ..]
            if known.iter().any(|k| k.eq_ignore_ascii_case(&value[..name])) =>
        {
            rest.trim_ascii_start()
        }
        _ => value,
    }
}

/// How many bytes of words stand before the noise in the text of an element; none if there is no noise.
fn leading_words(value: &[u8]) -> usize {
    let is_noise = |word: &[u8]| words::is_random(word) || is_uuid(word);
    let mut at = 0;
    for word in value.split(|b| *b == b' ') {
        if is_noise(word) {
            return at;
        }
        at += word.len() + 1;
    }
    0
}

/// Without quotes inside the quotes, as in `"'$X'"`.
fn unquoted(value: &[u8]) -> &[u8] {
    let quote = |b: &u8| matches!(b, b'"' | b'\'' | b'\\');
    let start = value.iter().take(3).take_while(|b| quote(b)).count();
    let end = value.len() - value[start..].iter().rev().take(3).take_while(|b| quote(b)).count();
    &value[start..end]
}

fn is_placeholder(value: &[u8]) -> bool {
    // What is long and has no such word near its ends is no placeholder either.
    let (head, tail) = (&value[..value.len().min(48)], &value[value.len().saturating_sub(16)..]);
    let is = |text: &[u8], word: &str| {
        text.get(..word.len()).is_some_and(|text| text.eq_ignore_ascii_case(word.as_bytes()))
    };
    // The first byte tells nearly all of them apart.
    let first = |text: &[u8], word: &str| text[0] | 0x20 == word.as_bytes()[0];
    let begins = |text: &[u8]| PLACEHOLDERS.iter().any(|w| first(text, w) && is(text, w));
    let holds = |text: &[u8]| {
        (0..text.len()).any(|at| classes::is(text[at], PLACEHOLDER) && begins(&text[at..]))
    };
    holds(head) || holds(tail)
}

#[cfg(test)]
mod tests {
    use crate::confirm::assignment::{Memo, Value, value};

    fn is_found(line: &str, key: &str) -> bool {
        let at = line.find(key).unwrap();
        let found = value(line.as_bytes(), at..at + key.len(), false, &mut Memo::default());
        matches!(found, Value::Secret(..))
    }

    #[test]
    fn passwords_are_secrets() {
        for line in [
            "password=hunter2",
            "password = \"s3cr3t!\"",
            "password: kqzvwtxj",
            "password: 'Summer2024'",
            "\"password\": \"p@ssword\"",
            "password: 483920",
            "<password>Tr0ub4dor</password>",
            "--password Tr0ub4dor",
            "if (password == \"Tr0ub4dor\")",
            "password: 'open_sesame'",
            "password=harbour_rDkf",
            "password('ijjj790')",
            "password = new Text(\"kqzvwtxj\")",
            "the password is 'blueberry'",
            "password: \"q{{h}o)p${e]nob(ody[x\"",
        ] {
            assert!(is_found(line, "password"), "{line}");
        }
    }

    #[test]
    fn placeholders_references_and_words_are_not() {
        for line in [
            "password=changeme",
            "password: \"${DB_PASSWORD}\"",
            "password: $PASSWORD",
            "password: {{ vault.password }}",
            "password = os.environ['X1']",
            "password = get_password(user1)",
            "password: string",
            "password: null",
            "password=********",
            "password: /run/secrets/db1",
            "password: \"Enter your 4 digits here\"",
            "password = testPassword1",
            "password: \"DB_PASSWORD_2\"",
            "\"password\": \"'$PASSWORD'\"",
            "password: MyPasswordType",
            "password := <secret>",
            "password_hint=abc123",
            "password = 0x80310000",
            "password: u32 = 33554432u32",
            "password: windows_sys::core::PCWSTR",
            "password: *const SECPKG_CRED",
            "let password = unsafe { x }",
            "password = password.encode('latin1')",
            "password: '#add-password'",
            "password: 'sites/passwords#edit'",
            "password: required",
            "password=XkQzv",
            "password: \"none\"",
        ] {
            assert!(!is_found(line, "password"), "{line}");
        }
    }

    #[test]
    fn codes_for_one_use_are_digits() {
        assert!(is_found("otp: 483920", "otp") && is_found("\"pin\":\"4839\"", "pin"));
        assert!(!is_found("pin: 17", "pin") && !is_found("otp: 123456789", "otp"));
    }

    #[test]
    fn tokens_and_keys_must_be_noise() {
        for line in [
            "token=3f7a9c1e5b2d8064",
            "\"token\": \"0b5e7f90-1c2d-4e3f-8a9b-0c1d2e3f4a5b\"",
            "acme token - 'Zk3vQ9xTb2LwPq8R'",
            "the token is Zk3vQ9xTb2LwPq8R",
            "setToken token(\"Zk3vQ9xTb2LwPq8R\")",
            "acme-token-3f7a9c1e5b2d80643f7a",
            "redis_token=3f7a9c1e5b2d8064",
        ] {
            assert!(is_found(line, "token"), "{line}");
        }
        for line in [
            "token: s3cr3t",
            "token=abc123",
            "token: 12345",
            "the token is invalid for user1",
            "token.length = 20",
            "token: TokenType.Access",
            "token-refresher-6d4b75cb6d-hwd49",
        ] {
            assert!(!is_found(line, "token"), "{line}");
        }
    }
}
