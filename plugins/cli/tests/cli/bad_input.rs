//! What is refused, and how: before a byte is read, with everything that is wrong, and with advice.

use std::process::Stdio;

use super::support::{DIRTY, Folder, Seen, wait};

#[test]
fn rules_that_cannot_be_run_safely_are_refused_before_a_byte_is_read() {
    let folder = Folder::new();
    for (pattern, parts) in [
        (".*", &["unbounded", "write an upper bound"][..]),
        ("key_[a-z]+", &["unbounded"]),
        ("[a-z0-9]{20,40}", &["too broad"]),
        ("x?", &["fewer than 3 bytes"]),
        ("(", &["unclosed group"]),
    ] {
        folder.write("bad.toml", format!("[[rule]]\nid = 'mine'\npattern = '{pattern}'\n"));
        let mut child = folder
            .redact(&["--rules", "bad.toml"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The input stays open and empty: it ends all the same.
        let stdin = child.stdin.take().unwrap();
        let err = Seen::of(child.stderr.take().unwrap());
        assert_eq!(wait(&mut child).code(), Some(2), "{pattern}");
        let err = String::from_utf8(err.all()).unwrap();
        for part in [&["bad.toml:3: rule `mine`"][..], parts].concat() {
            assert!(err.contains(part), "{pattern}: `{part}` is not in: {err}");
        }
        drop(stdin);
    }
}

#[test]
fn every_problem_of_every_rule_file_is_reported_at_once() {
    let folder = Folder::new();
    folder.write(
        "a.toml",
        "[[rule]]\nid = 'a'\npattern = '.*'\n\n[[rule]]\nid = 'B'\npattern = 'abc_[0-9]{9}'\n",
    );
    folder.write("b.toml", "[[rule]]\nid = 'c'\n");
    folder.write("c.toml", "rule = [\n");
    folder.write("d.toml", b"\xff");
    let mut args = vec!["--mask", "pseudonym"];
    for file in ["a.toml", "b.toml", "c.toml", "d.toml", "none.toml"] {
        args.extend(["--rules", file]);
    }
    let done = folder.run(&args, DIRTY).fails_with(&[
        "a.toml:3: rule `a`",
        "a.toml:5: rule `B`",
        "b.toml:1: rule `c`",
        "c.toml:1: ",
        "d.toml: is not UTF-8",
        "none.toml: cannot be read",
        "the mask pseudonym needs a key",
    ]);
    assert_eq!(done.out, "");
}

#[test]
fn names_that_there_are_not_are_refused() {
    let folder = Folder::new();
    let done = folder.run(&["--only", "jwt,no-such", "--except", "nor-this"], DIRTY);
    done.fails_with(&["no-such", "nor-this", "redact rules list"]);
    folder.run(&["--only", "jwt", "--except", "jwt"], DIRTY).fails_with(&["no rule is left"]);
}

#[test]
fn flags_with_wrong_values_are_refused_with_the_right_ones() {
    let folder = Folder::new();
    for (args, part) in [
        (&["--mask", "nonsense"][..], "a mask is label"),
        (&["--mask", "partial:99"], "N from 1 to 8"),
        (&["--mask", "fixed:a b"], "printable ASCII"),
        (&["--engine", "turbo"], "hyperscan"),
        (&["--confidence", "sure"], "medium"),
        (&["--color", "blue"], "always"),
        (&["--flush-after", "soon"], "invalid"),
        (&["--no-such-flag"], "unexpected argument"),
        (&["rules", "lsit"], "list"),
        (&["completions", "cmd"], "bash"),
        (&["--config", "a", "--no-config"], "cannot be used with"),
    ] {
        let done = folder.run(args, DIRTY).fails_with(&[part]);
        assert_eq!(done.out, "");
    }
}

#[test]
fn a_folder_as_standard_input_is_an_error() {
    let folder = Folder::new();
    let done = super::support::run(folder.shell("exec redact < ."), "");
    done.fails_with(&["standard input: cannot be read", "directory"]);
}
