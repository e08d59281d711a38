//! Every setting, from flags, environment, credentials and one file: one struct per role, each secret
//! wrapped as it is read.
//!
//! Nothing else in the program reads the environment (the AWS SDK and systemd's protocol read their own
//! variables).

mod file;
pub mod git;
mod layers;
mod mask;
pub mod odoo;
pub mod registry;
pub mod secrets;
mod setting;
pub mod worker;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

pub use git::{GitConfig, GitProtocol};
pub use layers::{ConfigFile, Configuration, DEFAULT_FILE, FileState, Layers, Resolved, Source};
pub use odoo::OdooConfig;
pub use secrets::SecretsConfig;
pub use setting::{Setting, first_paragraph};
pub use worker::{WakeUp, WorkerConfig};

/// The argument that names the configuration file, which is no setting of the file.
const CONFIG_FILE: &str = "config";
/// How messages name it.
const CONFIG_VARIABLE: &str = "ODOOOPS_CONFIG (or --config)";

/// A setting that is missing or cannot be right; always the caller's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Nothing was given.
    #[error("{what} is not set; set {variable}{example}")]
    Missing {
        /// In words.
        what: &'static str,
        /// The variable and the flag.
        variable: &'static str,
        /// ` to e.g. …`, or nothing.
        example: &'static str,
    },
    /// Something was given that cannot be used. The value itself is repeated only where it is no secret.
    #[error("{variable}: {problem}")]
    Invalid {
        /// The variable and the flag.
        variable: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// What is wrong in the configuration file by line, or in the environment by variable.
    #[error("{0}")]
    Listed(String),
}

impl ConfigError {
    fn invalid(variable: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid { variable: variable.into(), problem: problem.into() }
    }
}

/// The control-plane database.
#[derive(Debug, Clone, Args)]
pub struct DatabaseConfig {
    /// Control-plane database, postgres://… (else SUPABASE_DB_URL). A flag shows in process lists: prefer the others.
    #[arg(
        long = "database-url",
        global = true,
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Global"
    )]
    pub database_url: Option<SecretString>,
    /// Supabase's name for the control-plane database, where DATABASE_URL has no value.
    #[arg(
        long = "supabase-db-url",
        global = true,
        hide = true,
        env = "SUPABASE_DB_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Global"
    )]
    pub supabase_db_url: Option<SecretString>,
}

/// A connection string and the setting that it came from, for messages.
#[derive(Debug, Clone)]
pub struct DatabaseUrl {
    /// The connection string.
    pub url: SecretString,
    /// The variable to look at when it does not work.
    pub variable: &'static str,
}

impl DatabaseConfig {
    /// The URL that the command line and scripts use: `DATABASE_URL`, else `SUPABASE_DB_URL`.
    pub fn url(&self) -> Result<DatabaseUrl, ConfigError> {
        let named = [(&self.database_url, "DATABASE_URL"), (&self.supabase_db_url, "SUPABASE_DB_URL")];
        named
            .into_iter()
            .find_map(|(url, variable)| database_url(url.as_ref(), variable))
            .ok_or(ConfigError::Missing {
                what: "the control-plane database",
                variable: "DATABASE_URL (or SUPABASE_DB_URL)",
                example: " to e.g. postgres://user:password@host:5432/name",
            })?
            .checked()
    }
}

fn database_url(url: Option<&SecretString>, variable: &'static str) -> Option<DatabaseUrl> {
    url.filter(|url| !url.expose_secret().trim().is_empty())
        .map(|url| DatabaseUrl { url: url.clone(), variable })
}

impl DatabaseUrl {
    /// Refuses what is no Postgres URL, without repeating it: it may hold a password.
    fn checked(self) -> Result<Self, ConfigError> {
        let parsed = url::Url::parse(self.url.expose_secret());
        match parsed {
            Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") && !misplaces_login(&url) => {
                Ok(self)
            }
            Ok(_) | Err(_) => Err(ConfigError::invalid(
                self.variable,
                "is no Postgres URL; write postgres://user:password@host:5432/name \
                 (special characters in the password percent-encoded)",
            )),
        }
    }

    /// `host:port/name` of the server: everything that may be shown.
    #[must_use]
    pub fn place(&self) -> String {
        mask::place_of_database(self.url.expose_secret())
    }
}

