//! Rule files: TOML → [`Rule`], with every problem located and advice for each.

use std::borrow::Cow;

use regex_syntax::hir::{Hir, HirKind};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::super::error::Problem;
use super::anchor::{
    Anchor, SHAPE, anchors as anchors_of, anchors_at_words, heads, is_nearly_literal,
    keyword_anchor,
};
use super::byte_set::ByteSet;
use super::frequency::probability;
use super::run::{LONG_RUN, at_word_start, run, sign};
use super::spec::{
    BlockKind, Check, CheckFailure, Confidence, EmbeddedAnchor, EmbeddedHead, Rule, ValueSyntax,
};
use super::trigger::{around, before, word_first};
use super::{MAX_MATCH, Text, Texts};

/// The form of a rule in a file. Field names are the schema of `docs/writing-rules.md`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: String,
    pattern: Spanned<String>,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    provider: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default = "default_near")]
    near: u16,
    #[serde(default)]
    entropy: f32,
    #[serde(default)]
    check: Option<Check>,
    #[serde(default)]
    on_check_fail: CheckFailure,
    #[serde(default)]
    allow: Vec<Spanned<String>>,
    #[serde(default)]
    confidence: Confidence,
    #[serde(default = "default_group")]
    group: String,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    value: ValueSyntax,
    #[serde(default)]
    block: Option<BlockKind>,
    #[serde(default)]
    matches: Vec<String>,
    #[serde(default)]
    rejects: Vec<String>,
}

fn default_near() -> u16 {
    48
}

fn default_group() -> String {
    "secrets".to_owned()
}

/// Parses a file into its good rules and all problems of the others.
pub(crate) fn file(source: &str, text: &str) -> (Vec<Rule>, Vec<Problem>) {
    let ends = text.match_indices('\n').map(|(at, _)| at).collect();
    let mut reader = Reader { source, text, ends, problems: Vec::new() };
    let rules = reader.rules();
    (rules, reader.problems)
}

/// The pattern as the engine reads it: bytes, Unicode off, `^` and `$` at line ends (LF and CRLF).
pub(crate) fn hir(pattern: &str) -> Result<Hir, String> {
    regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .multi_line(true)
        .crlf(true)
        .nest_limit(100)
        .build()
        .parse(pattern)
        .map_err(|error| match error {
            regex_syntax::Error::Parse(e) => {
                format!("{} at byte {}", e.kind(), e.span().start.offset)
            }
            regex_syntax::Error::Translate(e) => {
                format!("{} at byte {}", e.kind(), e.span().start.offset)
            }
            _ => "the pattern cannot be parsed".to_owned(),
        })
}

