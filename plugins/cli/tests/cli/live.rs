//! Streams without an end: what comes out when, readers that go away, terminals.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Stdio};

use super::support::{CLEAN, DIRTY, Folder, SECRET, Seen, run, terminal, until, wait};

/// A running `redact` between two pipes.
struct Live {
    child: Child,
    input: Option<ChildStdin>,
    output: Seen,
    _folder: Folder,
}

impl Live {
    fn new(args: &[&str]) -> Live {
        let folder = Folder::new();
        let mut child =
            folder.redact(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = Seen::of(child.stdout.take().unwrap());
        Live { input: child.stdin.take(), child, output, _folder: folder }
    }

    fn write(&mut self, text: &str) {
        self.input.as_mut().expect("not ended").write_all(text.as_bytes()).unwrap();
    }

    fn end(mut self) -> String {
        self.input = None;
        let all = self.output.all();
        assert!(wait(&mut self.child).success());
        String::from_utf8(all).unwrap()
    }
}

#[test]
fn a_line_leaves_as_soon_as_it_is_complete() {
    // Far longer than the test: it is not the flush that lets it out.
    let mut live = Live::new(&["--flush-after", "100000000"]);
    live.write("first\n");
    live.output.wait_for("first\n");
    live.write(DIRTY);
    live.output.wait_for(CLEAN);
    live.end();
}

#[test]
fn a_prompt_leaves_without_a_newline() {
    for prompt in ["Password: ", "Continue? [y/N] ", "login: ", "$ ", ">>> "] {
        let mut live = Live::new(&[]);
        live.write(prompt);
        live.output.wait_for(prompt);
        assert_eq!(live.end(), prompt);
    }
}

#[test]
fn dots_and_progress_bars_leave_as_they_grow() {
    let mut live = Live::new(&["--flush-after", "1"]);
    let mut all = String::from("working ");
    live.write(&all);
    for step in 0..10 {
        live.write(".");
        all.push('.');
        live.output.wait_for(&all);
        let bar = format!("\r[{}{}] {:3}%", "=".repeat(step), " ".repeat(10 - step), step * 10);
        live.write(&bar);
        all.push_str(&bar);
        live.output.wait_for(&all);
    }
    assert_eq!(live.end(), all);
}

#[test]
fn the_start_of_a_secret_waits_for_the_rest() {
    let mut live = Live::new(&["--flush-after", "1"]);
    live.write("ok\nprotocol://app:hunter2-");
    live.output.wait_for("ok\nproto");
    live.write("exam");
    // Enough for a flush, if one were to come.
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert!(!live.output.so_far().contains("hunter"), "{}", live.output.so_far());
    live.write("ple@db:5432/app\n");
    assert_eq!(live.end(), "ok\nprotocol://app:[REDACTED:url-credential]@db:5432/app\n");
}

#[test]
fn what_is_held_comes_out_at_the_end() {
    let mut live = Live::new(&["--flush-after", "1"]);
    live.write("protocol://app:no-secret-after-all");
    live.output.wait_for("proto");
    assert_eq!(live.end(), "protocol://app:no-secret-after-all");
}

#[test]
fn a_pipeline_ends_with_its_reader() {
    let folder = Folder::new();
    let done = run(folder.shell("yes | redact | head -3"), "").ok();
    assert_eq!((done.out.as_str(), done.err.as_str()), ("y\ny\ny\n", ""));
    folder.write("big", "line\n".repeat(100_000));
    let done = run(folder.shell("{ redact big big; echo $? >code; } | head -1"), "").ok();
    assert_eq!((done.out.as_str(), done.err.as_str()), ("line\n", ""));
    until("the code", || folder.path("code").exists() && folder.read("code") == "0\n");
    for command in ["rules list", "man", "completions bash", "--help", "config"] {
        let done =
            run(folder.shell(&format!("{{ redact {command}; echo $? >&2; }} | true")), "").ok();
        assert_eq!(done.err, "0\n", "{command}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_although_no_input_comes() {
    for args in [&[][..], &["-z"]] {
        let folder = Folder::new();
        let mut child =
            folder.redact(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdin.write_all(b"one\n").unwrap();
        let mut line = [0; 4];
        stdout.read_exact(&mut line).unwrap();
        drop(stdout);
        assert_eq!(wait(&mut child).code(), Some(0));
        drop(stdin);
    }
}

#[test]
fn non_blocking_pipes_lose_nothing() {
    use rustix::pipe::{PipeFlags, pipe_with};
    let folder = Folder::new();
    let (input_end, input) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let (output, output_end) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    rustix::io::ioctl_fionbio(&input_end, true).unwrap();
    rustix::io::ioctl_fionbio(&output_end, true).unwrap();
    let mut child = folder.redact(&[]).stdin(input_end).stdout(output_end).spawn().unwrap();
    let text = format!("{}{DIRTY}", "0123456789\n".repeat(40)).repeat(10_000);
    let whole = text.clone();
    let writer = std::thread::spawn(move || {
        let mut input = File::from(input);
        for part in whole.as_bytes().chunks(777_777) {
            input.write_all(part).unwrap();
            // Empty for a while.
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    });
    // Full for a while.
    std::thread::sleep(std::time::Duration::from_millis(50));
    let seen = Seen::of(File::from(output)).all();
    writer.join().unwrap();
    assert!(wait(&mut child).success());
    assert!(seen == text.replace(DIRTY, CLEAN).as_bytes());
}

#[test]
fn a_terminal_sees_colour_unless_it_does_not_want_to() {
    let folder = Folder::new();
    for (variable, args, coloured) in [
        (None, &[][..], true),
        (Some(("NO_COLOR", "1")), &[], false),
        (Some(("TERM", "dumb")), &[], false),
        (None, &["--color=never"], false),
        (Some(("NO_COLOR", "1")), &["--color=always"], true),
    ] {
        let (person, program) = terminal();
        let mut command = folder.redact(args);
        if let Some((name, value)) = variable {
            command.env(name, value);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(program).spawn().unwrap();
        drop(command);
        let screen = Seen::of(person);
        child.stdin.take().unwrap().write_all(DIRTY.as_bytes()).unwrap();
        screen.wait_for("app up");
        assert!(wait(&mut child).success());
        let text = screen.so_far();
        assert!(!text.contains(SECRET));
        assert_eq!(text.contains("\x1b["), coloured, "{variable:?} {args:?} {text:?}");
    }
}

#[test]
fn a_person_types_and_sees_the_redacted_line_at_once() {
    let folder = Folder::new();
    let (person, program) = terminal();
    let mut command = folder.redact(&["--color=never"]);
    command
        .stdin(program.try_clone().unwrap())
        .stdout(program.try_clone().unwrap())
        .stderr(program);
    let mut child = command.spawn().unwrap();
    drop(command);
    let screen = Seen::of(person.try_clone().unwrap());
    screen.wait_for("end with Ctrl-D");
    let mut keyboard = person;
    keyboard.write_all(DIRTY.as_bytes()).unwrap();
    screen.wait_for("[REDACTED:url-credential]");
    keyboard.write_all(b"\x04").unwrap();
    assert!(wait(&mut child).success());
}

#[test]
fn long_work_shows_progress_on_a_terminal_and_only_there() {
    let folder = Folder::new();
    folder.write("a", "line\n".repeat(1000));
    let (person, program) = terminal();
    let mut command = folder.redact(&["a", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(program).spawn().unwrap();
    drop(command);
    let (screen, output) = (Seen::of(person), Seen::of(child.stdout.take().unwrap()));
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = 1000;
    until("a progress bar", || {
        stdin.write_all(b"line\n").unwrap();
        lines += 1;
        screen.so_far().contains('%')
    });
    drop(stdin);
    assert!(wait(&mut child).success());
    assert!(output.all() == "line\n".repeat(lines).as_bytes());
}
