//! Values that are masked for their key alone: [`crate::EngineBuilder::keys`].
//!
//! In a line that begins as JSON the path of each value is followed through its tokens ([`crate::json`]); any other line is
//! read as logfmt (`key=value`, `key="some value"`). The hits join those of the rules before they are resolved.
//!
//! Limits: the line must begin in the window, so values far inside a line of more than a window are found by rules only; keys are
//! compared as they are written, escapes not decoded.

use std::ops::Range;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::confirm::{Hit, View, line_around};
use crate::error::BuildError;
use crate::json::{Token, Tokens};
use crate::mask::{self, Mask};
use crate::rule::{Handle, RuleSet};

/// The rule that names these hits. Its pattern is never looked for by itself: no log holds it.
const RULE: &str = r#"
[[rule]]
id = "key"
description = "Value of a key that was named"
pattern = '\x00\x00key\x00\x00'
confidence = "high"
"#;

pub(crate) fn rule() -> Handle {
    let rules = RuleSet::parse("keys", RULE).expect("the rule is sound");
    rules.into_rules().remove(0)
}

/// Names of keys, with `*` for any part of a name: as in [`crate::EngineBuilder::keys`], for who has names and values apart.
///
/// ```
/// let keys = redact_stream::KeyGlobs::new(["pass*", "user.id"])?;
/// assert!(keys.is_match("passcode") && keys.is_match("http.Password") && keys.is_match("user.id"));
/// assert!(!keys.is_match("id") && !keys.is_match("bypass"));
/// # Ok::<(), redact_stream::BuildError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeyGlobs(GlobSet);

impl KeyGlobs {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// A pattern is no glob, or names nothing (`*`).
    pub fn new<I>(patterns: I) -> Result<KeyGlobs, BuildError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut globs = GlobSetBuilder::new();
        for pattern in patterns {
            let pattern = pattern.as_ref();
            let glob = match pattern.strip_prefix('/') {
                Some(pointer) => pointer.to_owned(),
                None => format!("**/{}", pattern.replace('.', "/")),
            };
            let built =
                GlobBuilder::new(&glob).literal_separator(true).case_insensitive(true).build();
            let bad = |why: String| {
                BuildError::one(
                    "keys",
                    format!("`{pattern}` is not a key: {why}; `*` stands for any part of a name"),
                )
            };
            if pattern.trim_matches(['/', '.', '*']).is_empty() {
                return Err(bad("it names nothing".to_owned()));
            }
            globs.add(built.map_err(|error| bad(error.kind().to_string()))?);
        }
        let globs =
            globs.build().map_err(|error| BuildError::one("keys", error.kind().to_string()))?;
        Ok(KeyGlobs(globs))
    }

    /// Whether a key of this name, with dots between the names of what it is in, is one of them.
    pub fn is_match(&self, name: &str) -> bool {
        !self.0.is_empty() && self.0.is_match(name.replace('.', "/").trim_start_matches('/'))
    }
}

/// The keys, compiled.
pub(crate) struct Keys {
    globs: GlobSet,
    rule: u32,
}

impl Keys {
    /// `rule` is the number of [`rule`] in the engine.
    pub(crate) fn new(patterns: &[String], rule: u32) -> Result<Keys, BuildError> {
        Ok(Keys { globs: KeyGlobs::new(patterns)?.0, rule })
    }

    /// Adds the values of the keys in `hay`; answers from where on it must wait, since a value may go on.
    pub(crate) fn find(&self, hay: &[u8], view: View, mask: &Mask, hits: &mut Vec<Hit>) -> usize {
        let open = view.growing || view.limit < hay.len();
        let mut hold = usize::MAX;
        let mut at = 0;
        while at < hay.len() {
            let line = line_around(hay, at);
            at = line.end;
            if line.start == 0 && view.min_start > 0 {
                continue;
            }
            let text = hay[line.clone()].strip_suffix(b"\n").unwrap_or(&hay[line.clone()]);
            let mut add = |value: Range<usize>| {
                if open && line.end == hay.len() && value.end == text.len() {
                    hold = hold.min(line.start + value.start);
                } else if !value.is_empty() && !mask.covers(text, value.clone()) {
                    let span = line.start + value.start..line.start + value.end;
                    hits.push(Hit::new(span, self.rule));
                }
            };
            match mask::begins_as_json(text) {
                true => self.json(text, &mut add),
                false => self.logfmt(text, &mut add),
            }
        }
        hold
    }

    fn json(&self, text: &[u8], add: &mut impl FnMut(Range<usize>)) {
        let mut walk = Walk::default();
        for token in Tokens::new(text) {
            let value = match token {
                Token::Sign(sign, _) => {
                    walk.sign(sign);
                    continue;
                }
                Token::String(content) if walk.at_key() => {
                    walk.key(&text[content]);
                    walk.matched = walk.matched || self.globs.is_match(&*walk.path);
                    continue;
                }
                Token::String(value) | Token::Number(value) => value,
                Token::Literal(_) => continue,
            };
            if walk.matched || walk.in_array() && self.globs.is_match(&*walk.path) {
                add(value);
            }
        }
    }

