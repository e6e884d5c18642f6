//! What one rule says, in its only valid form: a [`Rule`] was checked when it was made.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::anchor::Anchor;
use super::byte_set::ByteSet;
use super::run::{Run, RunClass, Sign};
use super::trigger::Around;
use super::{Text, Texts};

/// How sure a finding of a rule is to be a secret.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// The shape alone: off by default.
    Low,
    /// A context and a shape, or a known but loose form.
    #[default]
    Medium,
    /// A form that says what it is.
    High,
}

impl Confidence {
    /// One step less.
    pub fn lowered(self) -> Confidence {
        match self {
            Confidence::High => Confidence::Medium,
            Confidence::Medium | Confidence::Low => Confidence::Low,
        }
    }

    /// `low`, `medium` or `high`.
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

/// A named test of a secret's inner structure. Their sources stand with the code, in `confirm/check.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Check {
    /// GitHub's tokens: six base62 digits of a CRC32.
    GithubCrc32,
    /// npm's tokens: the same scheme.
    NpmCrc32,
    /// Grafana's service-account tokens: eight hex digits of a CRC32.
    GrafanaCrc32,
    /// Atlassian's API tokens: eight upper-case hex digits of a CRC32.
    AtlassianCrc32,
    /// Confluent's keys: six base64 characters of a CRC32.
    ConfluentCrc32,
    /// A JSON Web Token: its header is base64url of a JSON object.
    Jwt,
    /// Base64 of a JSON object.
    Base64Json,
    /// Credentials of HTTP Basic: base64 of a name, a colon and a password.
    BasicCredentials,
    /// The Luhn digit of payment cards.
    Luhn,
    /// IBAN's modulus 97.
    Iban,
    /// AWS access key ids: base32 after the prefix.
    AwsKeyId,
    /// A UUID.
    Uuid,
    /// Drawn at random, as far as one can see: neither words nor an identifier.
    Noise,
    /// A password as people and machines choose them: no reference, placeholder, path, statement.
    Password,
    /// The same for a URL's password, which may be a word unless its host is one of documentation or the machine itself.
    UrlPassword,
    /// A password where no key promises one: noise, or letters, a digit and a sign.
    StrongPassword,
    /// A payment card: an issuer's range and length, and the Luhn digit.
    PaymentCard,
    /// A telephone number: as many digits as one has, and not part of a longer text.
    Phone,
    /// An IPv4 address of some host, not part of a longer dotted number.
    Ipv4,
    /// An IPv6 address of some host.
    Ipv6,
    /// A MAC address, not part of a longer row of hex digits.
    Mac,
    /// A US social security number in a range that is issued.
    UsSsn,
    /// A Spanish NIF or NIE: its letter is the number modulus 23.
    EsNif,
    /// An Italian codice fiscale: its last letter is a check sum.
    ItCodiceFiscale,
    /// A French NIR: its key is 97 less the number modulus 97.
    FrNir,
}

/// What a failed [`Check`] does to a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckFailure {
    /// Its confidence drops one step.
    #[default]
    Lower,
    /// It is none.
    Refuse,
}

/// How the secret is found behind a match of the pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValueSyntax {
    /// The capture group `secret`, or the whole match.
    #[default]
    Match,
    /// The pattern is a key; the value assigned to it is the secret, if it looks like one.
    Assignment,
}

/// A secret of several lines, from the pattern to an end marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockKind {
    /// RFC 7468 and RFC 4880 armour: `-----BEGIN … -----END …-----`.
    Pem,
    /// PuTTY's `.ppk` files: to the line `Private-MAC:`.
    Ppk,
    /// An XML element whose text stands on the next line.
    Element,
}

/// One rule. Made by [`super::RuleSet::parse`] or built in.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(crate) id: Text,
    pub(crate) label: Text,
    pub(crate) provider: Text,
    pub(crate) description: Text,
    pub(crate) pattern: Text,
    pub(crate) keywords: Texts,
    pub(crate) near: u16,
    pub(crate) entropy: f32,
    pub(crate) check: Option<Check>,
    pub(crate) on_check_fail: CheckFailure,
    pub(crate) allow: Texts,
    pub(crate) confidence: Confidence,
    pub(crate) group: Text,
    pub(crate) reference: Text,
    pub(crate) value: ValueSyntax,
    pub(crate) block: Option<BlockKind>,
    pub(crate) matches: Texts,
    pub(crate) rejects: Texts,
    /// Comes with the library: what its pattern says was written without the user's own texts in mind.
    pub(crate) builtin: bool,
    pub(crate) source: Text,
    pub(crate) line: u32,
    // Derived from the pattern.
    pub(crate) max_len: u32,
    pub(crate) has_secret_group: bool,
    /// The least distance in bytes from the start of a match to its secret.
    pub(crate) secret_offset: u32,
    pub(crate) anchors: Cow<'static, [EmbeddedAnchor]>,
    /// The first bytes of every match, if a match is one long word (see [`super::run`]); else empty.
    pub(crate) heads: Cow<'static, [EmbeddedHead]>,
    /// The first run in every match, from its start.
    pub(crate) run: Option<Run>,
    /// Where the anchors stand around one of [`super::trigger::WORDS`], if the rule is looked for there only.
    pub(crate) around: Option<Around>,
}

