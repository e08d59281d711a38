//! Logins for image registries, in the format of Docker's own `config.json`, so that `docker login`
//! (or a mounted Kubernetes pull secret) can make the file.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use serde::Deserialize;

use super::ConfigError;

const VARIABLE: &str = "ODOOOPS_REGISTRY_CONFIG";

/// Who asks at a registry.
#[derive(Debug, Clone)]
pub struct RegistryLogin {
    /// User name.
    pub username: String,
    /// Password or token.
    pub password: SecretString,
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, DockerAuth>,
}

#[derive(Deserialize)]
struct DockerAuth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// The logins of a file by registry host (`docker.io` for Docker Hub's long name).
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, RegistryLogin>, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|problem| ConfigError::invalid(VARIABLE, format!("{}: {problem}", path.display())))?;
    parse(&text).map_err(|problem| ConfigError::invalid(VARIABLE, format!("{}: {problem}", path.display())))
}

/// Errors never repeat the text: it holds passwords.
fn parse(text: &str) -> Result<BTreeMap<String, RegistryLogin>, String> {
    let config: DockerConfig = serde_json::from_str(text).map_err(|problem| {
        format!("is no Docker config.json (line {}, column {})", problem.line(), problem.column())
    })?;
    config.auths.into_iter().filter_map(|(server, auth)| login(&server, auth).transpose()).collect()
}

/// An entry without login (a credential helper keeps it) is no login.
fn login(server: &str, auth: DockerAuth) -> Result<Option<(String, RegistryLogin)>, String> {
    let found = match (auth.username, auth.password, auth.auth) {
        (Some(username), Some(password), _) => RegistryLogin { username, password: password.into() },
        (_, _, Some(auth)) if !auth.is_empty() => {
            decode(&auth).ok_or(format!("auths[{server:?}].auth is not base64 of user:password"))?
        }
        _ => return Ok(None),
    };
    Ok(Some((host(server), found)))
}

fn decode(auth: &str) -> Option<RegistryLogin> {
    let text = String::from_utf8(STANDARD.decode(auth).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some(RegistryLogin { username: username.to_owned(), password: password.into() })
}

fn host(server: &str) -> String {
    let bare = server.trim_start_matches("https://").trim_start_matches("http://");
    match bare.split('/').next().unwrap_or(bare) {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        host => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn logins_are_found_in_both_spellings() {
        let text = r#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "bWU6czNjcmV0OnRva2Vu"},
            "ghcr.io": {"username": "bot", "password": "hunter22"},
            "quay.io": {}}, "credsStore": "pass"}"#;
        let logins = parse(text).expect("a Docker config");
        assert_eq!(logins.keys().collect::<Vec<_>>(), ["docker.io", "ghcr.io"]);
        assert_eq!(logins["docker.io"].username, "me");
        assert_eq!(logins["docker.io"].password.expose_secret(), "s3cret:token");
        assert_eq!(logins["ghcr.io"].password.expose_secret(), "hunter22");
    }

    #[test]
    fn a_wrong_file_is_told_without_its_content() {
        for wrong in [r#"{"auths": {"ghcr.io": {"auth": "hunter22!"}}}"#, r#"{"auths": "hunter22"}"#] {
            let problem = parse(wrong).expect_err(wrong);
            assert!(!problem.contains("hunter22"), "{problem}");
        }
    }
}
