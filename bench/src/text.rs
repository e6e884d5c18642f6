//! The texts that everything is measured on, made from a seed.
//!
//! The same seed and size give the same bytes on every machine, so no text is stored and none is anyone's log. A [`Text`]
//! is written in pieces, so that a large one takes no memory.
//!
//! ```
//! use redact_bench::text::{Text, TextKind};
//!
//! let text = Text { kind: TextKind::Clean, bytes: 1000, seed: 1 };
//! assert_eq!(text.to_vec(), text.to_vec());
//! ```
//!
//! Limits: the lines are invented and of few forms. Real logs vary more; numbers on these texts say how tools and
//! versions compare, not how fast your log is.

use std::io::{self, Write};

use crate::lines;
use crate::secrets;
use redact_tests::random::Random;

/// How many bytes [`Text::pieces`] gives at once, about.
const PIECE: usize = 1 << 20;
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The kinds of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextKind {
    /// Log lines of many programs; no secret.
    Clean,
    /// Log lines as JSON objects; no secret.
    Json,
    /// [`TextKind::Clean`] with one secret in every 1,000 lines.
    S1000,
    /// [`TextKind::Clean`] with one secret in every 10 lines.
    S10,
    /// Keys and values on every line, but all values are placeholders, references or empty.
    Keywords,
    /// Lines of random base64.
    Base64,
    /// [`TextKind::Clean`] as one line.
    Giant,
    /// A fragment again and again, without a line feed: what a hostile writer would send.
    Repeat(Fragment),
    /// All of the above in turn, in stretches of some lines: for comparing outputs.
    Mixed,
}

/// What [`TextKind::Repeat`] repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fragment {
    /// `token=`
    Token,
    /// `password=`
    Password,
    /// `ghp_`
    Prefix,
    /// The first line of a private key.
    Pem,
    /// `curl -H x `
    Curl,
    /// The start of a token whose body never ends.
    Endless,
    /// `://a:b@`
    Url,
    /// A cookie whose value is none: each is refused, and the next starts inside it.
    Cookie,
    /// The start of a token again and again, without its end.
    Start,
}

impl Fragment {
    /// All fragments.
    pub const ALL: &[Fragment] = &[
        Fragment::Token,
        Fragment::Password,
        Fragment::Prefix,
        Fragment::Pem,
        Fragment::Curl,
        Fragment::Endless,
        Fragment::Url,
        Fragment::Cookie,
        Fragment::Start,
    ];

    fn bytes(self) -> &'static [u8] {
        match self {
            Fragment::Token => b"token=",
            Fragment::Password => b"password=",
            Fragment::Prefix => b"ghp_",
            // In two parts, so that no scanner takes this file for a key.
            Fragment::Pem => concat!("-----BEGIN PRIV", "ATE KEY-----").as_bytes(),
            Fragment::Curl => b"curl -H x ",
            Fragment::Endless => b"eyJub3QiOiJyZWFsIn",
            Fragment::Url => b"://a:b@",
            Fragment::Cookie => b"JSESSIONID=none",
            Fragment::Start => b"glcbt-eyJQaj",
        }
    }
}

impl TextKind {
    /// All kinds that are measured, in the order of the tables.
    pub fn all() -> Vec<TextKind> {
        use TextKind::*;
        let mut all = vec![Clean, Json, S1000, S10, Keywords, Base64, Giant];
        all.extend(Fragment::ALL.iter().map(|f| Repeat(*f)));
        all
    }

    /// The name in tables and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            TextKind::Clean => "clean",
            TextKind::Json => "json",
            TextKind::S1000 => "s1000",
            TextKind::S10 => "s10",
            TextKind::Keywords => "keywords",
            TextKind::Base64 => "base64",
            TextKind::Giant => "giant",
            TextKind::Repeat(Fragment::Token) => "repeat-token",
            TextKind::Repeat(Fragment::Password) => "repeat-password",
            TextKind::Repeat(Fragment::Prefix) => "repeat-ghp",
            TextKind::Repeat(Fragment::Pem) => "repeat-pem",
            TextKind::Repeat(Fragment::Curl) => "repeat-curl",
            TextKind::Repeat(Fragment::Endless) => "repeat-ops",
            TextKind::Repeat(Fragment::Url) => "repeat-url",
            TextKind::Repeat(Fragment::Cookie) => "repeat-cookie",
            TextKind::Repeat(Fragment::Start) => "repeat-start",
            TextKind::Mixed => "mixed",
        }
    }

    /// The kind with this [`name`](TextKind::name).
    pub fn parse(name: &str) -> Option<TextKind> {
        TextKind::all().into_iter().chain([TextKind::Mixed]).find(|kind| kind.name() == name)
    }

    /// How many secrets per line are planted: one in so many lines.
    fn every(self) -> Option<u64> {
        match self {
            TextKind::S1000 => Some(1000),
            TextKind::S10 => Some(10),
            _ => None,
        }
    }

    /// Whether the number of masks in an output is known: the planted secrets, and nothing else.
    pub fn is_exact(self) -> bool {
        matches!(self, TextKind::Clean | TextKind::Json | TextKind::S1000 | TextKind::S10)
    }

    /// Whether it is hostile: a slow tool takes very long on it.
    pub fn is_hostile(self) -> bool {
        matches!(self, TextKind::Repeat(_))
    }
}

/// A text: what it is made of, how long it is at least, and its seed.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// What it consists of.
    pub kind: TextKind,
    /// The least length in bytes; whole lines are written, so it may be a line longer.
    pub bytes: u64,
    /// The same seed gives the same bytes.
    pub seed: u64,
}

