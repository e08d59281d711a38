//! Containers, networks, volumes and images: the only room that talks to Docker (or Podman).
//!
//! Everything above sees the [`Containers`] trait and plain data; [`docker::Docker`] is the real one
//! and [`fake::FakeContainers`] stands in for it where a test is about the runner, not the engine.

mod disk;
pub mod docker;
pub mod fake;
pub mod lines;
pub mod spec;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use tokio::io::AsyncRead;

pub use disk::DiskSpace;
pub use spec::{ContainerSpec, Labels, Limits, Mount, MountSource, NetworkMode};

/// Bytes that a container wrote, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputChunk {
    /// Which of the two streams it was written to.
    pub stream: OutputStream,
    /// The bytes as they were written: no splitting, no decoding.
    pub bytes: Bytes,
}

/// One of a process's two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputStream {
    /// File descriptor 1.
    Stdout,
    /// File descriptor 2.
    Stderr,
}

/// A container's output until its end. Reading it slowly slows the container: a few MiB are kept, then
/// the container is held until the reader has caught up, so that nothing is lost when it ends meanwhile.
/// An end without an error means that the output is whole; a lost connection is an error.
pub type Output = Pin<Box<dyn Stream<Item = Result<OutputChunk, ContainerError>> + Send>>;

/// A stream of bytes out of the engine (a tar archive).
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, ContainerError>> + Send>>;

/// A reader whose bytes go into the engine (a tar archive).
pub type ByteReader = Pin<Box<dyn AsyncRead + Send>>;

/// How a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerExit {
    /// The exit code of its first process (137 = SIGKILL).
    pub code: i64,
    /// The kernel killed a process in it because it passed its own memory limit; the code may be any
    /// when that process was not the first.
    pub oom_killed: bool,
}

/// An image that is present on the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageInfo {
    /// `sha256:…` of the image configuration: runs exactly this image.
    pub id: String,
    /// `name@sha256:…` where a registry gave one.
    pub repo_digest: Option<String>,
    /// The `USER` it declares; empty means root.
    pub user: String,
    /// Whether it declares a HEALTHCHECK.
    pub has_healthcheck: bool,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// Who asks at a registry.
#[derive(Clone)]
pub struct RegistryAuth {
    /// User name.
    pub username: String,
    /// Password or token.
    pub password: secrecy::SecretString,
}

/// What the engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInfo {
    /// Engine version.
    pub version: String,
    /// API version that is spoken.
    pub api_version: String,
    /// Room where it keeps its data; `None` when that is on another machine.
    pub disk: Option<DiskSpace>,
}

/// What kind of thing carries our labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OwnedKind {
    /// A container, running or not.
    Container,
    /// A network.
    Network,
    /// A volume.
    Volume,
    /// An image that a run built for itself only.
    Image,
}

/// Something on the engine that carries odooops labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// What it is.
    pub kind: OwnedKind,
    /// Engine id (containers, networks) or name (volumes).
    pub id: String,
    /// The labels read back; `None` when they cannot be parsed, and then nobody may touch it.
    pub labels: Option<Labels>,
}

/// An image build from a context.
pub struct ImageBuild {
    /// Tar archive of the context, with its `Dockerfile` at the root.
    pub context: ByteReader,
    /// Name given to the result, `name:tag`.
    pub tag: String,
    /// Labels on the image. With those of [`Labels::to_map`] it belongs to its run and goes with it; an
    /// image that is to outlive the run must not carry them.
    pub labels: BTreeMap<String, String>,
    /// Build arguments (never secrets: they stay in the image history).
    pub build_args: BTreeMap<String, String>,
    /// Network for RUN lines (`None` = engine default).
    pub network: Option<String>,
}

/// What can go wrong with the engine; the kind decides the failure class.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// The engine does not answer: infrastructure.
    #[error(
        "the container engine does not answer ({0}); is Docker running, and does DOCKER_HOST point at it?"
    )]
    EngineGone(String),
    /// The image does not exist, or the registry refuses to give it: the workflow's fault.
    #[error("image {image}: {reason}")]
    ImageMissing {
        /// As asked for.
        image: String,
        /// What the registry or the engine said.
        reason: String,
    },
    /// The registry cannot be reached: infrastructure.
    #[error("image {image}: the registry cannot be reached: {reason}")]
    RegistryUnreachable {
        /// As asked for.
        image: String,
        /// What the engine said.
        reason: String,
    },
    /// What a container wrote did not all arrive, or nobody can tell whether it did: infrastructure.
    #[error("the container's output is not whole: {0}")]
    OutputTorn(String),
    /// A volume that a container is to have is not there: who named it must say what that means.
    #[error("the container engine has no volume {0}")]
    VolumeMissing(String),
    /// No space left where the engine keeps its data: infrastructure.
    #[error("the container engine has no disk space left: {0}")]
    DiskFull(String),
    /// A RUN or COPY line of an image build failed: the user's fault.
    #[error("image build failed: {0}")]
    BuildFailed(String),
    /// The command cannot be started in this image (not found, not executable): the workflow's fault.
    #[error("the command cannot be started: {0}")]
    CannotStart(String),
    /// The archive that was to be sent could not be read on our side.
    #[error("the archive for the container engine cannot be read: {0}")]
    Source(String),
    /// The thing asked for is not there (any more).
    #[error("not found: {0}")]
    NotFound(String),
    /// What was asked for is never done (a mount of the engine's socket, an address that is none).
    #[error("refused: {0}")]
    Refused(String),
    /// Anything else the engine answered.
    #[error("the container engine answered: {0}")]
    Engine(String),
}