/// The classes of the first bytes of a match.
#[derive(Clone, Debug)]
pub(crate) struct EmbeddedHead {
    pub(crate) window: Cow<'static, [ByteSet]>,
    pub(crate) class: RunClass,
    /// How many bytes of the class every match starts with.
    pub(crate) run: u32,
    /// Where the first sign stands, if every match has one and its first bytes can be many.
    pub(crate) sign: Option<Sign>,
}

/// An [`Anchor`] in a form that can be a constant.
#[derive(Clone, Debug)]
pub(crate) struct EmbeddedAnchor {
    pub(crate) window: Cow<'static, [ByteSet]>,
    pub(crate) lo: i32,
    pub(crate) hi: i32,
}

impl From<&Anchor> for EmbeddedAnchor {
    fn from(anchor: &Anchor) -> EmbeddedAnchor {
        EmbeddedAnchor { window: anchor.window.clone().into(), lo: anchor.lo, hi: anchor.hi }
    }
}

impl EmbeddedHead {
    pub(crate) fn new(
        head: &[ByteSet],
        (class, run): (RunClass, usize),
        sign: Option<Sign>,
    ) -> EmbeddedHead {
        EmbeddedHead { window: head.to_vec().into(), class, run: run as u32, sign }
    }
}

impl Rule {
    /// Whether the rule is in use unless the user says otherwise: group `secrets`, confidence medium and up.
    pub fn is_default(&self) -> bool {
        self.group == "secrets" && self.confidence >= Confidence::Medium
    }

    /// The unique id, in kebab-case.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What a mask calls the secret; the id unless the rule says otherwise.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Who issues the secret.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// One line on what the secret is.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The pattern, in the syntax of the crate `regex`, bytes mode, Unicode off, `^` and `$` at line ends.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Words of which one must end before the match and start at most [`near`](Rule::near) bytes before it.
    pub fn keywords(&self) -> impl ExactSizeIterator<Item = &str> {
        self.keywords.iter().map(|k| &**k)
    }

    /// How many bytes before the match a keyword may start.
    pub fn near(&self) -> u16 {
        self.near
    }

    /// The least Shannon entropy of the secret, in bits per byte; 0 for no bound.
    pub fn entropy(&self) -> f32 {
        self.entropy
    }

    /// The named check, if there is one.
    pub fn check(&self) -> Option<Check> {
        self.check
    }

    /// What a failed check does to a finding.
    pub fn on_check_fail(&self) -> CheckFailure {
        self.on_check_fail
    }

    /// How the secret is found behind a match of the pattern.
    pub fn value(&self) -> ValueSyntax {
        self.value
    }

    /// The kind of a secret of several lines, if it is one.
    pub fn block(&self) -> Option<BlockKind> {
        self.block
    }

    /// Patterns of values that are no secrets.
    pub fn allow(&self) -> impl ExactSizeIterator<Item = &str> {
        self.allow.iter().map(|a| &**a)
    }

    /// How sure a finding is.
    pub fn confidence(&self) -> Confidence {
        self.confidence
    }

    /// `secrets`, `pii`, `paths` or a group of the user's own.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The provider's page that describes the form.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Examples that the rule finds, as they stand in the file (see `docs/writing-rules.md` for `{hex:32}`).
    pub fn matches(&self) -> impl ExactSizeIterator<Item = &str> {
        self.matches.iter().map(|m| &**m)
    }

    /// Near-misses that the rule does not find.
    pub fn rejects(&self) -> impl ExactSizeIterator<Item = &str> {
        self.rejects.iter().map(|r| &**r)
    }

    /// The file the rule stands in.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The line of the rule in its file, from 1.
    pub fn line(&self) -> usize {
        self.line as usize
    }

    /// The most bytes that a match of the pattern can have.
    pub fn max_len(&self) -> usize {
        self.max_len as usize
    }
}
