//! To come.

pub mod redact;
