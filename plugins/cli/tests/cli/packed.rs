//! `-z`: gzip and zstd in, gzip and zstd out.

use std::io::{Read as _, Write as _};

use super::support::{CLEAN, DIRTY, Folder};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn gunzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 1).unwrap()
}

fn unzstd(bytes: &[u8]) -> String {
    String::from_utf8(zstd::decode_all(bytes).unwrap()).unwrap()
}

#[test]
fn what_was_packed_stays_packed() {
    let folder = Folder::new();
    let (text, clean) =
        (format!("one\n{DIRTY}").repeat(10_000), format!("one\n{CLEAN}").repeat(10_000));
    assert!(gunzip(&folder.run(&["-z"], gzip(&text)).ok().bytes) == clean);
    assert!(unzstd(&folder.run(&["-z"], zstd(&text)).ok().bytes) == clean);
    assert!(folder.run(&["--compressed"], &text).ok().out == clean);
    // Several members or frames in a row.
    let two = [gzip("one\n"), gzip(DIRTY)].concat();
    assert_eq!(gunzip(&folder.run(&["-z"], two).ok().bytes), format!("one\n{CLEAN}"));
    let two = [zstd("one\n"), zstd(DIRTY)].concat();
    assert_eq!(unzstd(&folder.run(&["-z"], two).ok().bytes), format!("one\n{CLEAN}"));
}

#[test]
fn inputs_as_short_as_a_magic_number_pass() {
    let folder = Folder::new();
    for input in [&b""[..], b"\x1f", b"\x1f\x8b", b"(", b"(\xb5/", b"a"] {
        assert_eq!(folder.run(&["-z"], input).ok().bytes, input);
    }
}

#[test]
fn packed_files_are_told_by_content_and_redacted_in_place() {
    let folder = Folder::new();
    folder.write("a.gz", gzip(DIRTY));
    folder.write("b.gz", zstd(DIRTY));
    folder.write("c.gz", DIRTY);
    folder.run(&["-z", "--in-place", "--report", "found", "a.gz", "b.gz", "c.gz"], "").ok();
    let read = |name| std::fs::read(folder.path(name)).unwrap();
    assert_eq!(gunzip(&read("a.gz")), CLEAN);
    assert_eq!(unzstd(&read("b.gz")), CLEAN);
    assert_eq!(folder.read("c.gz"), CLEAN);
    // Offsets are those of what is inside.
    let report = folder.read("found");
    assert!(report.lines().all(|line| line.contains("\"offset\":18,")), "{report}");
    assert_eq!(report.lines().count(), 3);
    folder.run(&["-z", "--check", "a.gz", "b.gz"], "").ok();
}

#[test]
fn damaged_data_is_an_error_and_leaves_the_file() {
    let folder = Folder::new();
    let whole = gzip(&DIRTY.repeat(1000));
    let half = &whole[..whole.len() / 2];
    folder.write("a.gz", half);
    folder.run(&["-z", "a.gz"], "").fails_with(&["a.gz: cannot be read"]);
    folder.run(&["-z", "--in-place", "a.gz"], "").fails_with(&["a.gz: cannot be read"]);
    assert!(std::fs::read(folder.path("a.gz")).unwrap() == half);
    assert_eq!(folder.names(), ["a.gz"]);
    let mut wrong = zstd(&DIRTY.repeat(1000));
    let middle = wrong.len() / 2;
    wrong.truncate(middle);
    folder.run(&["-z"], wrong).fails_with(&["standard input: cannot be read"]);
}

#[test]
fn packed_data_without_the_flag_is_warned_about() {
    let folder = Folder::new();
    // Long enough that nothing of it stays readable.
    let packed = gzip(&DIRTY.repeat(100));
    folder.write("a.gz", &packed);
    let done = folder.run(&["a.gz"], "").ok();
    assert!(done.bytes == packed);
    assert!(
        done.err.contains("warning: a.gz: is gzip data") && done.err.contains("-z"),
        "{}",
        done.err
    );
}
