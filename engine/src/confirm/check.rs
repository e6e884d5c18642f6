//! Named checks of a secret's inner structure, each with its source. Those of personal data stand in [`super::personal`].

use std::ops::Range;

use super::assignment::judge;
use super::{personal, words};
use crate::rule::Check;
use crate::rule::example::{base62, base64_6, crc32};

/// Whether the secret, `span` of `line`, has the structure that `check` names.
pub(crate) fn passes(check: Check, line: &[u8], span: Range<usize>) -> bool {
    let secret = &line[span.clone()];
    match check {
        // github.blog/engineering/behind-githubs-new-authentication-token-formats (2021)
        Check::GithubCrc32 | Check::NpmCrc32 => prefixed_base62(secret),
        Check::GrafanaCrc32 => grafana(secret),
        Check::AtlassianCrc32 => atlassian(secret),
        Check::ConfluentCrc32 => confluent(secret),
        Check::Jwt => jwt(secret),
        Check::Base64Json => base64_json(secret),
        Check::BasicCredentials => basic_credentials(secret),
        Check::Luhn => luhn(secret),
        Check::Iban => iban(secret),
        Check::AwsKeyId => aws_key_id(secret),
        Check::Uuid => uuid(secret),
        Check::Noise => words::is_random(secret),
        Check::Password => judge::may_be_password(secret),
        Check::StrongPassword => judge::is_strong_password(secret),
        Check::UrlPassword => !is_stock_password(secret) || !is_at_home(&line[span.end..]),
        Check::PaymentCard => personal::payment_card(line, span),
        Check::Phone => personal::phone(line, span),
        Check::Ipv4 => personal::ipv4(line, span),
        Check::Ipv6 => personal::ipv6(line, span),
        Check::Mac => personal::mac(line, span),
        Check::UsSsn => personal::us_ssn(line, span),
        Check::EsNif => personal::es_nif(secret),
        Check::ItCodiceFiscale => personal::it_codice_fiscale(secret),
        Check::FrNir => personal::fr_nir(secret),
    }
}

/// `prefix_` + body + six base62 digits of the body's CRC32.
fn prefixed_base62(secret: &[u8]) -> bool {
    let Some(at) = memchr::memchr(b'_', secret) else { return false };
    let body = &secret[at + 1..];
    body.len() > 6 && {
        let (text, sum) = body.split_at(body.len() - 6);
        base62(crc32(text)).as_bytes() == sum
    }
}

/// `glsa_` + 32 characters + `_` + CRC32 in hex, of all before the last `_`, low byte first.
fn grafana(secret: &[u8]) -> bool {
    let Some((text, sum)) = secret.split_last_chunk::<8>() else { return false };
    let text = text.strip_suffix(b"_").unwrap_or(text);
    let wanted: String = crc32(text).to_le_bytes().iter().map(|b| format!("{b:02x}")).collect();
    sum.eq_ignore_ascii_case(wanted.as_bytes())
}

/// … + CRC32 of all before it, in upper-case hex.
fn atlassian(secret: &[u8]) -> bool {
    let Some((text, sum)) = secret.split_last_chunk::<8>() else { return false };
    let text = text.strip_suffix(b"=").unwrap_or(text);
    format!("{:08X}", crc32(text)).as_bytes() == sum
}

/// … + six base64 characters of the CRC32 of all before them, low byte first.
fn confluent(secret: &[u8]) -> bool {
    let Some((text, sum)) = secret.split_last_chunk::<6>() else { return false };
    base64_6(crc32(text).to_le_bytes()).as_bytes() == sum
}

/// RFC 7519: the part before the first dot is base64url of a JSON object.
fn jwt(secret: &[u8]) -> bool {
    let header = secret.split(|b| *b == b'.').next().unwrap_or_default();
    base64_json(header)
}

/// RFC 7617: base64 of printable text with a colon in it.
fn basic_credentials(secret: &[u8]) -> bool {
    let decoded = decode_base64(secret);
    memchr::memchr(b':', &decoded).is_some_and(|at| at > 0)
        && decoded.iter().all(|b| *b >= 0x20 && *b != 0x7f)
}

/// Base64 (either alphabet) that starts and goes on like a JSON object.
fn base64_json(secret: &[u8]) -> bool {
    let decoded = decode_base64(secret);
    match decoded.trim_ascii_start() {
        [b'{', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'"' | b'}')),
        _ => false,
    }
}

/// Decodes base64 of either alphabet up to the first other byte.
pub(crate) fn decode_base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0);
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

/// ISO/IEC 7812-1 annex B, separators ignored.
pub(crate) fn luhn(secret: &[u8]) -> bool {
    let mut sum = 0u32;
    let mut digits = 0;
    for byte in secret.iter().rev().filter(|b| b.is_ascii_digit()) {
        let mut d = u32::from(byte - b'0');
        if digits % 2 == 1 {
            d *= 2;
            if d > 9 {
                d -= 9;
            }
        }
        sum += d;
        digits += 1;
    }
    digits > 1 && sum.is_multiple_of(10)
}

