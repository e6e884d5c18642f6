//! Memory stays small whatever comes.

use std::io::Write as _;
use std::process::Stdio;

use super::support::{Folder, wait};

/// A megabyte.
const MB: usize = 1 << 20;
/// The most memory, in KiB. The promise is 64 MiB; unoptimised runs are fed little, so that any growth with the input
/// exceeds this.
const MOST: u64 = if cfg!(debug_assertions) { 48 << 10 } else { 64 << 10 };
/// How much text is fed, in bytes.
const TEXT: usize = if cfg!(debug_assertions) { 16 * MB } else { 256 * MB };

/// The most memory that a run over `fed` bytes of `piece` ever had, in KiB.
fn peak(piece: &[u8], fed: usize) -> u64 {
    let folder = Folder::new();
    let mut child = folder
        .redact(&[])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let chunk = piece.repeat((1 << 20) / piece.len());
    for _ in 0..fed / chunk.len() {
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
    for (name, piece, fed) in [
        ("NUL bytes", &b"\0"[..], 200 * MB),
        ("no newline", b"all work and no play makes ", TEXT),
        ("one JSON line", br#"{"id": 12345, "name": "value", "ok": true}, "#, TEXT),
        ("lines", b"2026-01-01T00:00:00Z INFO request served in 12 ms\n", TEXT),
    ] {
        let peak = peak(piece, fed);
        assert!(peak < MOST, "{name}: {peak} KiB");
    }
}
