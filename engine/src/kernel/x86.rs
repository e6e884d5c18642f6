//! The kernels of x86-64: AVX-512 VBMI, AVX2, SSSE3.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::classes::{
    BASE64, CLASS_BITS, ESCAPE_HIGH, ESCAPE_LOW, HIGH, LOW, NARROW, Places, STEP, Step, WORD,
};
use super::{Few, HEAD, Hits, Isa, Job, Kernel, PAIRS};
use crate::scan::simd::symbols::{
    coarse, coarse_pair, coarse_second, fine_pair, fine_second, symbol,
};
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

/// By ASCII byte: its symbol.
const SYMBOLS: [u8; 128] = {
    let mut all = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        all[byte] = symbol(byte as u8);
        byte += 1;
    }
    all
};

/// By symbol: what it adds to a pair that it is the second of.
const FINE_SECONDS: [u8; 64] = {
    let mut all = [0; 64];
    let mut symbol = 0;
    while symbol < 64 {
        all[symbol] = fine_second(symbol as u8);
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
fn tail(hits: &mut Hits, text: &[u8], of: impl Fn(u8) -> u8) {
    let steps = text.len() / STEP * STEP;
    for (to, byte) in hits.symbols[steps..].iter_mut().zip(&text[steps..]) {
        *to = of(*byte);
    }
}

/// Writes the numbers of the pairs that start at the last bytes.
fn tail_of_pairs(hits: &mut Hits, text: &[u8], of: impl Fn(u8, u8) -> u8) {
    for at in text.len() / STEP * STEP..text.len() - 1 {
        hits.pairs[at] = of(hits.symbols[at], hits.symbols[at + 1]);
    }
}

pub(super) fn vbmi_run<J: Job>(kernel: Kernel, job: J) -> J::Output {
    assert!(kernel.0 == Isa::Vbmi);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { vbmi_run_of(job) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,popcnt")]
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

pub(super) fn vbmi_classes(kernel: Kernel, steps: &[[u8; STEP]], out: Places<'_>) {
    assert!(kernel.0 == Isa::Vbmi);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { vbmi_classes_of(steps, out) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn vbmi_classes_of(steps: &[[u8; STEP]], mut out: Places<'_>) {
    let table = |from: usize| {
        // SAFETY: 64 bytes from `from` (0 or 64) are in the table of 256; the load needs no alignment.
        unsafe { _mm512_loadu_si512(CLASS_BITS.as_ptr().wrapping_add(from).cast()) }
    };
    let (first, second) = (table(0), table(64));
    let splat = |byte: u8| _mm512_set1_epi8(byte as i8);
    let (word, narrow, base64) = (splat(WORD), splat(NARROW), splat(BASE64));
    let (escape, backslash, percent) = (splat(0x1b), splat(b'\\'), splat(b'%'));
    for (i, step) in steps.iter().enumerate() {
        // SAFETY: a step is 64 bytes; the load needs no alignment.
        let bytes = unsafe { _mm512_loadu_si512(step.as_ptr().cast()) };
        // Bytes from 128 are of no class; the look-up ignores their highest bit.
        let bits = _mm512_permutex2var_epi8(first, bytes, second);
        let ascii = !_mm512_movepi8_mask(bytes);
        out.set(
            i,
            Step {
                word: ascii & _mm512_test_epi8_mask(bits, word),
                narrow: ascii & _mm512_test_epi8_mask(bits, narrow),
                broad: ascii & _mm512_test_epi8_mask(bits, bits),
                base64: ascii & _mm512_test_epi8_mask(bits, base64),
                escape: _mm512_cmpeq_epi8_mask(bytes, escape)
                    | _mm512_cmpeq_epi8_mask(bytes, backslash)
                    | _mm512_cmpeq_epi8_mask(bytes, percent),
            },
        );
    }
}

pub(super) fn vbmi_positions(kernel: Kernel, first: u32, masks: &[u64], out: &mut Vec<u32>) {
    assert!(kernel.0 == Isa::Vbmi);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { vbmi_positions_of(first, masks, out) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,popcnt")]
fn vbmi_positions_of(first: u32, masks: &[u64], out: &mut Vec<u32>) {
    const BITS: [u8; STEP] = {
        let mut bits = [0; STEP];
        let mut bit = 0;
        while bit < STEP {
            bits[bit] = bit as u8;
            bit += 1;
        }
        bits
    };
    const LANES: usize = 16;
    // SAFETY: the array is 64 bytes; the load needs no alignment.
    let bits = unsafe { _mm512_loadu_si512(BITS.as_ptr().cast()) };
    let mut len = out.len();
    out.reserve(masks.len() * STEP + LANES);
    for (mask, base) in masks.iter().zip((first..).step_by(STEP)) {
        let chosen = _mm512_maskz_compress_epi8(*mask, bits);
        let base = _mm512_set1_epi32(base as i32);
        let count = mask.count_ones() as usize;
        let mut store = |part: __m128i, from: usize| {
            let positions = _mm512_add_epi32(base, _mm512_cvtepu8_epi32(part));
            // SAFETY: `len` grows by at most 64 a mask, and `from` is below 64 - 15: with what was reserved, there is room for
            // 16 more behind it. The store needs no alignment.
            unsafe { _mm512_storeu_si512(out.as_mut_ptr().add(len + from).cast(), positions) };
        };
        store(_mm512_castsi512_si128(chosen), 0);
        if count > LANES {
            store(_mm512_extracti32x4_epi32::<1>(chosen), LANES);
            store(_mm512_extracti32x4_epi32::<2>(chosen), 2 * LANES);
            store(_mm512_extracti32x4_epi32::<3>(chosen), 3 * LANES);
        }
        len += count;
    }
    // SAFETY: the first `len` were written: of each mask as many as it has bits, one behind the other.
    unsafe { out.set_len(len) };
}

pub(super) fn vbmi_hits(kernel: Kernel, tables: &Tables, text: &[u8], hits: &mut Hits) {
    assert!(kernel.0 == Isa::Vbmi && text.len() / STEP <= Hits::MOST);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { vbmi_hits_of(tables, text, hits) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn vbmi_hits_of(tables: &Tables, text: &[u8], hits: &mut Hits) {
    let load = |bytes: &[u8], from: usize| {
        let bytes = &bytes[from..][..STEP];
        // SAFETY: the slice is 64 bytes; the load needs no alignment.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    };
    let store = |to: &mut [u8; STEP], bytes: __m512i| {
        // SAFETY: the place is 64 bytes; the store needs no alignment.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), bytes) };
    };
    let (first, second) = (load(&SYMBOLS, 0), load(&SYMBOLS, 64));
    let (steps, _) = text.as_chunks::<STEP>();
    for (step, to) in steps.iter().zip(hits.symbols.as_chunks_mut::<STEP>().0) {
        let bytes = load(step, 0);
        let symbols = _mm512_permutex2var_epi8(first, bytes, second);
        store(to, _mm512_maskz_mov_epi8(!_mm512_movepi8_mask(bytes), symbols));
    }
    tail(hits, text, symbol);
    let seconds = load(&FINE_SECONDS, 0);
    for (step, to) in hits.pairs.as_chunks_mut::<STEP>().0[..steps.len()].iter_mut().enumerate() {
        let symbol = load(&hits.symbols, step * STEP);
        let next = load(&hits.symbols, step * STEP + 1);
        store(to, _mm512_xor_si512(symbol, _mm512_permutexvar_epi8(next, seconds)));
    }
    tail_of_pairs(hits, text, fine_pair);
    let table: [[__m512i; HEAD]; SETS] =
        std::array::from_fn(|s| std::array::from_fn(|k| load(&tables.fine[s][k], 0)));
    let pair_table: [[__m512i; PAIRS]; SETS] =
        std::array::from_fn(|s| std::array::from_fn(|k| load(&tables.fine_pairs[s][k], 0)));
    for step in 0..steps.len() {
        let at: [__m512i; HEAD] = std::array::from_fn(|k| load(&hits.symbols, step * STEP + k));
        let pair: [__m512i; PAIRS] = std::array::from_fn(|k| load(&hits.pairs, step * STEP + k));
        let mut any = _mm512_setzero_si512();
        for s in 0..SETS {
            let symbol = |k: usize| _mm512_permutexvar_epi8(at[k], table[s][k]);
            let pair = |k: usize| _mm512_permutexvar_epi8(pair[k], pair_table[s][k]);
            let all = (1..HEAD).fold(symbol(0), |all, k| _mm512_and_si512(all, symbol(k)));
            let all = (0..PAIRS).fold(all, |all, k| _mm512_and_si512(all, pair(k)));
            any = _mm512_or_si512(any, all);
        }
        hits.masks[step] = _mm512_test_epi8_mask(any, any);
    }
}

/// Hits and classes of a text between line ends.
pub(super) fn vbmi_few(kernel: Kernel, tables: &Tables, text: &[u8], few: &mut Few) {
    assert!(kernel.0 == Isa::Vbmi && text.len() <= Few::LONGEST);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { vbmi_few_of(tables, text, few) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
fn vbmi_few_of(tables: &Tables, text: &[u8], few: &mut Few) {
    let load = |bytes: &[u8; STEP]| {
        // SAFETY: the array is 64 bytes; the load needs no alignment.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    };
    let halves = |table: &[u8]| {
        let (halves, _) = table.as_chunks::<STEP>();
        (load(&halves[0]), load(&halves[1]))
    };
    let splat = |byte: u8| _mm512_set1_epi8(byte as i8);
    let line_ends = splat(b'\n');
    // The bytes from the first on, but for one that stands before it if that is less than the text's first: no copy of the
    // text, since what was just written in pieces cannot be read at once.
    let bytes_from = |first: usize| {
        let lanes = _bzhi_u64(!0, (text.len() + 1).saturating_sub(first).min(STEP) as u32);
        let lanes = if first == 0 { lanes & !1 } else { lanes };
        let from = text.as_ptr().wrapping_add(first).wrapping_sub(1);
        // SAFETY: lane `i` is byte `first - 1 + i` of the text, and is read only if there is one: those from `text.len()` on
        // are left out, and where `first` is 0, the one before the start.
        unsafe { _mm512_mask_loadu_epi8(line_ends, lanes, from.cast()) }
    };
    let (first, second) = halves(&SYMBOLS);
    let seconds = load(&FINE_SECONDS);
    let (first_bits, second_bits) = halves(&CLASS_BITS);
    let (word, narrow, base64) = (splat(WORD), splat(NARROW), splat(BASE64));
    let (escape, backslash, percent) = (splat(0x1b), splat(b'\\'), splat(b'%'));
    for step in 0..few.steps {
        // They are too many for the registers. Where the compiler sees that each turn reads the same, it keeps a copy on the
        // stack, and to make that takes longer than all else.
        let tables = std::hint::black_box(tables);
        let bytes: [__m512i; HEAD] = std::array::from_fn(|k| bytes_from(step * STEP + k));
        let ascii = bytes.map(|bytes| !_mm512_movepi8_mask(bytes));
        let at: [__m512i; HEAD] = std::array::from_fn(|k| {
            _mm512_maskz_permutex2var_epi8(ascii[k], first, bytes[k], second)
        });
        let pair: [__m512i; PAIRS] = std::array::from_fn(|k| {
            _mm512_xor_si512(at[k], _mm512_permutexvar_epi8(at[k + 1], seconds))
        });
        let mut any = _mm512_setzero_si512();
        for s in 0..SETS {
            let symbol = |k: usize| _mm512_permutexvar_epi8(at[k], load(&tables.fine[s][k]));
            let pair = |k: usize| _mm512_permutexvar_epi8(pair[k], load(&tables.fine_pairs[s][k]));
            let all = (1..HEAD).fold(symbol(0), |all, k| _mm512_and_si512(all, symbol(k)));
            let all = (0..PAIRS).fold(all, |all, k| _mm512_and_si512(all, pair(k)));
            any = _mm512_or_si512(any, all);
        }
        let bits = _mm512_maskz_permutex2var_epi8(ascii[0], first_bits, bytes[0], second_bits);
        few.set(
            step,
            _mm512_test_epi8_mask(any, any),
            Step {
                word: _mm512_test_epi8_mask(bits, word),
                narrow: _mm512_test_epi8_mask(bits, narrow),
                broad: _mm512_test_epi8_mask(bits, bits),
                base64: _mm512_test_epi8_mask(bits, base64),
                escape: _mm512_cmpeq_epi8_mask(bytes[0], escape)
                    | _mm512_cmpeq_epi8_mask(bytes[0], backslash)
                    | _mm512_cmpeq_epi8_mask(bytes[0], percent),
            },
        );
    }
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
