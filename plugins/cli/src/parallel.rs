//! Several threads for one file, with the output of one.
//!
//! ```text
//! this thread:  read a piece --> worker 0 --> \
//!               read a piece --> worker 1 -->  write in order
//!               read a piece --> worker 0 --> /
//! ```
//!
//! Pieces end at line ends, and each is looked at as if it began the input. That is right unless the piece before it ended
//! inside a line or inside a secret of several lines ([`StreamRedactor::is_at_rest`] is false): then that piece's stream goes
//! on with the raw bytes, in this thread, and what the worker made of them is dropped.
//!
//! Memory: two pieces for each thread, their outputs, and what a worker's stream holds.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use redact_stream::{Engine, Finding, Sink, Stats, StreamRedactor};
use zeroize::Zeroizing;

use crate::error::Stop;
use crate::live::{Source, write_failed};
use crate::progress::Progress;
use crate::settings::ThreadsChoice;
use crate::sink::{SinkError, SpanSink};

/// How many bytes a worker looks at in one go: twice the engine's block.
const PIECE: usize = 512 << 10;
/// Smaller files are done before threads pay.
const WORTHWHILE: u64 = 8 << 20;
/// More threads than this are not taken without being asked for.
const MOST_UNASKED: usize = 4;

/// How many threads to use for `source`.
pub(crate) fn threads(choice: ThreadsChoice, source: &Source<'_>) -> usize {
    match (choice, source.plain_size()) {
        (_, None) => 1,
        (ThreadsChoice::Exactly(count), _) => count,
        (ThreadsChoice::Auto, Some(size)) if size < WORTHWHILE => 1,
        (ThreadsChoice::Auto, _) => idle_cores().clamp(1, MOST_UNASKED),
    }
}

/// The cores that nothing ran on in the last minute; none where the system does not tell.
fn idle_cores() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").ok();
    let busy = load.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    busy.map_or(0, |busy| cores.saturating_sub(busy.round() as usize))
}

/// What a worker made of a piece.
struct Done {
    input: Zeroizing<Vec<u8>>,
    output: Recorded,
    before: Stats,
    after: Stats,
    /// The stream, if what follows depends on it.
    open: Option<StreamRedactor>,
}

/// Output with its masks.
#[derive(Default)]
struct Recorded {
    text: Zeroizing<Vec<u8>>,
    /// The place of each mask in the text, in bytes.
    masks: Vec<(std::ops::Range<usize>, Finding)>,
}

impl Sink for Recorded {
    type Error = Infallible;

    fn clean(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.text.extend_from_slice(bytes);
        Ok(())
    }

    fn masked(&mut self, finding: &Finding, mask: &[u8]) -> Result<(), Infallible> {
        let start = self.text.len();
        self.text.extend_from_slice(mask);
        self.masks.push((start..self.text.len(), *finding));
        Ok(())
    }
}

impl Recorded {
    fn replay<W: Write>(&self, sink: &mut SpanSink<'_, W>) -> Result<(), SinkError> {
        let mut at = 0;
        for (place, finding) in &self.masks {
            sink.clean(&self.text[at..place.start])?;
            sink.masked(finding, &self.text[place.clone()])?;
            at = place.end;
        }
        sink.clean(&self.text[at..])
    }
}

/// A thread that looks at pieces.
struct Worker {
    pieces: SyncSender<Zeroizing<Vec<u8>>>,
    done: Receiver<Done>,
}

fn work(engine: &Arc<Engine>, pieces: &Receiver<Zeroizing<Vec<u8>>>, done: &SyncSender<Done>) {
    let mut stream = StreamRedactor::new(Arc::clone(engine));
    while let Ok(input) = pieces.recv() {
        let before = stream.stats().clone();
        let mut output = Recorded::default();
        output.text.reserve(input.len() + input.len() / 8);
        let Ok(()) = stream.push(&input, &mut output);
        let after = stream.stats().clone();
        let open = (!stream.is_at_rest())
            .then(|| std::mem::replace(&mut stream, StreamRedactor::new(Arc::clone(engine))));
        if done.send(Done { input, output, before, after, open }).is_err() {
            return;
        }
    }
}

