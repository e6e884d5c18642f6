//! The vector loops: classes of bytes, and positions of a text that may start a window of the scanner.
//!
//! - [`Kernel::classes`] says of each byte which classes it is of, as bit masks of 64 bytes ([`classes`]);
//! - [`Kernel::positions`] lists the bits of such masks;
//! - [`Kernel::hits`] says where a window may start. For each of a few consecutive bytes ([`HEAD`]) a table says in which of
//!   32 buckets its symbol may stand at that position, and for each pair of neighbours, in which it may stand; a position is a
//!   hit if some bucket's bit survives them all.
//!
//! Both handle 64 bytes a turn, without branches. What a kernel is made of can only run where the CPU has it: a [`Kernel`] is
//! a value that exists only there ([`Kernel::detect`], [`Kernel::named`]). `scalar` runs everywhere; it gives no hits of its
//! own, since looking up each position in the scanner's filter is faster than the tables.
//!
//! The environment variable `REDACT_SIMD` (`vbmi`, `avx2`, `ssse3`, `neon`, `scalar`) forces a kernel that the CPU has.

#[cfg(target_arch = "aarch64")]
mod arm;
pub(crate) mod classes;
#[cfg(target_arch = "x86_64")]
mod vbmi;
#[cfg(target_arch = "x86_64")]
mod x86;

use zeroize::Zeroize as _;

use crate::scan::simd::features::{Grain, HEAD, PAIRS};
use crate::scan::simd::tables::Tables;
use classes::{Classes, Derive, Derived, Places, STEP, Step};

/// Hits of consecutive positions, a bit each.
pub(crate) struct Hits {
    masks: [u64; Hits::MOST],
    steps: usize,
    /// Space for the symbols of the bytes at hand, and for the numbers of the pairs that start there.
    symbols: [u8; Hits::MOST * STEP + STEP],
    pairs: [u8; Hits::MOST * STEP + STEP],
}

impl Hits {
    /// How many positions one call covers, in steps.
    ///
    /// Text, symbols and pairs of so many fit the first cache beside the tables.
    pub(crate) const MOST: usize = 32;

    /// By step, its hits.
    #[inline(always)]
    pub(crate) fn masks(&mut self) -> &mut [u64] {
        &mut self.masks[..self.steps]
    }
}

impl Default for Hits {
    fn default() -> Hits {
        let space = [0; Hits::MOST * STEP + STEP];
        Hits { masks: [0; Hits::MOST], steps: 0, symbols: space, pairs: space }
    }
}

/// A short text between line ends, in whole steps: hits and classes of its bytes.
pub(crate) struct Few {
    steps: usize,
    hits: [u64; Few::MOST],
    of_bytes: [Step; Few::MOST],
    /// By step, where a word starts and 16 broad bytes follow.
    starts: [u64; Few::MOST],
    /// Whether any byte begins an escape.
    pub(crate) has_escapes: bool,
    /// Whether 16 broad bytes follow one another.
    pub(crate) has_rows: bool,
    /// The broad bytes of the last step.
    before: u64,
    /// Space for the text, and for what is looked at behind it.
    padded: [u8; (Few::MOST + 1) * STEP],
}

impl Few {
    /// How many steps these are at most.
    const MOST: usize = 8;
    /// The longest text that has room, in bytes.
    pub(crate) const LONGEST: usize = Few::MOST * STEP - 1;

    /// By step, its hits.
    #[inline(always)]
    pub(crate) fn hits(&self) -> &[u64] {
        &self.hits[..self.steps]
    }

    /// By step, where a word starts and 16 broad bytes follow, if [`Few::find_starts`] was asked.
    #[inline(always)]
    pub(crate) fn starts(&self) -> &[u64] {
        &self.starts[..self.steps]
    }

    /// Finds where words start that 16 broad bytes follow. Answers whether there is more than that: a word that goes on for
    /// longer, or a run that may be a payload.
    #[inline(always)]
    pub(crate) fn find_starts(&mut self) -> bool {
        let mut more = 0;
        let mut before = Step::default();
        for i in 0..self.steps {
            let this = self.of_bytes[i];
            let next = if i + 1 < self.steps { self.of_bytes[i + 1] } else { Step::default() };
            let derived = Derived::of(this, before, next);
            self.starts[i] = derived.starts;
            more |= derived.long_starts | derived.payloads;
            before = this;
        }
        more != 0
    }

