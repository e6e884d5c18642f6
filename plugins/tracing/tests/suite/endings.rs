//! Events where one would not look for them: after a panic, and while a thread ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tracing::{Dispatch, Event, Subscriber};
use tracing_redact::RedactExt as _;
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, registry};

use crate::leaks::redactor;
use crate::outputs::Everything;

#[test]
fn a_layer_that_panics_leaves_the_wrapper_usable() {
    struct Panics(AtomicU32);
    impl<S: Subscriber> Layer<S> for Panics {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            if self.0.fetch_add(1, Ordering::Relaxed) < 20 {
                std::panic::resume_unwind(Box::new("no matter"));
            }
        }
    }
    let redactor = redactor();
    let seen = Everything::default();
    let text = Arc::clone(&seen.0);
    let subscriber =
        registry().with(seen).with(Panics(0.into())).redacted_subscriber_with(&redactor);
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..20 {
            let log = || tracing::info!(secret = "password=only4docs!", "x");
            assert!(std::panic::catch_unwind(log).is_err());
        }
        tracing::info!("after");
    });
    assert_eq!(redactor.counts().dropped, 0);
    let text = text.lock().unwrap();
    assert!(!text.contains("only4docs!") && text.contains("after"));
}

/// A thread that ends still logs: thread-locals may be gone then.
#[test]
fn events_of_ending_threads_are_redacted() {
    struct Logs(Dispatch);
    impl Drop for Logs {
        fn drop(&mut self) {
            tracing::dispatcher::with_default(&self.0, || tracing::info!("password=only4docs!"));
        }
    }
    thread_local! {
        static FIRST: std::cell::RefCell<Option<Logs>> = const { std::cell::RefCell::new(None) };
        static LAST: std::cell::RefCell<Option<Logs>> = const { std::cell::RefCell::new(None) };
    }
    let layer = Everything::default();
    let seen = Arc::clone(&layer.0);
    let dispatch = Dispatch::new(registry().with(layer.redacted_with(&redactor())));
    std::thread::spawn(move || {
        FIRST.set(Some(Logs(dispatch.clone())));
        tracing::dispatcher::with_default(&dispatch, || tracing::info!("alive"));
        LAST.set(Some(Logs(dispatch)));
    })
    .join()
    .unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.contains("alive"));
    assert!(!seen.contains("only4docs!"), "{seen}");
}
