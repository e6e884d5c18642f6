//! Hard problem 4: lines made to be slow. Rows of starts that match nothing, of matches that are refused, of keys without a
//! secret: what their budgets decide depends on the line alone, and hides no secret behind them.

use redact_stream::{RuleSet, ScannerKind};
use redact_tests::random::Random;
use redact_tests::{Run, Setup, cut};

/// What is repeated, none of it a secret, and whether its rows are longer than a rule refuses.
const UNITS: &[(&str, bool)] = &[
    ("JSESSIONID=none", true),
    ("_gitlab_session=d", true),
    ("fm2_a,", true),
    ("glcbt-eyJQaj", false),
    ("sk-admin-Kx", false),
    ("password=", false),
    ("token:none&", false),
    ("curl -u ", false),
];

/// All built-in rules: the cost is in those of single services too.
fn everything() -> Setup {
    Setup { rules: RuleSet::builtin(), ..Setup::builtin() }.named("everything")
}

fn row(unit: &str, len: usize) -> String {
    unit.repeat(len / unit.len())
}

#[test]
fn short_rows_are_left_and_long_ones_masked() {
    let engine = everything().engine(ScannerKind::Auto, false);
    for (unit, is_masked) in UNITS {
        assert_eq!(&engine.redact_str(unit), unit);
        let long = row(unit, 40_000);
        assert!(!is_masked || engine.redact_str(&long) != long, "{unit}");
        let lines = format!("{unit}\n").repeat(3000);
        assert_eq!(engine.redact_str(&lines), lines, "each line has its own budget: {unit}");
    }
}

#[test]
fn a_secret_behind_a_row_is_masked() {
    let part = |n, len| Random::new(n).text(&["a", "B", "7", "q", "Z", "3", "x"], len);
    let part = |n, len| String::from_utf8(part(n, len)).unwrap();
    // {"alg":"HS256"} and {"sub":"a"}
    let token = format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.{}", part(1, 43));
    let engine = everything().engine(ScannerKind::Auto, false);
    for (unit, _) in UNITS {
        for behind in ["", &row(unit, 3000)] {
            let text = format!("{} {token} {behind}", row(unit, 100_000));
            let output = engine.redact_str(&text);
            assert!(!output.contains(&token[25..]), "{unit}: {}", &output[output.len() - 200..]);
        }
    }
}

#[test]
fn rows_are_the_same_for_all_scanners_and_cuts() {
    let engines = everything().engines();
    let mut random = Random::new(4);
    for (unit, _) in UNITS {
        for len in [3000, 30_000, 90_000] {
            let text = format!("a\nGET /?q= {} end\nb", row(unit, len));
            let wanted = Run::whole(&engines[0], text.as_bytes());
            for engine in &engines {
                let cuts = cut::k_way(text.len(), &mut random);
                let run = Run::pieces(engine, text.as_bytes(), &cuts);
                assert!(run == wanted, "{unit} {len} {} cut at {cuts:?}", engine.scanner_name());
            }
        }
    }
}
