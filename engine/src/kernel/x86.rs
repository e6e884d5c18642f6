//! The kernels of x86-64 that look up 16 entries at once: AVX2, SSSE3.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::classes::{
    BASE64, ESCAPE_HIGH, ESCAPE_LOW, HIGH, LOW, NARROW, Places, STEP, Step, WORD,
};
use super::{HEAD, Hits, Isa, Job, Kernel, PAIRS};
use crate::scan::simd::symbols::{coarse, coarse_pair, coarse_second};
use crate::scan::simd::tables::{Halves, SETS, Tables};

/// A number of five bits as AVX2 and SSSE3 look it up: the lower 16 with the highest bit clear, the others with it set.
const fn code(number: u8) -> u8 {
    if number < 16 { number } else { (number - 16) | 0x80 }
}

/// The number of a code.
const fn number(code: u8) -> u8 {
    code & 15 | (code >> 7) << 4
}

/// By symbol: the code of what it adds to a pair that it is the second of.
const SECONDS: [[u8; 16]; 2] = {
    let mut all = [[0; 16]; 2];
    let mut symbol = 0;
    while symbol < 32 {
        all[symbol / 16][symbol % 16] = code(coarse_second(symbol as u8));
        symbol += 1;
    }
    all
};

/// By row (high nibble; the last two stand for two each) and low nibble: [`code`]s. Other rows have none.
const ROWS: [(i8, [u8; 16]); 5] = {
    let mut rows = [(0, [0; 16]), (2, [0; 16]), (3, [0; 16]), (4, [0; 16]), (5, [0; 16])];
    let mut row = 0;
    while row < 5 {
        let mut low = 0;
        while low < 16 {
            rows[row].1[low] = code(coarse((rows[row].0 as u8) << 4 | low as u8));
            low += 1;
        }
        row += 1;
    }
    rows
};

/// Rows 4 and 6 are alike, and 5 and 7: without this bit of the high nibble.
const FOLD_ROW: i8 = 0b1101;

/// Writes the symbols of the last bytes, which fill no step.
pub(super) fn tail(hits: &mut Hits, text: &[u8], of: impl Fn(u8) -> u8) {
    let steps = text.len() / STEP * STEP;
    for (to, byte) in hits.symbols[steps..].iter_mut().zip(&text[steps..]) {
        *to = of(*byte);
    }
}

/// Writes the numbers of the pairs that start at the last bytes.
pub(super) fn tail_of_pairs(hits: &mut Hits, text: &[u8], of: impl Fn(u8, u8) -> u8) {
    for at in text.len() / STEP * STEP..text.len() - 1 {
        hits.pairs[at] = of(hits.symbols[at], hits.symbols[at + 1]);
    }
}

pub(super) fn avx2_run<J: Job>(kernel: Kernel, job: J) -> J::Output {
    assert!(kernel.0 == Isa::Avx2);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { avx2_run_of(job) }
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
fn avx2_run_of<J: Job>(job: J) -> J::Output {
    job.run()
}

pub(super) fn avx2_classes(kernel: Kernel, steps: &[[u8; STEP]], out: Places<'_>) {
    assert!(kernel.0 == Isa::Avx2);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { avx2_classes_of(steps, out) }
}

#[target_feature(enable = "avx2")]
fn avx2_table(table: &[u8; 16]) -> __m256i {
    // SAFETY: a table is 16 bytes; the load needs no alignment.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
}

#[target_feature(enable = "avx2")]
fn avx2_classes_of(steps: &[[u8; STEP]], mut out: Places<'_>) {
    let (low, high) = (avx2_table(&LOW), avx2_table(&HIGH));
    let (zero, nibble) = (_mm256_setzero_si256(), _mm256_set1_epi8(15));
    let splat = |byte: u8| _mm256_set1_epi8(byte as i8);
    let (word, narrow, base64) = (splat(WORD), splat(NARROW), splat(BASE64));
    let (escape_low, escape_high) = (avx2_table(&ESCAPE_LOW), avx2_table(&ESCAPE_HIGH));
    for (i, step) in steps.iter().enumerate() {
        let mut classes = Step::default();
        for (half, bytes) in step.as_chunks::<32>().0.iter().enumerate() {
            // SAFETY: a half is 32 bytes; the load needs no alignment.
            let bytes = unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) };
            let l = _mm256_and_si256(bytes, nibble);
            let h = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble);
            let bits = _mm256_and_si256(_mm256_shuffle_epi8(low, l), _mm256_shuffle_epi8(high, h));
            let unset = |bits: __m256i| {
                u64::from(!_mm256_movemask_epi8(_mm256_cmpeq_epi8(bits, zero)) as u32)
                    << (32 * half)
            };
            classes.word |= unset(_mm256_and_si256(bits, word));
            classes.narrow |= unset(_mm256_and_si256(bits, narrow));
            classes.broad |= unset(bits);
            classes.base64 |= unset(_mm256_and_si256(bits, base64));
            classes.escape |= unset(_mm256_and_si256(
                _mm256_shuffle_epi8(escape_low, l),
                _mm256_shuffle_epi8(escape_high, h),
            ));
        }
        out.set(i, classes);
    }
}