    /// The text behind a line end, and line ends behind it: its steps, and one more.
    pub(crate) fn pad(&mut self, text: &[u8]) -> &[u8] {
        let end = 1 + text.len();
        let all = &mut self.padded[..(self.steps + 1) * STEP];
        all[1..end].copy_from_slice(text);
        all[end..].fill(b'\n');
        all
    }

    /// Writes all classes; nothing goes on behind the end.
    pub(crate) fn classes(&self, out: &mut Classes) {
        out.set_all(&self.of_bytes[..self.steps]);
    }

    #[inline(always)]
    fn begin(&mut self, text: &[u8]) {
        self.steps = (1 + text.len()).div_ceil(STEP);
        (self.has_escapes, self.has_rows, self.before) = (false, false, 0);
    }

    /// Takes a step behind the others. What it says of all is told at once: it is still in registers.
    #[inline(always)]
    fn set(&mut self, i: usize, hits: u64, step: Step) {
        self.hits[i] = hits;
        self.of_bytes[i] = step;
        self.has_escapes |= step.escape != 0;
        // Rows that begin in this step and go on in the next count there.
        self.has_rows |= classes::rows_of_16(self.before, step.broad).0 != 0;
        self.has_rows |= i + 1 == self.steps && classes::rows_of_16(step.broad, 0).0 != 0;
        self.before = step.broad;
    }

    /// Drops the hits behind the end of the text.
    #[inline(always)]
    fn end(&mut self, text: &[u8]) {
        let last = self.steps - 1;
        self.hits[last] &= !0 >> (STEP - (1 + text.len() - last * STEP));
    }
}

impl Default for Few {
    fn default() -> Few {
        Few {
            steps: 0,
            hits: [0; Few::MOST],
            starts: [0; Few::MOST],
            of_bytes: [Step::default(); Few::MOST],
            has_escapes: false,
            has_rows: false,
            before: 0,
            padded: [b'\n'; (Few::MOST + 1) * STEP],
        }
    }
}

impl Drop for Few {
    fn drop(&mut self) {
        self.padded.zeroize();
    }
}

/// Work for [`Kernel::run`]: `run` must be inlined, always.
pub(crate) trait Job {
    type Output;

    fn run(self) -> Self::Output;
}

impl Drop for Hits {
    fn drop(&mut self) {
        // They spell the letters of the text that was looked at last.
        self.symbols.zeroize();
        self.pairs.zeroize();
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
            // Every CPU that has AVX2 has these too.
            let avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("popcnt");
            if avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vbmi")
                && is_x86_feature_detected!("avx512vbmi2")
            {
                all.push(Kernel(Isa::Vbmi));
            }
            if avx2 {
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

    /// The kernel that the environment asks for, or the fastest.
    pub(crate) fn chosen() -> Kernel {
        let forced = std::env::var("REDACT_SIMD").ok().and_then(|name| Kernel::named(&name));
        forced.unwrap_or_else(Kernel::detect)
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

    /// How much of a byte this kernel sees.
    pub(crate) fn grain(self) -> Grain {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Isa::Vbmi => Grain::Fine,
            _ => Grain::Coarse,
        }
    }

    /// Runs `job`, compiled for this CPU: counting bits, say, takes one instruction instead of a dozen.
    #[inline]
    pub(crate) fn run<J: Job>(self, job: J) -> J::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86::avx2_run(self, job),
            #[cfg(target_arch = "x86_64")]
            Isa::Vbmi => vbmi::run(self, job),
            _ => job.run(),
        }
    }

