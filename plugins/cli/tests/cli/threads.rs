//! `--threads`: the output, the report and the counts of one thread.

use std::fmt::Write as _;

use super::support::{CLEAN, DIRTY, Folder, run};

/// The size in bytes of the pieces that threads share out.
const PIECE: usize = 256 << 10;

/// What a thread's piece may end in: a line, a private key, a line longer than a piece.
fn text() -> String {
    let mut text = String::new();
    let filler = |text: &mut String, up_to: usize| {
        while text.len() < up_to {
            let line = text.len();
            writeln!(text, "INFO request {line} served in 12 ms from cache").unwrap();
            if line.is_multiple_of(977) {
                text.push_str(DIRTY);
            }
        }
    };
    filler(&mut text, PIECE - 200);
    // Assembled, so that nothing here looks like a key.
    let kind = "PRIVATE";
    writeln!(text, "-----BEGIN {kind} KEY-----").unwrap();
    for line in 0..20 {
        writeln!(text, "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ{line:014}").unwrap();
    }
    writeln!(text, "-----END {kind} KEY-----").unwrap();
    filler(&mut text, 2 * PIECE - 100);
    for part in 0..PIECE / 4 {
        write!(text, "part{part} ").unwrap();
    }
    text.push_str(DIRTY);
    filler(&mut text, 6 * PIECE);
    text.push_str("the last line has no end: ");
    text.push_str(DIRTY.trim_end());
    text
}

#[test]
fn any_number_of_threads_gives_the_output_of_one() {
    let folder = Folder::new();
    folder.write("a.log", text());
    let of = |threads: &str| {
        let args = ["--threads", threads, "--stats", "--report", "found.jsonl", "a.log"];
        let done = folder.run(&args, "").ok();
        let counts = |line: &&str| !line.contains("/s");
        let stats: Vec<String> = done.err.lines().filter(counts).map(str::to_owned).collect();
        (done.out, folder.read("found.jsonl"), stats)
    };
    let one = of("1");
    assert!(one.0.contains(CLEAN) && one.0.contains("private-key"), "something is masked");
    for threads in ["2", "3", "8"] {
        let several = of(threads);
        assert!(one.0 == several.0, "the output of {threads} threads");
        assert!(one.1 == several.1, "the report of {threads} threads");
        assert_eq!(one.2, several.2, "the counts of {threads} threads");
    }
}

#[test]
fn a_reader_that_goes_away_ends_all_threads() {
    let folder = Folder::new();
    folder.write("a.log", text());
    let line = "{ redact --threads 3 a.log; echo $? > code; } | head -c 100 > start";
    run(folder.shell(line), "").ok();
    assert_eq!(folder.read("code").trim(), "0");
    assert_eq!(folder.read("start").len(), 100);
}

#[test]
fn a_number_of_threads_is_checked() {
    let folder = Folder::new();
    folder.run(&["--threads", "0"], "").fails_with(&["auto or a number from 1 to 64"]);
    folder.write("redact.toml", "threads = 2.5\n");
    folder.run(&[], "").fails_with(&["redact.toml:1: `threads`"]);
    folder.write("redact.toml", "threads = 2\n");
    let shown = folder.run(&["config"], "").ok().out;
    assert!(shown.contains("threads = 2 "), "{shown}");
}