pub(super) fn avx2_hits(kernel: Kernel, tables: &Tables, text: &[u8], hits: &mut Hits) {
    assert!(kernel.0 == Isa::Avx2 && text.len() / STEP <= Hits::MOST);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { avx2_hits_of(tables, text, hits) }
}

#[target_feature(enable = "avx2")]
fn avx2_hits_of(tables: &Tables, text: &[u8], hits: &mut Hits) {
    let (zero, nibble) = (_mm256_setzero_si256(), _mm256_set1_epi8(15));
    let rows: [(__m256i, __m256i); 5] =
        std::array::from_fn(|r| (_mm256_set1_epi8(ROWS[r].0), avx2_table(&ROWS[r].1)));
    let fold_row = _mm256_set1_epi8(FOLD_ROW);
    let (steps, _) = text.as_chunks::<STEP>();
    let halves = steps.as_flattened().as_chunks::<32>().0;
    for (bytes, to) in halves.iter().zip(hits.symbols.as_chunks_mut::<32>().0) {
        // SAFETY: a half is 32 bytes; the load needs no alignment.
        let bytes = unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) };
        let l = _mm256_and_si256(bytes, nibble);
        let h = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble);
        let folded = _mm256_and_si256(h, fold_row);
        let mut symbols = zero;
        for (i, (row, codes)) in rows.iter().enumerate() {
            let here = _mm256_cmpeq_epi8(if i < 3 { h } else { folded }, *row);
            let codes = _mm256_shuffle_epi8(*codes, l);
            symbols = _mm256_or_si256(symbols, _mm256_and_si256(here, codes));
        }
        // SAFETY: the place is 32 bytes; the store needs no alignment.
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), symbols) };
    }
    tail(hits, text, |byte| code(coarse(byte)));
    let highest = _mm256_set1_epi8(i8::MIN);
    let load = |codes: &[u8], from: usize| {
        let codes = &codes[from..][..32];
        // SAFETY: the slice is 32 bytes; the load needs no alignment.
        unsafe { _mm256_loadu_si256(codes.as_ptr().cast()) }
    };
    let look_up = |[lower, upper]: [__m256i; 2], codes: __m256i| {
        // A shuffle gives zero where the highest bit is set.
        let lower = _mm256_shuffle_epi8(lower, codes);
        let upper = _mm256_shuffle_epi8(upper, _mm256_xor_si256(codes, highest));
        _mm256_or_si256(lower, upper)
    };
    let halves = |table: &Halves| [avx2_table(&table[0]), avx2_table(&table[1])];
    let seconds = halves(&SECONDS);
    let halves_of_pairs = &mut hits.pairs.as_chunks_mut::<32>().0[..steps.len() * 2];
    for (half, to) in halves_of_pairs.iter_mut().enumerate() {
        let symbols = load(&hits.symbols, half * 32);
        let next = look_up(seconds, load(&hits.symbols, half * 32 + 1));
        // SAFETY: the place is 32 bytes; the store needs no alignment.
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), _mm256_xor_si256(symbols, next)) };
    }
    tail_of_pairs(hits, text, |a, b| code(coarse_pair(number(a), number(b))));
    let symbol_tables: [[[__m256i; 2]; SETS]; HEAD] =
        std::array::from_fn(|k| std::array::from_fn(|s| halves(&tables.coarse[s][k])));
    let pair_tables: [[[__m256i; 2]; SETS]; PAIRS] =
        std::array::from_fn(|k| std::array::from_fn(|s| halves(&tables.coarse_pairs[s][k])));
    for step in 0..steps.len() {
        let mut mask = 0u64;
        for half in 0..2 {
            let mut all = [_mm256_set1_epi8(-1); SETS];
            let mut narrow = |tables: &[[__m256i; 2]; SETS], codes: __m256i| {
                for (all, table) in all.iter_mut().zip(tables) {
                    *all = _mm256_and_si256(*all, look_up(*table, codes));
                }
            };
            let at = step * STEP + half * 32;
            for (k, tables) in symbol_tables.iter().enumerate() {
                narrow(tables, load(&hits.symbols, at + k));
            }
            for (k, tables) in pair_tables.iter().enumerate() {
                narrow(tables, load(&hits.pairs, at + k));
            }
            let any = all.into_iter().fold(zero, |a, b| _mm256_or_si256(a, b));
            let none = _mm256_movemask_epi8(_mm256_cmpeq_epi8(any, zero)) as u32;
            mask |= u64::from(!none) << (32 * half);
        }
        hits.masks[step] = mask;
    }
}

