//! `redact.toml`: found, read, overruled, and refused.

use super::support::{ACME, DIRTY, Folder, RULES, SECRET, run};

fn masked(folder: &Folder, args: &[&str], mask: &str) {
    let done = folder.run(args, DIRTY).ok();
    assert_eq!(done.out, DIRTY.replace(SECRET, mask), "{args:?}");
}

#[test]
fn the_nearest_file_upwards_counts_then_the_users() {
    let folder = Folder::new();
    let label = "[REDACTED:url-credential]";
    masked(&folder, &[], label);
    folder.write("home/.config/redact/redact.toml", "mask = 'fixed:USER'\n");
    masked(&folder, &[], "USER");
    folder.write("redact.toml", "mask = 'fixed:OUTER'\n");
    masked(&folder, &[], "OUTER");
    folder.write("a/redact.toml", "mask = 'fixed:INNER'\n");
    folder.write("a/b/x", "");
    let mut inner = folder.redact(&[]);
    inner.current_dir(folder.path("a/b"));
    assert_eq!(run(inner, DIRTY).ok().out, DIRTY.replace(SECRET, "INNER"));
    masked(&folder, &["--config", "a/redact.toml"], "INNER");
    masked(&folder, &["--no-config"], label);
    // A flag wins.
    masked(&folder, &["--mask", "stars"], "***************");
}

#[test]
fn every_setting_can_stand_in_the_file() {
    let folder = Folder::new();
    folder.write("conf/mine.toml", RULES);
    folder.write("conf/key", "0123456789abcdef\n");
    folder.write(
        "conf/redact.toml",
        r#"
rules = ["mine.toml"]          # relative to this file
only = ["acme", "secrets"]
except = ["url-credential"]
pii = true
confidence = "high"
mask = "pseudonym"
mask-key-file = "key"
color = "always"
compressed = true
flush-after = 7
engine = "regex"
engine-strict = true
stats = true
"#,
    );
    let args = ["--config", "conf/redact.toml"];
    let done = folder.run(&args, format!("{ACME} {ACME}\n")).ok();
    assert!(
        done.out.contains("[REDACTED:acme-token:") && done.out.contains("\x1b["),
        "{}",
        done.out
    );
    assert!(
        done.err.contains("engine    regex") && done.err.contains("config    conf/redact.toml")
    );
    // And overruled, one by one.
    let flags = [
        "--config",
        "conf/redact.toml",
        "--only",
        "acme-token",
        "--except",
        "jwt",
        "--mask",
        "stars",
        "--color",
        "never",
        "--no-compressed",
        "--no-stats",
        "--no-pii",
        "--no-engine-strict",
        "--confidence",
        "low",
    ];
    let done = folder.run(&flags, format!("{ACME}\n")).ok();
    assert_eq!((done.out.as_str(), done.err.as_str()), ("*********************\n", ""));
}

#[test]
fn redact_config_shows_each_value_and_its_origin() {
    let folder = Folder::new();
    folder.write("redact.toml", "# mine\nmask = \"stars\"\nonly = [\"jwt\"]\n");
    let done = folder.run(&["config", "--only", "secrets", "--flush-after=9"], "").ok();
    let line = |name: &str| {
        let mut lines = done.out.lines();
        let line =
            lines.find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{}", done.out));
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(line("mask =").ends_with("redact.toml:2"), "{}", done.out);
    assert_eq!(line("only ="), "only = [\"secrets\"] # command line");
    assert_eq!(line("flush-after ="), "flush-after = 9 # command line");
    assert_eq!(line("color ="), "color = \"auto\" # default");
    // It is a configuration file itself.
    folder.write("shown.toml", &done.out);
    let again = folder.run(&["config", "--config", "shown.toml"], "").ok().out;
    let values = |text: &str| {
        let settings = text.lines().filter(|line| !line.starts_with('#'));
        settings.map(|line| line.split('#').next().unwrap().trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values(&again), values(&done.out));
}

#[test]
fn every_problem_of_the_file_is_reported_at_once() {
    let folder = Folder::new();
    folder.write("redact.toml", "mask = 'nonsense'\nmaks = 1\nin-place = true\nstats = 'yes'\n");
    let done = folder.run(&[], DIRTY).fails_with(&[
        "redact.toml:1: `mask`",
        "redact.toml:2: `maks` is not known",
        "redact.toml:3: `in-place` is a flag of one run",
        "redact.toml:4: `stats`",
    ]);
    assert_eq!(done.out, "");
    folder.write("redact.toml", "mask = \n");
    folder.run(&[], DIRTY).fails_with(&["redact.toml:1: "]);
    folder.write("redact.toml", b"mask = '\xff'\n");
    folder.run(&[], DIRTY).fails_with(&["redact.toml: is not UTF-8"]);
    folder.run(&["--config", "none.toml"], DIRTY).fails_with(&["none.toml: cannot be read"]);
}

#[test]
fn names_in_the_file_are_checked_against_the_rules() {
    let folder = Folder::new();
    folder.write("redact.toml", "except = ['no-such-rule']\n");
    folder.run(&[], DIRTY).fails_with(&["except", "no-such-rule", "redact rules list"]);
}

#[test]
fn another_users_file_is_not_obeyed_silently() {
    let folder = Folder::new();
    let path = folder.write("redact.toml", "except = ['url-credential']\n");
    if std::os::unix::fs::chown(&path, Some(12345), None).is_err() {
        return; // Only root may give files away.
    }
    folder.run(&[], DIRTY).fails_with(&["belongs to another user", "--no-config"]);
    folder.run(&["--no-config"], DIRTY).ok();
    folder.run(&["--config", "redact.toml"], DIRTY).ok();
}

#[test]
fn a_file_that_anyone_can_write_is_not_obeyed_silently() {
    let folder = Folder::new();
    let path = folder.write("redact.toml", "except = ['url-credential']\n");
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    folder.run(&[], DIRTY).fails_with(&["can be written by every user", "--no-config"]);
    folder.run(&["--no-config"], DIRTY).ok();
}
