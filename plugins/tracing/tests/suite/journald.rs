//! The journal: `tracing-journald` writes to a socket whose path is fixed.
//!
//! The test runs itself once more in a mount namespace of its own, where nothing but itself sees the socket that it binds there.
//! Where the system allows no such thing, it says that it did not run.
#![cfg(target_os = "linux")]

use std::io::Read as _;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use tracing_redact::Redactor;

use crate::leaks::redactor;
use crate::outputs::{Wrap, dispatch, run};
use crate::planted::{Kind, PLACES, found_in, log_all};
use tracing::Dispatch;
use tracing_redact::RedactExt as _;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

const INSIDE: &str = "TRACING_REDACT_TEST_JOURNAL";

#[test]
fn the_journal_is_given_no_secret() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let program = std::env::current_exe().unwrap();
    let script =
        "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal || exit 77; exec \"$0\" \"$@\"";
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(program)
        .args(["--exact", "journald::the_journal_is_given_no_secret", "--nocapture"])
        .env(INSIDE, "1")
        .output();
    match status {
        // 77 is the script's; 1 is `unshare`'s own where the system does not allow it.
        Ok(output) if output.stdout.is_empty() && matches!(output.status.code(), Some(1 | 77)) => {
            eprintln!(
                "not run: no mount namespace here: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && text.contains("1 passed"), "{text}\n{errors}");
        }
        Err(error) => eprintln!("not run: no `unshare` here: {error}"),
    }
}

fn inside() {
    let socket = UnixDatagram::bind("/run/systemd/journal/socket").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let journal = |wrap: Wrap, redactor: &Redactor| {
        let layer = tracing_journald::layer().unwrap();
        let dispatch: Dispatch = dispatch!(wrap, redactor, layer);
        run(&dispatch, || log_all(|| ()));
        let mut text = Vec::new();
        let mut buffer = vec![0; 256 << 10];
        while let Ok(length) = socket.recv(&mut buffer) {
            (&buffer[..length]).read_to_end(&mut text).unwrap();
            text.push(b'\n');
        }
        String::from_utf8_lossy(&text).into_owned()
    };
    let bare = journal(Wrap::Nothing, &redactor());
    let found = found_in(&bare);
    let shown =
        |kind| matches!(kind, Kind::Event | Kind::Orphan | Kind::Log | Kind::Span | Kind::Late);
    let missing: Vec<_> =
        PLACES.iter().filter(|p| shown(p.kind) && !found.contains(p)).map(|p| p.word).collect();
    assert!(missing.is_empty(), "the journal does not show {missing:?}\n{bare}");
    for wrap in Wrap::ALL {
        let redacted = journal(wrap, &redactor());
        let found: Vec<_> = found_in(&redacted).iter().map(|p| p.word).collect();
        assert!(found.is_empty(), "{wrap:?} wrapped, the journal leaks {found:?}\n{redacted}");
        assert!(redacted.contains("[REDACTED:field]") && redacted.contains("nothing to see"));
    }
}
