//! Names and values that come apart, as the fields of structured logs do: what a name says about its value.
//!
//! In a text, `password=…` is found by its syntax. Whoever has a field `password` and its value asks [`Engine::key_promise`]
//! what the name promises, by the same rules, and gives to [`Engine::mask`] what it masks for its name alone. A name can also
//! be the context that a rule wants near its match ([`Engine::gives_context`]).
//!
//! All three are meant to be asked once per name, not per value.

use regex_syntax::hir::{Hir, HirKind};

use crate::confirm::assignment::key::{self, Promise};
use crate::confirm::assignment::syntax;
use crate::engine::Engine;
use crate::mask;
use crate::rule::byte_set::ByteSet;
use crate::rule::run::bytes_of;
use crate::rule::{ValueSyntax, parse};

/// How much the name of a key promises that its value is a secret; a greater one promises more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum KeyPromise {
    /// `key`, `auth`, `nonce`: names many harmless things too.
    Weak,
    /// `api_key`, `token`, `authorization`.
    Token,
    /// `secret`, `credentials`, `private_key`.
    Secret,
    /// `password` and its like.
    Password,
}

impl From<Promise> for KeyPromise {
    fn from(promise: Promise) -> KeyPromise {
        match promise {
            Promise::Weak => KeyPromise::Weak,
            Promise::Token => KeyPromise::Token,
            Promise::Secret => KeyPromise::Secret,
            Promise::Password => KeyPromise::Password,
        }
    }
}

impl Engine {
    /// What the name of a key promises about its value, by the rules in use; none if nothing, or if it is *about* a secret
    /// (`password_file`, `token_count`).
    ///
    /// ```
    /// use redact_stream::{Engine, KeyPromise};
    ///
    /// let engine = Engine::builder().build()?;
    /// assert_eq!(engine.key_promise("user.password"), Some(KeyPromise::Password));
    /// assert_eq!(engine.key_promise("X-Api-Key"), Some(KeyPromise::Token));
    /// assert_eq!(engine.key_promise("key"), Some(KeyPromise::Weak));
    /// assert_eq!(engine.key_promise("password_file"), None);
    /// assert_eq!(engine.key_promise("path"), None);
    /// # Ok::<(), redact_stream::BuildError>(())
    /// ```
    pub fn key_promise(&self, name: &str) -> Option<KeyPromise> {
        // As the rules find it in a text: some want to see the start of the word, or the sign.
        let text = format!(" {name}=");
        let text = text.as_bytes();
        let assignments = self.program().iter().filter(|c| c.rule.value == ValueSyntax::Assignment);
        let keys = assignments.flat_map(|c| c.regex().find_iter(text));
        let promises = keys.filter_map(|k| {
            let name = syntax::identifier(text, k.range())?;
            key::promise(text, &name)
        });
        promises.max().map(KeyPromise::from)
    }

    /// Whether a name holds a word that a rule in use wants to see before its match, so that the value should be looked at behind
    /// its name (`name=value`) too.
    pub fn gives_context(&self, name: &str) -> bool {
        let text = format!("{}=", name.to_ascii_lowercase());
        self.rules().any(|rule| rule.keywords().any(|k| text.contains(&k.to_ascii_lowercase())))
    }

    /// Whether a rule in use may find something in a number (`-12.5e3`) that stands alone. There are no false negatives.
    ///
    /// ```
    /// use redact_stream::Engine;
    ///
    /// assert!(!Engine::builder().build()?.may_find_numbers());
    /// assert!(Engine::builder().groups(["pii"]).build()?.may_find_numbers());
    /// # Ok::<(), redact_stream::BuildError>(())
    /// ```
    pub fn may_find_numbers(&self) -> bool {
        let number: ByteSet = NUMBER.iter().chain(b"\n").copied().collect();
        let fits = |class: &ByteSet| class.iter().any(|b| number.contains(b));
        let rules = self.program().iter().map(|c| &c.rule);
        // The secret of the others stands behind words.
        let mut rules = rules.filter(|r| {
            r.value == ValueSyntax::Match && r.block.is_none() && r.keywords().len() == 0
        });
        rules.any(|r| {
            // The anchors are there already, the pattern must be read.
            (r.anchors.is_empty() || r.anchors.iter().any(|a| a.window.iter().all(fits)))
                && parse::hir(r.pattern()).map_or(true, |hir| can_be_number(&hir))
        })
    }

