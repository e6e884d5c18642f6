//! Bytes that are wiped when they are dropped and never shown.

use std::fmt;

use zeroize::Zeroizing;

/// Bytes of a secret: wiped on drop, and `Debug` shows only their number.
///
/// ```
/// let secret = redact_stream::SecretBytes::new(b"hunter2".to_vec());
/// assert_eq!(format!("{secret:?}"), "SecretBytes(7 bytes)");
/// assert_eq!(secret.expose(), b"hunter2");
/// ```
#[derive(Clone)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes the bytes over; no copy is left behind.
    pub fn new(bytes: Vec<u8>) -> SecretBytes {
        SecretBytes(Zeroizing::new(bytes))
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}
