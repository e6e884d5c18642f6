//! Runs a contestant between two pipes: `cat FILE | contestant | cat >/dev/null`.
//!
//! Each run that is measured is started by a small process of its own ([`measure`] starts it, [`child`] is it), because what
//! the system says about children is a sum over all of them, and because a child's peak memory is never less than that of
//! the process it was started from. Pipes are given 1 MiB.
//!
//! Limits: peak memory below about 3 MiB is that of the small process.

use std::io::{self, PipeReader, PipeWriter, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::check::{Observed, Observer};
use crate::contestant::Contestant;

/// The size that pipes are given, in bytes; the system's default for a user's largest.
const PIPE: i32 = 1 << 20;

/// What one run took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    /// From the start of the first process to the end of the last.
    pub wall: Duration,
    /// User and system time of the contestant alone.
    pub cpu: Duration,
    /// Its peak memory, in KiB.
    pub rss_kib: i64,
}

/// Runs the contestant and looks at its output.
///
/// # Errors
/// It cannot be started, ends badly or takes longer than `limit`.
pub fn observe(contestant: &Contestant, file: &Path, limit: Duration) -> Result<Observed, String> {
    let io = |error: io::Error| error.to_string();
    let mut command = contestant.command()?;
    let (out_reader, out_writer) = pipe().map_err(io)?;
    let (in_reader, in_writer) = pipe().map_err(io)?;
    let child = command.stdin(in_reader).stdout(out_writer).stderr(Stdio::piped()).spawn();
    // The ends of the pipes that the command holds.
    drop(command);
    let mut child = child.map_err(io)?;
    let producer = produce(file, in_writer).map_err(io)?;
    let watch = Watch::start(&child, limit);
    let observed = read_all(out_reader).map_err(io)?;
    let mut complaint = String::new();
    if let Some(stderr) = &mut child.stderr {
        // What it says is for the message only.
        let _ = stderr.take(2000).read_to_string(&mut complaint);
    }
    let status = wait(child, producer).map_err(io)?;
    watch.finish()?;
    accept(status, contestant.success).map_err(|error| match complaint.lines().next() {
        Some(line) => format!("{error}: {line}"),
        None => error,
    })?;
    Ok(observed)
}

/// Runs the contestant in a measuring process of its own.
///
/// # Errors
/// It cannot be started, ends badly or takes longer than `limit`.
pub fn measure(contestant: &Contestant, file: &Path, limit: Duration) -> Result<Run, String> {
    let myself = std::env::current_exe().map_err(|error| error.to_string())?;
    let success: Vec<String> = contestant.success.iter().map(i32::to_string).collect();
    let output = Command::new(myself)
        .args(["measure", "--limit-seconds", &limit.as_secs().to_string()])
        .args(["--success", &success.join(","), "--"])
        .arg(file)
        .arg(contestant.program.as_ref()?)
        .args(&contestant.args)
        .envs(contestant.environment())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| "no measurement".to_owned())
}

/// What the measuring process does: one run, and a line with what it took.
///
/// # Errors
/// The program cannot be started, ends badly or takes longer than `limit`.
pub fn child(
    file: &Path,
    mut command: Command,
    success: &[i32],
    limit: Duration,
) -> Result<String, String> {
    let io = |error: io::Error| error.to_string();
    let (in_reader, in_writer) = pipe().map_err(io)?;
    let (out_reader, out_writer) = pipe().map_err(io)?;
    let started = Instant::now();
    let mut consumer =
        Command::new("cat").stdin(out_reader).stdout(Stdio::null()).spawn().map_err(io)?;
    let spawned = command.stdin(in_reader).stdout(out_writer).stderr(Stdio::null()).spawn();
    drop(command);
    let mut child = spawned.map_err(io)?;
    let mut producer = produce(file, in_writer).map_err(io)?;
    let watch = Watch::start(&child, limit);
    let status = child.wait().map_err(io)?;
    // No other child has ended and been waited for, so this is the contestant alone.
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| error.to_string())?;
    consumer.wait().map_err(io)?;
    let wall = started.elapsed();
    producer.wait().map_err(io)?;
    watch.finish()?;
    accept(status, success)?;
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
    let cpu = micros(usage.user_time()) + micros(usage.system_time());
    Ok(format!("{} {cpu} {}", wall.as_micros(), usage.max_rss()))
}

