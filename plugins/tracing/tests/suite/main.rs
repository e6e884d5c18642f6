//! What the wrappers promise, with the layers that people use.

mod outputs;
mod planted;

mod behaviour;
mod endings;
mod journald;
mod leaks;
#[cfg(feature = "opentelemetry")]
mod opentelemetry;
mod values;
mod writers;
