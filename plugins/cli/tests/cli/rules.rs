//! `redact rules`.

use std::path::Path;

use super::support::{ACME, Folder, RULES, ZETA};

#[test]
fn the_list_shows_all_rules_and_which_are_used() {
    let folder = Folder::new();
    folder.write("mine.toml", RULES);
    let done = folder.run(&["rules", "list", "--rules", "mine.toml"], "").ok();
    let row = |id: &str| {
        let line = done.out.lines().find(|line| line.split(' ').next() == Some(id));
        line.unwrap_or_else(|| panic!("{id}")).split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(row("ID"), ["ID", "GROUP", "CONFIDENCE", "USED", "PROVIDER"]);
    assert_eq!(row("acme-token"), ["acme-token", "acme", "high", "no"]);
    assert_eq!(row("zeta-token"), ["zeta-token", "secrets", "low", "no"]);
    assert_eq!(row("jwt")[..4], ["jwt", "secrets", "high", "yes"]);
    let args = ["rules", "list", "--json", "--rules", "mine.toml", "--only", "acme"];
    let json: serde_json::Value = serde_json::from_str(&folder.run(&args, "").ok().out).unwrap();
    let used: Vec<_> =
        json.as_array().unwrap().iter().filter(|rule| rule["used"] == true).collect();
    assert_eq!(used.len(), 1);
    assert_eq!(used[0]["id"], "acme-token");
    assert_eq!(used[0]["reference"], "https://acme.example");
}

#[test]
fn a_rule_is_shown_with_its_examples_masked() {
    let folder = Folder::new();
    folder.write("mine.toml", RULES);
    let done = folder.run(&["rules", "show", "acme-token", "--rules", "mine.toml"], "").ok();
    for part in [
        "acme-token",
        r"\bacme_[0-9a-f]{16}\b",
        "https://acme.example",
        "mine.toml:2",
        "matches      [REDACTED:acme-token]",
        "rejects      acme_",
    ] {
        assert!(done.out.contains(part), "`{part}` is not in: {}", done.out);
    }
    assert!(!done.out.contains("{hex:"), "{}", done.out);
    folder.run(&["rules", "show", "private-key"], "").ok();
    let done = folder.run(&["rules", "show", "credential"], "");
    done.fails_with(&["there is no rule `credential`", "credential"]);
    folder.run(&["rules", "show", "qqqqqq"], "").fails_with(&["redact rules list"]);
}

#[test]
fn rules_are_tested_by_their_examples() {
    let folder = Folder::new();
    folder.write("mine.toml", RULES);
    let done = folder.run(&["rules", "test", "mine.toml"], "").ok();
    assert!(
        done.out.starts_with("2 rules, 3 examples: all as they should be\n\nRULE "),
        "{}",
        done.out
    );
    let costs: Vec<_> = done.out.lines().skip(3).map(|line| line.split_whitespace()).collect();
    assert_eq!(costs.len(), 2);
    for (mut row, id) in costs.into_iter().zip(["acme-token", "zeta-token"]) {
        assert_eq!(row.next(), Some(id));
        let mut number = || row.next().unwrap().parse::<f64>().unwrap();
        assert!(number() < 10.0 && number() > 0.0);
    }
    folder.write("bad.toml", RULES.replace("acme_{hex:16}", "acme_{hex:9}"));
    let done = folder.run(&["rules", "test", "mine.toml", "bad.toml", "none.toml"], "");
    done.fails_with(&["bad.toml:2: rule `acme-token`: example 1 of `matches`", "none.toml: "]);
}

#[test]
fn lint_tells_errors_from_what_could_be_better() {
    let folder = Folder::new();
    folder.write("mine.toml", RULES);
    let done = folder.run(&["rules", "lint", "mine.toml"], "").ok();
    assert!(!done.out.contains("acme-token"), "{}", done.out);
    for part in ["`description` is missing", "`reference` is missing", "`rejects` is empty"] {
        let line = format!("warning: mine.toml:12: rule `zeta-token`: {part}");
        assert!(done.out.contains(&line), "{}", done.out);
    }
    folder.write("bad.toml", "[[rule]]\nid = 'jwt'\npattern = 'acme_.*'\n");
    let done = folder.run(&["rules", "lint", "bad.toml"], "").code_is(2);
    assert!(
        done.out.contains("error: bad.toml:3: rule `jwt`: the pattern is unbounded"),
        "{}",
        done.out
    );
    // An id of the built-in rules.
    folder.write("twice.toml", RULES.replace("acme-token", "jwt"));
    let done = folder.run(&["rules", "lint", "twice.toml"], "").code_is(2);
    assert!(done.out.contains("this id is already used"), "{}", done.out);
    folder.run(&["rules", "lint"], "").fails_with(&["FILE"]);
}

#[test]
fn the_built_in_rules_pass_their_tests() {
    let done = Folder::new().run(&["rules", "test"], "").ok();
    assert!(done.out.contains("all as they should be"), "{}", done.out);
}

#[test]
fn a_text_is_explained_without_being_shown() {
    let folder = Folder::new();
    folder.write("mine.toml", RULES);
    let text = format!("a {ACME} b {ZETA}\n{ACME}0\n");
    let explain = |more: &[&str], input: &str| {
        let args = [&["rules", "explain", "--rules", "mine.toml"], more].concat();
        folder.run(&args, input).ok().out
    };
    let out = explain(&["--only", "acme", "-"], &text);
    let wanted = "acme-token: accepted; line 1, match 2..23, secret 2..23 (21 bytes), masked as \
                  [REDACTED:acme-token]\n\
                  zeta-token: refused by confidence: `low` is below --confidence; line 1, match 26..47, \
                  secret 26..47 (21 bytes)\n";
    assert_eq!(out, wanted);
    let shown = explain(&["--only", "acme", "--show", &text], "");
    assert!(shown.contains(&format!("    {ACME}\n")) && shown.contains(ZETA), "{shown}");
    let off = explain(&["--except", "acme", ACME], "");
    assert!(off.contains("acme-token: would be accepted, but is not in use"), "{off}");
    assert_eq!(explain(&["nothing"], ""), "no rule comes near this text\n");
    let key = explain(&["password: changeme"], "");
    assert!(key.contains("assignment: refused by value: no value"), "{key}");
    assert!(explain(&["-"], "").contains("no rule"));
    folder.run(&["rules", "explain"], "").fails_with(&["TEXT"]);
}

#[test]
fn the_template_is_a_sound_rule_file() {
    let folder = Folder::new();
    let template = folder.run(&["rules", "new", "zeta-api-key"], "").ok().out;
    folder.write("new.toml", &template);
    let done = folder.run(&["rules", "lint", "new.toml"], "").ok();
    assert_eq!(done.out, "0 errors, 0 warnings\n");
    folder.run(&["rules", "show", "zeta-api-key", "--rules", "new.toml"], "").ok();
    assert!(folder.run(&["rules", "new"], "").ok().out.contains("acme-token"));
    folder.run(&["rules", "new", "No Id"], "").fails_with(&["an id is", "redact rules new"]);
}

/// Whether a file of the repository is what a command prints.
#[track_caller]
fn is_current(file: &str, command: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    let made = Folder::new().run(&["rules", command], "").ok().out;
    let make = format!("cargo run -p redact-filter -- rules {command} > {file}");
    assert!(stored == made, "{file} is not current; make it anew: {make}");
}

#[test]
fn the_schema_in_the_documentation_is_current() {
    is_current("docs/rules.schema.json", "schema");
}

#[test]
fn the_table_of_rules_in_the_documentation_is_current() {
    is_current("docs/rules.md", "docs");
}
