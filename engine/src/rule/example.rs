//! Examples in rule files are templates, so that none looks like a live credential to anyone's scanner.
//!
//! `{kind:N}` stands for N deterministic characters of a kind (`hex`, `HEX`, `alnum`, `lower`, `upper`, `alpha`,
//! `digit`, `b64`, `b64url`, `base32`), `{crc:NAME}` for the checksum of the token so far. All other braces stay.

/// Replaces the templates in `text`; `seed` (the rule's id) makes the fillers of rules differ.
pub(crate) fn expand(text: &str, seed: &str) -> String {
    let mut random = Filler::new(seed);
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match template(rest) {
            Some((Template::Fill(alphabet, count), len)) => {
                (0..count).for_each(|_| out.push(random.pick(alphabet)));
                rest = &rest[len..];
            }
            Some((Template::Checksum(name), len)) => {
                let sum = checksum(name, token_so_far(&out));
                out.push_str(&sum);
                rest = &rest[len..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

enum Template<'t> {
    Fill(&'static [u8], usize),
    Checksum(&'t str),
}

fn template(text: &str) -> Option<(Template<'_>, usize)> {
    let end = text.find('}')?;
    let (kind, argument) = text[1..end].split_once(':')?;
    if kind == "crc" {
        return checksum_names()
            .contains(&argument)
            .then_some((Template::Checksum(argument), end + 1));
    }
    let alphabet: &'static [u8] = match kind {
        "hex" => b"0123456789abcdef",
        "HEX" => b"0123456789ABCDEF",
        "alnum" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        "lower" => b"abcdefghijklmnopqrstuvwxyz0123456789",
        "upper" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        "alpha" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "digit" => b"0123456789",
        "b64" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "b64url" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        "base32" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        _ => return None,
    };
    Some((Template::Fill(alphabet, argument.parse().ok()?), end + 1))
}

/// A splitmix64 generator: fillers need to be even, not secret.
struct Filler(u64);

impl Filler {
    fn new(seed: &str) -> Filler {
        Filler(seed.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }

    fn pick(&mut self, alphabet: &[u8]) -> char {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        alphabet[((z ^ (z >> 31)) % alphabet.len() as u64) as usize].into()
    }
}

fn token_so_far(text: &str) -> &str {
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '=');
    let start = text.trim_end_matches(is_token).len();
    let token = &text[start..];
    // `KEY=token`: an `=` that is followed by more is no part of the token.
    match token.trim_end_matches('=').rfind('=') {
        Some(at) => &token[at + 1..],
        None => token,
    }
}

fn checksum_names() -> &'static [&'static str] {
    &["github-crc32", "npm-crc32", "grafana-crc32", "atlassian-crc32", "confluent-crc32"]
}

fn checksum(name: &str, token: &str) -> String {
    match name {
        "github-crc32" | "npm-crc32" => {
            let body = token.split_once('_').map_or(token, |(_, body)| body);
            base62(crc32(body.as_bytes()))
        }
        "grafana-crc32" => crc32(token.trim_end_matches('_').as_bytes()).to_le_bytes().iter().fold(
            String::new(),
            |mut hex, b| {
                hex.push_str(&format!("{b:02x}"));
                hex
            },
        ),
        "atlassian-crc32" => format!("{:08X}", crc32(token.trim_end_matches('=').as_bytes())),
        _ => base64_6(crc32(token.as_bytes()).to_le_bytes()),
    }
}

/// The CRC32 of ISO 3309 (as in zlib and gzip, RFC 1952 section 8), bit by bit.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8)
            .fold(crc ^ u32::from(*byte), |c, _| (c >> 1) ^ (0xedb8_8320 & (c & 1).wrapping_neg()))
    })
}

/// Six base62 digits (`0-9A-Za-z`), most significant first.
pub(crate) fn base62(mut value: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut out = [b'0'; 6];
    for slot in out.iter_mut().rev() {
        *slot = DIGITS[(value % 62) as usize];
        value /= 62;
    }
    out.iter().map(|b| char::from(*b)).collect()
}

/// Six base64 characters of four bytes, without padding.
pub(crate) fn base64_6(bytes: [u8; 4]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = u64::from(u32::from_be_bytes(bytes)) << 4;
    (0..6).map(|i| char::from(DIGITS[(value >> (30 - 6 * i) & 63) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_templates_expand() {
        let text = expand(r#"{"a": {hex:4}} {x} {b:1"#, "seed");
        assert!(text.starts_with(r#"{"a": "#) && text.ends_with("} {x} {b:1"), "{text}");
        assert_eq!(text.len(), r#"{"a": 0000} {x} {b:1"#.len());
    }

    #[test]
    fn fillers_are_deterministic_and_differ_between_seeds() {
        assert_eq!(expand("{alnum:20}", "a"), expand("{alnum:20}", "a"));
        assert_ne!(expand("{alnum:20}", "a"), expand("{alnum:20}", "b"));
    }

    #[test]
    fn crc32_of_the_check_string() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