/// Carries all of `source` into `sink`, with `threads` workers; what passed is added to `stats`.
///
/// When the input ends with an error, what was read of it is still written.
pub(crate) fn run<W: Write>(
    threads: usize,
    source: &mut Source<'_>,
    stats: &mut Stats,
    sink: &mut SpanSink<'_, W>,
    progress: &mut Progress,
) -> Result<(), Stop> {
    let engine = Arc::clone(sink.engine());
    std::thread::scope(|scope| {
        let workers: Vec<Worker> = (0..threads)
            .map(|_| {
                let (pieces, to_do) = sync_channel(2);
                let (sender, done) = sync_channel(2);
                let engine = &engine;
                scope.spawn(move || work(engine, &to_do, &sender));
                Worker { pieces, done }
            })
            .collect();
        let mut order = Order { stats, open: None };
        let mut under_way: VecDeque<usize> = VecDeque::new();
        let mut turns = (0..threads).cycle();
        let mut rest = Zeroizing::new(Vec::new());
        let result = loop {
            let (piece, more) = match next_piece(source, &mut rest) {
                Ok(next) => next,
                Err(error) => break Err(error),
            };
            progress.add(piece.len());
            if !piece.is_empty() {
                let turn = turns.next().expect("there is a worker");
                workers[turn].pieces.send(piece).expect("workers end when they are told to");
                under_way.push_back(turn);
            }
            if under_way.len() == 2 * threads || !more {
                let turns = if more { 1 } else { under_way.len() };
                for turn in under_way.drain(..turns) {
                    order.write(next_done(&workers[turn]), sink).map_err(write_failed)?;
                }
            }
            if !more {
                break Ok(());
            }
        };
        for turn in under_way {
            order.write(next_done(&workers[turn]), sink).map_err(write_failed)?;
        }
        order.finish(&rest, &engine, sink).map_err(write_failed)?;
        result
    })
}

fn next_done(worker: &Worker) -> Done {
    worker.done.recv().expect("a worker answers each piece")
}

/// The next piece, up to a line end if there is one in it, and whether the input goes on; `rest` is what was read beyond.
fn next_piece(
    source: &mut Source<'_>,
    rest: &mut Zeroizing<Vec<u8>>,
) -> Result<(Zeroizing<Vec<u8>>, bool), Stop> {
    let mut piece = Zeroizing::new(Vec::with_capacity(PIECE));
    piece.extend_from_slice(rest);
    let more = match source.fill(&mut piece, PIECE) {
        Ok(more) => more,
        Err(error) => {
            *rest = piece;
            return Err(error);
        }
    };
    rest.clear();
    if more && let Some(last) = piece.iter().rposition(|b| *b == b'\n') {
        rest.extend_from_slice(&piece[last + 1..]);
        piece.truncate(last + 1);
    }
    Ok((piece, more))
}

/// Puts pieces one after the other.
struct Order<'s> {
    stats: &'s mut Stats,
    /// The stream of a piece that is not over, and its counts at the piece's start.
    open: Option<(StreamRedactor, Stats)>,
}

impl Order<'_> {
    fn write<W: Write>(&mut self, done: Done, sink: &mut SpanSink<'_, W>) -> Result<(), SinkError> {
        if let Some((mut stream, before)) = self.open.take() {
            stream.push(&done.input, sink)?;
            self.go_on(stream, before);
        } else {
            let (bytes, lines) = (self.stats.bytes, self.stats.lines);
            let engine = Arc::clone(sink.engine());
            // Of all bytes before the piece, its worker has seen only some.
            sink.go_on(engine, bytes - done.before.bytes, lines - done.before.lines);
            done.output.replay(sink)?;
            match done.open {
                Some(stream) => self.open = Some((stream, done.before)),
                None => self.stats.add_since(&done.after, &done.before),
            }
        }
        sink.drain()
    }

    fn go_on(&mut self, stream: StreamRedactor, before: Stats) {
        match stream.is_at_rest() {
            true => self.stats.add_since(stream.stats(), &before),
            false => self.open = Some((stream, before)),
        }
    }

    /// The input is over, with these bytes.
    fn finish<W: Write>(
        &mut self,
        rest: &[u8],
        engine: &Arc<Engine>,
        sink: &mut SpanSink<'_, W>,
    ) -> Result<(), SinkError> {
        let (mut stream, before) = self.open.take().unwrap_or_else(|| {
            sink.go_on(Arc::clone(engine), self.stats.bytes, self.stats.lines);
            let stream = StreamRedactor::new(Arc::clone(engine));
            let before = stream.stats().clone();
            (stream, before)
        });
        stream.push(rest, sink)?;
        stream.finish(sink)?;
        self.stats.add_since(stream.stats(), &before);
        sink.drain()
    }
}
