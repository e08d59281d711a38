//! The real engine: Docker, or Podman through its Docker API. This file holds the connection and its
//! time limits; the topics are in the files beside it and the trait is answered in `implementation`.

mod address;
mod archive;
mod body;
mod errors;
mod images;
mod implementation;
mod output;
mod owned;
mod pace;
mod run;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use crate::container::ContainerError;
use address::EngineAddress;
use errors::{Doing, classify};

/// How the engine is reached.
#[derive(Debug, Clone, Default)]
pub struct DockerSettings {
    /// `DOCKER_HOST`; where unset, Docker's and Podman's usual sockets are tried.
    pub host: Option<String>,
    /// `DOCKER_CERT_PATH`: folder with `key.pem`, `cert.pem` and `ca.pem`; set, tcp:// means TLS.
    pub cert_dir: Option<PathBuf>,
    /// How long to wait for what.
    pub limits: TimeLimits,
}

/// How long an engine may take. The defaults suit a busy host; tests set shorter ones.
#[derive(Debug, Clone, Copy)]
pub struct TimeLimits {
    /// One plain call, answer included.
    pub call: Duration,
    /// How long the engine may be silent or gone during long work before the work is given up:
    /// a restart of the daemon takes seconds and need not cost a run.
    pub patience: Duration,
    /// Pause between two looks at a running container, or at the engine during long work.
    pub poll: Duration,
    /// After a container's end, how long its output may stay silent before it counts as torn
    /// (the engine sometimes leaves the connection open: bollard #251).
    pub drain: Duration,
    /// How long a pull may go on in all.
    pub pull: Duration,
    /// How long a pull may go without any progress.
    pub pull_silence: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(45),
            patience: Duration::from_secs(45),
            poll: Duration::from_secs(2),
            drain: Duration::from_secs(5),
            pull: Duration::from_secs(30 * 60),
            pull_silence: Duration::from_secs(5 * 60),
        }
    }
}

/// Longest time that one request (a build, an upload, an archive) may take before its first answer;
/// the engine is watched beside it, so this is only a last bound.
const LONG_REQUEST: Duration = Duration::from_secs(6 * 60 * 60);

/// A Docker or Podman engine. The connection is made on first use, so that a worker can start, and
/// say what is wrong, while the engine is down.
pub struct Docker {
    address: EngineAddress,
    limits: TimeLimits,
    client: OnceCell<Link>,
}

impl Docker {
    /// Checks the settings; does not connect yet.
    ///
    /// # Errors
    /// [`ContainerError::Refused`] when `DOCKER_HOST` is none that can be used.
    pub fn new(settings: &DockerSettings) -> Result<Self, ContainerError> {
        let address = match &settings.host {
            Some(host) => EngineAddress::parse(host, settings.cert_dir.as_deref())?,
            None => EngineAddress::find(),
        };
        Ok(Self { address, limits: settings.limits, client: OnceCell::new() })
    }

    /// The connection, made and its API version negotiated on first use.
    async fn link(&self) -> Result<&Link, ContainerError> {
        self.client
            .get_or_try_init(|| async {
                let limits = self.limits;
                let client = open(&self.address, limits.call)?;
                let client =
                    within(limits.call, Doing::Call, "GET /version", client.negotiate_version()).await?;
                Ok(Link { client, limits })
            })
            .await
    }
}

/// The connection and its limits; cheap to clone into streams that outlive a call.
#[derive(Clone)]
struct Link {
    client: bollard::Docker,
    limits: TimeLimits,
}

impl Link {
    /// One plain call, bounded.
    async fn call<T>(
        &self,
        doing: Doing<'_>,
        what: &str,
        call: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> Result<T, ContainerError> {
        within(self.limits.call, doing, what, call).await
    }

    /// A client whose requests may take as long as the engine answers pings.
    fn patient(&self) -> bollard::Docker {
        self.client.clone().with_timeout(LONG_REQUEST)
    }

    /// Long work, given up when the engine is gone meanwhile.
    async fn while_alive<T>(
        &self,
        work: impl Future<Output = Result<T, ContainerError>>,
    ) -> Result<T, ContainerError> {
        tokio::select! {
            biased;
            done = work => done,
            gone = self.until_gone() => Err(gone),
        }
    }

    /// Resolves when the engine has not answered for longer than the patience allows.
    async fn until_gone(&self) -> ContainerError {
        let mut patience = Patience::new(self.limits.patience);
        loop {
            tokio::time::sleep(self.limits.poll).await;
            match self.call(Doing::Call, "GET /_ping", self.client.ping()).await {
                Ok(_) => patience.renew(),
                Err(error) => {
                    if let Some(error) = patience.lose(error) {
                        return error;
                    }
                }
            }
        }
    }
}

/// Counts how long an engine has been gone.
struct Patience {
    limit: Duration,
    gone_since: Option<Instant>,
}

impl Patience {
    fn new(limit: Duration) -> Self {
        Self { limit, gone_since: None }
    }

    fn renew(&mut self) {
        self.gone_since = None;
    }

    /// Takes note of a failed look; gives the error back when the patience is at its end.
    fn lose(&mut self, error: ContainerError) -> Option<ContainerError> {
        let since = *self.gone_since.get_or_insert_with(Instant::now);
        (since.elapsed() >= self.limit).then_some(error)
    }
}

async fn within<T>(
    limit: Duration,
    doing: Doing<'_>,
    what: &str,
    call: impl Future<Output = Result<T, bollard::errors::Error>>,
) -> Result<T, ContainerError> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map_err(|error| classify(error, doing)),
        Err(_) => Err(ContainerError::EngineGone(format!("no answer to {what} within {limit:?}"))),
    }
}

fn open(address: &EngineAddress, timeout: Duration) -> Result<bollard::Docker, ContainerError> {
    let (version, secs) = (bollard::API_DEFAULT_VERSION, timeout.as_secs().max(1));
    match address {
        EngineAddress::Unix(path) => {
            bollard::Docker::connect_with_unix(&path.to_string_lossy(), secs, version)
        }
        EngineAddress::Tcp(address) => bollard::Docker::connect_with_http(address, secs, version),
        EngineAddress::Tls(address, dir) => {
            // bollard takes the process's default; an earlier one (main's) stays in force.
            drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
            let file = |name: &str| dir.join(name);
            bollard::Docker::connect_with_ssl(
                address,
                &file("key.pem"),
                &file("cert.pem"),
                &file("ca.pem"),
                secs,
                version,
            )
        }
    }
    .map_err(|error| match classify(error, Doing::Call) {
        ContainerError::EngineGone(why) => ContainerError::EngineGone(format!("{address}: {why}")),
        other => other,
    })
}
