//! The engine, in memory: the floor, its stages, scanners on texts, sizes of pieces, start, one line.
//!
//! ```sh
//! cargo bench -p redact-bench                       # all, with the fastest kernel; then each other kernel on all texts
//! cargo bench -p redact-bench -- 'redact/.*/clean'  # some
//! cargo bench -p redact-bench -- --quick stage/     # what each step costs
//! REDACT_SIMD=scalar cargo bench -p redact-bench    # one kernel
//! ```
//!
//! A kernel is chosen when a process builds an engine, so the other kernels are measured by processes that this one starts.

use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use redact_bench::kernel;
use redact_bench::latency::Count;
use redact_bench::text::{Text, TextKind};
use redact_stream::stages::Stages;
use redact_stream::{Engine, ScannerKind, StreamRedactor};

const SEED: u64 = 1;

fn main() {
    // Without `--bench` this is a test: everything runs once.
    let measures = std::env::args().any(|arg| arg == "--bench");
    let bytes = if measures { 4_000_000 } else { 20_000 };
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let is_child = std::env::var_os(kernel::VARIABLE).is_some();
    if is_child {
        stages(&mut criterion, bytes);
        texts(&mut criterion, &[ScannerKind::Simd], bytes);
        criterion.final_summary();
        return;
    }
    floor(&mut criterion, bytes);
    stages(&mut criterion, bytes);
    let mut scanners = vec![ScannerKind::Simd, ScannerKind::Regex];
    if cfg!(feature = "hyperscan") {
        scanners.push(ScannerKind::Hyperscan);
    }
    texts(&mut criterion, &scanners, bytes);
    #[cfg(feature = "hyperscan")]
    ends_only(&mut criterion, bytes);
    block_size(&mut criterion, bytes);
    start(&mut criterion, &scanners);
    line(&mut criterion, bytes);
    criterion.final_summary();
    if measures {
        other_kernels();
    }
}

/// What memory alone allows.
fn floor(criterion: &mut Criterion, bytes: u64) {
    let text = Text { kind: TextKind::Clean, bytes, seed: SEED }.to_vec();
    let mut copy = text.clone();
    let mut group = criterion.benchmark_group("floor");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("copy", |b| {
        b.iter(|| {
            copy.copy_from_slice(black_box(&text));
            black_box(&mut copy);
        });
    });
    group.bench_function("lines", |b| {
        b.iter(|| memchr::memchr_iter(b'\n', black_box(&text)).count());
    });
    group.finish();
}

/// Each step alone, on blocks as the engine takes them; the rest of `whole` is reading and writing lines, and what is done with
/// hits.
fn stages(criterion: &mut Criterion, bytes: u64) {
    const BLOCK: usize = 128 << 10;
    let Some(engine) = engine(ScannerKind::Simd) else { return };
    for kind in [TextKind::Clean, TextKind::Json, TextKind::S1000, TextKind::Keywords] {
        let text = Text { kind, bytes, seed: SEED }.to_vec();
        let mut blocks: Vec<_> =
            text.chunks(BLOCK).map(|block| Stages::new(Arc::clone(&engine), block)).collect();
        let (mut hits, mut candidates) = (0, 0);
        for block in &mut blocks {
            block.classes();
            hits += block.hits();
            candidates += block.scan();
        }
        let of_1000 = |count: f64| count * 1000.0 / text.len() as f64;
        println!(
            "{}: of 1,000 bytes, the kernel lets {:.1} through; there are {:.1} candidates",
            kind.name(),
            of_1000(hits.into()),
            of_1000(candidates as f64),
        );
        let mut group = criterion.benchmark_group(format!("stage/{}", engine.scanner_name()));
        group.throughput(Throughput::Bytes(text.len() as u64));
        let mut measure = |name: &str, step: &mut dyn FnMut(&mut Stages<'_>)| {
            group.bench_function(format!("{name}/{}", kind.name()), |b| {
                b.iter(|| blocks.iter_mut().for_each(&mut *step));
            });
        };
        measure("classes", &mut |block| block.classes());
        measure("hits", &mut |block| {
            black_box(block.hits());
        });
        measure("scan", &mut |block| {
            black_box(block.scan());
        });
        measure("confirm", &mut |block| {
            black_box(block.confirm());
        });
        measure("decode", &mut |block| {
            black_box(block.decode());
        });
        group.bench_function(format!("whole/{}", kind.name()), |b| {
            b.iter(|| redact(&engine, &text, BLOCK));
        });
        group.finish();
    }
}

/// Whole texts through the engine.
fn texts(criterion: &mut Criterion, scanners: &[ScannerKind], bytes: u64) {
    for kind in TextKind::all() {
        let bytes = if kind.is_hostile() { bytes / 4 } else { bytes };
        let text = Text { kind, bytes, seed: SEED }.to_vec();
        for scanner in scanners {
            let Some(engine) = engine(*scanner) else { continue };
            let mut group = criterion.benchmark_group("redact");
            group.throughput(Throughput::Bytes(text.len() as u64));
            group.bench_function(format!("{}/{}", engine.scanner_name(), kind.name()), |b| {
                b.iter(|| redact(&engine, &text, text.len()));
            });
            group.finish();
        }
    }
}

