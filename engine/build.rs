//! Turns `rules/*.toml` into constants, with the library's own parser: a start of `redact` parses nothing.

#[path = "src/error.rs"]
#[allow(dead_code, unreachable_pub)]
mod error;
#[path = "src/rule/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports)]
mod rule;

/// The modules of the scanner that sort windows into buckets, at their paths in the library.
#[path = "src/scan"]
#[allow(dead_code)]
mod scan {
    pub(crate) mod simd {
        pub(crate) mod buckets;
        pub(crate) mod features;
        pub(crate) mod lookup;
        pub(crate) mod symbols;
        pub(crate) mod tables;
        pub(crate) mod windows;
    }
}

use std::fmt::Write as _;
use std::path::Path;

use rule::{Rule, RuleSet};
use scan::simd::buckets::Effort;
use scan::simd::features::Grain;
use scan::simd::tables::Tables;
use scan::simd::windows::{self, Window};

fn main() {
    println!("cargo::rerun-if-changed=rules");
    println!("cargo::rerun-if-changed=src/rule");
    println!("cargo::rerun-if-changed=src/scan/simd");
    let mut files: Vec<_> = std::fs::read_dir("rules")
        .expect("engine/rules is readable")
        .map(|entry| entry.expect("engine/rules is readable").path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    let mut rules = RuleSet::default();
    for path in files {
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a rule file is UTF-8");
        let parsed = RuleSet::parse(&format!("rules/{name}"), &text);
        let merged = parsed.and_then(|more| std::mem::take(&mut rules).merge(more));
        rules = merged.unwrap_or_else(|error| panic!("built-in rules:\n{error}"));
    }
    let mut out = String::from("pub(crate) static BUILTIN: &[Rule] = &[\n");
    rules.iter().for_each(|rule| write_rule(&mut out, rule));
    out.push_str("];\n");
    let default: Vec<&Rule> = rules.iter().filter(|r| r.is_default()).collect();
    let windows = windows::distinct(default.iter().copied());
    let names = windows::names(&windows::named(&default));
    let effort = Effort { words: 256, passes: 40 };
    let assign = |windows, grain| scan::simd::buckets::assign(grain, windows, &[], effort);
    let both = |windows| (assign(windows, Grain::Fine), assign(windows, Grain::Coarse));
    let (fine, coarse) = both(&windows.everywhere);
    let (fine_names, coarse_names) = both(&names);
    out.push_str(&format!(
        "pub(crate) static FINE_BUCKETS: &[u8] = &{fine:?};\n\
         pub(crate) static COARSE_BUCKETS: &[u8] = &{coarse:?};\n\
         pub(crate) static TABLES: Tables = {:?};\n\
         pub(crate) static NAME_TABLES: Tables = {:?};\n\
         pub(crate) static EVERYWHERE: Keys = {};\n\
         pub(crate) static HEADS: Keys = {};\n\
         pub(crate) static NAMES: Keys = {};\n",
        Tables::new(&windows.everywhere, &fine, &coarse),
        Tables::new(&names, &fine_names, &coarse_names),
        keys(&windows.everywhere),
        keys(&windows.heads),
        keys(&names),
    ));
    let target = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::write(Path::new(&target).join("builtin.rs"), out).expect("OUT_DIR is writable");
}

/// The keys of windows as a constant.
fn keys(windows: &[Window]) -> String {
    let keys = scan::simd::lookup::Keys::new(windows);
    assert!(keys.wide.is_empty(), "windows of default rules can be spelt out");
    let index = |index: &scan::simd::lookup::Index| {
        format!(
            "Index {{ slots: Cow::Borrowed(&{:?}), shift: {}, groups: Cow::Borrowed(&{:?}), \
             members: Cow::Borrowed(&{:?}) }}",
            index.slots, index.shift, index.groups, index.members
        )
    };
    format!(
        "Keys {{ literals: Cow::Borrowed(&{:?}), prefixes: Cow::Borrowed(&{:?}), keys: Cow::Borrowed(&{:?}), \
         indices: [{}], wide: Vec::new(), wide_bits: Vec::new() }}",
        keys.literals,
        keys.prefixes,
        keys.keys,
        keys.indices.each_ref().map(index).join(", ")
    )
}

fn run(r: &Rule) -> String {
    r.run.map_or("None".to_owned(), |run| {
        format!(
            "Some(Run {{ class: RunClass::{:?}, len: {}, lo: {}, hi: {} }})",
            run.class, run.len, run.lo, run.hi
        )
    })
}

fn write_rule(out: &mut String, r: &Rule) {
    let text = |s: &str| format!("Cow::Borrowed({s:?})");
    let texts = |list: Vec<&str>| {
        let items: Vec<_> = list.into_iter().map(text).collect();
        format!("Cow::Borrowed(&[{}])", items.join(", "))
    };
    let anchors: Vec<_> = r
        .anchors
        .iter()
        .map(|a| {
            format!(
                "EmbeddedAnchor {{ window: Cow::Borrowed(&{:?}), lo: {}, hi: {} }}",
                a.window, a.lo, a.hi
            )
        })
        .collect();
    let heads: Vec<_> = r
        .heads
        .iter()
        .map(|h| {
            format!(
                "EmbeddedHead {{ window: Cow::Borrowed(&{:?}), class: RunClass::{:?}, run: {}, sign: {:?} }}",
                h.window, h.class, h.run, h.sign
            )
        })
        .collect();
    let check = r.check.map_or("None".to_owned(), |c| format!("Some(Check::{c:?})"));
    let block = r.block.map_or("None".to_owned(), |b| format!("Some(BlockKind::{b:?})"));
    writeln!(
        out,
        "Rule {{ id: {}, label: {}, provider: {}, description: {}, pattern: {}, keywords: {}, near: {}, \
         entropy: {:?}, check: {check}, on_check_fail: CheckFailure::{:?}, allow: {}, \
         confidence: Confidence::{:?}, group: {}, reference: {}, value: ValueSyntax::{:?}, block: {block}, \
         matches: {}, rejects: {}, builtin: true, source: {}, line: {}, max_len: {}, has_secret_group: {}, secret_offset: {}, \
         anchors: Cow::Borrowed(&[{}]), heads: Cow::Borrowed(&[{}]), run: {}, around: {:?} }},",
        text(r.id()),
        text(r.label()),
        text(r.provider()),
        text(r.description()),
        text(r.pattern()),
        texts(r.keywords().collect()),
        r.near,
        r.entropy,
        r.on_check_fail,
        texts(r.allow().collect()),
        r.confidence,
        text(r.group()),
        text(r.reference()),
        r.value,
        texts(r.matches().collect()),
        texts(r.rejects().collect()),
        text(r.source()),
        r.line,
        r.max_len,
        r.has_secret_group,
        r.secret_offset,
        anchors.join(", "),
        heads.join(", "),
        run(r),
        r.around,
    )
    .expect("writing to a string");
}
