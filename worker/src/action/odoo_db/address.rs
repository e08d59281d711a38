//! Where the Odoo server is, for the worker and for containers.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::OdooDbError;

/// The setting that everything here is about.
const SETTING: &str = "ODOOOPS_ODOO_DATABASE_URL";

/// What a container needs to reach the server. Its values go into the environment, never into arguments.
#[derive(Clone)]
pub struct Address {
    host: String,
    port: u16,
    user: String,
    password: SecretString,
    ssl_mode: &'static str,
}

impl Address {
    /// The address in the URL, as long as a container can use it.
    ///
    /// # Errors
    /// [`OdooDbError::Setting`] for what only the worker's own machine could reach, and what to do then.
    pub fn for_containers(url: &SecretString) -> Result<Self, OdooDbError> {
        let config = parse(url)?;
        let host = match config.get_hosts() {
            [Host::Tcp(host)] => host.clone(),
            [Host::Unix(path)] => {
                return Err(setting(format!(
                    "names the socket {}, which containers do not have; use a host name and port",
                    path.display()
                )));
            }
            [] | [_, _, ..] => return Err(setting("must name exactly one host".to_owned())),
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()) {
            return Err(setting(format!(
                "names {host}, but inside a container that is the container itself; use an address that \
                 containers reach (for a server on this machine: Docker's gateway, usually 172.17.0.1) and let \
                 Postgres listen there"
            )));
        }
        let user = config.get_user().ok_or_else(|| setting("names no user".to_owned()))?.to_owned();
        if user == "postgres" {
            return Err(setting(
                "uses the user postgres, with which Odoo refuses to work; make a role with LOGIN CREATEDB"
                    .to_owned(),
            ));
        }
        let password = String::from_utf8_lossy(config.get_password().unwrap_or_default()).into_owned();
        let ssl_mode = match config.get_ssl_mode() {
            SslMode::Disable => "disable",
            SslMode::Require => "require",
            _ => "prefer",
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        Ok(Self { host, port, user, password: password.into(), ssl_mode })
    }

    /// `host:port`, for messages.
    #[must_use]
    pub fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Environment for libpq (`PG*`) and for the entrypoint of Odoo's public image.
    #[must_use]
    pub fn env(&self) -> BTreeMap<String, String> {
        let port = self.port.to_string();
        let password = self.password.expose_secret();
        [
            ("HOST", self.host.as_str()),
            ("PORT", &port),
            ("USER", &self.user),
            ("PASSWORD", password),
            ("PGHOST", &self.host),
            ("PGPORT", &port),
            ("PGUSER", &self.user),
            ("PGPASSWORD", password),
            ("PGSSLMODE", self.ssl_mode),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }
}

fn setting(problem: String) -> OdooDbError {
    OdooDbError::Setting(format!("{SETTING} {problem}"))
}

/// Reads the URL; its text is never part of an error.
pub(super) fn parse(url: &SecretString) -> Result<Config, OdooDbError> {
    let config: Config = url.expose_secret().parse().map_err(|_| {
        setting("is no URL of the form postgres://user:password@host:port/postgres".to_owned())
    })?;
    if config.get_hosts().is_empty() {
        return Err(setting("names no host".to_owned()));
    }
    Ok(config)
}

/// `host:port`, for messages.
pub(super) fn server_name(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "?".to_owned(),
    };
    format!("{host}:{}", config.get_ports().first().copied().unwrap_or(5432))
}

/// Verifies against the system's certificates.
pub(super) fn tls() -> MakeRustlsConnect {
    let mut roots = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    MakeRustlsConnect::new(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Result<Address, String> {
        Address::for_containers(&SecretString::from(url)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_container_gets_all_it_needs_in_its_environment() {
        let address = address("postgres://odoo:pa%2Fss@db.example:5433/postgres?sslmode=require");
        let env = address.expect("a good address").env();
        for (name, value) in [
            ("HOST", "db.example"),
            ("PORT", "5433"),
            ("USER", "odoo"),
            ("PASSWORD", "pa/ss"),
            ("PGHOST", "db.example"),
            ("PGPASSWORD", "pa/ss"),
            ("PGSSLMODE", "require"),
        ] {
            assert_eq!(env.get(name).map(String::as_str), Some(value), "{name}");
        }
    }

    #[test]
    fn addresses_that_containers_cannot_use_are_refused_and_say_what_to_do() {
        for (url, part) in [
            ("postgres://odoo:secret@127.0.0.1:5432/postgres", "172.17.0.1"),
            ("postgres://odoo:secret@localhost/postgres", "172.17.0.1"),
            ("postgres://odoo:secret@[::1]/postgres", "172.17.0.1"),
            ("postgres://odoo:secret@%2Frun%2Fpostgresql/postgres", "host name"),
            ("postgres://odoo:secret@a,b/postgres", "exactly one host"),
            ("postgres://postgres:secret@db/postgres", "LOGIN CREATEDB"),
            ("mysql://odoo:secret@db/x", "no URL of the form"),
        ] {
            let Err(problem) = address(url) else { panic!("{url} was taken") };
            assert!(problem.contains(part) && problem.contains(SETTING), "{problem}");
            assert!(!problem.contains("secret"), "{problem}");
        }
    }
}
