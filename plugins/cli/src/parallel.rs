//! Several threads for one file, with the output of one.
//!
//! ```text
//! each thread:  take a free buffer --> read the next piece --> look at it --> put it on the table
//!                      ^                (one at a time)                             |
//!                      '---------- write what is next on the table <----------------'
//!                                  (one at a time; who comes meanwhile goes on)
//! ```
//!
//! All threads do the same, so none waits while there is work: not for its turn to write, and to read only as long as the
//! system copies a piece. They share [`Crew`]: the input ([`Reading`]), the pieces that wait for those before them
//! ([`Table`]), and the output ([`Order`]), which is in the hands of the thread that writes.
//!
//! Pieces end at line ends, and each is looked at as if it began the input. That is right unless the piece before it ended
//! inside a line or inside a secret of several lines ([`StreamRedactor::is_at_rest`] is false): then that piece's stream goes
//! on with the raw bytes while it is written, and what was made of them before is dropped.
//!
//! Nothing is copied: of a piece its masks are noted ([`Masks`]), and what stands between them is written from the buffer.
//! Memory: [`BUFFERS`] pieces for each thread, their masks, and what a thread's stream holds.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use redact_stream::{Engine, Finding, Sink, Stats, StreamRedactor};
use zeroize::Zeroizing;

use crate::error::Stop;
use crate::live::{Source, write_failed};
use crate::progress::Progress;
use crate::settings::ThreadsChoice;
use crate::sink::{SinkError, SpanSink};

/// How many bytes a thread looks at in one go: the engine's block.
const PIECE: usize = 256 << 10;
/// How many pieces a thread may have under way: so much may the others do while one piece takes long.
const BUFFERS: usize = 4;
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

/// A part of the input, and what was made of it.
struct Piece {
    number: u64,
    /// Of [`PIECE`] bytes, for all pieces that it will hold.
    buffer: Zeroizing<Vec<u8>>,
    /// How many of them are the piece.
    len: usize,
    /// It begins inside a line, and so was not looked at.
    inside: bool,
    masks: Masks,
    /// What its thread's stream had counted before it and behind it.
    before: Stats,
    after: Stats,
    /// The stream, if what follows depends on it.
    open: Option<StreamRedactor>,
}

impl Piece {
    fn new() -> Piece {
        Piece {
            number: 0,
            buffer: Zeroizing::new(vec![0; PIECE]),
            len: 0,
            inside: false,
            masks: Masks::default(),
            before: Stats::default(),
            after: Stats::default(),
            open: None,
        }
    }

    fn look(&mut self, stream: &mut StreamRedactor) {
        self.masks.clear();
        self.before = stream.stats().clone();
        let Ok(()) = stream.push(&self.buffer[..self.len], &mut self.masks);
        self.after = stream.stats().clone();
        self.open = (!stream.is_at_rest()).then(|| {
            let new = StreamRedactor::new(Arc::clone(stream.engine()));
            std::mem::replace(stream, new)
        });
    }

    /// Writes what was made of it, as far as that is decided.
    fn replay<W: Write>(&self, sink: &mut SpanSink<'_, W>) -> Result<(), SinkError> {
        let place = |offset: u64| (offset - self.before.bytes) as usize;
        let (mut at, mut mask_at) = (0, 0);
        for (finding, mask_end) in &self.masks.list {
            sink.clean(&self.buffer[at..place(finding.start)])?;
            sink.masked(finding, &self.masks.text[mask_at..*mask_end])?;
            (at, mask_at) = (place(finding.end), *mask_end);
        }
        sink.clean(&self.buffer[at..place(self.after.bytes)])
    }
}

/// The masks of a piece; everything else is written as it is.
#[derive(Default)]
struct Masks {
    text: Vec<u8>,
    /// What each stands for, and where it ends in the text.
    list: Vec<(Finding, usize)>,
}

impl Masks {
    fn clear(&mut self) {
        self.text.clear();
        self.list.clear();
    }
}

impl Sink for Masks {
    type Error = Infallible;

