//! Files as inputs, `--in-place` and `-o`.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};
use std::process::Stdio;

use super::support::{CLEAN, DIRTY, Folder, SECRET, run, until, wait};

/// Lines that keep the program busy for a while.
const LONG_WORK: usize = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };

#[test]
fn files_come_out_one_after_the_other_as_they_are_named() {
    let folder = Folder::new();
    folder.write("a", format!("a {DIRTY}"));
    folder.write("b", "b without a newline");
    let done = folder.run(&["b", "-", "a"], "\nfrom standard input\n").ok();
    assert_eq!(done.out, format!("b without a newline\nfrom standard input\na {CLEAN}"));
}

#[test]
fn each_file_is_a_stream_of_its_own() {
    let folder = Folder::new();
    folder.write("a", "protocol://app:hunter2-");
    folder.write("b", "example@db:5432/app\n");
    let done = folder.run(&["a", "b"], "").ok();
    assert_eq!(done.out, "protocol://app:hunter2-example@db:5432/app\n");
}

#[test]
fn a_file_that_cannot_be_read_does_not_stop_the_others() {
    let folder = Folder::new();
    folder.write("a", DIRTY);
    folder.write("dir/x", "");
    let done = folder.run(&["none", "a", "dir", "a"], "");
    let done =
        done.fails_with(&["none: cannot be read", "dir: cannot be read", "directory", "find DIR"]);
    assert_eq!(done.out, format!("{CLEAN}{CLEAN}"));
}

#[test]
fn a_file_without_permission_is_named() {
    let folder = Folder::new();
    let path = folder.write("a", DIRTY);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0)).unwrap();
    if std::fs::File::open(&path).is_ok() {
        return; // Root may read everything.
    }
    folder.run(&["a"], "").fails_with(&["a: cannot be read", "ermission denied"]);
}

#[test]
fn in_place_replaces_the_content_and_keeps_the_mode() {
    let folder = Folder::new();
    let path = folder.write("a.log", DIRTY);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    folder.write("b.log", format!("b {DIRTY}"));
    let done = folder.run(&["--in-place", "a.log", "b.log"], "").ok();
    assert_eq!((done.out.as_str(), done.err.as_str()), ("", ""));
    assert_eq!(folder.read("a.log"), CLEAN);
    assert_eq!(folder.read("b.log"), format!("b {CLEAN}"));
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(folder.names(), ["a.log", "b.log"]);
}

#[test]
fn in_place_keeps_the_owner_if_it_may() {
    let folder = Folder::new();
    let path = folder.write("a.log", DIRTY);
    if std::os::unix::fs::chown(&path, Some(12345), Some(23456)).is_err() {
        return; // Only root may give files away.
    }
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o4750)).unwrap();
    folder.run(&["-i", "a.log"], "").ok();
    let metadata = std::fs::metadata(&path).unwrap();
    assert_eq!(folder.read("a.log"), CLEAN);
    assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777), (12345, 23456, 0o4750));
}

#[test]
fn in_place_does_not_touch_a_file_without_findings() {
    let folder = Folder::new();
    let path = folder.write("a.log", "nothing here\n");
    let before = std::fs::metadata(&path).unwrap();
    folder.run(&["--in-place", "a.log"], "").ok();
    let after = std::fs::metadata(&path).unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
    assert_eq!(folder.names(), ["a.log"]);
}

#[test]
fn in_place_follows_symbolic_links() {
    let folder = Folder::new();
    folder.write("real/a.log", DIRTY);
    symlink("real/a.log", folder.path("link")).unwrap();
    folder.run(&["--in-place", "link"], "").ok();
    assert!(folder.path("link").is_symlink());
    assert_eq!(folder.read("real/a.log"), CLEAN);
    assert_eq!(folder.names(), ["link", "real"]);
}

#[test]
fn in_place_warns_of_hard_links() {
    let folder = Folder::new();
    folder.write("a", DIRTY);
    std::fs::hard_link(folder.path("a"), folder.path("b")).unwrap();
    let done = folder.run(&["--in-place", "a"], "").ok();
    assert!(done.err.contains("warning: a: has 1 more name"), "{}", done.err);
    assert_eq!((folder.read("a"), folder.read("b")), (CLEAN.to_owned(), DIRTY.to_owned()));
}

#[test]
fn in_place_refuses_what_is_no_regular_file_and_goes_on() {
    let folder = Folder::new();
    folder.write("dir/x", "");
    folder.write("a", DIRTY);
    let done = folder.run(&["--in-place", "dir", "/dev/null", "none", "a"], "");
    done.fails_with(&[
        "dir: is a directory",
        "/dev/null: is not a regular file",
        "none: cannot be read",
    ]);
    assert_eq!(folder.read("a"), CLEAN);
}

#[test]
fn in_place_needs_files() {
    let folder = Folder::new();
    folder.run(&["--in-place"], DIRTY).fails_with(&["--in-place", "FILE"]);
    folder.run(&["--in-place", "-"], DIRTY).fails_with(&["standard input"]);
}

