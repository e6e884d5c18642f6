//! What the name of a key promises about its value.
//!
//! `password` is almost always followed by a password; `token`, `key` and `auth` name many harmless things; and
//! `password_file`, `tokenType` or `secretName` are *about* a secret and hold none. The words of the identifier around the
//! matched key decide; case and separators do not matter.

use std::sync::LazyLock;

use super::syntax::Name;

/// How much a key promises; a greater one asks less of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Promise {
    /// `key`, `auth`, `nonce`: the value itself must be noise.
    Weak,
    /// `api_key`, `token`, `client_secret_v2`.
    Token,
    /// `secret`, `credentials`, `private_key`.
    Secret,
    /// `password` and its like, such as `security_answer`.
    Password,
}

/// Words behind the key (or last before it) that make the identifier one about a secret.
#[rustfmt::skip]
const ABOUT: &[&str] = &[
    "active", "address", "bcrypt", "crypt", "digest", "hash", "hashed", "hashes", "md5", "sha1",
    "sha2", "sha256", "sha512", "advice", "age", "alg", "algo", "algorithm", "alias",
    "arn", "attempts", "attribute", "author", "authority", "backend",
    "basename", "bits", "bucket", "button", "bytes", "callback", "cancellation", "cert",
    "certificate", "changed", "charset", "checksum", "class", "column",
    "command", "comment", "context", "continuation", "count", "created", "curve", "date",
    "days", "default", "desc", "description", "dir", "directory", "domain", "email", "enabled",
    "encoding", "endpoint", "error", "event", "exists", "expiration", "expire", "expired",
    "expires", "expiry", "factory", "field", "file", "filename", "fingerprint", "flow",
    "folder", "foreign", "format", "generator", "group", "handler", "header", "help", "hidden",
    "hint", "host", "id", "identifier", "ids", "index", "info", "input", "interval", "invalid",
    "issuer", "kind", "label", "last", "len", "length", "level", "lifetime", "limit", "link",
    "list", "location", "manager", "mandatory", "map", "max", "message", "metadata", "method",
    "min", "mode", "model", "module", "msg", "name", "names", "namespace", "next", "number",
    "object", "options", "owner", "page", "param", "parameter", "params", "partition", "path",
    "pattern", "period", "permission", "placeholder", "plugin", "policy", "port", "prefix",
    "primary", "prompt", "protocol", "provider", "pub", "public", "realm", "ref", "reference",
    "regex", "region", "remaining", "required", "reset", "role", "rotation",
    "row", "rule", "scheme", "scope", "selector", "server", "service", "show", "sid", "size",
    "sort", "source", "state", "status", "storage", "strategy", "strength",
    "suffix", "system", "tab", "table", "tag", "text", "time", "timeout", "timestamp", "title",
    "tooltip", "ttl", "type", "types", "updated", "uri", "url", "usage", "used", "user",
    "userid", "username", "uuid", "valid", "validation", "validator", "validity", "version",
    "view",
];

/// Words that say so in front of the key only: `public_key`, `next_token`, `max_tokens`.
#[rustfmt::skip]
const ABOUT_BEFORE: &[&str] = &[
    "amz", "author", "cancellation", "challenge", "continuation", "encrypted", "goog", "hash",
    "last", "max", "message", "min", "missing", "next", "num", "page", "parse", "parser", "pub",
    "public", "reserved", "reset", "restore", "show", "title", "tooltip", "total", "unexpected",
    "unknown", "update", "validate",
];

/// Words in front of `key` that make it one to look things up with: `cache_key`, `primary_key`. Their passwords and tokens
/// are secrets like any other.
#[rustfmt::skip]
const LOOKED_UP: &[&str] = &[
    "bucket", "cache", "composite", "event", "foreign", "group", "host", "index", "label",
    "lookup", "map", "object", "partition", "primary", "redis", "registry", "routing", "row",
    "sort", "storage", "table", "tag", "target", "translation", "unique",
];

/// Words behind the key that change nothing.
#[rustfmt::skip]
const NEUTRAL: &[&str] = &[
    "b64", "base64", "confirm", "confirmation", "dev", "env", "hex", "live", "main", "new",
    "old", "plain", "prod", "production", "raw", "repeat", "staging", "str", "string", "test",
    "val", "value",
];

