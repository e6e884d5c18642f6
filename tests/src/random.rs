//! Deterministic random numbers and texts: the same in every run, on every machine.

/// A splitmix64 generator.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator with its seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() % (bound.max(1) as u64)) as usize
    }

    /// One of `items`.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<'t, T>(&mut self, items: &'t [T]) -> &'t T {
        &items[self.below(items.len())]
    }

    /// Appends `count` bytes of `alphabet`.
    pub fn fill(&mut self, alphabet: &[u8], count: usize, out: &mut Vec<u8>) {
        out.extend((0..count).map(|_| alphabet[self.below(alphabet.len())]));
    }

    /// `count` characters of an ASCII `alphabet`.
    pub fn word(&mut self, alphabet: &str, count: usize) -> String {
        let alphabet = alphabet.as_bytes();
        (0..count).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }

    /// `parts` fragments, one after the other.
    pub fn text(&mut self, fragments: &[&str], parts: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..parts {
            match self.below(40) {
                0 => out.push(self.bits() as u8),
                1 => out.extend_from_slice(" — ü\u{1f511}".as_bytes()),
                _ => out.extend_from_slice(self.pick(fragments).as_bytes()),
            }
        }
        out
    }
}
