//! How long one line takes: in memory, and through a pipe there and back.
//!
//! The next line is sent when the last one has come out, as a log that is watched would come. Through a pipe the time is
//! mostly that of waking two processes, so `cat` is measured too: the difference is what the program adds.

use std::convert::Infallible;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redact_stream::{Engine, Sink, StreamRedactor};

use crate::contestant::Contestant;

/// So many lines go first, uncounted: caches, lazy automata.
const WARM_UP: usize = 500;

/// Times of many lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// The median.
    pub p50: Duration,
    /// Of 100 lines, one takes longer.
    pub p99: Duration,
}

impl Latency {
    fn of(mut times: Vec<Duration>) -> Latency {
        times.sort_unstable();
        let at = |percent: usize| {
            let last = times.len().saturating_sub(1);
            times.get((times.len() * percent / 100).min(last)).copied().unwrap_or_default()
        };
        Latency { p50: at(50), p99: at(99) }
    }
}

/// Takes everything and keeps the number of bytes, so that nothing is optimised away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count(pub u64);

impl Sink for Count {
    type Error = Infallible;

    #[inline]
    fn clean(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0 += bytes.len() as u64;
        Ok(())
    }
}

/// Each line of `text` through the library.
pub fn in_memory(engine: &Arc<Engine>, text: &[u8]) -> Latency {
    let mut stream = StreamRedactor::new(Arc::clone(engine));
    let mut sink = Count::default();
    let mut times = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let started = Instant::now();
        let Ok(()) = stream.push(line, &mut sink);
        times.push(started.elapsed());
    }
    std::hint::black_box(sink);
    times.drain(..WARM_UP.min(times.len() / 2));
    Latency::of(times)
}

/// Each line of `text` through a program that writes complete lines at once.
///
/// # Errors
/// It cannot be started, or ends before the text does.
pub fn through_pipe(contestant: &Contestant, text: &[u8]) -> Result<Latency, String> {
    let io = |error: io::Error| error.to_string();
    let mut command = contestant.command()?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(io)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("it has no pipes".to_owned());
    };
    let mut stdout = BufReader::new(stdout);
    let mut times = Vec::new();
    let mut line_out = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        line_out.clear();
        let started = Instant::now();
        stdin.write_all(line).map_err(io)?;
        let read = stdout.read_until(b'\n', &mut line_out).map_err(io)?;
        times.push(started.elapsed());
        if read == 0 {
            return Err("it ended before the text did".to_owned());
        }
    }
    drop(stdin);
    child.wait().map_err(io)?;
    times.drain(..WARM_UP.min(times.len() / 2));
    Ok(Latency::of(times))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let times: Vec<Duration> = (0..100).rev().map(Duration::from_micros).collect();
        let (p50, p99) = (Duration::from_micros(50), Duration::from_micros(99));
        assert_eq!(Latency::of(times), Latency { p50, p99 });
        assert_eq!(Latency::of(Vec::new()).p99, Duration::ZERO);
    }
}
