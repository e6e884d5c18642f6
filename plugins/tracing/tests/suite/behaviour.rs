//! What is passed on: a wrapped layer is called as it would be without the wrapper.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier, Mutex};

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber, span};
use tracing_redact::{RedactExt as _, RedactLayer, RedactSubscriber};
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, fmt, registry, reload};

use crate::leaks::redactor;
use crate::outputs::{Buffer, Everything};
use crate::planted::log_all;

/// A layer that notes how it is called.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    fn add(&self, call: impl Into<String>) {
        self.0.lock().unwrap().push(call.into());
    }
}

impl<S: Subscriber> Layer<S> for Calls {
    fn on_register_dispatch(&self, _: &Dispatch) {
        self.add("on_register_dispatch");
    }

    fn on_layer(&mut self, _: &mut S) {
        self.add("on_layer");
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Other tests have call sites too.
        if metadata.target().ends_with("::logged") {
            self.add(format!("register_callsite {}", metadata.name()));
        }
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.add(format!("enabled {}", metadata.name()));
        metadata.name() != "off"
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.add("max_level_hint");
        Some(LevelFilter::DEBUG)
    }

    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        self.add("event_enabled");
        event.fields().all(|field| field.name() != "refuse")
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, _: Context<'_, S>) {
        let (root, contextual) = (attributes.is_root(), attributes.is_contextual());
        let parent = attributes.parent();
        self.add(format!("on_new_span {id:?} {root} {contextual} {parent:?}"));
    }

    fn on_record(&self, id: &span::Id, record: &span::Record<'_>, _: Context<'_, S>) {
        self.add(format!("on_record {id:?} {}", record.is_empty()));
    }

    fn on_follows_from(&self, span: &span::Id, follows: &span::Id, _: Context<'_, S>) {
        self.add(format!("on_follows_from {span:?} {follows:?}"));
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let (root, contextual) = (event.is_root(), event.is_contextual());
        let (parent, current) = (event.parent(), ctx.current_span());
        self.add(format!("on_event {root} {contextual} {parent:?} {:?}", current.id()));
    }

    fn on_enter(&self, id: &span::Id, _: Context<'_, S>) {
        self.add(format!("on_enter {id:?}"));
    }

    fn on_exit(&self, id: &span::Id, _: Context<'_, S>) {
        self.add(format!("on_exit {id:?}"));
    }

    fn on_close(&self, id: span::Id, _: Context<'_, S>) {
        self.add(format!("on_close {id:?}"));
    }

    fn on_id_change(&self, old: &span::Id, new: &span::Id, _: Context<'_, S>) {
        self.add(format!("on_id_change {old:?} {new:?}"));
    }
}

mod logged {
    pub(super) fn log_everything() {
        let outer = tracing::info_span!("outer", late = tracing::field::Empty, x = "text");
        let other = tracing::info_span!(parent: None, "other");
        let child = tracing::info_span!(parent: &other, "child", password = "x");
        child.follows_from(&outer);
        let _in_outer = outer.enter();
        outer.record("late", 1);
        let nested = tracing::info_span!("nested");
        nested.clone().in_scope(|| tracing::info!("inside"));
        tracing::info!(parent: &other, "of another");
        tracing::info!(parent: None, "of none");
        tracing::info!(refuse = true, "refused");
        tracing::info!(name: "off", "switched off");
    }
}

#[test]
fn a_wrapped_layer_is_called_as_a_bare_one() {
    let calls = |make: fn(Calls) -> Dispatch| {
        let calls = Calls::default();
        tracing::dispatcher::with_default(&make(calls.clone()), logged::log_everything);
        let calls = calls.0.lock().unwrap();
        // `tracing` asks for these again whenever another test makes a dispatcher.
        let (asked, calls): (Vec<String>, Vec<String>) = calls.iter().cloned().partition(|call| {
            call.starts_with("max_level_hint") || call.starts_with("register_callsite")
        });
        let asked: BTreeSet<String> = asked.into_iter().collect();
        (asked, calls)
    };
    let bare = calls(|c| registry().with(c).into());
    for wanted in ["on_layer", "on_register_dispatch", "enabled outer", "event_enabled"] {
        assert!(bare.1.iter().any(|call| call == wanted), "{wanted} {bare:?}");
    }
    for wanted in ["on_follows_from", "on_record", "on_enter", "on_exit", "on_close", "on_event"] {
        assert!(bare.1.iter().any(|call| call.starts_with(wanted)), "{wanted} {bare:?}");
    }
    assert!(bare.0.contains("max_level_hint") && bare.0.contains("register_callsite outer"));
    let layer = calls(|c| registry().with(c.redacted_with(&redactor())).into());
    assert_eq!(layer, bare);
    let subscriber = calls(|c| registry().with(c).redacted_subscriber_with(&redactor()).into());
    assert_eq!(subscriber, bare);
}

