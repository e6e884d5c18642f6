//! The engine's kernels that this CPU has.
//!
//! The environment variable `REDACT_SIMD` chooses one when an engine is built, so each needs a process of its own.

use redact_stream::{Engine, ScannerKind};

/// The variable that forces a kernel.
pub const VARIABLE: &str = "REDACT_SIMD";
/// All names, the fastest first.
pub const NAMES: &[&str] = &["vbmi", "avx2", "ssse3", "neon", "scalar"];

/// The kernels of this CPU, the fastest first.
pub fn available() -> Vec<&'static str> {
    NAMES.iter().copied().filter(|name| is_available(name)).collect()
}

fn is_available(name: &str) -> bool {
    #[cfg(target_arch = "x86_64")]
    let there = match name {
        "vbmi" => {
            is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vbmi")
        }
        "avx2" => is_x86_feature_detected!("avx2"),
        "ssse3" => is_x86_feature_detected!("ssse3"),
        other => other == "scalar",
    };
    #[cfg(not(target_arch = "x86_64"))]
    let there = name == "scalar" || (cfg!(target_arch = "aarch64") && name == "neon");
    there
}

/// The scanner that an engine of this process uses, with its kernel, such as `simd (avx2)`.
///
/// # Errors
/// The scanner cannot be used here.
pub fn in_use(kind: ScannerKind) -> Result<String, String> {
    let engine = Engine::builder().scanner(kind).scanner_strict(true).build();
    engine.map(|engine| engine.scanner_name()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_uses_the_fastest_kernel_that_is_listed() {
        let name = in_use(ScannerKind::Simd).unwrap();
        // Unless it is forced from outside.
        if std::env::var_os(VARIABLE).is_none() {
            assert_eq!(name, format!("simd ({})", available()[0]));
        }
    }
}
