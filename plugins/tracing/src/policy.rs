//! Which fields are masked for their name alone.
//!
//! A value is looked at by the engine's rules; but `password = "correct horse"` looks like no secret, and its name says that it
//! is one. [`FieldPolicy`] decides by name and target, once for each call site; the answer is a [`Plan`] for each field.
//!
//! Limits: the message is always looked at, never masked as a whole; what a name says in another language is not known.

use redact_stream::{BuildError, Engine, KeyGlobs, KeyPromise};

/// Which fields are masked for their name alone, and which are left alone.
///
/// Without further ado: what the engine's rules take for the name of a secret (`password`, `client_secret`, `token`,
/// `authorization`, … in any case and style, alone or in a longer name).
///
/// Names are globs as in [`KeyGlobs`]: `session` also stands for `user.session`, `*` for any part of a name. What is said of a
/// target goes before what is said of all; in each, `keep` before `allow` before `mask`.
///
/// ```
/// use tracing_redact::{FieldPolicy, TargetPolicy};
///
/// let policy = FieldPolicy::new()
///     .mask(["cookie", "*.pin"])?
///     .allow(["token"])?
///     .keep(["trace_id"])?
///     .target("my_app::login", TargetPolicy::new().mask_all())
///     .target("my_app::metrics", TargetPolicy::new().keep_all());
/// # Ok::<(), tracing_redact::BuildError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct FieldPolicy {
    general: TargetPolicy,
    without_families: bool,
    /// The longest target first.
    targets: Vec<(String, TargetPolicy)>,
}

/// What a [`FieldPolicy`] says of the fields of one target.
#[derive(Clone, Debug, Default)]
pub struct TargetPolicy {
    mask: Vec<KeyGlobs>,
    allow: Vec<KeyGlobs>,
    keep: Vec<KeyGlobs>,
    mask_all: bool,
    keep_all: bool,
}

impl FieldPolicy {
    /// The engine's families of names, and nothing else.
    pub fn new() -> FieldPolicy {
        FieldPolicy::default()
    }

    /// Whether the engine's families of names count; they do if this is not said.
    pub fn families(mut self, count: bool) -> FieldPolicy {
        self.without_families = !count;
        self
    }

    /// Fields that are masked whatever their value.
    ///
    /// # Errors
    /// A name is no glob, or names everything.
    pub fn mask<I: IntoIterator<Item: AsRef<str>>>(
        mut self,
        names: I,
    ) -> Result<FieldPolicy, BuildError> {
        self.general = self.general.mask(names)?;
        Ok(self)
    }

    /// Fields whose name says nothing, though it is one of a family; their values are still looked at.
    ///
    /// # Errors
    /// A name is no glob, or names everything.
    pub fn allow<I: IntoIterator<Item: AsRef<str>>>(
        mut self,
        names: I,
    ) -> Result<FieldPolicy, BuildError> {
        self.general = self.general.allow(names)?;
        Ok(self)
    }

    /// Fields that stay as they are; their values are not looked at.
    ///
    /// # Errors
    /// A name is no glob, or names everything.
    pub fn keep<I: IntoIterator<Item: AsRef<str>>>(
        mut self,
        names: I,
    ) -> Result<FieldPolicy, BuildError> {
        self.general = self.general.keep(names)?;
        Ok(self)
    }

    /// Says something else for a target and all below it (`my_app` is above `my_app::login`); the longest target counts.
    ///
    /// It is the target of the event's or span's metadata; that of all records that come from `log` is `log`.
    pub fn target(mut self, target: impl Into<String>, policy: TargetPolicy) -> FieldPolicy {
        self.targets.push((target.into(), policy));
        self.targets.sort_by_key(|(target, _)| std::cmp::Reverse(target.len()));
        self
    }

    /// What to do with the values of a field.
    pub(crate) fn plan(&self, engine: &Engine, target: &str, name: &str) -> Plan {
        let is_message = name == "message";
        let special = self.targets.iter().find(|(above, _)| is_below(target, above));
        let said = special.and_then(|(_, policy)| policy.says(name, is_message));
        let said = said.or_else(|| self.general.says(name, is_message));
        match said {
            Some(Said::Mask) => return Plan::Mask(Reason::Named),
            Some(Said::Keep) => return Plan::Keep,
            None if is_message => return Plan::Look,
            Some(Said::Allow) | None => {}
        }
        let promise = engine.key_promise(name);
        match promise {
            Some(promise)
                if promise > KeyPromise::Weak && !self.without_families && said.is_none() =>
            {
                Plan::Mask(Reason::Family(promise))
            }
            // With the name in front, the rules decide as they do in a text.
            Some(_) => Plan::LookWithName,
            None if engine.gives_context(name) => Plan::LookWithName,
            None => Plan::Look,
        }
    }
}

impl TargetPolicy {
    /// Nothing of its own.
    pub fn new() -> TargetPolicy {
        TargetPolicy::default()
    }

