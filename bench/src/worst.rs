//! The slowest text of one kind: beginnings of the rules' own examples, repeated without a line end, as a hostile writer would who
//! has read the rules.
//!
//! All are tried on a short text, and those that were slowest once more on a long one, where what is made for a rule when it is
//! first met no longer counts.
//!
//! Limits: rows of several fragments are not tried.

use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use redact_bench::latency::Count;
use redact_stream::{Engine, StreamRedactor, lint};

use crate::Failure;

/// What a run of `worst` measures.
#[derive(Debug, Args)]
pub(crate) struct WorstArgs {
    /// Size of the text on which all are tried, in KB
    #[arg(long, default_value_t = 60)]
    first_kb: usize,
    /// Size of the text on which the slowest are tried again, in KB
    #[arg(long, default_value_t = 600)]
    then_kb: usize,
    /// How many are tried again
    #[arg(long, default_value_t = 1000)]
    again: usize,
    /// How many are listed
    #[arg(long, default_value_t = 20)]
    listed: usize,
}

/// Tries all and prints the slowest.
pub(crate) fn run(args: &WorstArgs) -> Result<(), Failure> {
    let engine = Engine::builder().build().map_err(|error| Failure::Broken(error.to_string()))?;
    let fragments = fragments(&engine);
    println!("{} fragments with {}", fragments.len(), engine.scanner_name());
    let sorted = |fragments: Vec<String>, kb: usize| {
        let measured = fragments.into_iter().map(|f| (measure(&engine, &f, kb * 1000), f));
        let mut all: Vec<_> = measured.collect();
        all.sort_by(|((a, _), _), ((b, _), _)| b.total_cmp(a));
        all
    };
    let slowest = sorted(fragments, args.first_kb).into_iter().take(args.again);
    println!("GB/s\tbytes per mask\tfragment");
    for ((ns, per_mask), fragment) in
        sorted(slowest.map(|(_, fragment)| fragment).collect(), args.then_kb)
            .into_iter()
            .take(args.listed)
    {
        let per_mask = per_mask.map_or("-".to_owned(), |bytes| bytes.to_string());
        println!("{:.4}\t{per_mask}\t{fragment:?}", 1.0 / ns);
    }
    Ok(())
}

/// Beginnings of all examples, with a blank behind them and without.
fn fragments(engine: &Engine) -> Vec<String> {
    let mut all = Vec::new();
    for rule in engine.rules() {
        for example in rule.matches() {
            let example = lint::expand(rule, example).replace('\n', " ");
            let len = example.len();
            for count in [4, 6, 8, 12, 16, 24, 32, len / 2, len * 3 / 4, len - 1, len] {
                let Some(beginning) = example.get(..count) else { continue };
                all.extend([beginning.to_owned(), format!("{beginning} ")]);
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Nanoseconds of wall time per byte, and how many bytes there are for each mask.
fn measure(engine: &Arc<Engine>, fragment: &str, bytes: usize) -> (f64, Option<usize>) {
    let text = fragment.repeat(bytes / fragment.len() + 1);
    let started = Instant::now();
    let mut stream = StreamRedactor::new(Arc::clone(engine));
    let mut sink = Count::default();
    let Ok(()) = stream.push(text.as_bytes(), &mut sink);
    let Ok(()) = stream.finish(&mut sink);
    let took = started.elapsed().as_nanos() as f64;
    std::hint::black_box(sink);
    let masks = stream.stats().total() as usize;
    (took / text.len() as f64, text.len().checked_div(masks))
}