/// Whether a password would be taken for the user, the host or the database, whose names servers repeat in
/// their messages: `/user:password@host`, `user%3Apassword@host`, `?host=user:password@host`, `#password=…`.
fn misplaces_login(url: &url::Url) -> bool {
    let has = |text: &str, marks: &[char]| {
        percent_encoding::percent_decode_str(text).decode_utf8_lossy().contains(marks)
    };
    let names = ["host", "hostaddr", "dbname", "user"];
    let is_bare = |pair: &str| !pair.is_empty() && !pair.contains('=');
    url.fragment().is_some()
        || url.query().is_some_and(|query| query.split('&').any(is_bare))
        || has(url.username(), &[':'])
        || has(url.host_str().unwrap_or_default(), &['@'])
        || has(url.path(), &['@', ':'])
        || url.query_pairs().any(|(name, value)| names.contains(&&*name) && value.contains('@'))
}

/// Where artifacts are kept.
#[derive(Debug, Clone, Args)]
pub struct StoreConfig {
    /// Artifact store: s3://bucket/prefix or file:///path (keys, region and AWS_ENDPOINT_URL as the AWS SDK reads them).
    #[arg(
        long = "store-url",
        global = true,
        env = "ODOOOPS_STORE_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Global"
    )]
    pub store_url: Option<String>,
}

impl StoreConfig {
    /// The store as it may be shown.
    #[must_use]
    pub fn place(&self) -> String {
        mask::shown(self.store_url.as_deref().unwrap_or_default(), true)
    }

    /// The store, which must be set where files are written or fetched.
    pub fn url(&self) -> Result<&str, ConfigError> {
        self.store_url.as_deref().map(str::trim).filter(|url| !url.is_empty()).ok_or(ConfigError::Missing {
            what: "the artifact store",
            variable: "ODOOOPS_STORE_URL (or --store-url)",
            example: " to s3://bucket/prefix, or to file:///var/lib/odooops/store for one machine",
        })
    }
}

/// How answers are written.
#[derive(Debug, Clone, Args)]
pub struct OutputConfig {
    /// Answer with one JSON document on stdout (JSON lines for `run logs` and --wait), errors as JSON on stderr.
    #[arg(long, global = true, help_heading = "Global")]
    pub json: bool,
}

impl OutputConfig {
    /// Whether NO_COLOR asks for none: present and not empty, whatever it says (no-color.org).
    #[must_use]
    pub fn no_color(&self) -> bool {
        std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
    }
}

/// A variable's text; unset, empty and undecodable are all `None`.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// A variable as it is.
fn variable_os(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// All variables, undecodable ones included.
fn variables() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}

/// The machine's name, as the default worker id.
fn host_name() -> Option<String> {
    let files = ["/proc/sys/kernel/hostname", "/etc/hostname"].map(PathBuf::from);
    let read = |path: &PathBuf| std::fs::read_to_string(path).ok();
    files.iter().find_map(read).or_else(|| variable("HOSTNAME")).map(|name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: Option<&str>, supabase: Option<&str>) -> DatabaseConfig {
        DatabaseConfig {
            database_url: url.map(SecretString::from),
            supabase_db_url: supabase.map(SecretString::from),
        }
    }

    #[test]
    fn database_url_wins_over_supabase_db_url_and_empty_means_unset() {
        let chosen = |given| config(given, Some("postgres://supabase/x")).url().expect("a URL").variable;
        assert_eq!(chosen(Some("postgres://main/x")), "DATABASE_URL");
        assert_eq!(chosen(Some("  ")), "SUPABASE_DB_URL");
        assert_eq!(chosen(None), "SUPABASE_DB_URL");
    }

    #[test]
    fn a_missing_database_says_which_variable_to_set() {
        let problem = config(None, None).url().expect_err("nothing set").to_string();
        assert!(problem.contains("DATABASE_URL") && problem.contains("postgres://"), "{problem}");
    }

    #[test]
    fn a_wrong_url_is_refused_without_being_repeated() {
        for wrong in [
            "mysql://me:hunter22@db/x",
            "me:hunter22@db/x",
            "postgres//me:hunter22@db",
            "postgres:///me:hunter22@db",
            "postgres:///me%3Ahunter22%40db",
            "postgres://me%3Ahunter22@db/x",
            "postgres://me%3Ahunter22%40db/x",
            "postgres:///x?host=me:hunter22@db",
            "postgres://db/x#password=hunter22",
            "postgres://db/x?hunter22",
        ] {
            let problem = config(Some(wrong), None).url().expect_err(wrong);
            let shown = format!("{problem} {problem:?}");
            assert!(shown.contains("DATABASE_URL") && !shown.contains("hunter22"), "{shown}");
        }
    }

    #[test]
    fn a_missing_store_says_what_it_may_be() {
        let problem = StoreConfig { store_url: Some(String::new()) }.url().expect_err("empty").to_string();
        assert!(problem.contains("ODOOOPS_STORE_URL") && problem.contains("file:///"), "{problem}");
    }
}