/// Words of texts for people: translated interfaces have them anywhere in their keys.
#[rustfmt::skip]
const INTERFACE: &[&str] =
    &[
    "error", "help", "hint", "label", "message", "msg", "placeholder", "title", "tooltip",
];

/// What the identifier promises; none if it is about a secret only.
pub(crate) fn promise(line: &[u8], name: &Name) -> Option<Promise> {
    let tail = &line[name.key.end..name.whole.end];
    let head = &line[name.whole.start..name.key.start];
    if words(tail).any(|w| meaning(w).about) {
        return None;
    }
    let mut last = None;
    for word in words(head) {
        if meaning(word).interface {
            return None;
        }
        last = Some(word);
    }
    let own = of_key(&line[name.key.clone()], name.hump);
    let last = last.map(meaning).unwrap_or_default();
    // A token that resets a password is one.
    let resets = own == Promise::Token && head.len() >= 5 && {
        let word = head.strip_suffix(b"_").or(head.strip_suffix(b"-")).unwrap_or(head);
        word.len() >= 5 && word[word.len() - 5..].eq_ignore_ascii_case(b"reset")
    };
    if last.about_before && !resets || last.looked_up && own == Promise::Weak {
        return None;
    }
    // `tokenLive` still names a token, `passwordHash` something derived: one step less.
    let counts =
        |w: &[u8]| w.len() > 1 && w.iter().any(u8::is_ascii_alphabetic) && !meaning(w).neutral;
    let has_tail = words(tail).any(counts);
    Some(match (own, has_tail) {
        (Promise::Password | Promise::Secret, true) => Promise::Token,
        (_, true) => Promise::Weak,
        (own, false) => own,
    })
}

fn of_key(key: &[u8], hump: bool) -> Promise {
    let mut has = Parts::default();
    for at in 0..key.len() {
        has.read(&key[at..]);
        if has.password {
            return Promise::Password;
        }
    }
    let long = |least: usize| key.len() >= least;
    if key.eq_ignore_ascii_case(b"psk") {
        Promise::Password
    } else if has.pass {
        if hump { Promise::Password } else { Promise::Weak }
    } else if has.secret || long(8) && has.private {
        Promise::Secret
    } else if has.token || long(6) && has.key {
        Promise::Token
    } else {
        Promise::Weak
    }
}

/// What stands anywhere in a key, in any case.
#[derive(Default)]
struct Parts {
    password: bool,
    pass: bool,
    secret: bool,
    private: bool,
    token: bool,
    key: bool,
}

impl Parts {
    /// Notes what stands at the start of `text`.
    fn read(&mut self, text: &[u8]) {
        let is = |part: &[u8]| text.get(..part.len()).is_some_and(|t| t.eq_ignore_ascii_case(part));
        match text[0] | 0x20 {
            b'p' => {
                let password: [&[u8]; 4] = [b"passw", b"pwd", b"passphrase", b"passcode"];
                self.password |= password.into_iter().any(is);
                self.pass |= is(b"pass") || is(b"pw");
                self.private |= is(b"private");
            }
            b's' => self.secret |= is(b"secret"),
            b'c' => self.secret |= is(b"credential"),
            b't' => self.token |= is(b"token"),
            b'a' => {
                self.password |= text.len() == 7 && is(b"authtok") || is(b"answer");
                self.key |= is(b"api") || is(b"access") || is(b"auth");
            }
            b'm' => self.key |= is(b"master"),
            b'k' => self.key |= is(b"key"),
            _ => {}
        }
    }
}

/// What a word of an identifier says about it.
#[derive(Clone, Copy, Default)]
struct Meaning {
    about: bool,
    about_before: bool,
    looked_up: bool,
    neutral: bool,
    interface: bool,
}

/// The longest of the words, in bytes.
const LONGEST: usize = 16;

/// How many places the table of words has: a power of two, more than twice as many as there are words.
const PLACES: usize = 1024;

