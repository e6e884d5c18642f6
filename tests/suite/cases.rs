//! Cases × scanners × windows × cuts.

use redact_tests::random::Random;
use redact_tests::{Run, case, cut};

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[test]
fn every_case_has_its_output_however_it_is_cut() {
    let mut failures = Vec::new();
    for case in case::all() {
        let mut first: Option<Run> = None;
        for engine in case.setup.engines() {
            let whole = Run::whole(&engine, &case.input);
            if whole.output != case.output {
                let (found, wanted) = (text(&whole.output), text(&case.output));
                failures.push(format!(
                    "{}\n  found  {found:.1500}\n  wanted {wanted:.1500}",
                    case.name
                ));
                break;
            }
            let wanted = first.get_or_insert_with(|| whole.clone());
            assert_eq!(*wanted, whole, "{}: {}", case.name, engine.scanner_name());
            let spans: Vec<_> =
                whole.findings.iter().map(|f| (f.start as usize, f.end as usize)).collect();
            let mut random = Random::new(case.input.len() as u64);
            let two_way = cut::two_way(&case.input, &spans).into_iter().map(|at| vec![at]);
            let rounds = if case.input.len() > 50_000 { 5 } else { 200 };
            let k_way = (0..rounds).map(|_| cut::k_way(case.input.len(), &mut random));
            for cuts in two_way.chain(k_way) {
                let run = Run::pieces(&engine, &case.input, &cuts);
                if run != whole {
                    failures.push(format!("{}: cut at {cuts:?}\n  found {run:?}", case.name));
                    break;
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_case_is_left_as_it_is_by_a_second_run() {
    for case in case::all() {
        let engine = &case.setup.engines()[0];
        assert_eq!(text(&engine.redact(&case.output)), text(&case.output), "{}", case.name);
    }
}
