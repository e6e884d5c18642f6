//! `--check`, `--report`, and outputs that cannot be written.

use std::process::Stdio;

use super::support::{CLEAN, DIRTY, Folder, SECRET, Seen, run, wait};

#[test]
fn check_changes_nothing_and_says_how_much_was_found() {
    let folder = Folder::new();
    folder.write("dirty", format!("{DIRTY}{DIRTY}"));
    folder.write("clean", "nothing\n");
    let done = folder.run(&["--check", "clean", "dirty"], "").code_is(1);
    assert_eq!(done.out, "");
    assert_eq!(done.err, "dirty: 2 findings (url-credential 2)\n");
    assert_eq!(folder.read("dirty"), format!("{DIRTY}{DIRTY}"));
    let done = folder.run(&["--check", "clean"], "").ok();
    assert_eq!((done.out.as_str(), done.err.as_str()), ("", ""));
    assert_eq!(
        folder.run(&["--check"], DIRTY).code_is(1).err,
        "standard input: 1 finding (url-credential 1)\n"
    );
    folder.run(&["--check"], "nothing").ok();
    // An error weighs more than a finding.
    folder.run(&["--check", "dirty", "none"], "").fails_with(&["none: "]);
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let folder = Folder::new();
    folder.write("a", DIRTY);
    for args in [["--check", "--in-place"], ["--check", "-oout"], ["--in-place", "-oout"]] {
        folder.run(&[&args[..], &["a"]].concat(), "").fails_with(&["cannot be used with"]);
    }
    assert_eq!((folder.read("a"), folder.names()), (DIRTY.to_owned(), vec!["a".to_owned()]));
}

#[test]
fn the_report_says_where_in_the_original() {
    let folder = Folder::new();
    let input = format!("one\n{DIRTY}\u{e4}\n\n{DIRTY}x {DIRTY}");
    folder.run(&["--report", "found"], &input).ok();
    let report = folder.read("found");
    let lines: Vec<serde_json::Value> =
        report.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 3);
    for (line, number) in lines.iter().zip([2, 5, 6]) {
        let field = |name: &str| line[name].as_u64().expect("a number") as usize;
        assert_eq!(&input[field("offset")..field("offset") + field("length")], SECRET);
        assert_eq!(field("line"), number);
        assert_eq!(line["rule"], "url-credential");
        let names: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        let mut wanted = ["rule", "line", "offset", "length"];
        wanted.sort_unstable();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(names, wanted);
    }
    assert!(!report.contains(SECRET));
}

#[test]
fn the_report_names_files_and_counts_in_each() {
    let folder = Folder::new();
    folder.write("a", DIRTY);
    folder.write("b", format!("\n{DIRTY}"));
    for args in [&["--check"][..], &[], &["-o", "out"], &["--in-place"]] {
        let inputs: &[&str] = if args == ["--in-place"] { &["a", "b"] } else { &["a", "-", "b"] };
        let done = folder.run(&[args, &["--report", "found"], inputs].concat(), DIRTY);
        assert!(done.code.is_some_and(|code| code < 2), "{done:?}");
        let report = folder.read("found");
        let wanted = |file: &str, line, offset| {
            format!(
                "{{\"file\":\"{file}\",\"rule\":\"url-credential\",\"line\":{line},\"offset\":{offset},\"length\":15}}\n"
            )
        };
        let mut all = vec![wanted("a", 1, 18), wanted("-", 1, 18), wanted("b", 2, 19)];
        if args == ["--in-place"] {
            all.remove(1);
        }
        assert_eq!(report, all.concat());
    }
}

#[test]
fn the_report_appears_finding_by_finding() {
    let folder = Folder::new();
    let mut child = folder
        .redact(&["--report", "/dev/stderr"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let report = Seen::of(child.stderr.take().unwrap());
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, DIRTY.as_bytes()).unwrap();
    report.wait_for("\"rule\":\"url-credential\"");
    drop(stdin);
    assert!(wait(&mut child).success());
}

#[test]
fn the_report_replaces_an_older_one_and_no_other_file_of_the_run() {
    let folder = Folder::new();
    folder.write("a", DIRTY);
    folder.write("found", "old ".repeat(1000));
    folder.write("conf", "mask = 'stars'\n");
    folder.run(&["--report", "found", "a"], "").ok();
    assert!(!folder.read("found").contains("old"));
    folder.run(&["--report", "a", "a"], "").fails_with(&["the report is also an input"]);
    folder
        .run(&["--report", "a", "--in-place", "a"], "")
        .fails_with(&["the report is also an input"]);
    folder.run(&["--report", "out", "-o", "./out", "a"], "").fails_with(&["the same file"]);
    folder.run(&["--report", "/dev/stdout", "a"], "").fails_with(&["the same file"]);
    let rules = ["--config", "conf", "--report", "conf", "a"];
    folder.run(&rules, "").fails_with(&["configuration file of this run"]);
    folder.run(&["--config", "conf", "-o", "conf", "a"], "").fails_with(&["configuration file"]);
    assert_eq!(folder.read("a"), DIRTY);
    assert_eq!(folder.names(), ["a", "conf", "found"]);
    let done = folder.run(&["--check", "--report", "-", "a"], "").code_is(1);
    assert!(done.out.starts_with("{\"file\":\"a\""), "{}", done.out);
}

#[test]
fn a_report_that_cannot_be_written_ends_the_run() {
    let folder = Folder::new();
    folder
        .run(&["--report", "no/such"], DIRTY)
        .fails_with(&["no/such: the report cannot be written"]);
    let done = folder.run(&["--report", "/dev/full"], DIRTY);
    done.fails_with(&["the report: cannot be written", "No space left"]);
    folder.write("a", DIRTY);
    folder.run(&["--report", "/dev/full", "-i", "a"], "").fails_with(&["a is as it was"]);
    assert_eq!((folder.read("a"), folder.names()), (DIRTY.to_owned(), vec!["a".to_owned()]));
}

#[test]
fn a_full_disk_is_an_error() {
    let folder = Folder::new();
    let done = run(folder.shell("exec redact > /dev/full"), DIRTY);
    done.fails_with(&["cannot be written: No space left on device", "hint: make room"]);
    let done = run(folder.shell("exec redact -z > /dev/full"), DIRTY);
    done.fails_with(&["cannot be written"]);
    run(folder.shell("exec redact rules list > /dev/full"), "").fails_with(&["cannot be written"]);
    run(folder.shell("exec redact man > /dev/full"), "").fails_with(&["cannot be written"]);
}

#[test]
fn a_closed_output_is_an_error() {
    let folder = Folder::new();
    run(folder.shell("exec redact >&-"), DIRTY).fails_with(&["standard output is closed"]);
    run(folder.shell("exec redact <&-"), "").fails_with(&["standard input is closed"]);
    run(folder.shell("exec redact config >&-"), "").fails_with(&["standard output is closed"]);
    // What is not used may be closed.
    folder.write("a", DIRTY);
    run(folder.shell("exec redact -i a <&- >&-"), "").ok();
    assert_eq!(folder.read("a"), CLEAN);
    // Nobody to tell: still no panic.
    assert_eq!(run(folder.shell("exec redact none 2>&-"), "").code, Some(2));
    assert_eq!(run(folder.shell("exec redact --no-such-flag 2>/dev/full"), "").code, Some(2));
}
