//! Words or noise: does a text look written, or drawn at random?
//!
//! A password generator, a key and a hash are noise; names, sentences and placeholders are written. Two tests tell them
//! apart, both over runs of letters and digits ([`is_random`]):
//! - runs of letters are compared with a table of letter pairs: how surprising each pair is in English and in
//!   identifiers, in bits. Noise surprises by `log2(26) = 4.7` bits a pair, words by 3;
//! - runs that mix letters, digits and case are noise if they change between these often.
//!
//! The table comes from the 8,700 words of 3 to 16 letters (identifiers cut at humps) that at least four source files of
//! this crate's dependencies share: `-log2 P(second | first) - 1`, weighted by the root of a word's count, smoothed,
//! rounded, and cut to one digit. Held-out words: 97 % of six letters and more are seen as words; of random strings 85 %
//! of six letters, 92 % of seven and 97 % of eight and more as noise.
//!
//! Limits: words of other languages in ASCII are mostly seen as words, short noise is not seen, nor is a pass phrase.

/// By first letter (last row: the start of a word) and second letter (last column: the end): bits above one, 0 to 9.
const SURPRISE: [[u8; 27]; 27] = [
    *b"843396484952429492315567585",
    *b"264727782681673694352798483",
    *b"284727824934661674524689693",
    *b"477416792795774694464688690",
    *b"473255586984427562237564791",
    *b"385432692993672693343989592",
    *b"497917543995645773474889790",
    *b"187418882986462894544979692",
    *b"453344499973313594329496945",
    *b"366615663646662665432666663",
    *b"375517772985745687246879791",
    *b"387416892972772797444789392",
    *b"246617892976463287364999892",
    *b"383335283965754797325579692",
    *b"653475595853314392443447894",
    *b"286727653973773392434878692",
    *b"866448585886645674560888882",
    *b"285416582956453684344679592",
    *b"594727543966664497324868581",
    *b"385616732995674593344876491",
    *b"443535593992326392228997995",
    *b"286706692996584697679997893",
    *b"286536922995632692467968992",
    *b"263525953995566276527667691",
    *b"766857884995535397349869980",
    *b"285706883888784888588888543",
    *b"342333453864344373234547779",
];
const START: usize = 26;
const END: usize = 26;
/// In tenths of a bit of [`SURPRISE`]: what a pair of letters must exceed on average to speak for noise, and by how much in
/// sum. Thresholds of the held-out figures above.
const NEUTRAL: i32 = 35;
const NOISE: i32 = 30;

/// How many bytes of a text are looked at.
const LOOKED_AT: usize = 96;

/// Shorter runs say nothing, in bytes.
pub(crate) const SHORTEST_RUN: usize = 6;

/// Whether a part of `text` was drawn at random.
pub(crate) fn is_random(text: &[u8]) -> bool {
    let text = &text[..text.len().min(LOOKED_AT)];
    text.len() >= SHORTEST_RUN
        && (text.split(|b| !b.is_ascii_alphanumeric()).any(is_random_run) || is_scattered(text))
}

/// How much the letters of `run` speak for noise, in tenths of bits above the neutral line; case is ignored.
pub(crate) fn surprise(run: &[u8]) -> i32 {
    let mut previous = START;
    let mut sum = 0;
    for byte in run {
        let letter = usize::from((byte | 0x20) - b'a');
        sum += i32::from(SURPRISE[previous][letter] - b'0') * 10 - NEUTRAL;
        previous = letter;
    }
    sum + i32::from(SURPRISE[previous][END] - b'0') * 10 - NEUTRAL
}

/// Half of it or more is one character, as in `xxxxxxxx` or `a0000000`.
pub(crate) fn is_monotonous(text: &[u8]) -> bool {
    let text = &text[..text.len().min(64)];
    let count = |byte: u8| text.iter().fold(0u8, |n, b| n + u8::from(*b == byte));
    let share = |byte: u8| usize::from(count(byte)) * 2 > text.len();
    text.len() > 1 && (share(text[text.len() / 2]) || share(text[text.len() - 2]))
}