struct Reader<'t> {
    source: &'t str,
    text: &'t str,
    /// Where its lines end.
    ends: Vec<usize>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, at: Option<usize>, rule: Option<&str>, message: String) {
        let line = at.map(|at| self.line(at));
        let rule = rule.map(str::to_owned);
        self.problems.push(Problem { source: self.source.to_owned(), line, rule, message });
    }

    fn line(&self, at: usize) -> usize {
        1 + self.ends.partition_point(|end| *end < at)
    }

    fn rules(&mut self) -> Vec<Rule> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.problem(error.span().map(|s| s.start), None, one_line(error.message()));
        }
        if !errors.is_empty() {
            return Vec::new();
        }
        let mut rules = Vec::new();
        for (key, value) in table.into_inner() {
            if key.get_ref() != "rule" {
                let message = format!(
                    "`{}` is not known here; a rule file holds [[rule]] tables",
                    key.get_ref()
                );
                self.problem(Some(key.span().start), None, message);
                continue;
            }
            let start = value.span().start;
            match value.into_inner() {
                DeValue::Array(items) => {
                    for item in items {
                        rules.extend(self.rule(item));
                    }
                }
                _ => {
                    self.problem(Some(start), None, "write [[rule]], with two brackets".to_owned())
                }
            }
        }
        rules
    }

    fn rule(&mut self, item: Spanned<DeValue<'_>>) -> Option<Rule> {
        let start = item.span().start;
        let id = item.get_ref().get("id").and_then(|v| v.get_ref().as_str()).map(str::to_owned);
        let before = self.problems.len();
        let raw = match RawRule::deserialize(ValueDeserializer::from(item).into_deserializer()) {
            Ok(raw) => raw,
            Err(error) => {
                let at = error.span().map_or(start, |s| s.start);
                self.problem(Some(at), id.as_deref(), one_line(error.message()));
                return None;
            }
        };
        let built = self.build(raw, start);
        if self.problems.len() == before { built } else { None }
    }

    fn build(&mut self, raw: RawRule, start: usize) -> Option<Rule> {
        let id = raw.id.clone();
        let mut bad = |at: usize, message: String| self.problem(Some(at), Some(&id), message);
        let kebab = |s: &str| {
            !s.is_empty()
                && s.len() <= 64
                && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if !kebab(&raw.id) {
            bad(start, "an id is 1 to 64 lower-case letters, digits and hyphens".to_owned());
        }
        if raw.label.as_deref().is_some_and(|l| !kebab(l)) {
            bad(start, "a label is 1 to 64 lower-case letters, digits and hyphens".to_owned());
        }
        if raw.near > 256 {
            bad(start, "`near` is at most 256 bytes".to_owned());
        }
        if !(0.0..=8.0).contains(&raw.entropy) {
            bad(start, "`entropy` is bits per byte, from 0 to 8".to_owned());
        }
        if raw.keywords.iter().any(|k| k.len() < 3 || k.len() > usize::from(raw.near)) {
            bad(start, "a keyword has at least 3 bytes and at most `near`".to_owned());
        }
        for allow in &raw.allow {
            if let Err(message) = hir(allow.get_ref()) {
                bad(allow.span().start, format!("`allow`: {message}"));
            }
        }
        let at = raw.pattern.span().start;
        let hir = match hir(raw.pattern.get_ref()) {
            Ok(hir) => hir,
            Err(message) => {
                bad(at, message);
                return None;
            }
        };
        let max_len = match bounded(&hir) {
            Ok(max_len) => max_len,
            Err(message) => {
                bad(at, message);
                return None;
            }
        };
        let anchors = choose_anchors(&hir, &raw);
        let anchors = match anchors {
            Ok(anchors) => anchors,
            Err(message) => {
                bad(at, message);
                return None;
            }
        };
        let secret_offset = secret_offset(&hir);
        let plain = raw.value == ValueSyntax::Match && raw.block.is_none();
        let word = at_word_start(&hir).filter(|_| plain);
        // A keyword is rarer than any shape.
        let has_shape = raw.keywords.is_empty() && anchors.iter().any(Anchor::is_shape);
        let heads: Vec<EmbeddedHead> = word
            .map(|run| {
                let all = heads(&hir, has_shape && run.1 >= LONG_RUN);
                let sign = |h: &[ByteSet]| sign(&hir).filter(|_| !is_nearly_literal(h));
                all.iter().map(|h| EmbeddedHead::new(h, run, sign(h))).collect()
            })
            .unwrap_or_default();
        let secret_behind_word = secret_offset.is_some_and(|o| o > 0) && word_first(&hir);
        let run = run(&hir).filter(|_| plain);
        let class = run.map(|run| run.class);
        let contextual = plain && heads.is_empty() && secret_behind_word;
        let names = before(&hir).map(|hir| anchors_of(&hir)).filter(|names| names_it(names));
        let named = names.clone().filter(|_| contextual).and_then(|names| {
            let around = around(&hir, &names, class)?;
            Some((names, Some(around)))
        });
        let (anchors, around) = named.unwrap_or_else(|| {
            let around = contextual.then(|| around(&hir, &anchors, class)).flatten();
            (anchors, around)
        });
        let anchors = match raw.value {
            ValueSyntax::Assignment => anchors_at_words(&hir, &anchors),
            // A name says more than what stands behind it.
            ValueSyntax::Match => names.filter(|_| contextual && around.is_none()),
        }
        .unwrap_or(anchors);
        let texts = |list: Vec<String>| -> Texts { list.into_iter().map(Text::Owned).collect() };
        Some(Rule {
            label: Cow::Owned(raw.label.unwrap_or_else(|| raw.id.clone())),
            id: Cow::Owned(raw.id),
            provider: Cow::Owned(raw.provider),
            description: Cow::Owned(raw.description),
            pattern: Cow::Owned(raw.pattern.into_inner()),
            keywords: texts(raw.keywords),
            near: raw.near,
            entropy: raw.entropy,
            check: raw.check,
            on_check_fail: raw.on_check_fail,
            allow: raw.allow.into_iter().map(|a| Text::Owned(a.into_inner())).collect(),
            confidence: raw.confidence,
            group: Cow::Owned(raw.group),
            reference: Cow::Owned(raw.reference),
            value: raw.value,
            block: raw.block,
            matches: texts(raw.matches),
            rejects: texts(raw.rejects),
            builtin: false,
            source: Cow::Owned(self.source.to_owned()),
            line: self.line(start) as u32,
            max_len: max_len as u32,
            has_secret_group: secret_offset.is_some(),
            secret_offset: secret_offset.unwrap_or(0) as u32,
            anchors: anchors.iter().map(EmbeddedAnchor::from).collect(),
            heads: Cow::Owned(heads),
            run,
            around,
        })
    }
}

