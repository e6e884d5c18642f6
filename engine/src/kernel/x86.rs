//! The kernels of x86-64: AVX-512 VBMI, AVX2, SSSE3.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::classes::{
    BASE64, CLASS_BITS, Classes, ESCAPE_HIGH, ESCAPE_LOW, HIGH, LOW, NARROW, STEP, WORD,
};
use super::{HEAD, Hits, Isa, Job, Kernel};
use crate::scan::simd::symbols::{coarse, symbol};
use crate::scan::simd::tables::{SETS, Tables};

/// By symbol in five bits: what AVX2 and SSSE3 look up, the lower 16 with the highest bit clear, the others with it set.
const fn code(byte: u8) -> u8 {
    let coarse = coarse(byte);
    if coarse < 16 { coarse } else { (coarse - 16) | 0x80 }
}

/// By row (high nibble; the last two stand for two each) and low nibble: [`code`]s. Other rows have none.
const ROWS: [(i8, [u8; 16]); 5] = {
    let mut rows = [(0, [0; 16]), (2, [0; 16]), (3, [0; 16]), (4, [0; 16]), (5, [0; 16])];
    let mut row = 0;
    while row < 5 {
        let mut low = 0;
        while low < 16 {
            rows[row].1[low] = code((rows[row].0 as u8) << 4 | low as u8);
            low += 1;
        }
        row += 1;
    }
    rows
};

/// Rows 4 and 6 are alike, and 5 and 7: without this bit of the high nibble.
const FOLD_ROW: i8 = 0b1101;

/// Writes the symbols of the last bytes, which fill no step.
fn tail(hits: &mut Hits, text: &[u8], of: impl Fn(u8) -> u8) {
    let steps = text.len() / STEP * STEP;
    for (to, byte) in hits.symbols[steps..].iter_mut().zip(&text[steps..]) {
        *to = of(*byte);
    }
}

