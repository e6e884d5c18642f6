//! Running the binary and waiting for it, never for a fixed time.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long to wait for what must happen: only a hang takes that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A line with a finding of the built-in rule `url-credential`, and what becomes of it.
pub(crate) const DIRTY: &str = "db protocol://app:hunter2-example@db:5432/app up\n";
pub(crate) const CLEAN: &str = "db protocol://app:[REDACTED:url-credential]@db:5432/app up\n";
/// What must never be seen.
pub(crate) const SECRET: &str = "hunter2-example";

/// Rules of the tests' own: nothing else matches these tokens.
pub(crate) const RULES: &str = r#"
[[rule]]
id = "acme-token"
group = "acme"
confidence = "high"
pattern = '\bacme_[0-9a-f]{16}\b'
description = "Acme token"
reference = "https://acme.example"
matches = ["acme_{hex:16}"]
rejects = ["acme_{hex:15}"]

[[rule]]
id = "zeta-token"
confidence = "low"
pattern = '\bzeta_[0-9a-f]{16}\b'
matches = ["zeta_{hex:16}"]
"#;
pub(crate) const ACME: &str = "acme_0123456789abcdef";
pub(crate) const ZETA: &str = "zeta_0123456789abcdef";

/// A folder of one test.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("a folder");
        }
        std::fs::write(&path, content).expect("a file");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.path(name)).expect("a file")).into_owned()
    }

    /// All names in it, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("a folder");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// `redact` in this folder, untouched by the user's own settings.
    pub(crate) fn redact(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redact"));
        self.settle(&mut command).args(args);
        command
    }

    /// A shell line in this folder, in which `redact` is the binary.
    pub(crate) fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        let binary = Path::new(env!("CARGO_BIN_EXE_redact"));
        let folder = binary.parent().expect("a folder").to_string_lossy().into_owned();
        let path = std::env::var("PATH").unwrap_or_default();
        self.settle(&mut command).args(["-c", line]).env("PATH", format!("{folder}:{path}"));
        command
    }

    fn settle<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let own = self.0.path();
        for name in ["NO_COLOR", "REDACT_MASK_KEY"] {
            command.env_remove(name);
        }
        command
            .current_dir(own)
            .env("HOME", own.join("home"))
            .env("XDG_CONFIG_HOME", own.join("home/.config"))
            .env("TERM", "xterm")
    }

    /// Runs `redact` over `input`.
    pub(crate) fn run(&self, args: &[&str], input: impl AsRef<[u8]>) -> Done {
        run(self.redact(args), input)
    }
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    #[track_caller]
    pub(crate) fn ok(self) -> Done {
        self.code_is(0)
    }

    #[track_caller]
    pub(crate) fn code_is(self, code: i32) -> Done {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    /// Exit code 2, and a message with all these parts and no secret.
    #[track_caller]
    pub(crate) fn fails_with(self, parts: &[&str]) -> Done {
        let done = self.code_is(2);
        for part in parts {
            assert!(done.err.contains(part), "`{part}` is not in: {}", done.err);
        }
        assert!(!done.err.contains(SECRET) && !done.err.contains("panicked"), "{}", done.err);
        done
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Done {
        Done {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            bytes: output.stdout,
        }
    }
}

/// Runs a command over `input` to its end.
pub(crate) fn run(mut command: Command, input: impl AsRef<[u8]>) -> Done {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.as_ref().to_vec();
    let writer = std::thread::spawn(move || {
        // A program that refuses to start does not read.
        let _ = stdin.write_all(&input);
    });
    let (out, err) =
        (Seen::of(child.stdout.take().unwrap()), Seen::of(child.stderr.take().unwrap()));
    let status = wait(&mut child);
    writer.join().expect("the writer ends");
    Output { status, stdout: out.all(), stderr: err.all() }.into()
}

/// Waits for the program's end, and fails if it does not come.
#[track_caller]
pub(crate) fn wait(child: &mut Child) -> std::process::ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        if start.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("the program does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until something is so, and fails if it never is.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a reader has seen so far; a thread goes on reading.
pub(crate) struct Seen(Arc<(Mutex<(Vec<u8>, bool)>, Condvar)>);

impl Seen {
    pub(crate) fn of(mut reader: impl Read + Send + 'static) -> Seen {
        let shared = Arc::new((Mutex::new((Vec::new(), false)), Condvar::new()));
        let seen = Seen(Arc::clone(&shared));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                // A terminal whose other side is closed gives an error instead of an end.
                let count = reader.read(&mut buffer).unwrap_or(0);
                let mut state = shared.0.lock().unwrap();
                state.0.extend_from_slice(&buffer[..count]);
                state.1 = count == 0;
                shared.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        seen
    }

    /// Waits until `text` was seen.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        let start = Instant::now();
        let mut state = self.0.0.lock().unwrap();
        while !String::from_utf8_lossy(&state.0).contains(text) {
            let so_far = String::from_utf8_lossy(&state.0).into_owned();
            assert!(!state.1, "the end came before `{text}`: {so_far}");
            assert!(start.elapsed() < PATIENCE, "`{text}` does not come: {so_far}");
            state = self.0.1.wait_timeout(state, Duration::from_millis(100)).unwrap().0;
        }
    }

    pub(crate) fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.0.0.lock().unwrap().0).into_owned()
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn all(&self) -> Vec<u8> {
        let start = Instant::now();
        let mut state = self.0.0.lock().unwrap();
        while !state.1 {
            assert!(start.elapsed() < PATIENCE, "the end does not come");
            state = self.0.1.wait_timeout(state, Duration::from_millis(100)).unwrap().0;
        }
        state.0.clone()
    }
}

/// A terminal: the side that a person sits at, and the side for a program.
pub(crate) fn terminal() -> (File, File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&person).expect("a terminal");
    unlockpt(&person).expect("a terminal");
    let name = ptsname(&person, Vec::new()).expect("a terminal");
    let name = name.to_string_lossy().into_owned();
    let program = File::options().read(true).write(true).open(name).expect("a terminal");
    (File::from(person), program)
}