/// What the words say, at the place that [`place`] gives or the next free one behind it.
static MEANINGS: LazyLock<Box<[(u128, Meaning)]>> = LazyLock::new(|| {
    let mut table = vec![(0, Meaning::default()); PLACES].into_boxed_slice();
    let mut of = |list: &'static [&str], set: fn(&mut Meaning)| {
        for word in list {
            let word = packed(word.as_bytes()).expect("a word has at most `LONGEST` bytes");
            let mut at = place(word);
            while ![0, word].contains(&table[at].0) {
                at = (at + 1) % PLACES;
            }
            table[at].0 = word;
            set(&mut table[at].1);
        }
    };
    of(ABOUT, |m| m.about = true);
    of(ABOUT_BEFORE, |m| m.about_before = true);
    of(LOOKED_UP, |m| m.looked_up = true);
    of(NEUTRAL, |m| m.neutral = true);
    of(INTERFACE, |m| m.interface = true);
    table
});

fn meaning(word: &[u8]) -> Meaning {
    let Some(word) = packed(word) else { return Meaning::default() };
    let mut at = place(word);
    loop {
        match MEANINGS[at] {
            (found, meaning) if found == word || found == 0 => return meaning,
            _ => at = (at + 1) % PLACES,
        }
    }
}

/// A word of letters and digits in lower case as one number; none if it is longer than those of the table.
fn packed(word: &[u8]) -> Option<u128> {
    let mut bytes = [0; LONGEST];
    bytes.get_mut(..word.len())?.copy_from_slice(word);
    // Digits have this bit already, and what is no byte of the word must not get it.
    let case = u128::from_le_bytes([0x20; LONGEST]);
    let behind = (LONGEST - word.len()) as u32 * 8;
    Some(u128::from_le_bytes(bytes) | case.checked_shr(behind).unwrap_or(0))
}

/// Where the table has a word, unless another stands there.
fn place(word: u128) -> usize {
    let mixed = (word as u64 ^ (word >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize % PLACES
}

/// The words of an identifier part: `_`, `-`, `.` and humps divide.
pub(crate) fn words(part: &[u8]) -> impl Iterator<Item = &[u8]> {
    part.split(|b| !b.is_ascii_alphanumeric()).flat_map(|piece| {
        let mut rest = piece;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let hump =
                |at: &usize| rest[*at].is_ascii_uppercase() && !rest[*at - 1].is_ascii_uppercase();
            let end = (1..rest.len()).find(hump).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            rest = behind;
            Some(word)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confirm::assignment::syntax;

    fn promise_of(identifier: &str, key: &str) -> Option<Promise> {
        let at = identifier.find(key).unwrap();
        let name = syntax::identifier(identifier.as_bytes(), at..at + key.len())?;
        promise(identifier.as_bytes(), &name)
    }

    #[test]
    fn identifiers_promise_what_their_words_say() {
        for (identifier, key, wanted) in [
            ("DB_PASSWORD", "PASSWORD", Some(Promise::Password)),
            ("userPass", "Pass", Some(Promise::Password)),
            ("bypass", "pass", Some(Promise::Weak)),
            ("clientSecret", "Secret", Some(Promise::Secret)),
            ("stripe_secret_key", "secret_key", Some(Promise::Secret)),
            ("x-api-key", "api-key", Some(Promise::Token)),
            ("apiKeyLive", "apiKey", Some(Promise::Token)),
            ("apiKeyAcme", "apiKey", Some(Promise::Weak)),
            ("SMBPass", "Pass", Some(Promise::Password)),
            ("password_sha256", "password", None),
            ("issuer_key", "key", Some(Promise::Weak)),
            ("password_file", "password", None),
            ("tokenType", "token", None),
            ("LABEL_NEW_PASSWORD", "PASSWORD", None),
            ("public_key", "key", None),
            ("next_token", "token", None),
            ("cache_key", "key", None),
            ("redis_password", "password", Some(Promise::Password)),
            ("userSecretAnswer1", "SecretAnswer", Some(Promise::Password)),
            ("security_answer_id", "security_answer", None),
        ] {
            assert_eq!(promise_of(identifier, key), wanted, "{identifier}");
        }
    }
}
