//! SIGHUP: rule files are read again while the stream goes on.

use std::io::Write as _;
use std::process::{Child, ChildStdin, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::support::{ACME, Folder, RULES, Seen, ZETA, wait};

/// A filter that obeys SIGHUP.
struct Filter {
    child: Child,
    input: Option<ChildStdin>,
    output: Seen,
    errors: Seen,
}

impl Filter {
    fn new(folder: &Folder, args: &[&str]) -> Filter {
        let mut command = folder.redact(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = Seen::of(child.stdout.take().unwrap());
        let errors = Seen::of(child.stderr.take().unwrap());
        Filter { input: child.stdin.take(), child, output, errors }
    }

    fn write(&mut self, text: &str) {
        self.input.as_mut().expect("not ended").write_all(text.as_bytes()).unwrap();
    }

    fn hang_up(&self) {
        let id = Pid::from_raw(self.child.id() as i32).unwrap();
        kill_process(id, Signal::HUP).unwrap();
    }

    fn end(mut self) -> (String, String) {
        self.input = None;
        let texts = [self.output.all(), self.errors.all()].map(|b| String::from_utf8(b).unwrap());
        assert!(wait(&mut self.child).success());
        let [output, errors] = texts;
        (output, errors)
    }
}

const READ: &str = "the rules were read again";

#[test]
fn new_rules_count_from_the_next_line_on() {
    let folder = Folder::new();
    folder.write("mine.toml", RULES.replace("zeta_", "none_"));
    let args =
        ["--rules", "mine.toml", "--only", "acme,zeta-token,private-key", "--confidence", "low"];
    let args = [&args[..], &["--report", "found.jsonl", "--stats"]].concat();
    let mut filter = Filter::new(&folder, &args);
    filter.write(&format!("1 {ACME} {ZETA}\n"));
    filter.output.wait_for("\n");
    folder.write("mine.toml", RULES);
    filter.hang_up();
    filter.errors.wait_for(READ);
    filter.write(&format!("2 {ACME} {ZETA}\n3 {ZETA}"));
    filter.output.wait_for("2 [REDACTED:acme-token]");
    // In the middle of a line the old rules stay, to the line's end.
    folder.write("mine.toml", RULES.replace("zeta_", "none_"));
    filter.hang_up();
    filter.write(&format!(" {ZETA}\n4 {ZETA}\n"));
    let (output, errors) = filter.end();
    let masked = "[REDACTED:zeta-token]";
    let wanted = format!(
        "1 [REDACTED:acme-token] {ZETA}\n2 [REDACTED:acme-token] {masked}\n3 {masked} {masked}\n4 {ZETA}\n"
    );
    assert_eq!(output, wanted);
    assert!(errors.contains("lines     4\nfindings  5\n"), "{errors}");
    let report = folder.read("found.jsonl");
    let places: Vec<(u64, u64)> = report
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|found| (found["line"].as_u64().unwrap(), found["offset"].as_u64().unwrap()))
        .collect();
    assert_eq!(places, [(1, 2), (2, 48), (2, 70), (3, 94), (3, 116)]);
}

#[test]
fn a_bad_file_keeps_the_old_rules_and_says_so() {
    let folder = Folder::new();
    folder.write("mine.toml", RULES);
    let mut filter = Filter::new(&folder, &["--rules", "mine.toml", "--only", "acme"]);
    filter.write("first\n");
    filter.output.wait_for("first\n");
    folder.write("mine.toml", "[[rule]]\nid = 'acme-token'\npattern = 'acme_.*'\n");
    filter.hang_up();
    filter.errors.wait_for("the old ones stay in use");
    filter.write(&format!("{ACME}\n"));
    filter.output.wait_for("[REDACTED:acme-token]\n");
    folder.write("mine.toml", RULES);
    filter.hang_up();
    filter.errors.wait_for(READ);
    let (_, errors) = filter.end();
    assert!(
        errors.contains("mine.toml:3: rule `acme-token`: the pattern is unbounded"),
        "{errors}"
    );
}

#[test]
fn a_private_key_is_masked_to_its_end_whatever_happens_to_the_rules() {
    let folder = Folder::new();
    folder.write("mine.toml", RULES);
    for lines_before in [1, 3] {
        let mut filter = Filter::new(&folder, &["--rules", "mine.toml"]);
        let body = "MIIEfakefakefakefakefakefakefakefakefakefakefakefakefake\n";
        // In pieces, so that nobody takes this text for a key.
        let begin = format!("-----BEGIN {}-----\n", "PRIVATE KEY");
        filter.write(&format!("{begin}{}", body.repeat(lines_before - 1)));
        filter.output.wait_for("\n");
        filter.hang_up();
        if lines_before == 1 {
            filter.errors.wait_for(READ);
        }
        filter.write(&body.repeat(5));
        filter.write(&format!("-----END {}-----\n", "PRIVATE KEY"));
        filter.write(&"after\n".repeat(20));
        filter.output.wait_for("after\n");
        filter.errors.wait_for(READ);
        let (output, _) = filter.end();
        assert!(!output.contains("fake"), "{output}");
        assert!(output.ends_with(&"after\n".repeat(20)), "{output}");
    }
}
