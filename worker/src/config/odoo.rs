//! What Odoo steps need from the machine they run on.

use std::path::{Path, PathBuf};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::ConfigError;

/// Settings of `odoo-build`, `odoo-test` and `odoo-backup`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Odoo")]
pub struct OdooConfig {
    /// Postgres server on which Odoo databases are made (a LOGIN CREATEDB role is enough).
    #[arg(
        long = "odoo-database-url",
        env = "ODOOOPS_ODOO_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub odoo_database_url: Option<SecretString>,
    /// Image to run Odoo with; odoo:18.0 when unset.
    #[arg(long = "odoo-image", env = "ODOOOPS_ODOO_IMAGE", value_name = "IMAGE")]
    pub odoo_image: Option<String>,
    /// Odoo's data directory for backups: volume:NAME or an absolute path on the engine's host.
    #[arg(long = "odoo-data", env = "ODOOOPS_ODOO_DATA", value_name = "WHERE")]
    pub odoo_data: Option<String>,
    /// Index that pip installs the addons' python requirements from, without a login; PyPI when unset.
    #[arg(long = "pip-index-url", env = "ODOOOPS_PIP_INDEX_URL", hide_env_values = true, value_name = "URL")]
    pub pip_index_url: Option<String>,
    /// File with CA certificates for containers that fetch through a company CA.
    #[arg(long = "ca-bundle", env = "ODOOOPS_CA_BUNDLE", value_name = "FILE")]
    pub ca_bundle: Option<PathBuf>,
}

impl OdooConfig {
    /// The server for Odoo databases, where one is set.
    pub fn database_url(&self) -> Result<Option<SecretString>, ConfigError> {
        super::database_url(self.odoo_database_url.as_ref(), "ODOOOPS_ODOO_DATABASE_URL")
            .map(|url| url.checked().map(|checked| checked.url))
            .transpose()
    }

    /// The image, where one is set.
    #[must_use]
    pub fn image(&self) -> Option<String> {
        given(self.odoo_image.as_deref())
    }

    /// The pip index, where one is set. It becomes part of images, so a login or token in it is refused.
    pub fn pip_index_url(&self) -> Result<Option<String>, ConfigError> {
        let Some(index) = given(self.pip_index_url.as_deref()) else { return Ok(None) };
        match url::Url::parse(&index) {
            Ok(url) if is_open(&url) => Ok(Some(index)),
            Ok(_) => Err(ConfigError::invalid(
                "ODOOOPS_PIP_INDEX_URL",
                "holds a login or parameters (a password, a token), which would stay in the images built; \
                 use an index without",
            )),
            Err(problem) => {
                Err(ConfigError::invalid("ODOOOPS_PIP_INDEX_URL", format!("is no URL: {problem}")))
            }
        }
    }

    /// `volume:NAME` or an absolute path, where one is set.
    pub fn data_dir(&self) -> Result<Option<String>, ConfigError> {
        let Some(data) = given(self.odoo_data.as_deref()) else { return Ok(None) };
        let is_volume = data.strip_prefix("volume:").is_some_and(|name| !name.is_empty());
        if is_volume || data.starts_with('/') {
            return Ok(Some(data));
        }
        Err(ConfigError::invalid(
            "ODOOOPS_ODOO_DATA",
            format!("{data:?} is neither volume:NAME nor an absolute path"),
        ))
    }

    /// The CA file, which must be readable where one is set.
    pub fn ca_bundle(&self) -> Result<Option<PathBuf>, ConfigError> {
        let Some(path) = self.ca_bundle.as_deref().filter(|path| *path != Path::new("")) else {
            return Ok(None);
        };
        std::fs::File::open(path).map_err(|problem| {
            ConfigError::invalid("ODOOOPS_CA_BUNDLE", format!("{}: {problem}", path.display()))
        })?;
        Ok(Some(path.to_owned()))
    }

    /// Passwords inside these settings, which redaction must know: (name, value).
    #[must_use]
    pub fn passwords(&self) -> Vec<(String, SecretString)> {
        let url = self.odoo_database_url.as_ref();
        url.and_then(|url| password_in("ODOOOPS_ODOO_DATABASE_URL", url)).into_iter().collect()
    }
}