#[test]
fn in_place_leaves_the_original_when_the_disk_is_full() {
    let folder = Folder::new();
    let text = DIRTY.repeat(20_000);
    folder.write("a.log", &text);
    // Blocks of 512 bytes or 1 KiB; either is less than the file.
    let done = run(folder.shell("ulimit -f 100; exec redact --in-place a.log"), "");
    done.fails_with(&["cannot be written", "a.log is as it was"]);
    assert!(folder.read("a.log") == text);
    assert_eq!(folder.names(), ["a.log"]);
}

#[test]
fn in_place_leaves_a_file_alone_that_grows_meanwhile() {
    let folder = Folder::new();
    let path = folder.write("a.log", DIRTY.repeat(LONG_WORK));
    let child = folder.redact(&["--in-place", "a.log"]).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    until("a temporary file", || folder.names().len() > 1 || child.try_wait().unwrap().is_some());
    let mut log = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut log, b"one more line\n").unwrap();
    if !wait(&mut child).success() {
        assert!(folder.read("a.log").ends_with("one more line\n"));
        assert!(folder.read("a.log").contains(SECRET));
    }
    assert_eq!(folder.names(), ["a.log"]);
}

#[test]
fn a_signal_leaves_the_original_and_no_temporary_file() {
    use std::os::unix::process::ExitStatusExt as _;
    let folder = Folder::new();
    let text = DIRTY.repeat(LONG_WORK);
    for (signal, number) in [
        (rustix::process::Signal::INT, 2),
        (rustix::process::Signal::TERM, 15),
        (rustix::process::Signal::HUP, 1),
    ] {
        folder.write("a.log", &text);
        let mut child = folder.redact(&["--in-place", "a.log"]).spawn().unwrap();
        until("a temporary file", || {
            folder.names().len() > 1 || child.try_wait().unwrap().is_some()
        });
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, signal).unwrap();
        let status = wait(&mut child);
        if status.success() {
            continue; // It was faster.
        }
        assert_eq!(status.signal(), Some(number));
        assert_eq!(folder.names(), ["a.log"]);
        assert!(folder.read("a.log") == text);
    }
}

#[test]
fn an_output_file_appears_whole() {
    let folder = Folder::new();
    folder.write("a", DIRTY);
    folder.run(&["-o", "new", "a"], "").ok();
    assert_eq!(folder.read("new"), CLEAN);
    let umask = std::fs::metadata(folder.write("other", "")).unwrap().mode();
    assert_eq!(std::fs::metadata(folder.path("new")).unwrap().mode(), umask);
    // One that is there is replaced, with its mode kept, and links followed.
    std::fs::set_permissions(folder.path("new"), PermissionsExt::from_mode(0o600)).unwrap();
    symlink("new", folder.path("link")).unwrap();
    folder.run(&["--output", "link"], "from standard input\n").ok();
    assert_eq!(folder.read("new"), "from standard input\n");
    assert_eq!(std::fs::metadata(folder.path("new")).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(folder.names(), ["a", "link", "new", "other"]);
}

#[test]
fn a_failed_run_leaves_the_output_file_as_it_was() {
    let folder = Folder::new();
    folder.write("a", DIRTY);
    folder.write("out", "old\n");
    folder.run(&["-o", "out", "a", "none"], "").fails_with(&["none: ", "out: is left as it was"]);
    assert_eq!(folder.read("out"), "old\n");
    folder.run(&["-o", "new", "none"], "").fails_with(&["none: "]);
    assert_eq!(folder.names(), ["a", "out"]);
}

#[test]
fn an_output_file_that_cannot_be_made_is_named() {
    let folder = Folder::new();
    folder.write("dir/x", "");
    symlink("nowhere", folder.path("link")).unwrap();
    folder.run(&["-o", "no/such/out"], DIRTY).fails_with(&["no/such/out: cannot be written"]);
    folder.run(&["-o", "dir"], DIRTY).fails_with(&["dir: cannot be written"]);
    folder.run(&["-o", "link"], DIRTY).fails_with(&["link: is a symbolic link to nowhere"]);
    assert_eq!(folder.names(), ["dir", "link"]);
}

#[test]
fn an_output_that_is_an_input_is_refused() {
    let folder = Folder::new();
    folder.write("a", DIRTY);
    symlink("a", folder.path("link")).unwrap();
    let refused = ["the output is also an input", "--in-place"];
    folder.run(&["-o", "a", "a"], "").fails_with(&refused);
    folder.run(&["-o", "link", "a"], "").fails_with(&refused);
    run(folder.shell("exec redact -o a < a"), "").fails_with(&refused);
    run(folder.shell("exec redact a >> a"), "").fails_with(&refused);
    assert_eq!(folder.read("a"), DIRTY);
}

#[test]
fn an_output_that_is_a_device_or_pipe_is_written_directly() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["-o", "/dev/stdout"], DIRTY).ok().out, CLEAN);
    assert_eq!(folder.run(&["-o", "-"], DIRTY).ok().out, CLEAN);
    folder.run(&["-o", "/dev/null"], DIRTY).ok();
    folder.run(&["-o", "/dev/full"], DIRTY).fails_with(&["cannot be written", "No space left"]);
}
