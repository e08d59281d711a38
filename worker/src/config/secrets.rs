//! Secrets that steps may name: `ODOOOPS_SECRET_<NAME>` as variables or as systemd credentials, and the
//! files of a secrets directory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::ConfigError;

const PREFIX: &str = "ODOOOPS_SECRET_";
/// Where systemd puts the credentials of a service.
pub(super) const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The shortest secret that can be redacted without tearing holes into every log line.
pub const SECRET_BYTES_MIN: usize = 6;

/// Where secrets come from. A variable wins over a credential, and that over a file, of the same name.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Secrets")]
pub struct SecretsConfig {
    /// Directory with one file per secret, named like it (A-Z, 0-9, _); beside the variables `ODOOOPS_SECRET_<NAME>`.
    #[arg(long = "secrets-dir", env = "ODOOOPS_SECRETS_DIR", value_name = "DIR")]
    pub secrets_dir: Option<PathBuf>,
}

impl SecretsConfig {
    /// Every secret by name, read once.
    pub fn collect(&self) -> Result<BTreeMap<String, SecretString>, ConfigError> {
        let mut secrets = match self.secrets_dir.as_deref().filter(|dir| *dir != Path::new("")) {
            Some(dir) => from_dir(dir)?,
            None => BTreeMap::new(),
        };
        if let Some(dir) = super::variable(CREDENTIALS) {
            secrets.extend(from_credentials(Path::new(&dir))?);
        }
        secrets.extend(from_variables(super::variables())?);
        Ok(secrets)
    }
}

fn from_variables(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<String, SecretString>, ConfigError> {
    let mut secrets = BTreeMap::new();
    for (variable, value) in variables {
        let Some(variable) = variable.to_str() else { continue };
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        let value = value.into_string().map_err(|_| ConfigError::invalid(variable, "is not UTF-8"))?;
        secrets.insert(checked_name(name, variable)?, checked_value(value, variable)?);
    }
    Ok(secrets)
}

fn from_dir(dir: &Path) -> Result<BTreeMap<String, SecretString>, ConfigError> {
    from_files("ODOOOPS_SECRETS_DIR", dir, "")
}

/// The directory holds settings and other people's credentials, too; ours are told by their prefix.
fn from_credentials(dir: &Path) -> Result<BTreeMap<String, SecretString>, ConfigError> {
    from_files(CREDENTIALS, dir, PREFIX)
}

/// Hidden entries are passed over: mounted secrets keep their versions in `..data` and the like.
fn from_files(
    variable: &str,
    dir: &Path,
    prefix: &str,
) -> Result<BTreeMap<String, SecretString>, ConfigError> {
    let at = |path: &Path, problem: &dyn std::fmt::Display| {
        ConfigError::invalid(variable, format!("{}: {problem}", path.display()))
    };
    let mut secrets = BTreeMap::new();
    for entry in std::fs::read_dir(dir).map_err(|problem| at(dir, &problem))? {
        let path = entry.map_err(|problem| at(dir, &problem))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Some(name) = name.strip_prefix(prefix).map(str::to_owned) else { continue };
        if name.starts_with('.') || path.is_dir() {
            continue;
        }
        let value = std::fs::read_to_string(&path).map_err(|problem| at(&path, &problem))?;
        let source = path.display().to_string();
        let value = value.strip_suffix('\n').unwrap_or(&value).to_owned();
        secrets.insert(checked_name(&name, &source)?, checked_value(value, &source)?);
    }
    Ok(secrets)
}

fn checked_name(name: &str, source: &str) -> Result<String, ConfigError> {
    let is_plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if !name.is_empty() && name.bytes().all(is_plain) {
        return Ok(name.to_owned());
    }
    Err(ConfigError::invalid(
        source,
        format!("{name:?} is no name for a secret; use A-Z, 0-9 and _ (steps get it as a variable)"),
    ))
}

fn checked_value(value: String, source: &str) -> Result<SecretString, ConfigError> {
    let value = SecretString::from(value);
    if value.expose_secret().len() >= SECRET_BYTES_MIN {
        return Ok(value);
    }
    Err(ConfigError::invalid(
        source,
        format!(
            "the secret is shorter than {SECRET_BYTES_MIN} characters and could not be kept out of logs; use a longer one"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Result<BTreeMap<String, SecretString>, ConfigError> {
        from_variables(pairs.iter().map(|(name, value)| (name.into(), value.into())))
    }

    fn dir(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).expect("a file");
        }
        dir
    }

    #[test]
    fn only_variables_with_the_prefix_are_secrets() {
        let secrets = variables(&[
            ("PATH", "/usr/bin"),
            ("ODOOOPS_SECRETS_DIR", "/run/secrets"),
            ("ODOOOPS_SECRET_TOKEN", "s3cr3t-token"),
        ])
        .expect("secrets");
        assert_eq!(secrets.keys().collect::<Vec<_>>(), ["TOKEN"]);
    }

    #[test]
    fn a_short_secret_is_refused_by_name_and_without_its_value() {
        let problem = variables(&[("ODOOOPS_SECRET_PIN", "12345")]).expect_err("too short").to_string();
        assert!(problem.contains("ODOOOPS_SECRET_PIN") && !problem.contains("12345"), "{problem}");
    }

    #[test]
    fn a_name_that_steps_could_not_use_is_refused() {
        for wrong in ["ODOOOPS_SECRET_", "ODOOOPS_SECRET_token"] {
            variables(&[(wrong, "long enough")]).expect_err(wrong);
        }
    }

    #[test]
    fn files_lose_one_last_newline_and_hidden_ones_are_passed_over() {
        let dir = dir(&[("TOKEN", "from-a-file\n"), ("KEY", "line one\nline two\n\n"), ("..data", "x")]);
        let secrets = from_dir(dir.path()).expect("secrets");
        assert_eq!(secrets["TOKEN"].expose_secret(), "from-a-file");
        assert_eq!(secrets["KEY"].expose_secret(), "line one\nline two\n");
        assert_eq!(secrets.len(), 2);
    }

    #[test]
    fn of_the_credentials_only_those_with_the_prefix_are_secrets() {
        let dir =
            dir(&[("ODOOOPS_SECRET_TOKEN", "hunter22\n"), ("ODOOOPS_ODOO_DATABASE_URL", "x"), ("y", "z")]);
        let secrets = from_credentials(dir.path()).expect("secrets");
        assert_eq!(secrets.keys().collect::<Vec<_>>(), ["TOKEN"]);
        assert_eq!(secrets["TOKEN"].expose_secret(), "hunter22");
    }

    #[test]
    fn a_missing_directory_is_named_with_its_variable() {
        let problem = from_dir(Path::new("/nonexistent")).expect_err("no directory").to_string();
        assert!(problem.starts_with("ODOOOPS_SECRETS_DIR: /nonexistent"), "{problem}");
    }
}
