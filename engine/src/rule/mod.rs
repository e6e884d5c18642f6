//! Rules as data: what a rule says, and sets of rules.
//!
//! Step 0 of the path of a byte: TOML ([`parse`]) → [`RuleSet`] → the engine's program. The built-in rules are parsed by
//! `build.rs` with this very code and embedded as constants, so a start costs no parsing.
//!
//! ```
//! use redact_stream::RuleSet;
//!
//! let rules = RuleSet::parse("mine.toml", r#"
//!     [[rule]]
//!     id = "acme-token"
//!     pattern = '\bacme_[0-9a-f]{32}\b'
//!     matches = ["acme_{hex:32}"]
//!     rejects = ["acme_{hex:8}"]
//! "#)?;
//! assert_eq!(rules.iter().next().unwrap().id(), "acme-token");
//! # Ok::<(), redact_stream::BuildError>(())
//! ```

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use super::error::{BuildError, Problem};

pub(crate) mod anchor;
pub(crate) mod byte_set;
pub(crate) mod example;
pub(crate) mod frequency;
pub(crate) mod parse;
pub(crate) mod run;
pub(crate) mod spec;
pub(crate) mod trigger;

pub use spec::{BlockKind, Check, CheckFailure, Confidence, Rule, ValueSyntax};

/// The most bytes a match may have, and the bound that is advised against in errors.
pub const MAX_MATCH: usize = 8192;

/// Rules with distinct ids, in order.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    rules: Vec<Handle>,
}

impl RuleSet {
    /// Parses one rule file. `source` names it in errors.
    ///
    /// # Errors
    /// Every problem of the file, each with its line, the rule's id and what to write instead. Examples are not run here;
    /// [`crate::lint::examples`] does.
    pub fn parse(source: &str, text: &str) -> Result<RuleSet, BuildError> {
        let (rules, problems) = parse::file(source, text);
        let set = RuleSet::from_rules(rules);
        let mut problems = problems;
        problems.extend(set.duplicate_ids());
        if problems.is_empty() { Ok(set) } else { Err(BuildError::new(problems)) }
    }

    pub(crate) fn from_rules(rules: Vec<Rule>) -> RuleSet {
        RuleSet { rules: rules.into_iter().map(|rule| Handle::Own(Arc::new(rule))).collect() }
    }

    /// Rules that are embedded in the program.
    pub(crate) fn embedded(rules: &'static [Rule]) -> RuleSet {
        RuleSet { rules: rules.iter().map(Handle::BuiltIn).collect() }
    }

    /// Adds all rules of `other` behind these.
    ///
    /// # Errors
    /// One problem for each id that both sets have.
    pub fn merge(mut self, other: RuleSet) -> Result<RuleSet, BuildError> {
        self.rules.extend(other.rules);
        let problems = self.duplicate_ids();
        if problems.is_empty() { Ok(self) } else { Err(BuildError::new(problems)) }
    }

    fn duplicate_ids(&self) -> Vec<Problem> {
        let mut seen = std::collections::HashMap::new();
        let mut problems = Vec::new();
        for rule in &self.rules {
            if let Some(first) = seen.insert(rule.id(), rule) {
                problems.push(Problem {
                    source: rule.source().to_owned(),
                    line: Some(rule.line()),
                    rule: Some(rule.id().to_owned()),
                    message: format!(
                        "this id is already used at {}:{}; choose another",
                        first.source(),
                        first.line()
                    ),
                });
            }
        }
        problems
    }

    /// Keeps the rules for which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&Rule) -> bool) {
        self.rules.retain(|rule| keep(rule));
    }

    /// The rules in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.rules.iter().map(|rule| &**rule)
    }

    /// The rule with this id.
    pub fn find(&self, id: &str) -> Option<&Rule> {
        self.iter().find(|rule| rule.id() == id)
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(crate) fn into_rules(self) -> Vec<Handle> {
        self.rules
    }
}

/// A rule of a set: there are many, and all are needed at each start, so none is copied.
#[derive(Clone, Debug)]
pub(crate) enum Handle {
    BuiltIn(&'static Rule),
    Own(Arc<Rule>),
}

impl Deref for Handle {
    type Target = Rule;

    fn deref(&self) -> &Rule {
        match self {
            Handle::BuiltIn(rule) => rule,
            Handle::Own(rule) => rule,
        }
    }
}

/// Text that is embedded for built-in rules and owned for a user's.
pub(crate) type Text = Cow<'static, str>;
/// A list that is embedded for built-in rules and owned for a user's.
pub(crate) type Texts = Cow<'static, [Text]>;