/// What was written of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// How many bytes.
    pub bytes: u64,
    /// How many secrets were planted.
    pub planted: u64,
}

impl Text {
    /// The text in pieces of about a mebibyte.
    pub fn pieces(self) -> Pieces {
        Pieces {
            text: self,
            random: Random::new(self.seed ^ 0x7e87),
            line: 0,
            written: Written::default(),
        }
    }

    /// The whole text.
    pub fn to_vec(self) -> Vec<u8> {
        self.pieces().flatten().collect()
    }

    /// Writes it.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn write_to(self, out: &mut impl Write) -> io::Result<Written> {
        let mut pieces = self.pieces();
        for piece in &mut pieces {
            out.write_all(&piece)?;
        }
        out.flush()?;
        Ok(pieces.written)
    }
}

/// Makes the pieces of a [`Text`].
#[derive(Clone, Debug)]
pub struct Pieces {
    text: Text,
    random: Random,
    line: u64,
    written: Written,
}

impl Pieces {
    /// What was made so far.
    pub fn written(&self) -> Written {
        self.written
    }

    fn line(&mut self, kind: TextKind, out: &mut Vec<u8>) {
        self.line += 1;
        let random = &mut self.random;
        match kind {
            TextKind::Clean => lines::log(random, out),
            TextKind::Json => lines::json(random, out),
            TextKind::S1000 | TextKind::S10 => match kind.every() {
                Some(every) if self.line.is_multiple_of(every) => {
                    secrets::planted_line(random, out);
                    self.written.planted += 1;
                }
                _ => lines::log(random, out),
            },
            TextKind::Keywords => keywords(random, out),
            TextKind::Base64 => {
                random.fill(BASE64, 76, out);
                out.push(b'\n');
            }
            TextKind::Giant => {
                lines::log(random, out);
                if let Some(end) = out.last_mut() {
                    *end = b' ';
                }
            }
            TextKind::Repeat(fragment) => {
                if fragment == Fragment::Endless && self.line == 1 {
                    out.extend_from_slice(b"ops_");
                }
                out.extend_from_slice(fragment.bytes());
            }
            TextKind::Mixed => {
                let kinds = TextKind::all();
                let kind = kinds[random.below(kinds.len())];
                let hostile = kind.is_hostile() || kind == TextKind::Giant;
                let most = if hostile { 400 } else { 40 };
                for _ in 0..1 + random.below(most) {
                    self.line(kind, out);
                }
                if hostile {
                    out.push(b'\n');
                }
            }
        }
    }
}

impl Iterator for Pieces {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let left = self.text.bytes.saturating_sub(self.written.bytes);
        if left == 0 {
            return None;
        }
        let wanted = left.min(PIECE as u64) as usize;
        let mut piece = Vec::with_capacity(wanted + 1024);
        while piece.len() < wanted {
            self.line(self.text.kind, &mut piece);
        }
        self.written.bytes += piece.len() as u64;
        Some(piece)
    }
}

/// Lines on which every key calls for a look at its value, and no value is a secret.
fn keywords(random: &mut Random, out: &mut Vec<u8>) {
    const PAIRS: &[&str] = &[
        "token=12",
        "password: none",
        "api_key=${API_KEY}",
        "secret = null",
        "\"access_token\": \"\"",
        "PASSWORD=$(cat /run/secrets/db)",
        "auth_token: <redacted>",
        "client_secret=********",
        "key=true",
        "passwd: {{ vault_password }}",
        "token_type=Bearer",
        "max_tokens=4096",
        "credentials: null",
        "private_key: /etc/ssl/private/site.key",
        "Authorization: ",
        "secret_name=billing",
    ];
    for i in 0..4 {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(random.pick(PAIRS).as_bytes());
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Observed;

    fn text(kind: TextKind, seed: u64) -> Text {
        Text { kind, bytes: 40_000, seed }
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        for kind in TextKind::all().into_iter().chain([TextKind::Mixed]) {
            let bytes = text(kind, 7).to_vec();
            assert_eq!(bytes, text(kind, 7).to_vec(), "{}", kind.name());
            let other = text(kind, 8).to_vec();
            assert_eq!(bytes == other, kind.is_hostile(), "{}", kind.name());
            assert!(bytes.len() >= 40_000, "{}", kind.name());
        }
    }

    /// Splitmix64 of these seeds: a change of the generator would make recorded results incomparable, unnoticed.
    #[test]
    fn the_generator_is_the_one_that_results_were_recorded_with() {
        let mut random = Random::new(0);
        assert_eq!(random.bits(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(random.bits(), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn names_are_unique_and_parse_back() {
        for kind in TextKind::all() {
            assert_eq!(TextKind::parse(kind.name()), Some(kind));
        }
    }

    #[test]
    fn every_planted_secret_is_there_and_clean_text_has_none() {
        for kind in [TextKind::S1000, TextKind::S10, TextKind::Clean, TextKind::Json] {
            let mut bytes = Vec::new();
            let long = Text { kind, bytes: 400_000, seed: 3 };
            let written = long.write_to(&mut bytes).unwrap();
            assert_eq!(written.bytes, bytes.len() as u64);
            let seen = Observed::of(&bytes);
            assert_eq!(seen.secrets, written.planted, "{}", kind.name());
            assert_eq!(written.planted > 0, kind.every().is_some());
        }
    }

    #[test]
    fn a_giant_line_has_no_line_feed() {
        assert!(!text(TextKind::Giant, 1).to_vec().contains(&b'\n'));
    }
}
