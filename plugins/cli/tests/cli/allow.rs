//! `--allow FILE`: values that are left alone, by their SHA-256.

use super::support::{CLEAN, DIRTY, Folder, SECRET};

#[test]
fn a_listed_value_is_left_alone() {
    let folder = Folder::new();
    let line = folder.run(&["rules", "hash"], format!("{SECRET}\n")).ok().out;
    assert!(line.trim_end().len() == 64 && line.ends_with('\n'), "{line}");
    assert_eq!(folder.run(&["rules", "hash"], SECRET).ok().out, line);
    folder.write("allow.txt", format!("# known\n\n{} # ours\n", line.trim_end()));
    let other = DIRTY.replace(SECRET, "another-example");
    let args = ["--allow", "allow.txt"];
    let done = folder.run(&args, format!("{DIRTY}{other}")).ok();
    assert_eq!(done.out, format!("{DIRTY}{CLEAN}"));
    folder.write("redact.toml", "allow = 'allow.txt'\n");
    assert_eq!(folder.run(&[], DIRTY).ok().out, DIRTY);
    let shown = folder.run(&["config"], "").ok().out;
    assert!(shown.contains("allow = \"") && shown.contains("redact.toml:1"), "{shown}");
    let why = folder.run(&["rules", "explain", "-"], DIRTY).ok().out;
    assert!(
        why.contains("url-credential: refused by the allow file") && !why.contains(SECRET),
        "{why}"
    );
}

#[test]
fn a_bad_list_stops_the_start_and_is_not_quoted() {
    let folder = Folder::new();
    folder.write("allow.txt", format!("# known\n{SECRET}\n"));
    let done = folder.run(&["--allow", "allow.txt"], DIRTY);
    let done = done.fails_with(&["allow.txt:2: is no SHA-256", "redact rules hash"]);
    assert_eq!(done.out, "");
    folder.run(&["--allow", "none.txt"], DIRTY).fails_with(&["none.txt: cannot be read"]);
    folder.run(&["rules", "hash"], "\n").fails_with(&["holds no value"]);
}
