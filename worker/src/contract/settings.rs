//! Where the control-plane database is and how patiently we talk to it.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Config;
use url::Url;

use super::ContractError;
use super::error::Refusal;

/// How long a connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one call may take before it counts as unreachable.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections that a pool may open unless a setting says otherwise.
pub const DEFAULT_MAX_CONNECTIONS: usize = 8;

/// What is needed to reach the control-plane database.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// `postgres://user:password@host:port/database?sslmode=…`; never printed.
    pub url: SecretString,
    /// Shown as `application_name` in `pg_stat_activity`.
    pub application_name: String,
    /// Upper bound of the pool.
    pub max_connections: usize,
    /// See [`CONNECT_TIMEOUT`].
    pub connect_timeout: Duration,
    /// See [`CALL_TIMEOUT`].
    pub call_timeout: Duration,
}

impl DatabaseSettings {
    /// Settings for `url` with the documented defaults.
    #[must_use]
    pub fn new(url: SecretString) -> Self {
        Self {
            url,
            application_name: "odooops".to_owned(),
            max_connections: DEFAULT_MAX_CONNECTIONS,
            connect_timeout: CONNECT_TIMEOUT,
            call_timeout: CALL_TIMEOUT,
        }
    }

    /// The URL in the driver's terms, and what it asks for in terms of TLS.
    pub(crate) fn parse(&self) -> Result<Target, ContractError> {
        let mut target = parse_url(self.url.expose_secret())?;
        target.config.application_name(&self.application_name);
        target.config.connect_timeout(self.connect_timeout);
        target.config.tcp_user_timeout(self.call_timeout);
        // The kernel counts this in whole seconds and refuses 0.
        target.config.keepalives_idle(self.call_timeout.max(Duration::from_secs(1)));
        Ok(target)
    }
}

/// How much TLS a URL asks for; the words are libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// Never.
    Disable,
    /// Where the server offers it; nothing is verified.
    Prefer,
    /// Always; nothing is verified.
    Require,
    /// Always; the chain is verified, the host name is not.
    VerifyCa,
    /// Always; chain and host name are verified.
    VerifyFull,
}

/// A parsed URL.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) config: Config,
    pub(crate) tls: TlsMode,
    /// `sslrootcert`: a PEM file used instead of the system's certificates.
    pub(crate) root_certificates: Option<String>,
}

fn parse_url(url: &str) -> Result<Target, ContractError> {
    let mut parsed = Url::parse(url).map_err(|_| {
        bad_url("it is not a URL (expected postgres://user:password@host:port/database)".to_owned())
    })?;
    if !matches!(parsed.scheme(), "postgres" | "postgresql") {
        return Err(bad_url("it does not begin with postgres://".to_owned()));
    }
    let mut tls = TlsMode::Prefer;
    let mut root_certificates = None;
    let mut kept = Vec::new();
    for (key, value) in parsed.query_pairs() {
        match key.as_ref() {
            "sslmode" => tls = parse_tls_mode(&value)?,
            "sslrootcert" => root_certificates = Some(value.into_owned()),
            _ => kept.push((key.into_owned(), value.into_owned())),
        }
    }
    parsed.set_query(None);
    if !kept.is_empty() {
        parsed.query_pairs_mut().extend_pairs(kept);
    }
    // The driver reads `+` literally, so spaces must be percent-encoded.
    let text = parsed.as_str().replace('+', "%20");
    let mut config: Config =
        text.parse().map_err(|error: tokio_postgres::Error| bad_url(super::error::describe(&error)))?;
    config.ssl_mode(match tls {
        TlsMode::Disable => tokio_postgres::config::SslMode::Disable,
        TlsMode::Prefer => tokio_postgres::config::SslMode::Prefer,
        TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => {
            tokio_postgres::config::SslMode::Require
        }
    });
    Ok(Target { config, tls, root_certificates })
}

fn parse_tls_mode(word: &str) -> Result<TlsMode, ContractError> {
    match word {
        "disable" => Ok(TlsMode::Disable),
        "allow" | "prefer" => Ok(TlsMode::Prefer),
        "require" => Ok(TlsMode::Require),
        "verify-ca" => Ok(TlsMode::VerifyCa),
        "verify-full" => Ok(TlsMode::VerifyFull),
        other => Err(bad_url(format!(
            "sslmode={other} is unknown; use disable, prefer, require, verify-ca or verify-full"
        ))),
    }
}

fn bad_url(why: String) -> ContractError {
    ContractError::BadArgument(Refusal::unreadable(format!("the database URL cannot be used: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sslmode_and_root_certificate_are_ours_and_the_rest_is_the_drivers() {
        let target =
            parse_url("postgres://u:p@db:6432/ops?sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=3")
                .expect("a good URL");
        assert_eq!(target.tls, TlsMode::VerifyFull);
        assert_eq!(target.root_certificates.as_deref(), Some("/ca.pem"));
        assert_eq!(target.config.get_dbname(), Some("ops"));
        assert_eq!(target.config.get_connect_timeout(), Some(&Duration::from_secs(3)));
    }

    #[test]
    fn a_bad_url_is_refused_without_repeating_it() {
        for url in ["hunter2", "mysql://u:hunter2@h/d", "postgres://u:hunter2@h/d?sslmode=hope"] {
            let error = parse_url(url).expect_err("a bad URL");
            assert!(matches!(error, ContractError::BadArgument(_)));
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn settings_print_without_the_password() {
        let settings = DatabaseSettings::new("postgres://u:hunter2@h/d".into());
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
