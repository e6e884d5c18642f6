//! The kernel of x86-64 with AVX-512 VBMI, which looks up 64 or 128 entries at once.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::classes::{BASE64, CLASS_BITS, NARROW, Places, STEP, Step, WORD};
use super::x86::{tail, tail_of_pairs};
use super::{Few, HEAD, Hits, Isa, Job, Kernel, PAIRS};
use crate::scan::simd::symbols::{fine_pair, fine_second, symbol};
use crate::scan::simd::tables::{SETS, Tables};

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

pub(super) fn run<J: Job>(kernel: Kernel, job: J) -> J::Output {
    assert!(kernel.0 == Isa::Vbmi);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { run_of(job) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,popcnt")]
fn run_of<J: Job>(job: J) -> J::Output {
    job.run()
}

pub(super) fn classes(kernel: Kernel, steps: &[[u8; STEP]], out: Places<'_>) {
    assert!(kernel.0 == Isa::Vbmi);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { classes_of(steps, out) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn classes_of(steps: &[[u8; STEP]], mut out: Places<'_>) {
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

pub(super) fn positions(kernel: Kernel, first: u32, masks: &[u64], out: &mut Vec<u32>) {
    assert!(kernel.0 == Isa::Vbmi);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { positions_of(first, masks, out) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,popcnt")]
fn positions_of(first: u32, masks: &[u64], out: &mut Vec<u32>) {
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

pub(super) fn hits(kernel: Kernel, tables: &Tables, text: &[u8], hits: &mut Hits) {
    assert!(kernel.0 == Isa::Vbmi && text.len() / STEP <= Hits::MOST);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { hits_of(tables, text, hits) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn hits_of(tables: &Tables, text: &[u8], hits: &mut Hits) {
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
pub(super) fn few(kernel: Kernel, tables: &Tables, text: &[u8], few: &mut Few) {
    assert!(kernel.0 == Isa::Vbmi && text.len() <= Few::LONGEST);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have its features.
    unsafe { few_of(tables, text, few) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
fn few_of(tables: &Tables, text: &[u8], few: &mut Few) {
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