/// A run of letters and digits.
fn is_random_run(run: &[u8]) -> bool {
    if run.len() < SHORTEST_RUN || is_monotonous(run) {
        return false;
    }
    let digits = run.iter().filter(|b| b.is_ascii_digit()).count();
    if digits == run.len() {
        return false;
    }
    let changes = changes(run);
    if digits == 0 {
        return if changes == 0 {
            surprise(run) >= NOISE
        } else {
            // Humps of words have four letters and more on average.
            run.len() >= 8 && changes * 7 >= run.len() * 2 || humps_surprise(run) >= NOISE
        };
    }
    // Long hex, even if nearly all of it is digits.
    if run.len() >= 24 && run.iter().all(u8::is_ascii_hexdigit) {
        return true;
    }
    // `Ipv6ManagedAddress` changes at each word and has few digits, noise changes at every third or fourth byte.
    run.len() >= 8 && changes >= 4 && (changes * 6 >= run.len() || digits * 4 >= run.len())
        || run
            .split(u8::is_ascii_digit)
            .any(|letters| letters.len() >= 6 && humps_surprise(letters) >= NOISE)
}

/// Between lower case, upper case and digits; a capital before lower case counts once.
fn changes(run: &[u8]) -> usize {
    let class = |b: &u8| match b {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        _ => 2,
    };
    run.windows(2)
        .filter(|w| {
            let (a, b) = (class(&w[0]), class(&w[1]));
            a != b && !(a == 2 && b == 1)
        })
        .count()
}

/// The surprise of a run of letters that is cut into words at its humps.
fn humps_surprise(run: &[u8]) -> i32 {
    let mut sum = 0;
    let mut start = 0;
    for at in 1..=run.len() {
        let hump =
            at < run.len() && run[at].is_ascii_uppercase() && run[at - 1].is_ascii_lowercase();
        if at == run.len() || hump {
            if at - start >= 3 {
                sum += surprise(&run[start..at]);
            }
            start = at;
        }
    }
    sum
}

/// Short runs of letters between digits and signs, as in hex with dashes.
fn is_scattered(text: &[u8]) -> bool {
    if text.len() < 12 {
        return false;
    }
    let (mut letters, mut digits, mut runs) = (0usize, 0usize, 0usize);
    let mut in_letters = false;
    for byte in text {
        if byte.is_ascii_alphabetic() {
            letters += 1;
            runs += usize::from(!in_letters);
            in_letters = true;
        } else {
            digits += usize::from(byte.is_ascii_digit());
            in_letters = false;
        }
    }
    letters + digits >= 12 && digits >= 3 && runs >= 4 && letters * 2 <= runs * 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_identifiers_are_not_random() {
        for text in [
            "password",
            "changeit",
            "testPassword",
            "MyServiceAccount",
            "client_secret",
            "AuthenticationMode",
            "application/json",
            "utf8mb4",
            "sha256",
            "letmein123",
            "SHA512-CRYPT",
            "kubernetes",
            "the quick brown fox",
            "v1beta1",
            "2024-01-02",
            "org.apache.kafka.common",
            "Base64UrlEncode",
            "contraseña",
            "OAuth2Constants",
            "Ipv6ManagedAddressConfigurationSupported",
        ] {
            assert!(!is_random(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn noise_is_random() {
        for text in [
            "kqzvwtxj",
            "9f86d081884c7d65",
            "Zk3vQ9xTb2Lw",
            "QxTbLwZkVmRp",
            "12ab-34cd-56ef-78ab",
            "key-3f7a9c1e5b2d",
            "xkcdqwvz1",
            "56f108571038477606045259921669dd",
            "0b5e7f90-1c2d-4e3f-8a9b-0c1d2e3f4a5b",
        ] {
            assert!(is_random(text.as_bytes()), "{text}");
        }
    }
}