    fn logfmt(&self, text: &[u8], add: &mut impl FnMut(Range<usize>)) {
        let of_key = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/');
        let mut from = 0;
        while let Some(p) = memchr::memchr(b'=', &text[from..]) {
            let sign = from + p;
            let len = text[from..sign].iter().rev().take_while(|b| of_key(b)).count();
            from = sign + 1;
            let key = String::from_utf8_lossy(&text[sign - len..sign]).replace('.', "/");
            if len == 0 || !self.globs.is_match(key.trim_start_matches('/')) {
                continue;
            }
            let value = match text.get(from) {
                Some(b'"') => {
                    let mut end = from + 1;
                    while end < text.len() && text[end] != b'"' {
                        end = text.len().min(end + if text[end] == b'\\' { 2 } else { 1 });
                    }
                    from + 1..end
                }
                _ => {
                    let ends = |b: &u8| b.is_ascii_whitespace();
                    from..text[from..].iter().position(ends).map_or(text.len(), |p| from + p)
                }
            };
            from = value.end;
            add(value);
        }
    }
}

/// Where in a document a token stands.
#[derive(Default)]
struct Walk {
    /// Names and indices on the way here, separated by slashes.
    path: String,
    frames: Vec<Frame>,
    /// Whether the key of this value, or of one that it is in, is wanted.
    matched: bool,
}

struct Frame {
    /// The index in an array; none in an object.
    index: Option<usize>,
    /// How long the path is outside.
    outside: usize,
    /// Whether what comes is a key.
    key_next: bool,
    matched: bool,
}

impl Walk {
    fn at_key(&self) -> bool {
        self.frames.last().is_some_and(|f| f.key_next)
    }

    fn in_array(&self) -> bool {
        self.frames.last().is_some_and(|f| f.index.is_some())
    }

    fn key(&mut self, name: &[u8]) {
        self.name(&String::from_utf8_lossy(name).replace('/', "~1"));
    }

    /// Goes to the value with this name in the object or array.
    fn name(&mut self, name: &str) {
        let Some(frame) = self.frames.last_mut() else { return };
        frame.key_next = false;
        self.path.truncate(frame.outside);
        if !self.path.is_empty() {
            self.path.push('/');
        }
        self.path.push_str(name);
        self.matched = frame.matched;
    }

    fn sign(&mut self, sign: u8) {
        match sign {
            b'{' | b'[' => {
                let index = (sign == b'[').then_some(0);
                let (outside, matched) = (self.path.len(), self.matched);
                self.frames.push(Frame { index, outside, key_next: index.is_none(), matched });
                if index.is_some() {
                    self.name("0");
                }
            }
            b',' => {
                let index = self.frames.last_mut().and_then(|f| {
                    f.key_next = f.index.is_none();
                    f.index = f.index.map(|i| i + 1);
                    f.index
                });
                if let Some(index) = index {
                    self.name(&index.to_string());
                }
            }
            b'}' | b']' => {
                if let Some(frame) = self.frames.pop() {
                    self.path.truncate(frame.outside);
                    self.matched = self.frames.last().is_some_and(|f| f.matched);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(keys: &[&str], line: &str) -> Vec<String> {
        let keys: Vec<String> = keys.iter().map(|k| (*k).to_owned()).collect();
        let mut hits = Vec::new();
        let view = View::closed(0, line.len());
        let keys = Keys::new(&keys, 0).unwrap();
        assert_eq!(keys.find(line.as_bytes(), view, &Mask::label(), &mut hits), usize::MAX);
        hits.iter().map(|h| line[h.start..h.end].to_owned()).collect()
    }

    #[test]
    fn values_are_found_by_their_paths() {
        let line = r#"{"a":{"token":"x","Key":[1,{"k":"y"}]},"token":2,"list":[{"id":3},{"id":4}],"z":null}"#;
        for (keys, wanted) in [
            (vec!["token"], vec!["x", "2"]),
            (vec!["TOK*"], vec!["x", "2"]),
            (vec!["a.token"], vec!["x"]),
            (vec!["/token"], vec!["2"]),
            (vec!["key"], vec!["1", "y"]),
            (vec!["/list/1/id"], vec!["4"]),
            (vec!["/list/*/id"], vec!["3", "4"]),
            (vec!["a.**.k"], vec!["y"]),
            (vec!["z", "toke"], vec![]),
        ] {
            assert_eq!(found(&keys, line), wanted, "{keys:?}");
        }
    }

    #[test]
    fn logfmt_values_are_found() {
        let line = r#"level=info user.token="a \"b\" c" token=abc n=1 token="#;
        assert_eq!(found(&["token"], line), [r#"a \"b\" c"#, "abc"]);
        assert_eq!(found(&["user.*"], line), [r#"a \"b\" c"#]);
    }

    #[test]
    fn a_key_that_says_nothing_is_refused() {
        for key in ["", "*", "/", "a[", "**"] {
            assert!(Keys::new(&[key.to_owned()], 0).is_err(), "{key}");
        }
    }
}
