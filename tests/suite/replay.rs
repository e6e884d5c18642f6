//! Every input that ever failed in the fuzzer runs again.

use std::path::Path;

use redact_tests::replay::TARGETS;

#[test]
fn crashes_of_the_past_do_not_come_back() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/crashes");
    for (name, target) in TARGETS {
        let folder = folder.join(name);
        let files =
            std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for file in files {
            let path = file.expect("the folder is readable").path();
            eprintln!("{}", path.display());
            target(&std::fs::read(&path).expect("the file is readable"));
        }
    }
}