pub(super) fn ssse3_classes(kernel: Kernel, steps: &[[u8; STEP]], out: Places<'_>) {
    assert!(kernel.0 == Isa::Ssse3);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { ssse3_classes_of(steps, out) }
}

#[target_feature(enable = "ssse3")]
fn ssse3_table(table: &[u8; 16]) -> __m128i {
    // SAFETY: a table is 16 bytes; the load needs no alignment.
    unsafe { _mm_loadu_si128(table.as_ptr().cast()) }
}

#[target_feature(enable = "ssse3")]
fn ssse3_classes_of(steps: &[[u8; STEP]], mut out: Places<'_>) {
    let (low, high) = (ssse3_table(&LOW), ssse3_table(&HIGH));
    let (zero, nibble) = (_mm_setzero_si128(), _mm_set1_epi8(15));
    let splat = |byte: u8| _mm_set1_epi8(byte as i8);
    let (word, narrow, base64) = (splat(WORD), splat(NARROW), splat(BASE64));
    let (escape_low, escape_high) = (ssse3_table(&ESCAPE_LOW), ssse3_table(&ESCAPE_HIGH));
    for (i, step) in steps.iter().enumerate() {
        let mut classes = Step::default();
        for (quarter, bytes) in step.as_chunks::<16>().0.iter().enumerate() {
            // SAFETY: a quarter is 16 bytes; the load needs no alignment.
            let bytes = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
            let l = _mm_and_si128(bytes, nibble);
            let h = _mm_and_si128(_mm_srli_epi16(bytes, 4), nibble);
            let bits = _mm_and_si128(_mm_shuffle_epi8(low, l), _mm_shuffle_epi8(high, h));
            let unset = |bits: __m128i| {
                u64::from(!_mm_movemask_epi8(_mm_cmpeq_epi8(bits, zero)) as u16) << (16 * quarter)
            };
            classes.word |= unset(_mm_and_si128(bits, word));
            classes.narrow |= unset(_mm_and_si128(bits, narrow));
            classes.broad |= unset(bits);
            classes.base64 |= unset(_mm_and_si128(bits, base64));
            classes.escape |= unset(_mm_and_si128(
                _mm_shuffle_epi8(escape_low, l),
                _mm_shuffle_epi8(escape_high, h),
            ));
        }
        out.set(i, classes);
    }
}

pub(super) fn ssse3_hits(kernel: Kernel, tables: &Tables, text: &[u8], hits: &mut Hits) {
    assert!(kernel.0 == Isa::Ssse3 && text.len() / STEP <= Hits::MOST);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { ssse3_hits_of(tables, text, hits) }
}