/// The most bytes of a match, if the pattern is one that can be streamed.
fn bounded(hir: &Hir) -> Result<usize, String> {
    let properties = hir.properties();
    let Some(max) = properties.maximum_len() else {
        return Err("the pattern is unbounded; write an upper bound, such as {1,200} for + and {0,200} for *, \
                    and exclude what ends a secret, such as [^\\s\"'] for ."
            .to_owned());
    };
    if max > MAX_MATCH {
        return Err(format!(
            "a match can have {max} bytes; the most is {MAX_MATCH}: lower the bounds"
        ));
    }
    if properties.minimum_len().unwrap_or(0) < 3 {
        return Err("a match can have fewer than 3 bytes; raise the lower bounds so that ordinary text is not masked"
            .to_owned());
    }
    Ok(max)
}

/// The least distance in bytes from the start of a match to its secret, if the pattern has the group `secret`: 0 if a match may
/// do without that group, since the whole match is the secret then.
fn secret_offset(hir: &Hir) -> Option<usize> {
    group_offset(hir).map(|(offset, always)| if always { offset } else { 0 })
}

/// The least distance in bytes to the group `secret`, and whether every match has it.
fn group_offset(hir: &Hir) -> Option<(usize, bool)> {
    match hir.kind() {
        HirKind::Capture(c) if c.name.as_deref() == Some("secret") => Some((0, true)),
        HirKind::Capture(c) => group_offset(&c.sub),
        HirKind::Repetition(r) => {
            group_offset(&r.sub).map(|(offset, always)| (offset, always && r.min > 0))
        }
        HirKind::Alternation(parts) => {
            let all: Vec<_> = parts.iter().map(group_offset).collect();
            let some = all.iter().flatten();
            let least = some.clone().map(|(offset, _)| *offset).min()?;
            Some((least, some.count() == all.len() && all.iter().flatten().all(|(_, a)| *a)))
        }
        HirKind::Concat(parts) => {
            let at = parts.iter().position(|part| group_offset(part).is_some())?;
            let before: usize =
                parts[..at].iter().map(|p| p.properties().minimum_len().unwrap_or(0)).sum();
            group_offset(&parts[at]).map(|(inner, always)| (before + inner, always))
        }
        _ => None,
    }
}

/// What stands before the group `secret` in every match, if the pattern is that plain.
pub(crate) fn before_secret(hir: &Hir) -> Option<Hir> {
    let is_secret = |part: &Hir| matches!(part.kind(), HirKind::Capture(c) if c.name.as_deref() == Some("secret"));
    match hir.kind() {
        HirKind::Concat(parts) => {
            let at = parts.iter().position(is_secret)?;
            Some(Hir::concat(parts[..at].to_vec()))
        }
        _ => None,
    }
}

/// How often an anchor may hit in random log text, per byte, before the rule is called too broad.
const BROADEST_ANCHOR: f64 = 0.02;

/// Whether these anchors are names, at least three nearly literal bytes each.
fn names_it(anchors: &[Anchor]) -> bool {
    !anchors.is_empty()
        && anchors.iter().all(|a| a.window.len() >= 3 && probability(&a.window) < SHAPE)
}

fn choose_anchors(hir: &Hir, raw: &RawRule) -> Result<Vec<Anchor>, String> {
    let own = anchors_of(hir);
    let cost = |list: &[Anchor]| match list {
        [] => f64::INFINITY,
        list => list.iter().map(Anchor::cost).sum(),
    };
    let keyed: Vec<Anchor> = raw.keywords.iter().map(|k| keyword_anchor(k, raw.near)).collect();
    // Keywords are rarer than a shape, whatever byte frequencies say: hex digits come in rows.
    let shape = own.iter().any(Anchor::is_shape);
    let use_own = cost(&own) <= cost(&keyed) && (keyed.is_empty() || !shape);
    let best = if use_own { own } else { keyed };
    if cost(&best) > BROADEST_ANCHOR {
        return Err("the pattern is too broad: nothing rare must stand in a match; add a literal prefix of at \
                    least 3 bytes, or `keywords` that stand before the secret"
            .to_owned());
    }
    Ok(best)
}

fn one_line(message: &str) -> String {
    message.split('\n').map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("; ")
}