    /// The classes of the positions of `text`.
    pub(crate) fn classes(self, text: &[u8], out: &mut Classes) {
        let (steps, tail) = text.as_chunks::<STEP>();
        out.make_place(text.len().div_ceil(STEP));
        if !steps.is_empty() {
            self.steps(steps, out.places());
        }
        if !tail.is_empty() {
            let mut last = [0; STEP];
            last[..tail.len()].copy_from_slice(tail);
            let mut step = Step::default();
            self.steps(&[last], Places::of(&mut step));
            // Behind the end, runs go on: more of the line may follow.
            let behind = !0u64 << tail.len();
            step.narrow |= behind;
            step.broad |= behind;
            out.set(steps.len(), step);
        }
        let end = Step { narrow: !0, broad: !0, ..Step::default() };
        out.set(text.len().div_ceil(STEP), end);
        self.run(Derive(out));
    }

    /// Writes hits and classes of a short text; false if this kernel gives no hits.
    #[inline(always)]
    pub(crate) fn few(self, tables: &Tables, text: &[u8], hits: &mut Hits, few: &mut Few) -> bool {
        few.begin(text);
        match self.0 {
            Isa::Scalar => return false,
            #[cfg(target_arch = "x86_64")]
            Isa::Vbmi => vbmi::few(self, tables, text, few),
            _ => {
                let steps = few.steps;
                let padded = &few.pad(text)[..steps * STEP + HEAD - 1];
                self.hits(tables, padded, 0, hits);
                let mut classes = [Step::default(); Few::MOST];
                for (step, to) in padded.as_chunks::<STEP>().0.iter().zip(&mut classes) {
                    self.steps(std::slice::from_ref(step), Places::of(to));
                }
                for (i, step) in classes[..steps].iter().enumerate() {
                    few.set(i, hits.masks[i], *step);
                }
            }
        }
        few.end(text);
        true
    }

    fn steps(self, steps: &[[u8; STEP]], mut out: Places<'_>) {
        match self.0 {
            Isa::Scalar => {
                let all = steps.iter().map(classes::portable).enumerate();
                all.for_each(|(i, step)| out.set(i, step));
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Ssse3 => x86::ssse3_classes(self, steps, out),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86::avx2_classes(self, steps, out),
            #[cfg(target_arch = "x86_64")]
            Isa::Vbmi => vbmi::classes(self, steps, out),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => arm::neon_classes(self, steps, out),
        }
    }

    /// Appends the positions whose bits are set in masks of 64 positions each, which begin at `first`.
    #[inline(always)]
    pub(crate) fn positions(self, first: u32, masks: &[u64], out: &mut Vec<u32>) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Isa::Vbmi => vbmi::positions(self, first, masks, out),
            _ => append_positions(first, masks, out),
        }
    }

    /// Writes the hits of positions `from..` in whole steps, at most [`Hits::MOST`], as far as all bytes are there; answers
    /// the first position not looked at.
    pub(crate) fn hits(self, tables: &Tables, text: &[u8], from: usize, hits: &mut Hits) -> usize {
        hits.steps = 0;
        let room = text.len().saturating_sub(from + HEAD - 1);
        let steps = (room / STEP).min(Hits::MOST);
        if steps == 0 {
            return from;
        }
        hits.steps = steps;
        let text = &text[from..][..steps * STEP + HEAD - 1];
        match self.0 {
            Isa::Scalar => {
                hits.steps = 0;
                return from;
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Ssse3 => x86::ssse3_hits(self, tables, text, hits),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86::avx2_hits(self, tables, text, hits),
            #[cfg(target_arch = "x86_64")]
            Isa::Vbmi => vbmi::hits(self, tables, text, hits),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => arm::neon_hits(self, tables, text, hits),
        }
        from + steps * STEP
    }
}

#[inline(always)]
fn append_positions(first: u32, masks: &[u64], out: &mut Vec<u32>) {
    const AT_ONCE: usize = 4;
    let mut n = out.len();
    let count: usize = masks.iter().map(|mask| mask.count_ones() as usize).sum();
    out.resize(n + count + AT_ONCE, 0);
    for (mask, base) in masks.iter().zip((first..).step_by(STEP)) {
        let mut mask = *mask;
        let behind = n + mask.count_ones() as usize;
        // A few at a time without asking whether there are as many: nobody can tell beforehand.
        loop {
            let places: &mut [u32; AT_ONCE] =
                (&mut out[n..n + AT_ONCE]).try_into().expect("the length is constant");
            for place in places {
                *place = base + mask.trailing_zeros();
                mask &= mask.wrapping_sub(1);
            }
            if mask == 0 {
                break;
            }
            n += AT_ONCE;
        }
        n = behind;
    }
    out.truncate(n);
}

