//! Check-outs through the git program: no shell, `--` before arguments, protocol allow-list.

/// The git program and where it may work.
#[derive(Debug, Clone)]
pub struct Git {}
