//! The vector loops: which positions of a text may start a window.
//!
//! For each of a few consecutive bytes ([`HEAD`]) a table says in which of 32 buckets the byte may stand at that position; a position
//! is a hit if some bucket's bit survives them all. A loop handles 64 positions a turn, without branches, and appends
//! `(position, mask)` for those with hits. What the tables blur (six bits or two nibbles of a byte), [`Tables::buckets`]
//! tells apart afterwards.
//!
//! Each kernel is a value that can only be made where the CPU has what it needs: [`Kernel::detect`], [`Kernel::named`].

#![allow(unsafe_code)]

use super::buckets::HEAD;
use super::runs::{self, Classes};
use super::tables::Tables;

/// How many positions a mask speaks of.
pub(crate) const STEP: usize = 64;

/// A list of hits: positions of 64 each, with a bit for each hit.
pub(crate) struct Hits {
    pub(crate) at: [u32; Hits::MOST],
    pub(crate) mask: [u64; Hits::MOST],
    pub(crate) len: usize,
}

impl Hits {
    /// How many positions one call covers, in steps.
    pub(crate) const MOST: usize = 128;
}

impl Default for Hits {
    fn default() -> Hits {
        Hits { at: [0; Hits::MOST], mask: [0; Hits::MOST], len: 0 }
    }
}

/// A kernel that this CPU can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kernel(Isa);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Isa {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Ssse3,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Vbmi,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Kernel {
    /// All kernels of this CPU, the fastest first.
    pub(crate) fn available() -> Vec<Kernel> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vbmi")
            {
                all.push(Kernel(Isa::Vbmi));
            }
            if is_x86_feature_detected!("avx2") {
                all.push(Kernel(Isa::Avx2));
            }
            if is_x86_feature_detected!("ssse3") {
                all.push(Kernel(Isa::Ssse3));
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            all.push(Kernel(Isa::Neon));
        }
        all.push(Kernel(Isa::Scalar));
        all
    }

    /// The fastest kernel of this CPU.
    pub(crate) fn detect() -> Kernel {
        Kernel::available()[0]
    }

    /// The kernel of this name, if the CPU can run it.
    pub(crate) fn named(name: &str) -> Option<Kernel> {
        Kernel::available().into_iter().find(|k| k.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self.0 {
            Isa::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Isa::Ssse3 => "ssse3",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Isa::Vbmi => "vbmi",
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => "neon",
        }
    }

    /// Writes the hits of positions `from..` in whole steps, at most [`Hits::MOST`], as far as all bytes are there, and
    /// appends the classes of the bytes of each step; answers the first position not looked at.
    pub(crate) fn run(
        self,
        tables: &Tables,
        text: &[u8],
        from: usize,
        hits: &mut Hits,
        classes: &mut Vec<Classes>,
    ) -> usize {
        hits.len = 0;
        let room = text.len().saturating_sub(from + HEAD - 1);
        let steps = (room / STEP).min(Hits::MOST);
        let text = &text[from..][..if steps == 0 { 0 } else { steps * STEP + HEAD - 1 }];
        match self.0 {
            Isa::Scalar => scalar(tables, text, steps, from, hits, classes),
            // SAFETY (all four): a `Kernel` of this `Isa` exists only if `available` found the CPU to have its features;
            // `text` holds `steps * STEP + HEAD - 1` bytes, which is all that `steps` steps load.
            #[cfg(target_arch = "x86_64")]
            Isa::Ssse3 => unsafe { x86::ssse3(tables, text, steps, from, hits, classes) },
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { x86::avx2(tables, text, steps, from, hits, classes) },
            #[cfg(target_arch = "x86_64")]
            Isa::Vbmi => unsafe { x86::vbmi(tables, text, steps, from, hits, classes) },
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => unsafe { arm::neon(tables, text, steps, from, hits, classes) },
        }
        from + steps * STEP
    }
}

#[inline(always)]
fn push(hits: &mut Hits, at: usize, mask: u64) {
    // Branch-free: an empty mask is overwritten by the next. `len` stays below `MOST` while steps are left.
    hits.at[hits.len % Hits::MOST] = at as u32;
    hits.mask[hits.len % Hits::MOST] = mask;
    hits.len += usize::from(mask != 0);
}