/// Where matches of the default rules' patterns end, by libhs alone: no starts, no conditions, no masks, no assignments.
#[cfg(feature = "hyperscan")]
fn ends_only(criterion: &mut Criterion, bytes: u64) {
    use hyperscan::{Builder as _, Matching, Pattern, PatternFlags, Patterns};

    /// What libhs is given at once: more makes no difference.
    const BLOCK: usize = 256 << 10;
    let rules = redact_stream::RuleSet::builtin();
    let rules: Vec<_> = rules.iter().filter(|rule| rule.is_default()).collect();
    let pattern = |rule: &&redact_stream::Rule| {
        let pattern = Pattern::with_flags(rule.pattern(), PatternFlags::MULTILINE).ok()?;
        // libhs refuses some patterns, such as those with long bounded repeats.
        pattern.build::<hyperscan::BlockMode>().ok()?;
        Some(pattern)
    };
    let patterns: Patterns = rules.iter().filter_map(pattern).collect();
    let count = patterns.len();
    let database: hyperscan::BlockDatabase = match patterns.build() {
        Ok(database) => database,
        Err(error) => return eprintln!("missing: libhs alone: {error}"),
    };
    println!("libhs alone has {count} of {} patterns", rules.len());
    let scratch = database.alloc_scratch().expect("libhs has memory");
    for kind in [TextKind::Clean, TextKind::Json, TextKind::S1000] {
        let text = Text { kind, bytes, seed: SEED }.to_vec();
        let mut group = criterion.benchmark_group("ends_only");
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("libhs/{}", kind.name()), |b| {
            b.iter(|| {
                let mut ends = 0u64;
                for block in text.chunks(BLOCK) {
                    let scanned = database.scan(black_box(block), &scratch, |_, _, _, _| {
                        ends += 1;
                        Matching::Continue
                    });
                    scanned.expect("libhs scans a block");
                }
                ends
            });
        });
        group.finish();
    }
}

/// How many bytes are given at once.
fn block_size(criterion: &mut Criterion, bytes: u64) {
    let text = Text { kind: TextKind::Clean, bytes, seed: SEED }.to_vec();
    let Some(engine) = engine(ScannerKind::Auto) else { return };
    let mut group = criterion.benchmark_group("block_size");
    group.throughput(Throughput::Bytes(text.len() as u64));
    for kib in [4, 16, 64, 256, 1024] {
        group.bench_function(format!("{kib} KiB"), |b| {
            b.iter(|| redact(&engine, &text, kib << 10));
        });
    }
    group.finish();
}

/// Building an engine of the default rules.
fn start(criterion: &mut Criterion, scanners: &[ScannerKind]) {
    let mut group = criterion.benchmark_group("start");
    for scanner in scanners {
        if engine(*scanner).is_some() {
            group.bench_function(scanner.name(), |b| b.iter(|| engine(*scanner)));
        }
    }
    group.finish();
}

/// One line at a time.
fn line(criterion: &mut Criterion, bytes: u64) {
    let text = Text { kind: TextKind::S1000, bytes: bytes.min(1_000_000), seed: SEED }.to_vec();
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let Some(engine) = engine(ScannerKind::Auto) else { return };
    let mut group = criterion.benchmark_group("line");
    group.throughput(Throughput::Elements(1));
    group.bench_function("push", |b| {
        let mut stream = StreamRedactor::new(Arc::clone(&engine));
        let mut sink = Count::default();
        let mut next = lines.iter().cycle();
        b.iter(|| {
            if let Some(line) = next.next() {
                let Ok(()) = stream.push(line, &mut sink);
            }
        });
        black_box(sink);
    });
    group.finish();
}

/// Runs this program again, once for each kernel but the one that was just measured.
fn other_kernels() {
    let Ok(myself) = std::env::current_exe() else { return };
    for name in kernel::available().into_iter().skip(1) {
        let status = Command::new(&myself)
            .args(std::env::args_os().skip(1))
            .env(kernel::VARIABLE, name)
            .status();
        if !status.is_ok_and(|status| status.success()) {
            eprintln!("error: the kernel {name} could not be measured");
        }
    }
}

fn engine(scanner: ScannerKind) -> Option<Arc<Engine>> {
    match Engine::builder().scanner(scanner).scanner_strict(true).build() {
        Ok(engine) => Some(engine),
        Err(error) => {
            eprintln!("missing: {error}");
            None
        }
    }
}

fn redact(engine: &Arc<Engine>, text: &[u8], piece: usize) -> u64 {
    let mut stream = StreamRedactor::new(Arc::clone(engine));
    let mut sink = Count::default();
    for piece in text.chunks(piece) {
        let Ok(()) = stream.push(black_box(piece), &mut sink);
    }
    let Ok(()) = stream.finish(&mut sink);
    sink.0
}