#[cfg(test)]
mod tests {
    use super::*;
    use classes::Class;

    #[test]
    fn every_kernel_lists_the_same_positions() {
        let masks: Vec<u64> = (0..100)
            .map(|i| 0x9e37_79b9_7f4a_7c15u64.wrapping_mul(i) >> (i % 64))
            .chain([!0, 0, 1, 1 << 63])
            .collect();
        let is_set = |p: &u32| masks[(*p / 64) as usize] >> (p % 64) & 1 == 1;
        let all = (0..masks.len() as u32 * 64).filter(is_set).map(|p| p + 128);
        let wanted: Vec<u32> = std::iter::once(7).chain(all).collect();
        for kernel in Kernel::available() {
            let mut found = vec![7];
            kernel.positions(128, &masks, &mut found);
            assert_eq!(found, wanted, "{}", kernel.name());
        }
    }

    #[test]
    fn a_few_steps_are_looked_at_as_many_are() {
        let rules: Vec<_> = crate::RuleSet::builtin().iter().cloned().collect();
        let windows = crate::scan::simd::windows::distinct(&rules).everywhere;
        let buckets: Vec<u8> = (0..windows.len()).map(|i| (i % 32) as u8).collect();
        let tables = Tables::new(&windows, &buckets, &buckets);
        let sample = crate::rule::frequency::SAMPLE;
        for kernel in Kernel::available() {
            let (mut few, mut hits) = (Few::default(), Hits::default());
            for len in 0..=Few::LONGEST {
                let text = &sample[len * 7..][..len];
                if !kernel.few(&tables, text, &mut hits, &mut few) {
                    assert_eq!(kernel.name(), "scalar");
                    continue;
                }
                let steps = (len + 1).div_ceil(STEP);
                let padded = few.pad(text).to_vec();
                kernel.hits(&tables, &padded[..steps * STEP + HEAD - 1], 0, &mut hits);
                // Behind the end there are none.
                hits.masks()[steps - 1] &= !0 >> (steps * STEP - 1 - len);
                assert_eq!(few.hits(), hits.masks(), "{} at {len}", kernel.name());
                let (mut wanted, mut found) = (Classes::default(), Classes::default());
                Kernel(Isa::Scalar).classes(&[b"\n", text, b"\n"].concat(), &mut wanted);
                few.classes(&mut found);
                let classes = [Class::Word, Class::Escape, Class::Base64, Class::Payloads];
                for class in classes {
                    let wanted = classes::positions(wanted.of(class));
                    assert!(wanted.eq(classes::positions(found.of(class))), "{class:?} at {len}");
                }
                let more = few.find_starts();
                let starts = classes::positions(wanted.of(Class::Starts));
                assert!(starts.eq(classes::positions(few.starts())), "{} at {len}", kernel.name());
                let has = |class| classes::positions(wanted.of(class)).next().is_some();
                assert_eq!(more, has(Class::LongStarts) || has(Class::Payloads), "at {len}");
                let row = |p: &usize| *p <= len;
                let mut rows = classes::positions(wanted.of(Class::BroadRows)).filter(row);
                let is_whole = |p: &usize| *p + 16 <= len + 1;
                let has_rows = rows.any(|p| is_whole(&p));
                assert_eq!(few.has_rows, has_rows, "{} at {len}", kernel.name());
                let has_escapes = classes::positions(wanted.of(Class::Escape)).next().is_some();
                assert_eq!(few.has_escapes, has_escapes, "{} at {len}", kernel.name());
            }
        }
    }

    #[test]
    fn every_kernel_tells_the_same_classes() {
        let text: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
        for len in [0, 1, 63, 64, 65, 127, 128, 255, 300, 512] {
            let mut wanted = Classes::default();
            Kernel(Isa::Scalar).classes(&text[..len], &mut wanted);
            for kernel in Kernel::available() {
                let mut found = Classes::default();
                kernel.classes(&text[..len], &mut found);
                assert!(found == wanted, "{} at {len}", kernel.name());
            }
        }
    }
}