#[test]
fn layers_find_one_another_through_the_wrapper() {
    let dispatch = Dispatch::new(registry().with(Everything::default().redacted_with(&redactor())));
    assert!(dispatch.downcast_ref::<Everything>().is_some());
    assert!(dispatch.downcast_ref::<RedactLayer<Everything>>().is_some());
    assert!(dispatch.downcast_ref::<registry::Registry>().is_some());
    assert!(dispatch.downcast_ref::<String>().is_none());
    let subscriber = registry().with(Everything::default()).redacted_subscriber_with(&redactor());
    let dispatch = Dispatch::new(subscriber);
    assert!(dispatch.downcast_ref::<Everything>().is_some());
    assert!(dispatch.downcast_ref::<registry::Registry>().is_some());
    let own = dispatch
        .is::<RedactSubscriber<tracing_subscriber::layer::Layered<Everything, registry::Registry>>>(
        );
    assert!(own);
}

/// A filter that refuses what says so, by the event's values.
struct Refuse(Everything);

impl<S: Subscriber> Filter<S> for Refuse {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, ctx: &Context<'_, S>) -> bool {
        Layer::<S>::on_event(&self.0, event, ctx.clone());
        event.fields().all(|field| field.name() != "refuse")
    }
}

/// Per-layer filters work inside the wrapper, outside of it, and beside it.
#[test]
fn filters_of_a_layer_count_for_it_alone() {
    let texts: Vec<Everything> = (0..5).map(|_| Everything::default()).collect();
    let seen = Everything::default();
    let error = LevelFilter::ERROR;
    let subscriber = registry()
        .with(texts[0].clone().with_filter(error).redacted_with(&redactor()))
        .with(texts[1].clone().redacted_with(&redactor()).with_filter(error))
        .with(texts[2].clone().with_filter(Refuse(seen.clone())).redacted_with(&redactor()))
        .with(texts[3].clone().redacted_with(&redactor()))
        .with(texts[4].clone());
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..2 {
            tracing::error!("first");
            tracing::info!("second");
            tracing::error!(refuse = "password=only4docs!", "third");
            let span = tracing::info_span!("span", x = "fourth", y = tracing::field::Empty);
            span.record("y", "fifth");
        }
    });
    let count = |text: &Everything| {
        let text = text.0.lock().unwrap();
        ["first", "second", "third", "fourth", "fifth"].map(|word| {
            text.lines()
                .filter(|line| line.starts_with("message: ") || line.starts_with("Id("))
                .filter(|line| line.contains(word))
                .count()
        })
    };
    assert_eq!(count(&texts[0]), [2, 0, 2, 0, 0]);
    assert_eq!(count(&texts[1]), [2, 0, 2, 0, 0]);
    assert_eq!(count(&texts[2]), [2, 2, 0, 2, 2]);
    assert_eq!(count(&texts[3]), [2, 2, 2, 2, 2]);
    assert_eq!(count(&texts[4]), [2, 2, 2, 2, 2]);
    // What a filter inside is shown is redacted.
    let seen = seen.0.lock().unwrap();
    assert!(seen.contains("[REDACTED:secret]") && !seen.contains("only4docs!"));
    assert!(texts[4].0.lock().unwrap().contains("only4docs!"), "the bare layer shows it");
}

#[test]
fn the_subscriber_wrapper_keeps_filters_apart_too() {
    let texts: Vec<Everything> = (0..2).map(|_| Everything::default()).collect();
    let subscriber = registry()
        .with(texts[0].clone().with_filter(LevelFilter::ERROR))
        .with(texts[1].clone())
        .redacted_subscriber_with(&redactor());
    // A layer around the wrapper is one outside of it.
    let outside = Everything::default();
    let subscriber = subscriber.with(outside.clone());
    tracing::subscriber::with_default(subscriber, || tracing::info!("password=only4docs!"));
    assert_eq!(texts[0].0.lock().unwrap().as_str(), "");
    assert!(texts[1].0.lock().unwrap().contains("[REDACTED:secret]"));
    assert!(outside.0.lock().unwrap().contains("only4docs!"));
}

