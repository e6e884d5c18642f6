//! What one thread needs to redact values one event after the other, without allocating where nothing is masked.
//!
//! [`State::redact`] is the path of an event, a span or a record:
//! 1. [`Site`]: what to do with each field, decided when the call site is first seen and kept by its address;
//! 2. [`Capture`]: a visitor writes all values down; what is to be looked at, as lines of one text;
//! 3. [`Values::decide`]: one look at that text;
//! 4. [`rebuild`]: the values, masked, in the place of the old ones.
//!
//! What was clean lately is not looked at again ([`Known`]): most events of a call site differ in a few fields only.

use std::borrow::Cow;
use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use redact_stream::{Finding, Sink, TextRedactor};
use tracing_core::Metadata;
use tracing_core::field::{ValueSet, Visit};
use zeroize::Zeroizing;

use crate::capture::Capture;
use crate::known::Known;
use crate::policy::Plan;
use crate::rebuild;
use crate::redactor::Shared;
use crate::values::Values;

/// The label of what is masked for its name.
pub(crate) const BY_NAME: &str = "field";
/// How many names that are in no static metadata are remembered.
const MOST_NAMES: usize = 4096;

pub(crate) struct State {
    /// The redactor's, kept so that its address stays its own.
    shared: Weak<Shared>,
    texts: TextRedactor,
    sites: HashMap<usize, Site, BuildHasherDefault<AddressHasher>>,
    names: HashMap<Box<str>, Plan>,
    values: Values,
}

/// What is known of one call site, by field.
pub(crate) struct Site {
    pub(crate) plans: Box<[Plan]>,
    pub(crate) known: Box<[Known]>,
}

impl State {
    pub(crate) fn new(shared: &Arc<Shared>) -> State {
        State {
            shared: Arc::downgrade(shared),
            texts: TextRedactor::new(Arc::clone(&shared.engine)),
            sites: HashMap::default(),
            names: HashMap::new(),
            values: Values::default(),
        }
    }

    /// Whether it was made for this redactor.
    pub(crate) fn is_of(&self, shared: &Arc<Shared>) -> bool {
        std::ptr::eq(self.shared.as_ptr(), Arc::as_ptr(shared))
    }

    /// Whether its redactor is still there.
    pub(crate) fn has_redactor(&self) -> bool {
        self.shared.strong_count() > 0
    }

    /// Gives to `then` the values that `record` visits, redacted.
    pub(crate) fn redact<R>(
        &mut self,
        shared: &Shared,
        metadata: &'static Metadata<'static>,
        record: impl FnOnce(&mut dyn Visit),
        then: impl FnOnce(&ValueSet<'_>) -> R,
    ) -> R {
        let State { texts, sites, values, .. } = self;
        // Metadata is static: its address stands for it as long as the program runs.
        let address = std::ptr::from_ref(metadata) as usize;
        let site = sites.entry(address).or_insert_with(|| Site::new(shared, metadata));
        values.begin(site.plans.len());
        record(&mut Capture { shared, texts, site, values });
        values.decide(shared, texts, &mut site.known);
        rebuild::with(metadata.fields(), values, &site.known, then)
    }

    /// Forgets the values of the last event.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
    }

    /// Masks the secrets of a text.
    pub(crate) fn text<'t>(&mut self, shared: &Shared, text: &'t str) -> Cow<'t, str> {
        look(shared, &mut self.texts, text).map_or(Cow::Borrowed(text), Cow::Owned)
    }

    /// Masks a value, or what is secret in it, of a field that no static metadata knows.
    pub(crate) fn field<'t>(
        &mut self,
        shared: &Shared,
        name: &str,
        value: &'t str,
    ) -> Cow<'t, str> {
        match self.plan(shared, name) {
            Plan::Keep => Cow::Borrowed(value),
            Plan::Mask(_) => Cow::Owned(self.mask(shared, value)),
            Plan::Look => self.text(shared, value),
            Plan::LookWithName => {
                let alone = self.text(shared, value);
                let again = with_name(shared, &mut self.texts, name, &alone);
                again.map_or(alone, Cow::Owned)
            }
        }
    }

    /// What to do with the values of a field that no static metadata knows.
    pub(crate) fn plan(&mut self, shared: &Shared, name: &str) -> Plan {
        if let Some(plan) = self.names.get(name) {
            return *plan;
        }
        if self.names.len() >= MOST_NAMES {
            self.names.clear();
        }
        let plan = shared.policy.plan(&shared.engine, "", name);
        self.names.insert(name.into(), plan);
        plan
    }

    /// The mask of a value that is masked for its name.
    pub(crate) fn mask(&mut self, shared: &Shared, value: &str) -> String {
        let mut out = String::new();
        mask_by_name(shared, value, &mut out);
        out
    }
}

