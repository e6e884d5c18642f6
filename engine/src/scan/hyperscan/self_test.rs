//! A library that loses matches must not be used: before each use, planted samples of every expression are looked for.
//!
//! Each expression is planted [`ROUNDS`] times with fresh random characters, once at each offset modulo 64, because the
//! faults that were seen (Vectorscan 5.4.9) depended on where in a vector a match lies. All must be found.

use hyperscan::{BlockDatabase, Matching};

use super::expression::Expression;

/// As many as there are bytes in the widest vector.
const ROUNDS: usize = 64;

/// # Errors
/// How many samples were lost.
pub(super) fn run(database: &BlockDatabase, expressions: &[&Expression]) -> Result<(), String> {
    let scratch = database.alloc_scratch().map_err(|error| error.to_string())?;
    let (mut planted, mut lost) = (0usize, 0usize);
    let mut text = Vec::new();
    let mut samples: Vec<Planted> = Vec::new();
    for round in 0..ROUNDS {
        plant(expressions, round, &mut text, &mut samples);
        let scan = database.scan(&text, &scratch, |id: u32, _from: u64, to: u64, _flags: u32| {
            if let Ok(at) = samples.binary_search_by_key(&to, |s| s.end) {
                samples[at].found |= samples[at].expression == id;
            }
            Matching::Continue
        });
        scan.map_err(|error| error.to_string())?;
        planted += samples.len();
        lost += samples.iter().filter(|s| !s.found).count();
    }
    match lost {
        0 => Ok(()),
        _ => Err(format!("self-test: libhs loses {lost} of {planted} planted matches")),
    }
}

struct Planted {
    expression: u32,
    /// The offset behind its last byte.
    end: u64,
    found: bool,
}

fn plant(
    expressions: &[&Expression],
    round: usize,
    text: &mut Vec<u8>,
    samples: &mut Vec<Planted>,
) {
    text.clear();
    samples.clear();
    for (index, expression) in expressions.iter().enumerate() {
        let seed = (round as u64) << 32 | index as u64;
        let Some(sample) = expression.sample(seed) else { continue };
        text.push(b'\n');
        let wanted = (round + index) % ROUNDS;
        let padding = (wanted + ROUNDS - (text.len() + 1) % ROUNDS) % ROUNDS;
        text.resize(text.len() + padding + 1, b' ');
        text.extend_from_slice(&sample);
        let end = text.len() as u64;
        samples.push(Planted { expression: index as u32, end, found: false });
        text.push(b' ');
    }
}