    /// As [`FieldPolicy::mask`].
    ///
    /// # Errors
    /// A name is no glob, or names everything.
    pub fn mask<I: IntoIterator<Item: AsRef<str>>>(
        mut self,
        names: I,
    ) -> Result<TargetPolicy, BuildError> {
        self.mask.push(KeyGlobs::new(names)?);
        Ok(self)
    }

    /// As [`FieldPolicy::allow`].
    ///
    /// # Errors
    /// A name is no glob, or names everything.
    pub fn allow<I: IntoIterator<Item: AsRef<str>>>(
        mut self,
        names: I,
    ) -> Result<TargetPolicy, BuildError> {
        self.allow.push(KeyGlobs::new(names)?);
        Ok(self)
    }

    /// As [`FieldPolicy::keep`].
    ///
    /// # Errors
    /// A name is no glob, or names everything.
    pub fn keep<I: IntoIterator<Item: AsRef<str>>>(
        mut self,
        names: I,
    ) -> Result<TargetPolicy, BuildError> {
        self.keep.push(KeyGlobs::new(names)?);
        Ok(self)
    }

    /// Every field is masked but those of [`allow`](TargetPolicy::allow) and [`keep`](TargetPolicy::keep), and the message, which
    /// is looked at.
    pub fn mask_all(mut self) -> TargetPolicy {
        self.mask_all = true;
        self
    }

    /// Nothing is looked at, the message neither: for a target that is known to hold no secret and logs very much.
    pub fn keep_all(mut self) -> TargetPolicy {
        self.keep_all = true;
        self
    }

    fn says(&self, name: &str, is_message: bool) -> Option<Said> {
        let any = |globs: &[KeyGlobs]| globs.iter().any(|globs| globs.is_match(name));
        if self.keep_all {
            Some(Said::Keep)
        } else if is_message {
            None
        } else if any(&self.keep) {
            Some(Said::Keep)
        } else if any(&self.allow) {
            Some(Said::Allow)
        } else if self.mask_all || any(&self.mask) {
            Some(Said::Mask)
        } else {
            None
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Keep,
    Allow,
    Mask,
}

fn is_below(target: &str, above: &str) -> bool {
    let rest = target.strip_prefix(above);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// What to do with the values of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// They stay as they are.
    Keep,
    /// The rules decide.
    Look,
    /// The rules decide, of the value alone and of `name=value`.
    LookWithName,
    /// Masked whatever they are.
    Mask(Reason),
}

/// Why the values of a field are masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The policy names the field.
    Named,
    /// The engine's rules take it for the name of a secret.
    Family(KeyPromise),
}

impl Reason {
    /// Whether a number of this many digits is masked. Families go by the engine's judgement: a number behind `token` is a count
    /// unless it is long, behind `password` it may be one.
    pub(crate) fn masks_number(self, digits: usize) -> bool {
        match self {
            Reason::Named | Reason::Family(KeyPromise::Password) => true,
            Reason::Family(KeyPromise::Secret) => digits >= 6,
            Reason::Family(_) => digits >= 16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_go_before_the_rest_and_exceptions_before_masks() {
        let engine = Engine::builder().build().unwrap();
        let policy = FieldPolicy::new()
            .mask(["session", "*.pin"])
            .and_then(|p| p.allow(["token", "csrf.*"]))
            .and_then(|p| p.keep(["trace_id"]))
            .unwrap()
            .target("app", TargetPolicy::new().allow(["password"]).unwrap())
            .target("app::login", TargetPolicy::new().mask_all().allow(["status"]).unwrap())
            .target("app::metrics", TargetPolicy::new().keep_all());
        let family = |promise| Plan::Mask(Reason::Family(promise));
        for (target, name, wanted) in [
            ("x", "path", Plan::Look),
            ("x", "message", Plan::Look),
            ("x", "password", family(KeyPromise::Password)),
            ("x", "Authorization", family(KeyPromise::Token)),
            ("x", "user.session", Plan::Mask(Reason::Named)),
            ("x", "card.pin", Plan::Mask(Reason::Named)),
            ("x", "pin", Plan::LookWithName),
            ("x", "token", Plan::LookWithName),
            ("x", "csrf.token", Plan::LookWithName),
            ("x", "trace_id", Plan::Keep),
            ("x", "ngrok", Plan::LookWithName),
            ("app", "password", Plan::LookWithName),
            ("app::other", "password", Plan::LookWithName),
            ("apple", "password", family(KeyPromise::Password)),
            ("app::login", "path", Plan::Mask(Reason::Named)),
            ("app::login", "message", Plan::Look),
            ("app::login", "status", Plan::Look),
            ("app::login", "password", Plan::Mask(Reason::Named)),
            ("app::metrics", "password", Plan::Keep),
            ("app::metrics", "message", Plan::Keep),
        ] {
            assert_eq!(policy.plan(&engine, target, name), wanted, "{target} {name}");
        }
        let policy = FieldPolicy::new().families(false);
        assert_eq!(policy.plan(&engine, "x", "password"), Plan::LookWithName);
    }
}
