//! `odooops --version`: the release, the commit that it was built from, the contract that it speaks.

use std::sync::LazyLock;

use crate::contract::CONTRACT_VERSION;

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let (release, commit) = (env!("CARGO_PKG_VERSION"), env!("ODOOOPS_BUILD_COMMIT"));
    format!("{release} (commit {commit}, contract {CONTRACT_VERSION})")
});

/// In one line. What a worker registers with stays the release alone: it is compared as a number.
pub(super) fn version() -> &'static str {
    &VERSION
}
