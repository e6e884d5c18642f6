//! Hard problem 6: secrets of several lines, with any line end, indentation, prefix and escape.

use proptest::prelude::*;
use redact_stream::ScannerKind;
use redact_tests::random::Random;
use redact_tests::{Run, Setup, cut};

/// A body: lines of 64 base64 characters and a shorter last one.
fn body() -> impl Strategy<Value = Vec<String>> {
    (prop::collection::vec("[A-Za-z0-9+/]{64}", 1..12), "[A-Za-z0-9+/]{20,62}={0,2}").prop_map(
        |(mut lines, last)| {
            lines.push(last);
            lines
        },
    )
}

fn markers() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(vec![
        ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"),
        ("-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----", "-----END PGP PRIVATE KEY BLOCK-----"),
        ("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----", "---- END SSH2 ENCRYPTED PRIVATE KEY ----"),
    ])
}

/// No four bytes of a body line stand in the output.
fn gone(output: &[u8], body: &[String]) -> bool {
    let left =
        |line: &String| line.as_bytes().windows(12).any(|w| output.windows(12).any(|o| o == w));
    !body.iter().any(left)
}

proptest! {
    #[test]
    fn a_body_is_masked_in_every_form_of_lines(
        body in body(),
        (begin, end) in markers(),
        eol in prop::sample::select(vec!["\n", "\r\n", "\r\r\n"]),
        prefix in prop::sample::select(vec![
            "", "  ", "\t", "        ", "svc | ", "2026-01-02T03:04:05Z app[7]: ", "# ", "> ", "// ", "[web-1] ", "  | ",
        ]),
        seed in any::<u64>(),
    ) {
        let lines = [&["before".to_owned(), begin.to_owned()], &body[..], &[end.to_owned(), "after it".to_owned()]].concat();
        let input: String = lines.iter().map(|l| format!("{prefix}{l}{eol}")).collect();
        let masked = |l: &String| if body.contains(l) { "[REDACTED:private-key]".to_owned() } else { l.clone() };
        let wanted: String = lines.iter().map(|l| format!("{prefix}{}{eol}", masked(l))).collect();
        let mut random = Random::new(seed);
        for engine in Setup::builtin().engines() {
            let run = Run::whole(&engine, input.as_bytes());
            prop_assert_eq!(String::from_utf8_lossy(&run.output), &*wanted);
            for _ in 0..10 {
                let cuts = cut::k_way(input.len(), &mut random);
                prop_assert_eq!(&Run::pieces(&engine, input.as_bytes(), &cuts), &run);
            }
        }
    }

    #[test]
    fn a_body_inside_one_line_is_masked(
        body in body(),
        (begin, end) in markers(),
        newline in prop::sample::select(vec!["\\n", "\\r\\n", "\\\\n", " ", "", "\\\\r\\\\n"]),
        (open, close) in prop::sample::select(vec![
            ("{\"key\":\"", "\"}"), ("KEY=\"", "\""), ("key: '", "'"), ("{\"log\":\"{\\\"k\\\":\\\"", "\\\"}\"}"), ("", ""),
        ]),
    ) {
        let middle = body.join(newline);
        let input = format!("{open}{begin}{newline}{middle}{newline}{end}{newline}{close}\nafter\n");
        let wanted = format!("{open}{begin}{newline}[REDACTED:private-key]{newline}{end}{newline}{close}\nafter\n");
        let engine = Setup::builtin().engine(ScannerKind::Auto, true);
        prop_assert_eq!(engine.redact_str(&input), wanted);
    }

    #[test]
    fn json_log_lines_of_a_key_are_masked(body in body(), (begin, end) in markers()) {
        let lines = [&[begin.to_owned()], &body[..], &[end.to_owned()]].concat();
        let log = |l: &String| format!("{{\"log\":\"{l}\\n\",\"stream\":\"stdout\"}}\n");
        let input: String = lines.iter().map(log).collect();
        let engine = Setup::builtin().engine(ScannerKind::Auto, true);
        let output = engine.redact_str(&input);
        prop_assert!(gone(output.as_bytes(), &body), "{}", output);
        prop_assert_eq!(output.matches("\"stream\":\"stdout\"").count(), lines.len());
    }

    #[test]
    fn lines_of_other_writers_between_do_not_end_a_key(body in body(), every in 1usize..4) {
        let mut input = "-----BEGIN PRIVATE KEY-----\n".to_owned();
        for (i, line) in body.iter().enumerate() {
            input += &format!("{line}\n");
            if i % every == 0 {
                input += "12:00:01 INFO another thread says hello\n";
            }
        }
        input += "-----END PRIVATE KEY-----\n";
        let output = Setup::builtin().engine(ScannerKind::Auto, true).redact_str(&input).into_owned();
        prop_assert!(gone(output.as_bytes(), &body), "{}", output);
        prop_assert_eq!(output.matches("another thread says hello").count(), input.matches("hello").count());
    }

    #[test]
    fn a_key_without_an_end_is_masked_to_its_last_line(body in body(), cut in 0usize..64) {
        let (last, rest) = body.split_last().expect("a body has lines");
        let last = &last[..last.len().min(cut.max(20))];
        let input = format!("-----BEGIN PRIVATE KEY-----\n{}\n{last}", rest.join("\n"));
        let output = Setup::builtin().engine(ScannerKind::Auto, true).redact_str(&input).into_owned();
        prop_assert!(gone(output.as_bytes(), &body), "{}", output);
    }
}

#[test]
fn an_endless_key_stays_masked_in_bounded_memory() {
    let engine = Setup::builtin().engine(ScannerKind::Auto, true);
    let mut stream = redact_stream::StreamRedactor::new(engine);
    let mut out = Vec::new();
    let Ok(()) = stream.push(b"-----BEGIN PRIVATE KEY-----\n", &mut out);
    for _ in 0..20_000 {
        out.clear();
        let Ok(()) = stream.push(&[&b"TUlJRW5v"[..]; 8].concat(), &mut out);
        let Ok(()) = stream.push(b"\n", &mut out);
        assert_eq!(out, b"[REDACTED:private-key]\n");
        assert_eq!(stream.held_bytes(), 0);
    }
}

/// Only what stands before the marker from the start of the line is a prefix of the lines, not the end of it.
#[test]
fn a_body_like_the_end_of_a_long_start_of_the_line_is_masked() {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let engine = Setup::builtin().engine(ScannerKind::Auto, false);
    for length in [300, 1000, 1100, 3000] {
        let noise = Random::new(5).word(LETTERS, length);
        let (begin, end) = ("-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----");
        let like = &noise[length - 256..];
        let output =
            engine.redact_str(&format!("token={noise}{begin}\n{like}{like}\n{end}\n")).into_owned();
        let masks = ["[REDACTED:secret]", "[REDACTED:private-key]"];
        assert_eq!(output, format!("token={}{begin}\n{}\n{end}\n", masks[0], masks[1]));
    }
}
