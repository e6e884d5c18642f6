//! What the wrappers promise, with the layers that people use.

mod outputs;
mod planted;

mod behaviour;
mod journald;
mod leaks;
mod nesting;
#[cfg(feature = "opentelemetry")]
mod opentelemetry;
mod values;
mod writers;
