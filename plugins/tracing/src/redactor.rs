//! The shared side: engine, policy and counts, and for each thread the space it needs.
//!
//! A [`Redactor`] is cheap to clone. What is shared is read only, but for counts that grow when something is masked; all else is
//! in a [`State`] that a thread takes from its own pool and gives back. An event that arises while another is looked at or
//! passed on (a value's `Debug` that logs, a layer that logs) gets a state of its own, up to [`MOST_NESTED`] of them; deeper ones are
//! dropped and counted, so that what logs while it logs comes to an end.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Weak};

use redact_stream::Engine;

use crate::metrics::Counts;
use crate::policy::FieldPolicy;
use crate::state::State;
use crate::writer::Stream;

/// How many events of one thread may be open at the same time, one inside the other.
pub(crate) const MOST_NESTED: u32 = 8;

/// Rules and a [`FieldPolicy`], shared by all that redacts with them.
///
/// ```
/// use tracing_redact::{Engine, FieldPolicy, Redactor};
///
/// let redactor = Redactor::new(Engine::builder().groups(["pii"]).build()?, FieldPolicy::new());
/// assert_eq!(redactor.field("client", "203.0.113.7"), "[REDACTED:ip-address]");
/// assert_eq!(redactor.field("password", "correct horse"), "[REDACTED:field]");
/// assert_eq!(redactor.counts().total(), 2);
/// # Ok::<(), tracing_redact::BuildError>(())
/// ```
#[derive(Clone)]
pub struct Redactor(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    pub(crate) policy: FieldPolicy,
    /// Whether numbers are looked at.
    pub(crate) numbers: bool,
    pub(crate) by_rule: Box<[AtomicU64]>,
    pub(crate) by_name: AtomicU64,
    pub(crate) unreadable: AtomicU64,
    pub(crate) dropped: AtomicU64,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").field("engine", &self.0.engine).finish_non_exhaustive()
    }
}

impl Default for Redactor {
    /// The built-in rules and the engine's families of field names. All that is made this way is one and counts together.
    fn default() -> Redactor {
        static DEFAULT: LazyLock<Redactor> = LazyLock::new(|| {
            let engine = Engine::builder().build().expect("the built-in rules are sound");
            Redactor::new(engine, FieldPolicy::new())
        });
        DEFAULT.clone()
    }
}

impl Redactor {
    /// Redacts with these rules and this policy.
    pub fn new(engine: Arc<Engine>, policy: FieldPolicy) -> Redactor {
        let numbers = engine.may_find_numbers();
        let by_rule = engine.rules().map(|_| AtomicU64::new(0)).collect();
        Redactor(Arc::new(Shared {
            engine,
            policy,
            numbers,
            by_rule,
            by_name: AtomicU64::new(0),
            unreadable: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }))
    }

