//! Where an input is cut into pieces.

use crate::random::Random;

/// Inputs up to this many bytes are cut everywhere; in longer ones, only where something happens.
const EVERYWHERE: usize = 1500;

/// What all cuts of one long input may cost together, in bytes.
const FEW_MEGABYTES: usize = 4 << 20;

/// Every two-way cut; for a long input, those beside line feeds, at the edges of `spans`, at powers of two and
/// multiples of common block sizes, and some random ones.
pub fn two_way(input: &[u8], spans: &[(usize, usize)]) -> Vec<usize> {
    if input.len() <= EVERYWHERE {
        return (0..=input.len()).collect();
    }
    let mut random = Random::new(input.len() as u64);
    let feeds: Vec<usize> =
        input.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i).take(100).collect();
    let edges = spans.iter().take(50).flat_map(|(start, end)| [*start, *end]);
    let blocks = (10..20).flat_map(|bits| (1..=4).map(move |n| n << bits));
    let some = (0..50).map(|_| random.below(input.len()));
    let middle: Vec<usize> = feeds.into_iter().chain(edges).chain(blocks).chain(some).collect();
    let mut cuts: Vec<usize> = middle
        .iter()
        .flat_map(|at| (-2..=2).map(move |d| at.saturating_add_signed(d)))
        .filter(|at| *at <= input.len())
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    // About as many looks for every length: each costs as much as the input is long.
    let every = cuts.len() * input.len() / FEW_MEGABYTES + 1;
    cuts.into_iter().step_by(every).collect()
}

/// Random cuts, ascending: few or many, sometimes single bytes, sometimes twice at one place.
pub fn k_way(len: usize, random: &mut Random) -> Vec<usize> {
    let count = match random.below(4) {
        0 => 1 + random.below(3),
        1 => 1 + random.below(20),
        2 => 1 + random.below(len.clamp(1, 400)),
        // A run of single bytes.
        _ => {
            let from = random.below(len);
            return (from..=len).take(1 + random.below(200)).collect();
        }
    };
    let mut cuts: Vec<usize> = (0..count).map(|_| random.below(len + 1)).collect();
    cuts.sort_unstable();
    cuts
}
