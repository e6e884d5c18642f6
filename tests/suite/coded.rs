//! Hard problems 7 and 8: secrets behind codings, and JSON that stays JSON.

use std::sync::LazyLock;

use proptest::prelude::*;
use redact_stream::{Engine, ScannerKind};
use redact_tests::random::Random;
use redact_tests::{MaskForm, Run, Setup, cut};
use serde_json::{Value, json};

use crate::shapes::{self, GENERIC};

/// What text with escapes is made of.
const ESCAPED: &[&str] = &[
    "acme_",
    "0123",
    "abcd",
    "acme_0123abcd",
    "\u{1b}[31m",
    "\u{1b}[0m",
    "\u{1b}[",
    "\u{1b}]0;t\u{7}",
    "\u{1b}]8;;x\u{1b}\\",
    "\u{1b}",
    "\\u0061",
    "\\u005f",
    "\\u00",
    "\\n",
    "\\",
    "\\\"",
    "\\/",
    "%5F",
    "%61cme",
    "%",
    "%4",
    "nova-token-",
    "zap-abcd_efg-1",
    "{\"a\":\"",
    "\"}",
    "\"",
    " ",
    " ",
    "\n",
    "=",
    "x",
    "[REDACTED:acme]",
];

/// Payloads, of which up to eight bytes may leave at a pause before they can be told from a word: base64 and hex of
/// `{"a":"acme_0123abcd"}`.
const PAYLOADS: &[&str] = &[
    "eyJhIjoiYWNtZV8wMTIzYWJjZCJ9",
    "eyJhIjoiYWNtZ",
    "V8wMTIzYWJjZCJ9",
    "==",
    "7b2261223a2261636d655f3031323361626364227d",
    "7b2261223a226163",
];

/// Both.
fn coded() -> &'static [&'static str] {
    static CODED: LazyLock<Vec<&str>> = LazyLock::new(|| [ESCAPED, PAYLOADS].concat());
    &CODED
}

fn setup() -> Setup {
    shapes::setup().decode_depth(1)
}

/// Output and spans do not depend on cuts, scanners or pauses.
fn same_for_all(setup: &Setup, input: &[u8], seed: u64) -> Result<(), TestCaseError> {
    let engines = setup.engines();
    let wanted = Run::whole(&engines[0], input);
    let mut random = Random::new(seed);
    for engine in &engines {
        prop_assert_eq!(&Run::whole(engine, input), &wanted, "scanner {}", engine.scanner_name());
        for _ in 0..5 {
            let cuts = cut::k_way(input.len(), &mut random);
            let run = Run::pieces(engine, input, &cuts);
            prop_assert_eq!(&run, &wanted, "{} cut at {:?}", engine.scanner_name(), cuts);
        }
    }
    Ok(())
}