    fn clean(&mut self, _: &[u8]) -> Result<(), Infallible> {
        Ok(())
    }

    fn masked(&mut self, finding: &Finding, mask: &[u8]) -> Result<(), Infallible> {
        self.text.extend_from_slice(mask);
        self.list.push((*finding, self.text.len()));
        Ok(())
    }
}

/// Carries all of `source` into `sink`, with so many `threads`; what passed is added to `stats`.
///
/// When the input ends with an error, what was read of it is still written.
pub(crate) fn run<W: Write + Send>(
    threads: usize,
    source: &mut Source<'_>,
    stats: &mut Stats,
    sink: &mut SpanSink<'_, W>,
    progress: &mut Progress,
) -> Result<(), Stop> {
    let rest = Zeroizing::new(Vec::with_capacity(PIECE));
    let crew = Crew {
        engine: Arc::clone(sink.engine()),
        buffers: BUFFERS * threads,
        reading: Mutex::new(Reading {
            source,
            progress,
            rest,
            next: 0,
            inside: false,
            more: true,
            error: None,
        }),
        table: Mutex::new(Table {
            free: Vec::new(),
            made: 0,
            waiting: BTreeMap::new(),
            next: 0,
            order: Some(Order { stats, sink, open: None }),
            over: false,
            failed: None,
        }),
        change: Condvar::new(),
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| crew.work());
        }
        crew.work();
    });
    let table = crew.table.into_inner().expect(ENDS_ALL);
    if let Some(error) = table.failed {
        return Err(write_failed(error));
    }
    table.order.expect("whoever wrote has put it back").finish().map_err(write_failed)?;
    crew.reading.into_inner().expect(ENDS_ALL).error.map_or(Ok(()), Err)
}

const ENDS_ALL: &str = "a panic in one thread ends all";

/// What the threads share.
struct Crew<'s, 'i, 'r, W> {
    engine: Arc<Engine>,
    /// The most there may be.
    buffers: usize,
    reading: Mutex<Reading<'s, 'i>>,
    table: Mutex<Table<'s, 'r, W>>,
    /// A buffer is free, or no more is needed.
    change: Condvar,
}

/// The input.
struct Reading<'s, 'i> {
    source: &'s mut Source<'i>,
    progress: &'s mut Progress,
    /// What was read behind the last piece's last line.
    rest: Zeroizing<Vec<u8>>,
    /// The next piece's number, from 0.
    next: u64,
    /// Whether it begins inside a line.
    inside: bool,
    more: bool,
    /// Why there is no more.
    error: Option<Stop>,
}

/// Pieces on their way from reading to writing.
struct Table<'s, 'r, W> {
    free: Vec<Piece>,
    /// How many buffers there are.
    made: usize,
    /// Looked at, by number.
    waiting: BTreeMap<u64, Piece>,
    /// The number of the piece that is to be written next.
    next: u64,
    /// The output, unless somebody is writing.
    order: Option<Order<'s, 'r, W>>,
    /// Nothing more is to be read.
    over: bool,
    failed: Option<SinkError>,
}