/// From the start to the end of the program, with nothing to read.
///
/// # Errors
/// It cannot be started or ends badly.
pub fn start_up(contestant: &Contestant) -> Result<Duration, String> {
    let mut command = contestant.command()?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status().map_err(|error| error.to_string())?;
    let took = started.elapsed();
    accept(status, contestant.success)?;
    Ok(took)
}

/// A pipe of [`PIPE`] bytes, or of as many as the system allows.
pub(crate) fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    #[cfg(target_os = "linux")]
    let _ = nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_SETPIPE_SZ(PIPE));
    Ok((reader, writer))
}

fn produce(file: &Path, out: PipeWriter) -> io::Result<Child> {
    Command::new("cat").arg(file).stdin(Stdio::null()).stdout(out).stderr(Stdio::null()).spawn()
}

fn read_all(mut reader: PipeReader) -> io::Result<Observed> {
    let mut observer = Observer::default();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(observer.finish()),
            some => observer.read(&buffer[..some]),
        }
    }
}

fn wait(mut child: Child, mut producer: Child) -> io::Result<ExitStatus> {
    let status = child.wait()?;
    producer.wait()?;
    Ok(status)
}

fn accept(status: ExitStatus, success: &[i32]) -> Result<(), String> {
    match (status.code(), status.signal()) {
        (Some(code), _) if success.contains(&code) => Ok(()),
        (Some(code), _) => Err(format!("it ended with exit code {code}")),
        (None, signal) => Err(format!("it was ended by signal {}", signal.unwrap_or(0))),
    }
}

fn parse(line: &str) -> Option<Run> {
    let mut numbers = line.split_whitespace().map(|word| word.parse::<i64>().ok());
    let mut next = || numbers.next().flatten();
    let micros = |number: i64| Duration::from_micros(number.unsigned_abs());
    Some(Run { wall: micros(next()?), cpu: micros(next()?), rss_kib: next()? })
}

/// Ends a child that takes too long.
struct Watch {
    done: mpsc::Sender<()>,
    thread: std::thread::JoinHandle<bool>,
    limit: Duration,
}

impl Watch {
    fn start(child: &Child, limit: Duration) -> Watch {
        let (done, waits) = mpsc::channel();
        let pid = Pid::from_raw(child.id() as i32);
        let thread = std::thread::spawn(move || {
            let late = waits.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
            // It may just have ended by itself.
            late && kill(pid, Signal::SIGKILL).is_ok()
        });
        Watch { done, thread, limit }
    }

    fn finish(self) -> Result<(), String> {
        drop(self.done);
        match self.thread.join() {
            Ok(false) => Ok(()),
            _ => Err(format!("it took longer than {} s", self.limit.as_secs())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Family;

    fn shell(script: &str) -> Contestant {
        Contestant {
            name: "sh".to_owned(),
            family: Family::Copy,
            program: Ok("/bin/sh".into()),
            args: vec!["-c".into(), script.into()],
            env: Vec::new(),
            success: &[0],
        }
    }

    #[test]
    fn an_output_is_observed_and_a_bad_end_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a line\n").unwrap();
        let limit = Duration::from_secs(60);
        let seen = observe(&shell("cat"), file.path(), limit).unwrap();
        assert_eq!(seen, Observed::of(b"a line\n"));
        let error = observe(&shell("cat; echo broken >&2; exit 3"), file.path(), limit);
        assert_eq!(error.unwrap_err(), "it ended with exit code 3: broken");
        let error = observe(&shell("exec sleep 60"), file.path(), Duration::from_millis(50));
        assert_eq!(error.unwrap_err(), "it took longer than 0 s");
    }

    #[test]
    fn a_measurement_is_of_the_contestant_alone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![b'x'; 1 << 20]).unwrap();
        let mut sleeper = Command::new("/bin/sh");
        sleeper.args(["-c", "cat >/dev/null; sleep 0.1"]);
        let line = child(file.path(), sleeper, &[0], Duration::from_secs(60)).unwrap();
        let run = parse(&line).unwrap();
        assert!(run.wall >= Duration::from_millis(100), "{run:?}");
        assert!(run.rss_kib > 0);
    }
}