    /// The rules.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.0.engine
    }

    /// What was masked so far, in numbers.
    pub fn counts(&self) -> Counts {
        Counts::of(&self.0)
    }

    /// Masks all secrets of a text.
    ///
    /// ```
    /// let redactor = tracing_redact::Redactor::default();
    /// assert_eq!(redactor.text("password=only4docs!"), "password=[REDACTED:secret]");
    /// ```
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.lease_any().state().text(&self.0, text)
    }

    /// Masks the value of a field, or what is secret in it.
    pub fn field<'t>(&self, name: &str, value: &'t str) -> Cow<'t, str> {
        self.lease_any().state().field(&self.0, name, value)
    }

    /// Stands for what is shared, as long as this lives.
    fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }

    /// A state of this thread; none if too many are in use: what was to be passed on is dropped, and counted.
    #[inline]
    pub(crate) fn lease(&self) -> Option<Lease<'_>> {
        let new = || Box::new(State::new(&self.0));
        // Mostly a thread has one redactor, and no event is open.
        let state = match FIRST.try_with(|first| first.replace(First::Lent(self.address()))) {
            Ok(First::Here(state)) if state.is_of(&self.0) => state,
            Ok(First::Never) => new(),
            // That of a redactor which is gone makes room.
            Ok(First::Here(state)) if !state.has_redactor() => new(),
            Ok(other) => {
                let _ = FIRST.try_with(|first| first.set(other));
                return self.lease_of_pool();
            }
            Err(_) => return self.lease_of_pool(),
        };
        Some(Lease { redactor: self, state: Some(state), kind: LeaseKind::First })
    }

    fn lease_of_pool(&self) -> Option<Lease<'_>> {
        let has_first = FIRST.try_with(|first| {
            let now = first.replace(First::Never);
            let is_own = matches!(now, First::Lent(to) if to == self.address());
            first.set(now);
            is_own
        });
        let taken = self.with_pool(|pool| {
            let room = pool.open + u32::from(has_first == Ok(true)) < MOST_NESTED;
            pool.open += u32::from(room);
            (room, if room { pool.states.pop() } else { None })
        });
        match taken {
            Some((false, _)) => {
                self.0.dropped.fetch_add(1, Ordering::Relaxed);
                None
            }
            Some((true, state)) => Some(self.leased(state, LeaseKind::Counted)),
            // The thread is ending and has no pools any more.
            None => Some(self.leased(None, LeaseKind::Free)),
        }
    }

    /// A state whatever is in use.
    pub(crate) fn lease_any(&self) -> Lease<'_> {
        let state = self.with_pool(|pool| pool.states.pop()).flatten();
        self.leased(state, LeaseKind::Free)
    }

    fn leased(&self, state: Option<Box<State>>, kind: LeaseKind) -> Lease<'_> {
        let state = state.unwrap_or_else(|| Box::new(State::new(&self.0)));
        Lease { redactor: self, state: Some(state), kind }
    }

    /// A stream that is at rest.
    pub(crate) fn take_stream(&self) -> Box<Stream> {
        let stream = self.with_pool(|pool| pool.streams.pop()).flatten();
        stream.unwrap_or_else(|| Box::new(Stream::new(&self.0.engine)))
    }

    /// Keeps a stream that is at rest for the next.
    pub(crate) fn give_stream(&self, stream: Box<Stream>) {
        let mut stream = Some(stream);
        self.with_pool(|pool| {
            pool.streams.extend(stream.take().filter(|_| pool.streams.is_empty()))
        });
    }

    fn with_pool<R>(&self, run: impl FnOnce(&mut Pool) -> R) -> Option<R> {
        let found = POOLS.try_with(|pools| {
            let mut pools = pools.try_borrow_mut().ok()?;
            let own = |pool: &Pool| std::ptr::eq(pool.of.as_ptr(), Arc::as_ptr(&self.0));
            let at = match pools.iter().position(own) {
                Some(at) => at,
                None => {
                    // Redactors come and go only in tests, and then their pools should too.
                    pools.retain(|pool| pool.of.strong_count() > 0);
                    pools.push(Pool {
                        of: Arc::downgrade(&self.0),
                        open: 0,
                        states: Vec::new(),
                        streams: Vec::new(),
                    });
                    pools.len() - 1
                }
            };
            Some(run(&mut pools[at]))
        });
        found.ok().flatten()
    }
}

thread_local! {
    static FIRST: Cell<First> = const { Cell::new(First::Never) };
    static POOLS: RefCell<Vec<Pool>> = const { RefCell::new(Vec::new()) };
}

/// The state that a thread's next event takes, if it is of the same redactor: at hand without a look for its pool.
enum First {
    Never,
    /// An event of the redactor of this [`Redactor::address`] is open.
    Lent(usize),
    Here(Box<State>),
}

/// What one thread keeps for one redactor.
#[expect(clippy::vec_box, reason = "they go in and out with each event, and are large")]
struct Pool {
    of: Weak<Shared>,
    /// How many leases that count there are, beside the first.
    open: u32,
    states: Vec<Box<State>>,
    streams: Vec<Box<Stream>>,
}

/// A [`State`] in use; it goes back to the pool of the thread.
pub(crate) struct Lease<'r> {
    redactor: &'r Redactor,
    /// There until it is dropped.
    state: Option<Box<State>>,
    kind: LeaseKind,
}

/// Where a lease's state came from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LeaseKind {
    First,
    /// A pool, which counts it.
    Counted,
    Free,
}

impl Lease<'_> {
    pub(crate) fn state(&mut self) -> &mut State {
        self.state.as_mut().expect("it is there until the lease is dropped")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let Some(mut state) = self.state.take() else { return };
        state.clear();
        if self.kind == LeaseKind::First {
            let _ = FIRST.try_with(|first| first.set(First::Here(state)));
            return;
        }
        let mut state = Some(state);
        let is_counted = self.kind == LeaseKind::Counted;
        self.redactor.with_pool(|pool| {
            pool.open -= u32::from(is_counted && pool.open > 0);
            if pool.states.len() < MOST_NESTED as usize {
                pool.states.extend(state.take());
            }
        });
    }
}