impl<'s, 'r, W: Write> Crew<'s, '_, 'r, W> {
    /// What each thread does.
    fn work(&self) {
        let _leaving = Leaving(self);
        let mut stream = StreamRedactor::new(Arc::clone(&self.engine));
        while let Some(mut piece) = self.free_buffer() {
            if !self.reading.lock().expect(ENDS_ALL).read(&mut piece) {
                return;
            }
            if !piece.inside {
                piece.look(&mut stream);
            }
            self.hand_over(piece);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table<'s, 'r, W>> {
        self.table.lock().expect(ENDS_ALL)
    }

    /// Waits for a buffer; none if no more is to be read.
    fn free_buffer(&self) -> Option<Piece> {
        let mut table = self.table();
        loop {
            if table.over {
                return None;
            }
            // The one that was used last is still in the processor's cache.
            if let Some(piece) = table.free.pop() {
                return Some(piece);
            }
            if table.made < self.buffers {
                table.made += 1;
                return Some(Piece::new());
            }
            table = self.change.wait(table).expect(ENDS_ALL);
        }
    }

    /// Puts a piece on the table. If nobody is writing, this thread writes what is next, as long as it is there.
    fn hand_over(&self, piece: Piece) {
        let mut table = self.table();
        table.waiting.insert(piece.number, piece);
        let Some(mut order) = table.order.take() else { return };
        while let Some(mut piece) = table.take_next() {
            drop(table);
            let written = order.write(&mut piece);
            table = self.table();
            if let Err(error) = written {
                // Nobody writes any more: the output stays with this thread.
                (table.failed, table.over) = (Some(error), true);
                return;
            }
            table.free.push(piece);
            self.change.notify_one();
        }
        table.order = Some(order);
    }
}

/// The first thread that leaves, for want of input or in a panic, tells the others that no more buffers are needed.
struct Leaving<'c, 's, 'i, 'r, W>(&'c Crew<'s, 'i, 'r, W>);

impl<W> Drop for Leaving<'_, '_, '_, '_, W> {
    fn drop(&mut self) {
        match self.0.table.lock() {
            Ok(mut table) => table.over = true,
            Err(poisoned) => poisoned.into_inner().over = true,
        }
        self.0.change.notify_all();
    }
}

impl<W> Table<'_, '_, W> {
    fn take_next(&mut self) -> Option<Piece> {
        let piece = self.waiting.remove(&self.next)?;
        self.next += 1;
        Some(piece)
    }
}

impl Reading<'_, '_> {
    /// Reads the next piece, up to a line end if there is one in it; false if the input is over.
    fn read(&mut self, piece: &mut Piece) -> bool {
        if !self.more {
            return false;
        }
        piece.buffer[..self.rest.len()].copy_from_slice(&self.rest);
        let mut len = self.rest.len();
        self.rest.clear();
        self.more = self.source.fill(&mut piece.buffer, &mut len).unwrap_or_else(|error| {
            self.error = Some(error);
            false
        });
        if self.more
            && let Some(last) = piece.buffer[..len].iter().rposition(|b| *b == b'\n')
        {
            self.rest.extend_from_slice(&piece.buffer[last + 1..len]);
            len = last + 1;
        }
        self.progress.add(len);
        piece.len = len;
        piece.number = self.next;
        piece.inside = self.inside;
        self.next += 1;
        self.inside = piece.buffer[..len].last() != Some(&b'\n');
        len > 0
    }
}

/// The output: puts pieces one behind the other.
struct Order<'s, 'r, W> {
    stats: &'s mut Stats,
    sink: &'s mut SpanSink<'r, W>,
    /// The stream of a piece that is not over, and its counts at the piece's start.
    open: Option<(StreamRedactor, Stats)>,
}

impl<W: Write> Order<'_, '_, W> {
    fn write(&mut self, piece: &mut Piece) -> Result<(), SinkError> {
        if let Some((mut stream, before)) = self.open.take() {
            stream.push(&piece.buffer[..piece.len], self.sink)?;
            // It is not that of the piece, if that has one.
            piece.open = None;
            match stream.is_at_rest() {
                true => self.stats.add_since(stream.stats(), &before),
                false => self.open = Some((stream, before)),
            }
        } else {
            assert!(!piece.inside, "a piece that ends inside a line leaves its stream open");
            let (bytes, lines) = (self.stats.bytes, self.stats.lines);
            // Of all bytes before the piece, its thread's stream has seen only some.
            let engine = Arc::clone(self.sink.engine());
            self.sink.go_on(engine, bytes - piece.before.bytes, lines - piece.before.lines);
            piece.replay(self.sink)?;
            match piece.open.take() {
                Some(stream) => self.open = Some((stream, piece.before.clone())),
                None => self.stats.add_since(&piece.after, &piece.before),
            }
        }
        self.sink.drain()
    }

    /// The input is over.
    fn finish(mut self) -> Result<(), SinkError> {
        if let Some((mut stream, before)) = self.open.take() {
            stream.finish(self.sink)?;
            self.stats.add_since(stream.stats(), &before);
        }
        self.sink.drain()
    }
}