impl Site {
    fn new(shared: &Shared, metadata: &'static Metadata<'static>) -> Site {
        let plan = |name| shared.policy.plan(&shared.engine, metadata.target(), name);
        let fields = metadata.fields();
        Site {
            plans: fields.iter().map(|field| plan(field.name())).collect(),
            known: fields.iter().map(|_| Known::default()).collect(),
        }
    }
}

/// Appends the mask of a value that is masked for its name, and counts it.
pub(crate) fn mask_by_name(shared: &Shared, value: &str, out: &mut String) {
    shared.by_name.fetch_add(1, Ordering::Relaxed);
    let mut bytes = std::mem::take(out).into_bytes();
    shared.engine.mask(BY_NAME, value.as_bytes(), &mut bytes);
    *out = utf8(bytes);
}

/// A text with its secrets masked; none if there are none.
pub(crate) fn look(shared: &Shared, texts: &mut TextRedactor, text: &str) -> Option<String> {
    look_at_bytes(shared, texts, text.as_bytes()).map(utf8)
}

/// The same for bytes.
pub(crate) fn look_at_bytes(
    shared: &Shared,
    texts: &mut TextRedactor,
    text: &[u8],
) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rules = Vec::new();
    let found = {
        let mut sink = Late::new(text, &mut out, &mut rules);
        let Ok(()) = texts.redact_to(text, &mut sink);
        sink.found
    };
    count(shared, &mut rules);
    found.then_some(out)
}

/// A value with what is secret behind its name masked; none if nothing is.
pub(crate) fn with_name(
    shared: &Shared,
    texts: &mut TextRedactor,
    name: &str,
    value: &str,
) -> Option<String> {
    let found = look(shared, texts, &Zeroizing::new(format!("{name}={value}")))?;
    let rest = found.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
    Some(match rest {
        Some(value) => value.to_owned(),
        // The mask covers a part of the name too: which part of the value was secret is not known.
        None => {
            let mut out = String::new();
            mask_by_name(shared, value, &mut out);
            out
        }
    })
}

/// Adds findings to the counts.
pub(crate) fn count(shared: &Shared, rules: &mut Vec<usize>) {
    for rule in rules.drain(..) {
        shared.by_rule[rule].fetch_add(1, Ordering::Relaxed);
    }
}

/// The engine leaves UTF-8 what was UTF-8; where it does not, what is no UTF-8 is replaced.
pub(crate) fn utf8(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// A sink that copies only once something is masked.
pub(crate) struct Late<'t> {
    text: &'t [u8],
    /// How much of the text is dealt with.
    done: usize,
    out: &'t mut Vec<u8>,
    /// The rules of the findings.
    rules: &'t mut Vec<usize>,
    pub(crate) found: bool,
}

impl<'t> Late<'t> {
    pub(crate) fn new(text: &'t [u8], out: &'t mut Vec<u8>, rules: &'t mut Vec<usize>) -> Late<'t> {
        Late { text, done: 0, out, rules, found: false }
    }
}

impl Sink for Late<'_> {
    type Error = Infallible;

    fn clean(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        if self.found {
            self.out.extend_from_slice(bytes);
        }
        self.done += bytes.len();
        Ok(())
    }

    fn masked(&mut self, finding: &Finding, mask: &[u8]) -> Result<(), Infallible> {
        if !std::mem::replace(&mut self.found, true) {
            self.out.extend_from_slice(&self.text[..self.done]);
        }
        self.out.extend_from_slice(mask);
        self.done += (finding.end - finding.start) as usize;
        self.rules.push(finding.rule());
        Ok(())
    }
}

/// Addresses differ enough by themselves.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.write_usize(usize::from(*b)));
    }

    fn write_usize(&mut self, address: usize) {
        // Odd, with its bits spread: the map looks at the highest and the lowest.
        self.0 = (self.0 ^ address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}
