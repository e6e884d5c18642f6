//! Memory stays small whatever comes.

use std::io::Write as _;
use std::process::Stdio;

use super::support::{Folder, wait};

/// The promise, in KiB.
const MOST: u64 = 64 << 10;
/// How much is fed, in bytes; a release build gets more.
const FED: usize = if cfg!(debug_assertions) { 64 << 20 } else { 256 << 20 };

/// The most memory that a run over `FED` bytes of `piece` ever had, in KiB.
fn peak(piece: &[u8], args: &[&str]) -> u64 {
    let folder = Folder::new();
    let mut child = folder
        .redact(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let chunk = piece.repeat((1 << 20) / piece.len());
    for _ in 0..FED / chunk.len() {
        stdin.write_all(&chunk).expect("it reads");
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    drop(stdin);
    assert!(wait(&mut child).success());
    let status = status.expect("a process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
#[cfg(target_os = "linux")]
fn no_input_makes_it_grow() {
    for (name, piece) in [
        ("NUL bytes", &b"\0"[..]),
        ("no newline", b"all work and no play makes "),
        ("one JSON line", br#"{"id": 12345, "name": "value", "ok": true}, "#),
        ("lines", b"2026-01-01T00:00:00Z INFO request served in 12 ms\n"),
    ] {
        let peak = peak(piece, &[]);
        assert!(peak < MOST, "{name}: {peak} KiB");
    }
}
