//! From standard input to standard output: masks, choice of rules, engines, statistics.

use super::support::{ACME, CLEAN, DIRTY, Folder, RULES, SECRET, ZETA};

#[test]
fn standard_input_comes_out_without_its_secrets() {
    let done = Folder::new().run(&[], format!("one\n{DIRTY}two")).ok();
    assert_eq!(done.out, format!("one\n{CLEAN}two"));
    assert_eq!(done.err, "");
}

#[test]
fn nothing_in_nothing_out() {
    let done = Folder::new().run(&[], "").ok();
    assert_eq!((done.out.as_str(), done.err.as_str()), ("", ""));
}

#[test]
fn all_other_bytes_pass_unchanged() {
    let mut input: Vec<u8> =
        (0..200_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    input.extend_from_slice(b"\xff\xfe\0\r\n\x1b[31m");
    assert!(Folder::new().run(&[], &input).ok().bytes == input);
}

#[test]
fn every_mask_does_what_its_name_says() {
    let folder = Folder::new();
    for (mask, text) in [
        ("label", "[REDACTED:url-credential]"),
        ("fixed:XXXX", "XXXX"),
        ("stars", "***************"),
        ("partial:3", "****ple"),
    ] {
        let done = folder.run(&["--mask", mask], DIRTY).ok();
        assert_eq!(done.out, DIRTY.replace(SECRET, text), "{mask}");
    }
}

#[test]
fn pseudonyms_are_stable_under_one_key_and_differ_under_another() {
    let folder = Folder::new();
    folder.write("key", "0123456789abcdef0123\n");
    let pseudonym = |key: Option<&str>, args: &[&str]| {
        let mut command = folder.redact(&[&["--mask", "pseudonym"], args].concat());
        key.map(|key| command.env("REDACT_MASK_KEY", key));
        super::support::run(command, DIRTY).ok().out
    };
    let from_file = pseudonym(None, &["--mask-key-file", "key"]);
    assert!(from_file.contains("[REDACTED:url-credential:"), "{from_file}");
    assert_eq!(from_file, pseudonym(Some("0123456789abcdef0123"), &[]));
    assert_ne!(from_file, pseudonym(Some("another-key-of-16-bytes"), &[]));
    // The file wins over the environment.
    assert_eq!(from_file, pseudonym(Some("another-key-of-16-bytes"), &["--mask-key-file", "key"]));
}

#[test]
fn a_pseudonym_needs_a_key_that_is_never_shown() {
    let folder = Folder::new();
    let needs = ["--mask-key-file FILE", "REDACT_MASK_KEY"];
    folder.run(&["--mask", "pseudonym"], "").fails_with(&needs);
    folder.write("key", "too-short-key");
    let done = folder.run(&["--mask", "pseudonym", "--mask-key-file", "key"], "");
    let done = done.fails_with(&["key: ", "at least 16 bytes"]);
    assert!(!done.err.contains("too-short-key"));
    let done = folder.run(&["--mask", "pseudonym:too-short-key"], "");
    let done = done.fails_with(&["--mask-key-file"]);
    assert!(done.out.is_empty());
    folder.run(&["--mask", "pseudonym", "--mask-key-file", "none"], "").fails_with(&["none: "]);
    folder.write("long", vec![b'x'; 70_000]);
    let args = ["--mask", "pseudonym", "--mask-key-file", "long"];
    folder.run(&args, "").fails_with(&["long: ", "no key"]);
}

#[test]
fn own_rules_are_added_and_rules_and_groups_chosen() {
    let folder = Folder::new();
    folder.write("mine.toml", RULES);
    let input = format!("{ACME} {ZETA} {DIRTY}");
    let found = |args: &[&str]| {
        let done = folder.run(&[&["--rules", "mine.toml"], args].concat(), &input).ok();
        [ACME, ZETA, SECRET].map(|secret| !done.out.contains(secret))
    };
    // A group other than `secrets`, and a low confidence, are off unless they are asked for.
    assert_eq!(found(&[]), [false, false, true]);
    assert_eq!(found(&["--only", "acme"]), [true, false, false]);
    assert_eq!(found(&["--only", "acme-token,url-credential"]), [true, false, true]);
    assert_eq!(found(&["--only", "acme", "--only", "secrets"]), [true, false, true]);
    assert_eq!(found(&["--only", "acme,secrets", "--confidence", "low"]), [true, true, true]);
    assert_eq!(
        found(&["--except", "url-credential", "--only", "acme,url-credential"]),
        [true, false, false]
    );
    assert_eq!(found(&["--confidence", "high"]), [false, false, true]);
}

#[test]
fn every_engine_gives_the_same_output() {
    let folder = Folder::new();
    for engine in ["auto", "simd", "hyperscan", "regex"] {
        let done = folder.run(&["--engine", engine], format!("x\n{DIRTY}")).ok();
        assert_eq!(done.out, format!("x\n{CLEAN}"), "{engine}");
        // Not there: one warning.
        let warnings = done.err.matches("warning: ").count();
        assert!(warnings <= 1 && done.err.lines().count() == warnings, "{}", done.err);
    }
}

#[test]
fn an_engine_that_is_not_there_is_an_error_if_strict() {
    let folder = Folder::new();
    folder.run(&["--engine", "regex", "--engine-strict"], "").ok();
    folder.run(&["--engine", "auto", "--engine-strict"], "").ok();
    let is_there = folder.run(&["--engine", "hyperscan"], "").ok().err.is_empty();
    let strict = folder.run(&["--engine", "hyperscan", "--engine-strict"], "");
    match is_there {
        true => drop(strict.ok()),
        false => drop(strict.fails_with(&["hyperscan cannot be used"])),
    }
}

#[test]
fn statistics_count_what_passed() {
    let folder = Folder::new();
    let input = format!("{DIRTY}x\n{DIRTY}");
    let done = folder.run(&["--stats"], &input).ok();
    assert_eq!(done.out, format!("{CLEAN}x\n{CLEAN}"));
    let words: Vec<Vec<&str>> = done.err.lines().map(|l| l.split_whitespace().collect()).collect();
    let line = |name: &str| {
        words.iter().find(|w| w.contains(&name)).unwrap_or_else(|| panic!("{}", done.err))
    };
    assert_eq!(line("bytes")[1], input.len().to_string());
    assert_eq!(line("lines")[1], "3");
    assert_eq!(line("findings")[1], "2");
    assert_eq!(line("url-credential")[0], "2");
    assert_eq!(line("speed")[2], "MB/s");
    assert!(line("engine").len() >= 2);
    // Of all inputs together.
    folder.write("a", DIRTY);
    let done = folder.run(&["--stats", "a", "-", "a"], DIRTY).ok();
    assert!(done.err.contains("findings  3\n"), "{}", done.err);
    let done = folder.run(&["--stats", "--no-stats"], DIRTY).ok();
    assert_eq!(done.err, "");
}

#[test]
fn colour_adds_only_escapes_around_masks() {
    let folder = Folder::new();
    let input = format!("one\n{DIRTY}two\n{DIRTY}");
    let plain = folder.run(&["--color", "never"], &input).ok().out;
    assert_eq!(folder.run(&[], &input).ok().out, plain);
    let coloured = folder.run(&["--color", "always"], &input).ok().out;
    assert_ne!(coloured, plain);
    // Nothing but a start before each mask and an end behind it.
    let start = &coloured[coloured.find('\x1b').unwrap()..coloured.find("[REDACTED").unwrap()];
    assert!(start.starts_with("\x1b[") && start.ends_with('m'), "{start:?}");
    assert_eq!(coloured.replace(start, "").replace("\x1b[0m", ""), plain);
    assert_eq!(coloured.matches(&format!("{start}[REDACTED:url-credential]\x1b[0m")).count(), 2);
}

#[test]
fn values_of_named_keys_are_masked_whatever_they_are() {
    let folder = Folder::new();
    let line = "{\"user\":{\"name\":\"bob\",\"id\":7},\"n\":1}\nuser.name=bob n=1\n";
    let done = folder.run(&["--keys", "user.name,/user/id"], line).ok();
    let clean = "{\"user\":{\"name\":\"[REDACTED:key]\",\"id\":\"[REDACTED:key]\"},\"n\":1}\n\
                 user.name=[REDACTED:key] n=1\n";
    assert_eq!(done.out, clean);
    folder.run(&["--keys", "*"], line).fails_with(&["keys", "names nothing"]);
}

#[test]
fn how_often_is_decoded_can_be_chosen() {
    let folder = Folder::new();
    let text = "x protocol%3A%2F%2Fapp%3Ahunter2-example%40db%3A5432%2Fapp y\n";
    let done = folder.run(&[], text).ok();
    assert_eq!(done.out, text.replace(SECRET, "[REDACTED:url-credential]"));
    assert_eq!(folder.run(&["--decode-depth", "0"], text).ok().out, text);
    folder.run(&["--decode-depth", "9"], text).fails_with(&["--decode-depth"]);
}