/// No byte that is masked of the whole input leaves at a pause.
fn nothing_leaves_early(setup: &Setup, input: &[u8], seed: u64) -> Result<(), TestCaseError> {
    let engine = setup.mask(MaskForm::Stars).once().engine(ScannerKind::Auto, true);
    let mut random = Random::new(seed);
    let cuts = cut::k_way(input.len(), &mut random);
    let whole = Run::whole(&engine, input);
    let run = Run::flushed(&engine, input, &cuts, |at| seed >> (at % 64) & 1 == 1);
    for finding in &whole.findings {
        let covered = (finding.start..finding.end)
            .all(|at| run.findings.iter().any(|f| f.start <= at && at < f.end));
        prop_assert!(covered, "{:?}: flushed {:?}, whole {:?}", cuts, run, whole);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn coded_text_is_the_same_however_it_is_cut(input in shapes::text_of(coded()), seed in any::<u64>()) {
        same_for_all(&setup(), &input, seed)?;
        same_for_all(&setup().decode_depth(2), &input, seed)?;
    }

    #[test]
    fn coded_secrets_do_not_leave_early(input in shapes::text_of(ESCAPED), seed in any::<u64>()) {
        nothing_leaves_early(&setup(), &input, seed)?;
    }

    #[test]
    fn a_second_run_changes_nothing(input in shapes::text_of(coded())) {
        let engine = setup().engine(ScannerKind::Auto, true);
        let once = engine.redact(&input).into_owned();
        let twice = engine.redact(&once).into_owned();
        prop_assert_eq!(twice.escape_ascii().to_string(), once.escape_ascii().to_string());
    }

    /// Any sequence anywhere in a secret: the secret is gone, the sequences are there, in order.
    #[test]
    fn terminal_sequences_inside_a_secret_stay(
        places in prop::collection::vec((1usize..13, 0usize..4), 1..5),
    ) {
        const SEQUENCES: [&str; 4] = ["\u{1b}[31;1m", "\u{1b}[K", "\u{1b}]0;t\u{7}", "\u{1b}(B"];
        let mut places = places;
        places.sort();
        let secret = "acme_0123abcd";
        let (mut input, mut at) = ("say ".to_owned(), 0);
        for (place, which) in &places {
            input.push_str(&secret[at..*place]);
            input.push_str(SEQUENCES[*which]);
            at = *place;
        }
        input.push_str(&secret[at..]);
        let sequences: String = places.iter().map(|(_, which)| SEQUENCES[*which]).collect();
        let engine = setup().engine(ScannerKind::Auto, true);
        prop_assert_eq!(engine.redact_str(&input), format!("say [REDACTED:fixed]{sequences}"));
    }
}

/// What stands before a sequence that is not complete yet may go on behind it.
#[test]
fn the_beginning_of_a_secret_waits_for_the_sequence_behind_it() {
    for seed in 0..300 {
        let input = b"acme_\x1b]8;;x\x1b\\0123acme_";
        nothing_leaves_early(&setup(), input, seed).expect("nothing");
    }
}

/// What a mask that begins inside an escape takes with it does not leave before it; nor a backslash that ends a terminal
/// sequence by the letter of its standard.
#[test]
fn escapes_before_a_secret_leave_whole() {
    for input in [
        "{\"a\":\"x\\u00acme_0123abcdacme_",
        "{\"a\":\"zap-abcd_efg-1acme_\u{1b}[\\u0061acme_0123abcd",
        "zap-abcd_efg-1acme_\u{1b}[\\u0061acme_",
        "{\"a\":\"acme_0123acme_acme_zap-abcd_efg-1acme_\u{1b}[\\u00\u{1b}[0m",
    ] {
        for seed in 0..300 {
            nothing_leaves_early(&setup(), input.as_bytes(), seed).expect(input);
        }
    }
}

/// Of passwords that no one takes for a placeholder.
const ALPHABET: &str = "bcdfghjkmnpqrtvwzBCDFGHJKMNPQRTVWZ23456789";

const PEM_BODY: &str = "TUlJRW5vdGFy";

/// A document with secrets in it, nested, as text within text, and with escapes; the secrets go to `planted` too.
fn document(random: &mut Random, depth: usize, planted: &mut Vec<String>) -> Value {
    const KEYS: [&str; 8] =
        ["password", "user", "token", "api_key", "pin", "note", "a \"b\"", "client\\secret"];
    let mut plant = |secret: String| {
        planted.push(secret.clone());
        secret
    };
    let mut leaf = |random: &mut Random| match random.below(9) {
        0 => json!(random.below(1_000_000_000)),
        1 => json!(format!("x9-{}", random.word("abcdefgh0123456789", 12))),
        2 => {
            let password = plant(format!("x9{}", random.word(ALPHABET, 12)));
            json!(format!("https://u:{password}@h/\u{fc}\"q\""))
        }
        3 => {
            plant(PEM_BODY.to_owned());
            json!(
                "-----BEGIN PRIVATE KEY-----\nTUlJRW5vdGFy\nZWFsa2V5bm90\n-----END PRIVATE KEY-----\n"
            )
        }
        4 => {
            let password = plant(format!("x9!{}", random.word(ALPHABET, 8)));
            json!(format!("line one\nPASSWORD={password}\ttwo\\"))
        }
        5 => {
            let token = plant(random.word("abcdef0123456789", 32));
            json!(format!("\u{1b}[31mtoken\u{1b}[0m={token}"))
        }
        6 => json!("just words, nothing else"),
        7 => json!(null),
        _ => json!(true),
    };
    if depth == 0 {
        return leaf(random);
    }
    match random.below(4) {
        0 => leaf(random),
        1 => {
            let count = random.below(4);
            let one = |_| document(random, depth - 1, planted);
            json!((0..count).map(one).collect::<Vec<_>>())
        }
        // Text that is JSON itself.
        2 => json!(document(random, depth - 1, planted).to_string()),
        _ => {
            let mut object = serde_json::Map::new();
            for _ in 0..random.below(5) {
                let key = (*random.pick(&KEYS)).to_owned();
                object.insert(key, document(random, depth - 1, planted));
            }
            Value::Object(object)
        }
    }
}

fn is_mask(text: &str) -> bool {
    text.starts_with("[REDACTED:") || text.bytes().all(|b| b == b'*')
}

/// The strings of a document that are documents themselves are so still.
fn same_texts(before: &Value, after: &Value, text: &str) {
    match (before, after) {
        (Value::String(a), Value::String(b)) => {
            let Ok(inner) = serde_json::from_str::<Value>(a) else { return };
            // A value that is a secret goes as a whole, whatever it is.
            if (inner.is_object() || inner.is_array()) && b.starts_with(['{', '[']) && !is_mask(b) {
                let masked = serde_json::from_str(b).unwrap_or_else(|e| panic!("{e}\n{text}\n{b}"));
                same_texts(&inner, &masked, text);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            a.iter().zip(b).for_each(|(a, b)| same_texts(a, b, text));
        }
        (Value::Object(a), Value::Object(b)) => {
            a.values().zip(b.values()).for_each(|(a, b)| same_texts(a, b, text));
        }
        _ => {}
    }
}

#[test]
fn json_stays_json_and_holds_no_secret() {
    let mut random = Random::new(7);
    for mask in [MaskForm::Label, MaskForm::Stars] {
        let engine = Setup::builtin().mask(mask).engine(ScannerKind::Auto, false);
        let mut masked = 0;
        for _ in 0..20_000 {
            let mut planted = Vec::new();
            let text = json!({ "document": document(&mut random, 4, &mut planted) }).to_string();
            // Some writers escape more than they must.
            let dashes_escaped = random.below(3) == 1;
            let text = match dashes_escaped {
                true => text.replace('-', "\\u002d"),
                false if random.below(2) == 0 => text.replace('/', "\\/"),
                false => text,
            };
            let out = engine.redact_str(&text);
            masked += usize::from(out != text);
            // Markers with escaped dashes are not seen as such.
            let seen = |secret: &&String| !dashes_escaped || *secret != PEM_BODY;
            for secret in planted.iter().filter(seen) {
                assert!(!out.contains(secret.as_str()), "{secret} of\n{text}\nis in\n{out}");
            }
            let after = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}\n{text}\n{out}"));
            same_texts(&serde_json::from_str(&text).expect("a document"), &after, &text);
        }
        assert!(masked > 5_000, "only {masked} documents had something in them");
    }
}

#[test]
fn the_generic_rules_see_coded_text_in_pieces_too() {
    let mut random = Random::new(3);
    for _ in 0..300 {
        let mut input = random.text(GENERIC, 12);
        input.extend_from_slice(&random.text(coded(), 12));
        same_for_all(&Setup::builtin(), &input, random.bits()).expect("the same");
    }
}

/// Values of named keys, cut and flushed everywhere.
#[test]
fn values_of_keys_do_not_leave_early() {
    let engine = Engine::builder().keys(["name", "list", "n.id"]).build().expect("an engine");
    let text = b"{\"name\":\"a b\",\"list\":[12,\"x\\\"y\"],\"n\":{\"id\":-3.5,\"k\":1}}\nat=x name=\"a b\" n=1 name=z";
    let whole = Run::whole(&engine, text);
    assert_eq!(whole.findings.len(), 6, "{whole:?}");
    for first in 0..=text.len() {
        for second in first..=text.len() {
            let run = Run::flushed(&engine, text, &[first, second], |_| true);
            assert!(run == whole, "flushed at {first} and {second}: {run:?}");
        }
    }
}