/// ISO 13616-1: modulus 97 of the rearranged number is 1; blanks ignored.
fn iban(secret: &[u8]) -> bool {
    let text: Vec<u8> = secret.iter().filter(|b| b.is_ascii_alphanumeric()).copied().collect();
    if text.len() < 15 || text.len() > 34 {
        return false;
    }
    let rest = text[4..].iter().chain(&text[..4]);
    let remainder = rest.fold(0u32, |r, b| match b {
        b'0'..=b'9' => (r * 10 + u32::from(b - b'0')) % 97,
        _ => (r * 100 + u32::from(b.to_ascii_uppercase() - b'A') + 10) % 97,
    });
    remainder == 1
}

/// AWS unique identifiers are base32 behind their four-letter prefix (IAM user guide, "unique identifiers").
fn aws_key_id(secret: &[u8]) -> bool {
    secret.len() == 20 && secret[4..].iter().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'))
}

/// RFC 9562: 8-4-4-4-12 hex digits.
fn uuid(secret: &[u8]) -> bool {
    secret.len() == 36
        && secret.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// The words that examples and fresh installations have for a password, with or without digits behind them.
fn is_stock_password(secret: &[u8]) -> bool {
    const STOCK: &[&str] = &[
        "password",
        "passwd",
        "passwort",
        "mypassword",
        "yourpassword",
        "changeme",
        "letmein",
        "username",
        "guest",
    ];
    let word = secret.trim_ascii_start();
    let from = word.iter().take_while(|b| matches!(b, b':' | b'<' | b'[' | b'*')).count();
    let word = &word[from..];
    let digits = word.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let word = &word[..word.len() - digits];
    STOCK.iter().any(|stock| stock.as_bytes().eq_ignore_ascii_case(word))
}

/// Whether the host behind `@` is the machine itself, or one of the names and addresses that are kept for documentation
/// (RFC 2606, RFC 3849, RFC 5737, RFC 6761).
fn is_at_home(rest: &[u8]) -> bool {
    let Some(rest) = rest.strip_prefix(b"@") else { return false };
    let is_host =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'[' | b':');
    let host = &rest[..rest.iter().take(255).take_while(|b| is_host(b)).count()];
    if host.starts_with(b"[") {
        return host.starts_with(b"[::1") || host.starts_with(b"[2001:db8:");
    }
    let host = host.split(|b| *b == b':').next().unwrap_or_default();
    let lower = host.to_ascii_lowercase();
    let labels: Vec<&[u8]> = lower.split(|b| *b == b'.').collect();
    matches!(
        &labels[..],
        [.., b"example", b"com" | b"org" | b"net"]
            | [.., b"example" | b"localhost" | b"test"]
            | [b"127", _, _, _]
            | [b"0", b"0", b"0", b"0"]
            | [b"192", b"0", b"2", _]
            | [b"198", b"51", b"100", _]
            | [b"203", b"0", b"113", _]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::example::expand;

    #[test]
    fn checksums_agree_with_their_templates() {
        for (check, template) in [
            (Check::GithubCrc32, "ghp_{alnum:30}{crc:github-crc32}"),
            (Check::GrafanaCrc32, "glsa_{alnum:32}_{crc:grafana-crc32}"),
            (Check::AtlassianCrc32, "ATATT3xFfGF0{alnum:40}={crc:atlassian-crc32}"),
            (Check::ConfluentCrc32, "cflt{alnum:50}{crc:confluent-crc32}"),
        ] {
            let mut token = expand(template, "seed").into_bytes();
            assert!(passes(check, &token, 0..token.len()), "{check:?}");
            token[12] ^= 1;
            assert!(!passes(check, &token, 0..token.len()), "{check:?}");
        }
    }

    #[test]
    fn published_test_numbers_pass() {
        assert!(luhn(b"4111 1111 1111 1111") && !luhn(b"4111 1111 1111 1112"));
        assert!(iban(b"GB82 WEST 1234 5698 7654 32") && !iban(b"GB82 WEST 1234 5698 7654 33"));
        assert!(aws_key_id(b"AKIAIOSFODNN7EXAMPLE") && !aws_key_id(b"AKIA00000000000000010"));
    }

    #[test]
    fn stock_passwords_are_left_only_at_hosts_that_nobody_owns() {
        let passes = |password: &str, host: &str| {
            let line = format!("amqp://app:{password}@{host}/x");
            passes(Check::UrlPassword, line.as_bytes(), 11..11 + password.len())
        };
        for host in ["localhost", "127.0.0.1:5672", "mq.example.com", "[2001:db8::7]", "192.0.2.9"]
        {
            assert!(!passes("password", host) && !passes("Passwd123", host), "{host}");
            assert!(passes("pass-7f3k", host), "{host}");
        }
        for host in ["mq", "10.0.0.7", "mq.acme.net", "example.com.acme.net", "[2001:dead::1]"] {
            assert!(passes("password", host), "{host}");
        }
    }

    #[test]
    fn a_jwt_has_a_json_header() {
        assert!(jwt(b"eyJhbGciOiJub25lIn0.e30.") && !jwt(b"eyNotJson000.e30."));
    }
}