#[target_feature(enable = "ssse3")]
fn ssse3_hits_of(tables: &Tables, text: &[u8], hits: &mut Hits) {
    let (zero, nibble) = (_mm_setzero_si128(), _mm_set1_epi8(15));
    let rows: [(__m128i, __m128i); 5] =
        std::array::from_fn(|r| (_mm_set1_epi8(ROWS[r].0), ssse3_table(&ROWS[r].1)));
    let fold_row = _mm_set1_epi8(FOLD_ROW);
    let (steps, _) = text.as_chunks::<STEP>();
    let quarters = steps.as_flattened().as_chunks::<16>().0;
    for (bytes, to) in quarters.iter().zip(hits.symbols.as_chunks_mut::<16>().0) {
        // SAFETY: a quarter is 16 bytes; the load needs no alignment.
        let bytes = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
        let l = _mm_and_si128(bytes, nibble);
        let h = _mm_and_si128(_mm_srli_epi16(bytes, 4), nibble);
        let folded = _mm_and_si128(h, fold_row);
        let mut symbols = zero;
        for (i, (row, codes)) in rows.iter().enumerate() {
            let here = _mm_cmpeq_epi8(if i < 3 { h } else { folded }, *row);
            symbols = _mm_or_si128(symbols, _mm_and_si128(here, _mm_shuffle_epi8(*codes, l)));
        }
        // SAFETY: the place is 16 bytes; the store needs no alignment.
        unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), symbols) };
    }
    tail(hits, text, |byte| code(coarse(byte)));
    let highest = _mm_set1_epi8(i8::MIN);
    let load = |codes: &[u8], from: usize| {
        let codes = &codes[from..][..16];
        // SAFETY: the slice is 16 bytes; the load needs no alignment.
        unsafe { _mm_loadu_si128(codes.as_ptr().cast()) }
    };
    let look_up = |[lower, upper]: [__m128i; 2], codes: __m128i| {
        // A shuffle gives zero where the highest bit is set.
        let lower = _mm_shuffle_epi8(lower, codes);
        let upper = _mm_shuffle_epi8(upper, _mm_xor_si128(codes, highest));
        _mm_or_si128(lower, upper)
    };
    let halves = |table: &Halves| [ssse3_table(&table[0]), ssse3_table(&table[1])];
    let seconds = halves(&SECONDS);
    let quarters_of_pairs = &mut hits.pairs.as_chunks_mut::<16>().0[..steps.len() * 4];
    for (quarter, to) in quarters_of_pairs.iter_mut().enumerate() {
        let symbols = load(&hits.symbols, quarter * 16);
        let next = look_up(seconds, load(&hits.symbols, quarter * 16 + 1));
        // SAFETY: the place is 16 bytes; the store needs no alignment.
        unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), _mm_xor_si128(symbols, next)) };
    }
    tail_of_pairs(hits, text, |a, b| code(coarse_pair(number(a), number(b))));
    let symbol_tables: [[[__m128i; 2]; SETS]; HEAD] =
        std::array::from_fn(|k| std::array::from_fn(|s| halves(&tables.coarse[s][k])));
    let pair_tables: [[[__m128i; 2]; SETS]; PAIRS] =
        std::array::from_fn(|k| std::array::from_fn(|s| halves(&tables.coarse_pairs[s][k])));
    for step in 0..steps.len() {
        let mut mask = 0u64;
        for quarter in 0..4 {
            let mut all = [_mm_set1_epi8(-1); SETS];
            let mut narrow = |tables: &[[__m128i; 2]; SETS], codes: __m128i| {
                for (all, table) in all.iter_mut().zip(tables) {
                    *all = _mm_and_si128(*all, look_up(*table, codes));
                }
            };
            let at = step * STEP + quarter * 16;
            for (k, tables) in symbol_tables.iter().enumerate() {
                narrow(tables, load(&hits.symbols, at + k));
            }
            for (k, tables) in pair_tables.iter().enumerate() {
                narrow(tables, load(&hits.pairs, at + k));
            }
            let any = all.into_iter().fold(zero, |a, b| _mm_or_si128(a, b));
            let none = _mm_movemask_epi8(_mm_cmpeq_epi8(any, zero)) as u16;
            mask |= u64::from(!none) << (16 * quarter);
        }
        hits.masks[step] = mask;
    }
}
