//! redact-stream
