//! The kernel of aarch64: NEON.

#![allow(unsafe_code)]

use std::arch::aarch64::*;

use super::classes::{
    BASE64, ESCAPE_HIGH, ESCAPE_LOW, HIGH, LOW, NARROW, Places, STEP, Step, WORD,
};
use super::{HEAD, Hits, Isa, Kernel, PAIRS};
use crate::scan::simd::symbols::{coarse, coarse_pair, coarse_second};
use crate::scan::simd::tables::{Halves, SETS, Tables};

/// By ASCII byte: its symbol in five bits.
const SYMBOLS: [u8; 128] = {
    let mut all = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        all[byte] = coarse(byte as u8);
        byte += 1;
    }
    all
};

/// By symbol: what it adds to a pair that it is the second of.
const SECONDS: Halves = {
    let mut all = [[0; 16]; 2];
    let mut symbol = 0;
    while symbol < 32 {
        all[symbol / 16][symbol % 16] = coarse_second(symbol as u8);
        symbol += 1;
    }
    all
};

pub(super) fn neon_classes(kernel: Kernel, steps: &[[u8; STEP]], out: Places<'_>) {
    assert!(kernel.0 == Isa::Neon);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have NEON.
    unsafe { classes_of(steps, out) }
}

#[target_feature(enable = "neon")]
fn load(bytes: &[u8; 16]) -> uint8x16_t {
    // SAFETY: the array is 16 bytes; the load needs no alignment.
    unsafe { vld1q_u8(bytes.as_ptr()) }
}

#[target_feature(enable = "neon")]
fn classes_of(steps: &[[u8; STEP]], mut out: Places<'_>) {
    let (low, high) = (load(&LOW), load(&HIGH));
    let (escape_low, escape_high) = (load(&ESCAPE_LOW), load(&ESCAPE_HIGH));
    let nibble = vdupq_n_u8(15);
    for (i, step) in steps.iter().enumerate() {
        let mut classes = Step::default();
        for (quarter, bytes) in step.as_chunks::<16>().0.iter().enumerate() {
            let bytes = load(bytes);
            let l = vandq_u8(bytes, nibble);
            let h = vshrq_n_u8::<4>(bytes);
            let bits = vandq_u8(vqtbl1q_u8(low, l), vqtbl1q_u8(high, h));
            let set = |mask: uint8x16_t| u64::from(bits_of(mask)) << (16 * quarter);
            let of = |class: u8| set(vtstq_u8(bits, vdupq_n_u8(class)));
            classes.word |= of(WORD);
            classes.narrow |= of(NARROW);
            classes.broad |= set(vtstq_u8(bits, bits));
            classes.base64 |= of(BASE64);
            let escapes = vandq_u8(vqtbl1q_u8(escape_low, l), vqtbl1q_u8(escape_high, h));
            classes.escape |= set(vtstq_u8(escapes, escapes));
        }
        out.set(i, classes);
    }
}

pub(super) fn neon_hits(kernel: Kernel, tables: &Tables, text: &[u8], hits: &mut Hits) {
    assert!(kernel.0 == Isa::Neon && text.len() / STEP <= Hits::MOST);
    // SAFETY: a kernel of this `Isa` exists only where `Kernel::available` found the CPU to have NEON.
    unsafe { hits_of(tables, text, hits) }
}

#[target_feature(enable = "neon")]
fn hits_of(tables: &Tables, text: &[u8], hits: &mut Hits) {
    let (quarters_of_symbols, _) = SYMBOLS.as_chunks::<16>();
    let table = |from: usize| {
        let of = |i: usize| load(&quarters_of_symbols[from + i]);
        uint8x16x4_t(of(0), of(1), of(2), of(3))
    };
    let (first, second) = (table(0), table(4));
    let (steps, _) = text.as_chunks::<STEP>();
    let quarters = steps.as_flattened().as_chunks::<16>().0;
    for (bytes, to) in quarters.iter().zip(hits.symbols.as_chunks_mut::<16>().0) {
        let bytes = load(bytes);
        // A look-up gives zero where the index is 64 or more.
        let symbols =
            vorrq_u8(vqtbl4q_u8(first, bytes), vqtbl4q_u8(second, vsubq_u8(bytes, vdupq_n_u8(64))));
        // SAFETY: the place is 16 bytes; the store needs no alignment.
        unsafe { vst1q_u8(to.as_mut_ptr(), symbols) };
    }
    let whole = steps.len() * STEP;
    for (to, byte) in hits.symbols[whole..].iter_mut().zip(&text[whole..]) {
        *to = coarse(*byte);
    }
    let halves = |[lower, upper]: &Halves| uint8x16x2_t(load(lower), load(upper));
    let at = |codes: &[u8], from: usize| {
        load(codes[from..].first_chunk().expect("a step follows the last"))
    };
    let seconds = halves(&SECONDS);
    let quarters_of_pairs = &mut hits.pairs.as_chunks_mut::<16>().0[..steps.len() * 4];
    for (quarter, to) in quarters_of_pairs.iter_mut().enumerate() {
        let symbols = at(&hits.symbols, quarter * 16);
        let next = vqtbl2q_u8(seconds, at(&hits.symbols, quarter * 16 + 1));
        // SAFETY: the place is 16 bytes; the store needs no alignment.
        unsafe { vst1q_u8(to.as_mut_ptr(), veorq_u8(symbols, next)) };
    }
    for p in whole..text.len() - 1 {
        hits.pairs[p] = coarse_pair(hits.symbols[p], hits.symbols[p + 1]);
    }
    let symbol_tables: [[uint8x16x2_t; SETS]; HEAD] =
        std::array::from_fn(|k| std::array::from_fn(|s| halves(&tables.coarse[s][k])));
    let pair_tables: [[uint8x16x2_t; SETS]; PAIRS] =
        std::array::from_fn(|k| std::array::from_fn(|s| halves(&tables.coarse_pairs[s][k])));
    for step in 0..steps.len() {
        let mut mask = 0u64;
        for quarter in 0..4 {
            let mut all = [vdupq_n_u8(255); SETS];
            let mut narrow = |tables: &[uint8x16x2_t; SETS], codes: uint8x16_t| {
                for (all, table) in all.iter_mut().zip(tables) {
                    *all = vandq_u8(*all, vqtbl2q_u8(*table, codes));
                }
            };
            let from = step * STEP + quarter * 16;
            for (k, tables) in symbol_tables.iter().enumerate() {
                narrow(tables, at(&hits.symbols, from + k));
            }
            for (k, tables) in pair_tables.iter().enumerate() {
                narrow(tables, at(&hits.pairs, from + k));
            }
            let any = all.into_iter().fold(vdupq_n_u8(0), |a, b| vorrq_u8(a, b));
            mask |= u64::from(bits_of(vtstq_u8(any, any))) << (16 * quarter);
        }
        hits.masks[step] = mask;
    }
}

/// One bit for each byte that is all ones.
#[target_feature(enable = "neon")]
fn bits_of(bytes: uint8x16_t) -> u16 {
    const WEIGHTS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
    let weighted = vandq_u8(bytes, load(&WEIGHTS));
    let low = vaddv_u8(vget_low_u8(weighted));
    let high = vaddv_u8(vget_high_u8(weighted));
    u16::from(low) | u16::from(high) << 8
}
