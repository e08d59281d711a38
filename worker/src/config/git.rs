//! How sources are fetched.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// A way to a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GitProtocol {
    /// https://
    Https,
    /// http://, readable and changeable by anyone on the way.
    Http,
    /// ssh:// and git@host:path
    Ssh,
    /// file://: repositories on the worker's own disk.
    File,
}

/// Settings of check-outs. Logins are secrets (docs/security.md).
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Git")]
pub struct GitConfig {
    /// Protocols that repositories may be fetched over, comma-separated.
    #[arg(
        long = "git-protocols",
        env = "ODOOOPS_GIT_PROTOCOLS",
        value_enum,
        value_delimiter = ',',
        default_value = "https,ssh",
        value_name = "PROTOCOL,…"
    )]
    pub git_protocols: Vec<GitProtocol>,
    /// Proxy for https (http://proxy:3128).
    #[arg(long = "git-proxy", env = "ODOOOPS_GIT_PROXY", hide_env_values = true, value_name = "URL")]
    pub git_proxy: Option<String>,
    /// Private key for ssh.
    #[arg(long = "git-ssh-key", env = "ODOOOPS_GIT_SSH_KEY", value_name = "FILE")]
    pub git_ssh_key: Option<PathBuf>,
    /// Host keys that ssh accepts; the system's when unset.
    #[arg(long = "git-ssh-known-hosts", env = "ODOOOPS_GIT_SSH_KNOWN_HOSTS", value_name = "FILE")]
    pub git_ssh_known_hosts: Option<PathBuf>,
}
