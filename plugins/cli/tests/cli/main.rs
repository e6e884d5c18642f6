//! End-to-end tests of the program `redact`: the real binary, real pipes, files and terminals.

mod allow;
mod bad_input;
mod config;
mod files;
mod filter;
mod help;
mod live;
mod memory;
mod output;
mod packed;
mod personal;
mod reload;
mod rules;
mod support;
mod threads;