fn scalar(
    tables: &Tables,
    text: &[u8],
    steps: usize,
    from: usize,
    hits: &mut Hits,
    classes: &mut Vec<Classes>,
) {
    for step in 0..steps {
        let window: &[u8; STEP + HEAD - 1] =
            text[step * STEP..][..STEP + HEAD - 1].try_into().expect("the length is constant");
        let mut mask = 0u64;
        for j in 0..STEP {
            let of = |k: usize| tables.exact[k][usize::from(window[j + k])];
            let all = (1..HEAD).fold(of(0), |all, k| all & of(k));
            mask |= u64::from(all != 0) << j;
        }
        push(hits, from + step * STEP, mask);
        classes.push(runs::of_bytes(tables, &window[..STEP]));
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::super::runs::Classes;
    use super::super::tables::{BROAD, NARROW, SETS, Tables, WORD};
    use super::{HEAD, Hits, STEP, push};

    /// # Safety
    /// The CPU has AVX-512 F, BW and VBMI; `text` has `steps * STEP + HEAD - 1` bytes.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    pub(super) unsafe fn vbmi(
        tables: &Tables,
        text: &[u8],
        steps: usize,
        from: usize,
        hits: &mut Hits,
        classes: &mut Vec<Classes>,
    ) {
        let load = |table: &[u8; 64]| {
            // SAFETY: a table is 64 bytes; the load needs no alignment.
            unsafe { _mm512_loadu_si512(table.as_ptr().cast()) }
        };
        let table: [[__m512i; HEAD]; SETS] =
            std::array::from_fn(|s| std::array::from_fn(|k| load(&tables.six_bits[s][k])));
        let ascii: &[[u8; 64]; 2] =
            &[0, 64].map(|half| std::array::from_fn(|i| tables.classes[half + i]));
        let (first, second) = (load(&ascii[0]), load(&ascii[1]));
        for step in 0..steps {
            let start = text.as_ptr().wrapping_add(step * STEP);
            // SAFETY: byte `step * STEP + k + 63` is below `steps * STEP + HEAD - 1`.
            let bytes: [__m512i; HEAD] = std::array::from_fn(|k| unsafe {
                _mm512_loadu_si512(start.wrapping_add(k).cast())
            });
            let mut any = _mm512_setzero_si512();
            for set in &table {
                let of = |k: usize| _mm512_permutexvar_epi8(bytes[k], set[k]);
                let all = (1..HEAD).fold(of(0), |all, k| _mm512_and_si512(all, of(k)));
                any = _mm512_or_si512(any, all);
            }
            push(hits, from + step * STEP, _mm512_test_epi8_mask(any, any));
            // Bytes from 128 are of no class; the look-up ignores their highest bit.
            let bits = _mm512_permutex2var_epi8(first, bytes[0], second);
            let ascii = !_mm512_movepi8_mask(bytes[0]);
            let of = |class: u8| ascii & _mm512_test_epi8_mask(bits, _mm512_set1_epi8(class as i8));
            classes.push(Classes { word: of(WORD), narrow: of(NARROW), broad: of(BROAD) });
        }
    }

    /// # Safety
    /// The CPU has AVX2; `text` has `steps * STEP + HEAD - 1` bytes.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn avx2(
        tables: &Tables,
        text: &[u8],
        steps: usize,
        from: usize,
        hits: &mut Hits,
        classes: &mut Vec<Classes>,
    ) {
        let load = |table: &[u8; 16]| {
            // SAFETY: a table is 16 bytes; the load needs no alignment.
            _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
        };
        let low: [[__m256i; HEAD]; SETS] =
            std::array::from_fn(|s| std::array::from_fn(|k| load(&tables.low_nibble[s][k])));
        let high: [[__m256i; HEAD]; SETS] =
            std::array::from_fn(|s| std::array::from_fn(|k| load(&tables.high_nibble[s][k])));
        let (zero, nibble) = (_mm256_setzero_si256(), _mm256_set1_epi8(15));
        let (class_low, class_high) = (load(&tables.class_low), load(&tables.class_high));
        for step in 0..steps {
            let mut mask = 0u64;
            let mut of_step = Classes::default();
            for half in 0..2 {
                let start = text.as_ptr().wrapping_add(step * STEP + half * 32);
                let mut all = [_mm256_set1_epi8(-1); SETS];
                for k in 0..HEAD {
                    // SAFETY: byte `step * STEP + half * 32 + k + 31` is below `steps * STEP + HEAD - 1`.
                    let bytes = unsafe { _mm256_loadu_si256(start.wrapping_add(k).cast()) };
                    let l = _mm256_and_si256(bytes, nibble);
                    let h = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble);
                    if k == 0 {
                        let bits = _mm256_and_si256(
                            _mm256_shuffle_epi8(class_low, l),
                            _mm256_shuffle_epi8(class_high, h),
                        );
                        let of = |class: u8| {
                            let set = _mm256_and_si256(bits, _mm256_set1_epi8(class as i8));
                            let none = _mm256_movemask_epi8(_mm256_cmpeq_epi8(set, zero)) as u32;
                            u64::from(!none) << (32 * half)
                        };
                        of_step.word |= of(WORD);
                        of_step.narrow |= of(NARROW);
                        of_step.broad |= of(BROAD);
                    }
                    for s in 0..SETS {
                        let bits = _mm256_and_si256(
                            _mm256_shuffle_epi8(low[s][k], l),
                            _mm256_shuffle_epi8(high[s][k], h),
                        );
                        all[s] = _mm256_and_si256(all[s], bits);
                    }
                }
                let any = all.into_iter().fold(zero, |a, b| _mm256_or_si256(a, b));
                let none = _mm256_movemask_epi8(_mm256_cmpeq_epi8(any, zero)) as u32;
                mask |= u64::from(!none) << (32 * half);
            }
            push(hits, from + step * STEP, mask);
            classes.push(of_step);
        }
    }

    /// # Safety
    /// The CPU has SSSE3; `text` has `steps * STEP + HEAD - 1` bytes.
    #[target_feature(enable = "ssse3")]
    pub(super) unsafe fn ssse3(
        tables: &Tables,
        text: &[u8],
        steps: usize,
        from: usize,
        hits: &mut Hits,
        classes: &mut Vec<Classes>,
    ) {
        // SAFETY: a table is 16 bytes; the load needs no alignment.
        let load = |table: &[u8; 16]| unsafe { _mm_loadu_si128(table.as_ptr().cast()) };
        let low: [[__m128i; HEAD]; SETS] =
            std::array::from_fn(|s| std::array::from_fn(|k| load(&tables.low_nibble[s][k])));
        let high: [[__m128i; HEAD]; SETS] =
            std::array::from_fn(|s| std::array::from_fn(|k| load(&tables.high_nibble[s][k])));
        let (zero, nibble) = (_mm_setzero_si128(), _mm_set1_epi8(15));
        let (class_low, class_high) = (load(&tables.class_low), load(&tables.class_high));
        for step in 0..steps {
            let mut mask = 0u64;
            let mut of_step = Classes::default();
            for quarter in 0..4 {
                let start = text.as_ptr().wrapping_add(step * STEP + quarter * 16);
                let mut all = [_mm_set1_epi8(-1); SETS];
                for k in 0..HEAD {
                    // SAFETY: byte `step * STEP + quarter * 16 + k + 15` is below `steps * STEP + HEAD - 1`.
                    let bytes = unsafe { _mm_loadu_si128(start.wrapping_add(k).cast()) };
                    let l = _mm_and_si128(bytes, nibble);
                    let h = _mm_and_si128(_mm_srli_epi16(bytes, 4), nibble);
                    if k == 0 {
                        let bits = _mm_and_si128(
                            _mm_shuffle_epi8(class_low, l),
                            _mm_shuffle_epi8(class_high, h),
                        );
                        let of = |class: u8| {
                            let set = _mm_and_si128(bits, _mm_set1_epi8(class as i8));
                            let none = _mm_movemask_epi8(_mm_cmpeq_epi8(set, zero)) as u16;
                            u64::from(!none) << (16 * quarter)
                        };
                        of_step.word |= of(WORD);
                        of_step.narrow |= of(NARROW);
                        of_step.broad |= of(BROAD);
                    }
                    for s in 0..SETS {
                        let bits = _mm_and_si128(
                            _mm_shuffle_epi8(low[s][k], l),
                            _mm_shuffle_epi8(high[s][k], h),
                        );
                        all[s] = _mm_and_si128(all[s], bits);
                    }
                }
                let any = all.into_iter().fold(zero, |a, b| _mm_or_si128(a, b));
                let none = _mm_movemask_epi8(_mm_cmpeq_epi8(any, zero)) as u16;
                mask |= u64::from(!none) << (16 * quarter);
            }
            push(hits, from + step * STEP, mask);
            classes.push(of_step);
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use std::arch::aarch64::*;

    use super::super::runs::Classes;
    use super::super::tables::{BROAD, NARROW, SETS, Tables, WORD};
    use super::{HEAD, Hits, STEP, push};

    /// # Safety
    /// The CPU has NEON; `text` has `steps * STEP + HEAD - 1` bytes.
    #[target_feature(enable = "neon")]
    pub(super) unsafe fn neon(
        tables: &Tables,
        text: &[u8],
        steps: usize,
        from: usize,
        hits: &mut Hits,
        classes: &mut Vec<Classes>,
    ) {
        // SAFETY: a table is 16 bytes; the load needs no alignment.
        let load = |table: &[u8; 16]| unsafe { vld1q_u8(table.as_ptr()) };
        let low: [[uint8x16_t; HEAD]; SETS] =
            std::array::from_fn(|s| std::array::from_fn(|k| load(&tables.low_nibble[s][k])));
        let high: [[uint8x16_t; HEAD]; SETS] =
            std::array::from_fn(|s| std::array::from_fn(|k| load(&tables.high_nibble[s][k])));
        let nibble = vdupq_n_u8(15);
        let (class_low, class_high) = (load(&tables.class_low), load(&tables.class_high));
        for step in 0..steps {
            let mut mask = 0u64;
            let mut of_step = Classes::default();
            for quarter in 0..4 {
                let start = text.as_ptr().wrapping_add(step * STEP + quarter * 16);
                let mut all = [vdupq_n_u8(255); SETS];
                for k in 0..HEAD {
                    // SAFETY: byte `step * STEP + quarter * 16 + k + 15` is below `steps * STEP + HEAD - 1`.
                    let bytes = unsafe { vld1q_u8(start.wrapping_add(k)) };
                    let l = vandq_u8(bytes, nibble);
                    let h = vshrq_n_u8::<4>(bytes);
                    if k == 0 {
                        let bits = vandq_u8(vqtbl1q_u8(class_low, l), vqtbl1q_u8(class_high, h));
                        let of = |class: u8| {
                            u64::from(bits_of(vtstq_u8(bits, vdupq_n_u8(class)))) << (16 * quarter)
                        };
                        of_step.word |= of(WORD);
                        of_step.narrow |= of(NARROW);
                        of_step.broad |= of(BROAD);
                    }
                    for s in 0..SETS {
                        let bits = vandq_u8(vqtbl1q_u8(low[s][k], l), vqtbl1q_u8(high[s][k], h));
                        all[s] = vandq_u8(all[s], bits);
                    }
                }
                let any = all.into_iter().fold(vdupq_n_u8(0), |a, b| vorrq_u8(a, b));
                mask |= u64::from(bits_of(vtstq_u8(any, any))) << (16 * quarter);
            }
            push(hits, from + step * STEP, mask);
            classes.push(of_step);
        }
    }

    /// One bit for each byte that is all ones.
    #[target_feature(enable = "neon")]
    fn bits_of(bytes: uint8x16_t) -> u16 {
        const WEIGHTS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
        // SAFETY: the array is 16 bytes; the load needs no alignment.
        let weights = unsafe { vld1q_u8(WEIGHTS.as_ptr()) };
        let weighted = vandq_u8(bytes, weights);
        let low = vaddv_u8(vget_low_u8(weighted));
        let high = vaddv_u8(vget_high_u8(weighted));
        u16::from(low) | u16::from(high) << 8
    }
}
