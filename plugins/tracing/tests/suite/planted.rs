//! Secrets, each with a word of its own that says where it was planted.
//!
//! Half of them are found by the engine's rules, wherever they are; the others look like no secret, and only the name of their
//! field says that they are one.

use std::error::Error;
use std::fmt;

use tracing::field::Empty;

/// Where a secret was planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// A part of the secret, and of nothing else.
    pub(crate) word: &'static str,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In an event.
    Event,
    /// In an event outside all spans.
    Orphan,
    /// In a source of an event's error.
    Source,
    /// In a span, as it is made.
    Span,
    /// In a span, recorded later.
    Late,
    /// In a record of `log`.
    Log,
}

macro_rules! places {
    ($($kind:ident: $($word:literal)*;)*) => {
        pub(crate) const PLACES: &[Place] = &[$($(Place { word: $word, kind: Kind::$kind },)*)*];
    };
}

places! {
    Event: "evmessage" "evstr" "evdisplay" "evstruct" "everror" "evbytes" "evjson" "evparent"
        "evnamestr" "evnamedisplay" "evnamedebug" "evnameerror" "9171350246";
    Orphan: "evorphan";
    Source: "evsource" "evroot";
    Span: "spstr" "spdisplay" "spstruct" "spnamestr" "spnamedebug";
    Late: "latestr" "latenamestr";
    Log: "logmessage";
}

/// A value that rules find behind a key, in a URL or in a header.
fn secret(word: &str) -> String {
    format!("not4real-{word}-42")
}

/// A value that looks like no secret.
fn words(word: &str) -> String {
    format!("correct {word} battery")
}

fn url(word: &str) -> String {
    format!("postgres://app:{}@db.example:5432/app", secret(word))
}

#[derive(Debug)]
#[allow(dead_code, reason = "they are shown by Debug")]
struct User {
    name: &'static str,
    password: String,
}

fn user(word: &str) -> User {
    User { name: "ann", password: secret(word) }
}

#[derive(Debug)]
struct Failed(String, Option<Box<Failed>>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

fn failed() -> Failed {
    let root = Failed(format!("no route to {}", url("evroot")), None);
    let source = Failed(format!("password={}", secret("evsource")), Some(Box::new(root)));
    Failed(format!("cannot open {}", url("everror")), Some(Box::new(source)))
}

/// Logs every planted secret, through the macros of `tracing` and of `log`. `end` runs in the innermost span.
pub(crate) fn log_all<R>(end: impl FnOnce() -> R) -> R {
    let outer = tracing::error_span!(
        "outer",
        url = url("spstr"),
        display = %url("spdisplay"),
        user = ?user("spstruct"),
        password = words("spnamestr"),
        client_secret = ?words("spnamedebug"),
        late = Empty,
        api_key = Empty,
        clean = "nothing to see",
    );
    outer.record("late", url("latestr"));
    outer.record("api_key", words("latenamestr"));
    let guard = outer.enter();

    tracing::error!("cannot reach {}, 3 attempts", url("evmessage"));
    let error = failed();
    let error = &error as &(dyn Error + 'static);
    tracing::error!(
        url = url("evstr"),
        display = %url("evdisplay"),
        user = ?user("evstruct"),
        bytes = url("evbytes").as_bytes(),
        json = format!("{{\"password\":\"{}\",\"n\":1}}", secret("evjson")),
        count = 3,
        clean = "nothing to see",
        "many kinds"
    );
    tracing::error!(error, "with sources");
    tracing::error!(parent: &outer, url = url("evparent"), "explicit parent");
    tracing::error!(parent: None, url = url("evorphan"), "root");
    let name_error = Failed(words("evnameerror"), None);
    tracing::error!(
        password = words("evnamestr"),
        authorization = %words("evnamedisplay"),
        user.api_key = ?words("evnamedebug"),
        credentials = &name_error as &(dyn Error + 'static),
        passcode = 9_171_350_246u64,
        "by name"
    );
    log::error!("cannot reach {} either", url("logmessage"));
    let result = end();
    drop(guard);
    drop(outer);
    result
}

/// The places whose secret stands in a text.
pub(crate) fn found_in(text: &str) -> Vec<Place> {
    let holds = |word: &str| {
        let hex: Vec<String> = word.bytes().map(|b| format!("{b:02x}")).collect();
        let decimal: Vec<String> = word.bytes().map(|b| b.to_string()).collect();
        [word, &hex.join(" "), &hex.concat(), &decimal.join(", "), &decimal.join(",")]
            .iter()
            .any(|form| text.contains(form))
    };
    PLACES.iter().copied().filter(|place| holds(place.word)).collect()
}