    /// Appends the mask of a value that is masked for its name alone to `out`; `label` says so in masks that tell their rule. A
    /// value that is a mask stays as it is.
    ///
    /// ```
    /// use redact_stream::Engine;
    ///
    /// let engine = Engine::builder().build()?;
    /// let mut out = Vec::new();
    /// engine.mask("field", b"hunter2", &mut out);
    /// assert_eq!(out, b"[REDACTED:field]");
    /// # Ok::<(), redact_stream::BuildError>(())
    /// ```
    pub fn mask(&self, label: &str, value: &[u8], out: &mut Vec<u8>) {
        if mask::label_mask_len(value) == Some(value.len()) {
            out.extend_from_slice(value);
        } else {
            self.accept().mask.render(label, value, out);
        }
    }
}

/// What numbers are written with, infinity and "not a number" too.
const NUMBER: &[u8] = b"0123456789.+-einfNa";

/// Whether a part of a number could match, look-around left out: it has one full stop, and two signs.
fn can_be_number(hir: &Hir) -> bool {
    least(hir, b'.').is_some_and(|n| n <= 1) && least(hir, b'-').is_some_and(|n| n <= 2)
}

/// How often `sign` stands at least in a match that is made of the bytes of numbers; none if there is no such match.
fn least(hir: &Hir, sign: u8) -> Option<u32> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(0),
        HirKind::Literal(literal) => {
            let signs = literal.0.iter().filter(|b| **b == sign).count() as u32;
            literal.0.iter().all(|b| NUMBER.contains(b)).then_some(signs)
        }
        HirKind::Class(class) => {
            let set = bytes_of(class).unwrap_or(ByteSet::FULL);
            let others = NUMBER.iter().filter(|b| **b != sign).any(|b| set.contains(*b));
            if others { Some(0) } else { set.contains(sign).then_some(1) }
        }
        HirKind::Repetition(repetition) if repetition.min == 0 => Some(0),
        HirKind::Repetition(repetition) => {
            least(&repetition.sub, sign).map(|n| n.saturating_mul(repetition.min))
        }
        HirKind::Capture(capture) => least(&capture.sub, sign),
        HirKind::Concat(parts) => {
            parts.iter().try_fold(0u32, |sum, part| Some(sum.saturating_add(least(part, sign)?)))
        }
        HirKind::Alternation(parts) => parts.iter().filter_map(|part| least(part, sign)).min(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_promise_what_the_rules_know() {
        use KeyPromise::*;
        let engine = Engine::builder().build().unwrap();
        for (name, wanted) in [
            ("password", Some(Password)),
            ("db.password", Some(Password)),
            ("userPassword", Some(Password)),
            ("client_secret", Some(Secret)),
            ("credentials", Some(Secret)),
            ("token", Some(Token)),
            ("http.request.header.authorization", Some(Token)),
            ("access_token", Some(Token)),
            ("api-key", Some(Token)),
            ("pin", Some(Weak)),
            ("key", Some(Weak)),
            ("auth", Some(Weak)),
            ("", None),
            ("message", None),
            ("author", None),
            ("max_tokens", None),
            ("token_count", None),
            ("password_hash", None),
            ("tokenType", None),
            ("http.status_code", None),
        ] {
            assert_eq!(engine.key_promise(name), wanted, "{name}");
        }
        let engine = Engine::builder().only(["jwt"]).build().unwrap();
        assert_eq!(engine.key_promise("password"), None);
    }

    #[test]
    fn names_give_the_context_that_rules_want() {
        let engine = Engine::builder().build().unwrap();
        assert!(engine.gives_context("ngrok") && engine.gives_context("paystack_id"));
        assert!(!engine.gives_context("path") && !engine.gives_context("message"));
    }
}