pub(super) fn vbmi_run<J: Job>(kernel: Kernel, job: J) -> J::Output {
    assert!(kernel.0 == Isa::Vbmi);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { vbmi_run_of(job) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx2,bmi1,bmi2,popcnt")]
fn vbmi_run_of<J: Job>(job: J) -> J::Output {
    job.run()
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

pub(super) fn vbmi_classes(kernel: Kernel, steps: &[[u8; STEP]], out: &mut Vec<Classes>) {
    assert!(kernel.0 == Isa::Vbmi);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { vbmi_classes_of(steps, out) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn vbmi_classes_of(steps: &[[u8; STEP]], out: &mut Vec<Classes>) {
    let table = |from: usize| {
        // SAFETY: 64 bytes from `from` (0 or 64) are in the table of 256; the load needs no alignment.
        unsafe { _mm512_loadu_si512(CLASS_BITS.as_ptr().wrapping_add(from).cast()) }
    };
    let (first, second) = (table(0), table(64));
    let splat = |byte: u8| _mm512_set1_epi8(byte as i8);
    let (word, narrow, base64) = (splat(WORD), splat(NARROW), splat(BASE64));
    let (escape, backslash, percent) = (splat(0x1b), splat(b'\\'), splat(b'%'));
    out.reserve(steps.len());
    for step in steps {
        // SAFETY: a step is 64 bytes; the load needs no alignment.
        let bytes = unsafe { _mm512_loadu_si512(step.as_ptr().cast()) };
        // Bytes from 128 are of no class; the look-up ignores their highest bit.
        let bits = _mm512_permutex2var_epi8(first, bytes, second);
        let ascii = !_mm512_movepi8_mask(bytes);
        out.push(Classes {
            word: ascii & _mm512_test_epi8_mask(bits, word),
            narrow: ascii & _mm512_test_epi8_mask(bits, narrow),
            broad: ascii & _mm512_test_epi8_mask(bits, bits),
            base64: ascii & _mm512_test_epi8_mask(bits, base64),
            escape: _mm512_cmpeq_epi8_mask(bytes, escape)
                | _mm512_cmpeq_epi8_mask(bytes, backslash)
                | _mm512_cmpeq_epi8_mask(bytes, percent),
        });
    }
}

pub(super) fn vbmi_hits(
    kernel: Kernel,
    tables: &Tables,
    text: &[u8],
    from: usize,
    hits: &mut Hits,
) {
    assert!(kernel.0 == Isa::Vbmi && text.len() / STEP <= Hits::MOST);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { vbmi_hits_of(tables, text, from, hits) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn vbmi_hits_of(tables: &Tables, text: &[u8], from: usize, hits: &mut Hits) {
    const SYMBOLS: [u8; 128] = {
        let mut all = [0; 128];
        let mut byte = 0;
        while byte < 128 {
            all[byte] = symbol(byte as u8);
            byte += 1;
        }
        all
    };
    let table = |from: usize| {
        // SAFETY: 64 bytes from `from` (0 or 64) are in the table of 128; the load needs no alignment.
        unsafe { _mm512_loadu_si512(SYMBOLS.as_ptr().wrapping_add(from).cast()) }
    };
    let (first, second) = (table(0), table(64));
    let (steps, _) = text.as_chunks::<STEP>();
    for (step, to) in steps.iter().zip(hits.symbols.as_chunks_mut::<STEP>().0) {
        // SAFETY: a step is 64 bytes; the load needs no alignment.
        let bytes = unsafe { _mm512_loadu_si512(step.as_ptr().cast()) };
        let symbols = _mm512_permutex2var_epi8(first, bytes, second);
        let symbols = _mm512_maskz_mov_epi8(!_mm512_movepi8_mask(bytes), symbols);
        // SAFETY: the place is 64 bytes; the store needs no alignment.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), symbols) };
    }
    tail(hits, text, symbol);
    let load = |table: &[u8; 64]| {
        // SAFETY: a table is 64 bytes; the load needs no alignment.
        unsafe { _mm512_loadu_si512(table.as_ptr().cast()) }
    };
    let table: [[__m512i; HEAD]; SETS] =
        std::array::from_fn(|s| std::array::from_fn(|k| load(&tables.fine[s][k])));
    for step in 0..steps.len() {
        let at: [__m512i; HEAD] = std::array::from_fn(|k| {
            let symbols = &hits.symbols[step * STEP + k..][..STEP];
            // SAFETY: the slice is 64 bytes; the load needs no alignment.
            unsafe { _mm512_loadu_si512(symbols.as_ptr().cast()) }
        });
        let mut any = _mm512_setzero_si512();
        for set in &table {
            let of = |k: usize| _mm512_permutexvar_epi8(at[k], set[k]);
            let all = (1..HEAD).fold(of(0), |all, k| _mm512_and_si512(all, of(k)));
            any = _mm512_or_si512(any, all);
        }
        hits.push(from + step * STEP, _mm512_test_epi8_mask(any, any));
    }
}

pub(super) fn avx2_classes(kernel: Kernel, steps: &[[u8; STEP]], out: &mut Vec<Classes>) {
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
fn avx2_classes_of(steps: &[[u8; STEP]], out: &mut Vec<Classes>) {
    let (low, high) = (avx2_table(&LOW), avx2_table(&HIGH));
    let (zero, nibble) = (_mm256_setzero_si256(), _mm256_set1_epi8(15));
    let splat = |byte: u8| _mm256_set1_epi8(byte as i8);
    let (word, narrow, base64) = (splat(WORD), splat(NARROW), splat(BASE64));
    let (escape_low, escape_high) = (avx2_table(&ESCAPE_LOW), avx2_table(&ESCAPE_HIGH));
    out.reserve(steps.len());
    for step in steps {
        let mut classes = Classes::default();
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
        out.push(classes);
    }
}

pub(super) fn avx2_hits(
    kernel: Kernel,
    tables: &Tables,
    text: &[u8],
    from: usize,
    hits: &mut Hits,
) {
    assert!(kernel.0 == Isa::Avx2 && text.len() / STEP <= Hits::MOST);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { avx2_hits_of(tables, text, from, hits) }
}

#[target_feature(enable = "avx2")]
fn avx2_hits_of(tables: &Tables, text: &[u8], from: usize, hits: &mut Hits) {
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
    tail(hits, text, code);
    let (lower, upper): ([[__m256i; HEAD]; SETS], [[__m256i; HEAD]; SETS]) = (
        std::array::from_fn(|s| std::array::from_fn(|k| avx2_table(&tables.coarse[s][k][0]))),
        std::array::from_fn(|s| std::array::from_fn(|k| avx2_table(&tables.coarse[s][k][1]))),
    );
    let highest = _mm256_set1_epi8(i8::MIN);
    for step in 0..steps.len() {
        let mut mask = 0u64;
        for half in 0..2 {
            let mut all = [_mm256_set1_epi8(-1); SETS];
            for k in 0..HEAD {
                let symbols = &hits.symbols[step * STEP + half * 32 + k..][..32];
                // SAFETY: the slice is 32 bytes; the load needs no alignment.
                let low = unsafe { _mm256_loadu_si256(symbols.as_ptr().cast()) };
                // A shuffle gives zero where the highest bit is set.
                let high = _mm256_xor_si256(low, highest);
                for s in 0..SETS {
                    let bits = _mm256_or_si256(
                        _mm256_shuffle_epi8(lower[s][k], low),
                        _mm256_shuffle_epi8(upper[s][k], high),
                    );
                    all[s] = _mm256_and_si256(all[s], bits);
                }
            }
            let any = all.into_iter().fold(zero, |a, b| _mm256_or_si256(a, b));
            let none = _mm256_movemask_epi8(_mm256_cmpeq_epi8(any, zero)) as u32;
            mask |= u64::from(!none) << (32 * half);
        }
        hits.push(from + step * STEP, mask);
    }
}

pub(super) fn ssse3_classes(kernel: Kernel, steps: &[[u8; STEP]], out: &mut Vec<Classes>) {
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
fn ssse3_classes_of(steps: &[[u8; STEP]], out: &mut Vec<Classes>) {
    let (low, high) = (ssse3_table(&LOW), ssse3_table(&HIGH));
    let (zero, nibble) = (_mm_setzero_si128(), _mm_set1_epi8(15));
    let splat = |byte: u8| _mm_set1_epi8(byte as i8);
    let (word, narrow, base64) = (splat(WORD), splat(NARROW), splat(BASE64));
    let (escape_low, escape_high) = (ssse3_table(&ESCAPE_LOW), ssse3_table(&ESCAPE_HIGH));
    out.reserve(steps.len());
    for step in steps {
        let mut classes = Classes::default();
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
        out.push(classes);
    }
}

pub(super) fn ssse3_hits(
    kernel: Kernel,
    tables: &Tables,
    text: &[u8],
    from: usize,
    hits: &mut Hits,
) {
    assert!(kernel.0 == Isa::Ssse3 && text.len() / STEP <= Hits::MOST);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { ssse3_hits_of(tables, text, from, hits) }
}

#[target_feature(enable = "ssse3")]
fn ssse3_hits_of(tables: &Tables, text: &[u8], from: usize, hits: &mut Hits) {
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
    tail(hits, text, code);
    let (lower, upper): ([[__m128i; HEAD]; SETS], [[__m128i; HEAD]; SETS]) = (
        std::array::from_fn(|s| std::array::from_fn(|k| ssse3_table(&tables.coarse[s][k][0]))),
        std::array::from_fn(|s| std::array::from_fn(|k| ssse3_table(&tables.coarse[s][k][1]))),
    );
    let highest = _mm_set1_epi8(i8::MIN);
    for step in 0..steps.len() {
        let mut mask = 0u64;
        for quarter in 0..4 {
            let mut all = [_mm_set1_epi8(-1); SETS];
            for k in 0..HEAD {
                let symbols = &hits.symbols[step * STEP + quarter * 16 + k..][..16];
                // SAFETY: the slice is 16 bytes; the load needs no alignment.
                let low = unsafe { _mm_loadu_si128(symbols.as_ptr().cast()) };
                // A shuffle gives zero where the highest bit is set.
                let high = _mm_xor_si128(low, highest);
                for s in 0..SETS {
                    let bits = _mm_or_si128(
                        _mm_shuffle_epi8(lower[s][k], low),
                        _mm_shuffle_epi8(upper[s][k], high),
                    );
                    all[s] = _mm_and_si128(all[s], bits);
                }
            }
            let any = all.into_iter().fold(zero, |a, b| _mm_or_si128(a, b));
            let none = _mm_movemask_epi8(_mm_cmpeq_epi8(any, zero)) as u16;
            mask |= u64::from(!none) << (16 * quarter);
        }
        hits.push(from + step * STEP, mask);
    }
}
