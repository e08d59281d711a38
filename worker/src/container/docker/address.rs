//! Where the engine listens: `DOCKER_HOST`, or the usual sockets of Docker and Podman. Pure but for
//! [`EngineAddress::find`], which looks which of the usual sockets exists.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::container::ContainerError;

/// Where Docker listens when nothing is said.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";
/// Where Podman listens when it runs as root.
const PODMAN_SOCKET: &str = "/run/podman/podman.sock";

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EngineAddress {
    /// A socket file (Docker or Podman).
    Unix(PathBuf),
    /// `host:port`, in the clear.
    Tcp(String),
    /// `host:port` with TLS; key, certificate and CA are files in the folder.
    Tls(String, PathBuf),
}

impl EngineAddress {
    /// Reads what `DOCKER_HOST` and `DOCKER_CERT_PATH` say.
    pub(super) fn parse(host: &str, cert_dir: Option<&Path>) -> Result<Self, ContainerError> {
        if let Some(path) = host.strip_prefix("unix://") {
            return if path.starts_with('/') {
                Ok(Self::Unix(PathBuf::from(path)))
            } else {
                Err(wrong(host, "a unix:// address needs an absolute path"))
            };
        }
        let (address, secure) = match host.split_once("://") {
            Some(("tcp", address)) => (address, cert_dir.is_some()),
            Some(("http", address)) => (address, false),
            Some(("https", address)) => (address, true),
            _ => return Err(wrong(host, "it must start with unix://, tcp://, http:// or https://")),
        };
        let address = address.trim_end_matches('/');
        if address.is_empty() || address.contains('/') {
            return Err(wrong(host, "it must be HOST:PORT after the scheme"));
        }
        match (secure, cert_dir) {
            (false, _) => Ok(Self::Tcp(address.to_owned())),
            (true, Some(dir)) => Ok(Self::Tls(address.to_owned(), dir.to_owned())),
            (true, None) => Err(wrong(host, "TLS needs DOCKER_CERT_PATH with key.pem, cert.pem and ca.pem")),
        }
    }

    /// The first of the usual sockets that exists, else Docker's (so that the error names it).
    pub(super) fn find() -> Self {
        let rootless = std::fs::metadata("/proc/self")
            .map(|me| format!("/run/user/{}/podman/podman.sock", me.uid()))
            .unwrap_or_default();
        let found = [DOCKER_SOCKET, PODMAN_SOCKET, rootless.as_str()]
            .into_iter()
            .find(|path| !path.is_empty() && Path::new(path).exists());
        Self::Unix(PathBuf::from(found.unwrap_or(DOCKER_SOCKET)))
    }

    /// The engine's socket file, which no container may ever see.
    pub(super) fn socket(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => Some(path),
            Self::Tcp(_) | Self::Tls(..) => None,
        }
    }
}

impl std::fmt::Display for EngineAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Tls(address, _) => write!(f, "https://{address}"),
        }
    }
}

fn wrong(host: &str, why: &str) -> ContainerError {
    ContainerError::Refused(format!("DOCKER_HOST is {host:?}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_address_is_understood() {
        let certs = Path::new("/certs");
        let cases = [
            ("unix:///run/x.sock", None, EngineAddress::Unix("/run/x.sock".into())),
            ("tcp://10.0.0.1:2375", None, EngineAddress::Tcp("10.0.0.1:2375".into())),
            ("http://10.0.0.1:2375/", None, EngineAddress::Tcp("10.0.0.1:2375".into())),
            ("tcp://docker:2376", Some(certs), EngineAddress::Tls("docker:2376".into(), certs.into())),
            ("https://docker:2376", Some(certs), EngineAddress::Tls("docker:2376".into(), certs.into())),
        ];
        for (host, dir, expected) in cases {
            assert_eq!(EngineAddress::parse(host, dir).expect(host), expected);
        }
    }

    #[test]
    fn an_address_that_cannot_work_is_refused_with_what_to_do() {
        for (host, hint) in [
            ("ssh://host", "must start with unix://"),
            ("/var/run/docker.sock", "must start with unix://"),
            ("unix://relative.sock", "absolute path"),
            ("tcp://", "HOST:PORT"),
            ("tcp://a/b", "HOST:PORT"),
            ("https://docker:2376", "DOCKER_CERT_PATH"),
        ] {
            let message = EngineAddress::parse(host, None).expect_err(host).to_string();
            assert!(message.contains(hint) && message.contains("DOCKER_HOST"), "{message}");
        }
    }
}
