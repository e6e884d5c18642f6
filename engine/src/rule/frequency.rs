//! How frequent bytes and classes are in log text: what makes an anchor rare.
//!
//! Two models: byte frequencies, taken as independent ([`probability`]), and counts of up to four bytes in a row in a sample
//! ([`sampled`]), which know that `serv` is frequent.

use std::sync::LazyLock;

use super::byte_set::ByteSet;

/// Log text that frequencies are estimated on: made-up lines in the forms of common logs.
pub(crate) const SAMPLE: &[u8] = include_bytes!("sample.log");

/// How often the first classes of a window, up to four, letters in either case, stand at a position of the sample; 0 if they
/// can be spelt in many ways.
pub(crate) fn sampled(window: &[ByteSet]) -> f64 {
    static ROWS: LazyLock<Vec<u32>> = LazyLock::new(|| {
        let row = |w: &[u8]| w.iter().fold(0, |row, b| row << 8 | u32::from(b | 0x20));
        let mut rows: Vec<u32> = SAMPLE.windows(4).map(row).collect();
        rows.sort_unstable();
        rows
    });
    let head = &window[..window.len().min(4)];
    let mut spelt = vec![0u32];
    for set in head {
        let folded = set.folded();
        if folded.len() * spelt.len() > 128 {
            return 0.0;
        }
        let with = |row: u32| folded.iter().map(move |b| row << 8 | u32::from(b));
        spelt = spelt.into_iter().flat_map(with).collect();
    }
    let behind = 8 * (4 - head.len() as u32);
    let start = |row: &u32| row.checked_shr(behind).unwrap_or(0);
    let count = |row: u32| {
        let from = ROWS.partition_point(|r| start(r) < row);
        ROWS[from..].iter().take_while(|r| start(r) == row).count()
    };
    spelt.into_iter().map(count).sum::<usize>() as f64 / SAMPLE.len() as f64
}

/// The probability of a class sequence in log text, bytes taken as independent.
pub(crate) fn probability(window: &[ByteSet]) -> f64 {
    window.iter().map(|set| set.iter().map(byte_probability).sum::<f64>().min(1.0)).product()
}

/// How probable a digit is behind a digit.
const IN_ROW: f64 = 0.6;

/// The same as the vector kernels see it, which tell digits from letters but not from one another.
pub(crate) fn coarse_probability(window: &[ByteSet]) -> f64 {
    let digits = || b'0'..=b'9';
    let blurred = |set: &ByteSet| match digits().any(|b| set.contains(b)) {
        true => set.union(&digits().collect()),
        false => *set,
    };
    let sets: [ByteSet; 4] = std::array::from_fn(|k| window.get(k).map_or(ByteSet::FULL, blurred));
    let hex: ByteSet = (b'0'..=b'9').chain(b'a'..=b'f').chain(b'A'..=b'F').collect();
    let mut product = 1.0;
    for (k, set) in sets.iter().enumerate() {
        // Digits come in rows.
        let in_row = k > 0 && set.contains(b'0') && sets[k - 1].is_subset(&hex);
        product *= if in_row { IN_ROW.max(probability(&[*set])) } else { probability(&[*set]) };
    }
    product
}

/// How frequent a byte is in log text, roughly: the shares of the classes were counted on a mix of system, web server,
/// CI and JSON logs.
pub(crate) fn byte_probability(byte: u8) -> f64 {
    BYTES[usize::from(byte)]
}

const BYTES: [f64; 256] = {
    let mut all = [0.0; 256];
    let mut byte = 0;
    while byte < 256 {
        all[byte] = share(byte as u8);
        byte += 1;
    }
    all
};

const fn share(byte: u8) -> f64 {
    match byte {
        b' ' => 0.11,
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 0.042,
        b'c' | b'd' | b'l' | b'p' | b'm' | b'u' => 0.023,
        b'f' | b'g' | b'h' | b'b' | b'y' | b'v' | b'w' => 0.011,
        b'k' | b'x' | b'z' | b'q' | b'j' => 0.003,
        b'0' | b'1' | b'2' => 0.028,
        b'3'..=b'9' => 0.017,
        b'.' | b'-' | b':' | b'/' | b'"' => 0.018,
        b'\n' => 0.010,
        b',' | b'=' | b'_' | b'[' | b']' | b'(' | b')' => 0.008,
        b'A'..=b'Z' => 0.005,
        b'{' | b'}' | b'\'' | b'<' | b'>' | b'\t' | b'\\' | b'%' | b'+' | b'*' => 0.003,
        0x21..=0x7e => 0.001,
        _ => 0.0003,
    }
}
