//! Memory: nothing is allocated for clean lines, and a line without end does not grow the process.

use std::alloc::System;
use std::convert::Infallible;

use redact_stream::{Finding, ScannerKind, Sink, StreamRedactor};
use redact_tests::Setup;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Counts instead of keeping.
#[derive(Default)]
struct Count {
    bytes: u64,
    findings: u64,
}

impl Sink for Count {
    type Error = Infallible;

    fn clean(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn masked(&mut self, _: &Finding, _: &[u8]) -> Result<(), Infallible> {
        self.findings += 1;
        Ok(())
    }
}

/// Bytes that live, beyond those at the region's start.
fn growth(region: &Region<'_, System>) -> isize {
    let change = region.change();
    change.bytes_allocated as isize - change.bytes_deallocated as isize
}

// One test, one thread: the counters are the process'.
#[test]
fn memory_is_bounded() {
    clean_lines_allocate_nothing();
    lines_with_secrets_allocate_no_more_than_they_did_before();
    a_line_without_end_is_held_in_a_window();
}

fn clean_lines_allocate_nothing() {
    let mut stream = StreamRedactor::new(Setup::builtin().engine(ScannerKind::Auto, false));
    let mut sink = Count::default();
    let block = b"2026-03-14T09:26:53.589Z INFO billing request id=7d3f status=200 bytes=91220\n"
        .repeat(2000);
    let Ok(()) = stream.push(&block, &mut sink);
    // The counters are the process', and the test harness has a thread of its own: what allocates does so each time.
    let mut allocations = || {
        let region = Region::new(ALLOCATOR);
        for _ in 0..20 {
            let Ok(()) = stream.push(&block, &mut sink);
        }
        region.change().allocations + region.change().reallocations
    };
    assert_eq!((0..5).map(|_| allocations()).min(), Some(0));
    assert_eq!(sink.bytes, 101 * block.len() as u64);
}

fn lines_with_secrets_allocate_no_more_than_they_did_before() {
    let mut stream = StreamRedactor::new(Setup::builtin().engine(ScannerKind::Auto, false));
    let mut sink = Count::default();
    let block = b"level=info db=postgres://app:only-for-docs-42@db/x password=only-for-docs-43\n"
        .repeat(500);
    for _ in 0..3 {
        let Ok(()) = stream.push(&block, &mut sink);
    }
    let region = Region::new(ALLOCATOR);
    for _ in 0..50 {
        let Ok(()) = stream.push(&block, &mut sink);
    }
    assert!(growth(&region) < 64 << 10, "grew by {} bytes", growth(&region));
    assert_eq!(sink.findings, 53 * 1000);
}

fn a_line_without_end_is_held_in_a_window() {
    // 64 MiB for the first, less for the rest: the bound does not depend on it.
    let fillers: [(&[u8], usize); 6] = [
        (b"\0", 1024),
        (b"a", 64),
        (b"{\"k\":[1,2,3]},", 64),
        (b"eyJ", 64),
        (b"password=", 64),
        (b"-----BEGIN PRIVATE KEY-----", 64),
    ];
    for (filler, blocks) in fillers {
        let mut stream = StreamRedactor::new(Setup::builtin().engine(ScannerKind::Auto, true));
        let mut sink = Count::default();
        let block = filler.repeat((64 << 10) / filler.len());
        let region = Region::new(ALLOCATOR);
        let mut most = 0;
        for _ in 0..blocks {
            let Ok(()) = stream.push(&block, &mut sink);
            most = most.max(growth(&region));
        }
        let Ok(()) = stream.finish(&mut sink);
        println!("{}: {most} bytes", filler.escape_ascii());
        assert!(most < 16 << 20, "{}: {most} bytes", filler.escape_ascii());
        assert!(stream.stats().bytes == (blocks * block.len()) as u64);
    }
}