/// Whether nothing in a URL can be a secret.
fn is_open(url: &url::Url) -> bool {
    url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none()
}

/// The decoded password of a URL (for http also a token in the user's place), named after the setting that holds it.
pub(super) fn password_in(variable: &str, url: &SecretString) -> Option<(String, SecretString)> {
    let parsed = url::Url::parse(url.expose_secret()).ok()?;
    let before_host = || {
        let token = || matches!(parsed.scheme(), "http" | "https").then(|| parsed.username());
        let password = parsed.password().or_else(token)?;
        Some(percent_encoding::percent_decode_str(password).decode_utf8_lossy().into_owned())
    };
    let queried = parsed.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case("password"));
    let password = queried.map(|(_, value)| value.into_owned()).or_else(before_host)?;
    (!password.is_empty()).then(|| (format!("password in {variable}"), SecretString::from(password)))
}

fn given(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(data: &str) -> OdooConfig {
        OdooConfig {
            odoo_database_url: Some("postgres://odoo:p%40ssw0rd@db/postgres".into()),
            odoo_image: Some(" ".to_owned()),
            odoo_data: Some(data.to_owned()),
            pip_index_url: Some("https://bot:hunter22@pip.example/simple".to_owned()),
            ca_bundle: None,
        }
    }

    #[test]
    fn the_data_directory_is_a_volume_or_an_absolute_path() {
        assert_eq!(config("volume:odoo").data_dir(), Ok(Some("volume:odoo".to_owned())));
        assert_eq!(config("/var/lib/odoo").data_dir(), Ok(Some("/var/lib/odoo".to_owned())));
        assert_eq!(config("").data_dir(), Ok(None));
        for wrong in ["odoo-data", "volume:", "./data"] {
            let problem = config(wrong).data_dir().expect_err(wrong).to_string();
            assert!(problem.contains("ODOOOPS_ODOO_DATA") && problem.contains(wrong), "{problem}");
        }
    }

    #[test]
    fn passwords_in_urls_are_given_to_redaction_decoded() {
        let passwords = config("").passwords();
        let passwords: Vec<&str> = passwords.iter().map(|(_, password)| password.expose_secret()).collect();
        assert_eq!(passwords, ["p@ssw0rd"]);
    }

    #[test]
    fn a_password_among_the_parameters_is_found_too() {
        let password =
            |url: &str| password_in("X", &url.into()).map(|found| found.1.expose_secret().to_owned());
        assert_eq!(password("postgres://odoo@db/x?password=s%2Fcret"), Some("s/cret".to_owned()));
        assert_eq!(password("postgres://odoo@db/x"), None);
        assert_eq!(password("http://ghp%5Ftoken@proxy:3128"), Some("ghp_token".to_owned()));
        assert_eq!(password("http://proxy:3128"), None);
    }

    #[test]
    fn a_pip_index_with_a_password_or_token_is_refused_without_repeating_it() {
        for index in
            ["//bot:hunter22@pip.example/simple", "//hunter22@pip.example", "//pip.example?k=hunter22"]
        {
            let mut config = config("");
            config.pip_index_url = Some(format!("https:{index}"));
            let problem = config.pip_index_url().expect_err("a secret").to_string();
            assert!(problem.contains("ODOOOPS_PIP_INDEX_URL") && !problem.contains("hunter22"), "{problem}");
        }
        let mut config = config("");
        config.pip_index_url = Some("https://pip.example/simple".to_owned());
        assert_eq!(config.pip_index_url(), Ok(Some("https://pip.example/simple".to_owned())));
    }

    #[test]
    fn an_empty_image_is_no_image() {
        assert_eq!(config("").image(), None);
    }

    #[test]
    fn an_unreadable_ca_bundle_is_named() {
        let mut config = config("");
        config.ca_bundle = Some("/nonexistent/ca.pem".into());
        let problem = config.ca_bundle().expect_err("no such file").to_string();
        assert!(problem.contains("ODOOOPS_CA_BUNDLE: /nonexistent/ca.pem"), "{problem}");
    }
}
