//! Check-outs through the git program: no shell, `--` before arguments, protocol allow-list.
//!
//! A repository is a stranger's input: its URL, its refs and its submodules may try to run a program,
//! to read the worker's disk or to hang. git runs with an empty environment and no configuration but
//! ours, in a process group of its own that dies with the call.

mod address;
mod check_out;
mod command;
mod error;
mod revision;

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

pub use address::{Address, Protocol, without_password};
pub use error::GitError;
pub use revision::Revision;

/// How the git program is run.
#[derive(Debug, Clone)]
pub struct GitSettings {
    /// The program, found on the usual paths where it is a plain name.
    pub program: PathBuf,
    /// Protocols that repositories (and their submodules) may be fetched over.
    pub protocols: Vec<Protocol>,
    /// CA certificates beside the system's (`ODOOOPS_CA_BUNDLE`).
    pub ca_bundle: Option<PathBuf>,
    /// Proxy for https (`http://proxy:3128`).
    pub proxy: Option<String>,
    /// Private key for ssh; without one ssh is tried without any.
    pub ssh_key: Option<PathBuf>,
    /// Host keys that ssh accepts; without this file the system's are used.
    pub ssh_known_hosts: Option<PathBuf>,
    /// How long one check-out may take in all.
    pub time_limit: Duration,
    /// How long the server may send (almost) nothing.
    pub idle_limit: Duration,
}

impl Default for GitSettings {
    fn default() -> Self {
        Self {
            program: PathBuf::from("git"),
            protocols: vec![Protocol::Https, Protocol::Ssh],
            ca_bundle: None,
            proxy: None,
            ssh_key: None,
            ssh_known_hosts: None,
            time_limit: Duration::from_secs(1800),
            idle_limit: Duration::from_secs(60),
        }
    }
}

/// What is to be checked out, and where to.
#[derive(Debug, Clone, Default)]
pub struct CheckOut {
    /// `https://…`, `ssh://…`, `git@host:path`, and `file://…` where the settings allow it.
    pub url: String,
    /// Branch, tag, full ref (`refs/pull/1/head`) or commit; a branch wins over a tag of the same name.
    /// Without it, and without a commit, the default branch.
    pub git_ref: Option<String>,
    /// Commit, whole or shortened (4 characters or more); it decides over `git_ref`.
    pub commit_sha: Option<String>,
    /// Where the files go; it must not exist yet, or be empty.
    pub dest: PathBuf,
    /// User and password or token; also taken from the URL, where they must not stay.
    pub credentials: Option<Credentials>,
}

/// What a server asks for. Reaches git through its environment, never through arguments or files.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// User name; hosts that take tokens ignore it or want a fixed word (`x-access-token`, `oauth2`).
    pub username: String,
    /// Password or token.
    pub password: SecretString,
}

/// The commit that was checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Whole hash.
    pub sha: String,
    /// The branch that was asked for, without `refs/heads/`.
    pub branch: Option<String>,
    /// `Name <mail>`.
    pub author: String,
    /// The whole message.
    pub message: String,
    /// When it was committed.
    pub committed_at: jiff::Timestamp,
}

/// The git program and where it may work.
#[derive(Debug, Clone)]
pub struct Git {
    settings: GitSettings,
}

impl Git {
    /// A git with these settings; nothing is run yet.
    pub fn new(settings: GitSettings) -> Self {
        Self { settings }
    }

    /// The git program's version (`2.47.3`), or why it cannot be run.
    pub async fn version(&self) -> Result<String, GitError> {
        let said = command::GitCommand::new(&self.settings).output(&["version"], "git").await?;
        Ok(said.trim().trim_start_matches("git version ").to_owned())
    }

    /// Checks a commit out into `check_out.dest`, submodules included. On error `dest` is removed.
    pub async fn check_out(&self, check_out: &CheckOut) -> Result<Commit, GitError> {
        check_out::run(&self.settings, check_out).await
    }
}
