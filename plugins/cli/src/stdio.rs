//! Whether standard input and output were closed when the program started.
//!
//! Rust's runtime opens `/dev/null` in place of a closed one before `main`, so that output would vanish without an error:
//! `redact app.log >&-` must fail, as `cat` does. So they are looked at before the runtime starts. Where this is not
//! known how to do (not Linux, not macOS) nothing counts as closed.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Error;

static INPUT_CLOSED: AtomicBool = AtomicBool::new(false);
static OUTPUT_CLOSED: AtomicBool = AtomicBool::new(false);

/// # Errors
/// Standard input was closed.
pub(crate) fn check_input() -> Result<(), Error> {
    match INPUT_CLOSED.load(Ordering::Relaxed) {
        true => Err(Error::new("standard input is closed")),
        false => Ok(()),
    }
}

/// # Errors
/// Standard output was closed.
pub(crate) fn check_output() -> Result<(), Error> {
    match OUTPUT_CLOSED.load(Ordering::Relaxed) {
        true => Err(Error::new("standard output is closed, so nothing could be written")),
        false => Ok(()),
    }
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
extern "C" fn look() {
    INPUT_CLOSED.store(rustix::io::fcntl_getfd(rustix::stdio::stdin()).is_err(), Ordering::Relaxed);
    OUTPUT_CLOSED
        .store(rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err(), Ordering::Relaxed);
}

// SAFETY: both sections hold pointers to functions that the loader calls, once and in the only thread, before `main`;
// the type has that form. `look` needs nothing of Rust's runtime: two system calls and two atomic stores, no allocation, no
// panic.
#[cfg(any(target_os = "linux", target_os = "macos"))]
#[allow(unsafe_code)]
#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
static LOOK: extern "C" fn() = look;
