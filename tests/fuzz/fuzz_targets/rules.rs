#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| redact_tests::replay::rules(input));