#[test]
fn what_is_wrapped_can_be_reloaded() {
    let (first, second) = (Buffer::default(), Buffer::default());
    let layer = |buffer: &Buffer| fmt::layer().with_ansi(false).with_writer(buffer.clone());
    let (layer_of_first, handle) = reload::Layer::new(layer(&first));
    let subscriber = registry().with(layer_of_first.redacted_with(&redactor()));
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!("password=only4docs!");
        handle.reload(layer(&second)).unwrap();
        tracing::info!("password=only4docs!");
    });
    for buffer in [first, second] {
        assert!(buffer.text().contains("password=[REDACTED:secret]"), "{}", buffer.text());
    }
    // The other way round: the wrapper comes later.
    let buffer = Buffer::default();
    let (slot, handle) =
        reload::Layer::new(None::<Box<dyn Layer<registry::Registry> + Send + Sync>>);
    tracing::subscriber::with_default(registry().with(slot), || {
        tracing::info!("too early");
        handle.reload(Some(layer(&buffer).redacted_with(&redactor()).boxed())).unwrap();
        tracing::info!("password=only4docs!");
    });
    assert!(buffer.text().ends_with("password=[REDACTED:secret]\n"), "{}", buffer.text());
}

#[test]
fn several_layers_can_be_wrapped_together() {
    let buffers = [Buffer::default(), Buffer::default()];
    let [first, second] = buffers.clone();
    let both = fmt::layer().with_writer(first).and_then(fmt::layer().json().with_writer(second));
    let redactor = redactor();
    let layer: Box<dyn Layer<_> + Send + Sync> = both.boxed();
    let subscriber = registry().with(layer.redacted_with(&redactor));
    tracing::subscriber::with_default(subscriber, || log_all(|| ()));
    for buffer in buffers {
        let text = buffer.text();
        assert!(crate::planted::found_in(&text).is_empty() && text.contains("[REDACTED:field]"));
    }
}

#[test]
fn counts_tell_rules_and_no_contents() {
    let redactor = redactor();
    let subscriber = registry().with(Everything::default().redacted_with(&redactor));
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(password = "x", "login with password=only4docs!");
        tracing::info!("postgres://app:not4real-42@db/app and password=only4docs!");
    });
    let counts = redactor.counts();
    let by_rule: Vec<_> = counts.by_rule().collect();
    assert_eq!(by_rule, [("url-credential", 1), ("assignment", 2)]);
    assert_eq!((counts.by_name, counts.total()), (1, 4));
    assert!(!format!("{counts:?} {redactor:?}").contains("only4docs!"));
}

#[test]
fn threads_share_nothing_but_counts() {
    let redactor = redactor();
    let layer = Everything::default();
    let seen = Arc::clone(&layer.0);
    let dispatch = Dispatch::new(registry().with(layer.redacted_with(&redactor)));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                tracing::dispatcher::with_default(&dispatch, || {
                    (0..50).for_each(|n| tracing::info!(n, "password=only4docs!"));
                });
            });
        }
    });
    assert_eq!(redactor.counts().total(), 200);
    assert!(!seen.lock().unwrap().contains("only4docs!"));
}

/// No lock is held while values are read or events passed on: others would wait for this thread, here without end.
#[test]
fn a_thread_inside_an_event_holds_up_no_other() {
    /// Lets all others log, with the rules at work, before it goes on.
    struct Waits<'b>(&'b Barrier);
    impl Waits<'_> {
        fn wait(&self) {
            self.0.wait();
            self.0.wait();
        }
    }
    impl std::fmt::Debug for Waits<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.wait();
            f.write_str("password=only4docs!")
        }
    }
    /// Waits in the middle of an event that says so.
    struct WaitsInside(Arc<Barrier>);
    impl<S: Subscriber> Layer<S> for WaitsInside {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            if event.fields().any(|field| field.name() == "wait") {
                Waits(&self.0).wait();
            }
        }
    }
    let redactor = redactor();
    let barrier = Arc::new(Barrier::new(2));
    let layer = WaitsInside(Arc::clone(&barrier)).redacted_with(&redactor);
    let dispatch = Dispatch::new(registry().with(layer));
    let log = |n: u64| tracing::info!(n, token = "words", "login {n} with password=only4docs!");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            tracing::dispatcher::with_default(&dispatch, || {
                tracing::info!(value = ?Waits(&barrier), "while a value is read");
                tracing::info!(wait = true, "while an event is passed on: password=only4docs!");
            });
        });
        tracing::dispatcher::with_default(&dispatch, || {
            for _ in 0..2 {
                barrier.wait();
                (0..100).for_each(log);
                barrier.wait();
            }
        });
    });
    assert_eq!(redactor.counts().total(), 2 * 200 + 2);
}
