//! A library that loses matches must not be used: before each use, planted samples of every window are looked for.
//!
//! Each window is planted with fresh random characters at many offsets modulo 64, because the faults that were seen
//! (Vectorscan 5.4.9) depended on where in a vector a match lies. All must be found. A new database is tested at
//! [`ALL`] offsets; one that comes from the cache was, and passes the few of [`SOME`] again.

use hyperscan::{BlockDatabase, Matching};

use super::window::{SplitMix, Window};

/// As many as there are bytes in the widest vector.
const ALIGNMENTS: usize = 64;
/// The rounds for a new database.
pub(super) const ALL: usize = ALIGNMENTS;
/// The rounds for a database that was tested when it was made.
pub(super) const SOME: usize = 4;

/// # Errors
/// How many samples were lost.
pub(super) fn run(
    database: &BlockDatabase,
    windows: &[Window],
    rounds: usize,
) -> Result<(), String> {
    let scratch = database.alloc_scratch().map_err(|error| error.to_string())?;
    let (mut planted, mut lost) = (0usize, 0usize);
    let mut text = Vec::new();
    let mut samples: Vec<Planted> = Vec::new();
    for round in 0..rounds {
        plant(windows, round, &mut text, &mut samples);
        let scan = database.scan(&text, &scratch, |id: u32, _from: u64, to: u64, _flags: u32| {
            if let Ok(at) = samples.binary_search_by_key(&to, |s| s.end) {
                samples[at].found |= samples[at].window == id;
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
    window: u32,
    /// The offset behind its last byte.
    end: u64,
    found: bool,
}

fn plant(windows: &[Window], round: usize, text: &mut Vec<u8>, samples: &mut Vec<Planted>) {
    text.clear();
    samples.clear();
    let mut random = SplitMix(round as u64);
    for (index, window) in windows.iter().enumerate() {
        text.push(b'\n');
        let wanted = (round + index) % ALIGNMENTS;
        let padding = (wanted + ALIGNMENTS - (text.len() + 1) % ALIGNMENTS) % ALIGNMENTS;
        text.resize(text.len() + padding + 1, b' ');
        window.sample(&mut random, text);
        let end = text.len() as u64;
        samples.push(Planted { window: index as u32, end, found: false });
        text.push(b' ');
    }
}