impl ContainerError {
    /// Whether the fault lies with the machine and not with what was asked for.
    #[must_use]
    pub fn is_infrastructure(&self) -> bool {
        match self {
            Self::EngineGone(_)
            | Self::RegistryUnreachable { .. }
            | Self::OutputTorn(_)
            | Self::VolumeMissing(_)
            | Self::DiskFull(_)
            | Self::Source(_)
            | Self::Engine(_)
            | Self::NotFound(_) => true,
            Self::ImageMissing { .. } | Self::BuildFailed(_) | Self::CannotStart(_) | Self::Refused(_) => {
                false
            }
        }
    }
}

/// A container engine.
///
/// Every call has a time limit of its own inside (a dead daemon answers [`ContainerError::EngineGone`]
/// within a minute), except [`wait`](Self::wait), [`ensure_image`](Self::ensure_image) and
/// [`build_image`](Self::build_image), which the caller bounds.
#[async_trait]
pub trait Containers: Send + Sync + 'static {
    /// Asks the engine who it is.
    async fn engine(&self) -> Result<EngineInfo, ContainerError>;

    /// Makes sure that the image is there, pulling it when it is not, and says what it is.
    async fn ensure_image(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
    ) -> Result<ImageInfo, ContainerError>;

    /// What is known of a local image; `None` when it is not there.
    async fn find_image(&self, image: &str) -> Result<Option<ImageInfo>, ContainerError>;

    /// Builds an image; each line that the engine prints goes to `progress` (bounded: a slow reader slows the build).
    async fn build_image(
        &self,
        build: ImageBuild,
        progress: tokio::sync::mpsc::Sender<Bytes>,
    ) -> Result<ImageInfo, ContainerError>;

    /// Removes an image by id or name; a missing one is no error.
    async fn remove_image(&self, image: &str) -> Result<(), ContainerError>;

    /// Makes a bridge network.
    async fn create_network(&self, name: &str, labels: &Labels) -> Result<(), ContainerError>;

    /// Makes a volume.
    async fn create_volume(&self, name: &str, labels: &Labels) -> Result<(), ContainerError>;

    /// Makes a container (not started) and returns its id.
    async fn create(&self, spec: &ContainerSpec) -> Result<String, ContainerError>;

    /// Attaches to both output streams and then starts the container, so that no byte is missed.
    async fn start(&self, id: &str) -> Result<Output, ContainerError>;

    /// Waits for the end. Never trusts one source alone: polls `inspect` beside `wait`.
    async fn wait(&self, id: &str) -> Result<ContainerExit, ContainerError>;

    /// Health of a running container: `None` when it has no health check.
    async fn healthy(&self, id: &str) -> Result<Option<bool>, ContainerError>;

    /// SIGTERM, then SIGKILL after `grace`. A container that is gone or stopped is no error.
    async fn stop(&self, id: &str, grace: Duration) -> Result<(), ContainerError>;

    /// Kills and removes it with its anonymous volumes. A missing container is no error.
    async fn remove(&self, id: &str) -> Result<(), ContainerError>;

    /// Unpacks a tar archive below `path` inside the container, which need not have been started: mounted
    /// volumes are written, too, and modes and owners are those of the archive.
    async fn upload(&self, id: &str, path: &str, archive: ByteReader) -> Result<(), ContainerError>;

    /// The file or folder at `path` inside the container as a tar archive; [`ContainerError::NotFound`] when there is none.
    async fn download(&self, id: &str, path: &str) -> Result<ByteStream, ContainerError>;

    /// Everything on the engine that carries the labels of this control-plane instance.
    async fn list_owned(&self, instance: uuid::Uuid) -> Result<Vec<Owned>, ContainerError>;

    /// Removes what [`list_owned`](Self::list_owned) found; what is gone already is no error.
    async fn remove_owned(&self, owned: &Owned) -> Result<(), ContainerError>;
}
