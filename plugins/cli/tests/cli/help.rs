//! Help, manual pages and completions come from the same definition as the flags.

use super::support::Folder;

#[test]
fn help_names_every_flag_and_exit_code() {
    let folder = Folder::new();
    let help = folder.run(&["--help"], "").ok().out;
    let short = folder.run(&["-h"], "").ok().out;
    for flag in [
        "--output",
        "--in-place",
        "--check",
        "--report",
        "--rules",
        "--only",
        "--except",
        "--pii",
        "--allow",
        "--confidence",
        "--mask",
        "--mask-key-file",
        "--color",
        "--compressed",
        "--flush-after",
        "--engine",
        "--engine-strict",
        "--threads",
        "--keys",
        "--decode-depth",
        "--stats",
        "--config",
        "--no-config",
    ] {
        assert!(help.contains(flag) && short.contains(flag), "{flag}");
    }
    assert!(
        help.contains("Exit codes:") && help.contains("redact.toml") && help.contains("Examples:")
    );
    assert!(help.len() > short.len());
    assert!(!help.contains("--no-stats"), "a switch's opposite is not worth a line");
    let version = folder.run(&["--version"], "").ok().out;
    assert_eq!(version, format!("redact {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_are_made_for_every_shell() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = folder.run(&["completions", shell], "").ok().out;
        assert!(script.contains("redact") && script.contains("flush-after"), "{shell}");
    }
}

#[test]
fn the_manual_page_is_made_for_every_command() {
    let folder = Folder::new();
    let page = folder.run(&["man"], "").ok().out;
    for part in [".TH redact 1", "in\\-place", "Exit codes"] {
        assert!(page.contains(part), "{part}");
    }
    std::fs::create_dir(folder.path("man")).unwrap();
    folder.run(&["man", "--dir", "man"], "").ok();
    assert!(folder.read("man/redact.1").contains("in\\-place"));
    assert!(folder.read("man/redact-rules-lint.1").contains("lint"));
    folder.run(&["man", "--dir", "none"], "").fails_with(&["none: cannot be written"]);
}
