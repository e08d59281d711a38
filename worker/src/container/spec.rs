//! What a container should be, as plain data: built by actions, judged by tests, sent by the engine.

use std::collections::BTreeMap;

/// Labels on everything that the worker creates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The control plane that owns it (`contract_info().instance_id`).
    pub instance: uuid::Uuid,
    /// The run it was made for.
    pub run_id: uuid::Uuid,
    /// The attempt of that run.
    pub attempt: i32,
    /// The worker that made it.
    pub worker: String,
    /// Unix seconds after which it is of no use to anybody.
    pub expires_unix_secs: i64,
}

/// Everything that is asked of the engine for one container. The defaults are the safe ones.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerSpec {
    /// Unique name, `odooops-<run>-<attempt>-<step>`.
    pub name: String,
    /// Image reference or id.
    pub image: String,
    /// Overrides the image's ENTRYPOINT; `None` keeps it, `Some(vec![])` clears it.
    pub entrypoint: Option<Vec<String>>,
    /// Overrides the image's CMD; `None` keeps it.
    pub command: Option<Vec<String>>,
    /// Environment, never in argv.
    pub env: BTreeMap<String, String>,
    /// Working directory; `None` keeps the image's.
    pub workdir: Option<String>,
    /// `None` keeps the image's USER.
    pub user: Option<String>,
    /// Volumes and files.
    pub mounts: Vec<Mount>,
    /// Where it may connect.
    pub network: NetworkMode,
    /// Names under which others on the same network find it.
    pub network_aliases: Vec<String>,
    /// Resource limits.
    pub limits: Limits,
    /// Labels.
    pub labels: Labels,
}

/// Something mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// What.
    pub source: MountSource,
    /// Absolute path inside the container.
    pub target: String,
    /// Nothing may be written through it.
    pub read_only: bool,
}

/// Where a mount comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSource {
    /// A named volume.
    Volume(String),
    /// An absolute path on the engine's host; only from the worker's own settings, never from a workflow.
    Host(String),
    /// Memory, at most this many bytes.
    Tmpfs(u64),
}

/// Network of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkMode {
    /// Loopback only.
    None,
    /// The network with this name.
    Named(String),
}

/// Resource limits of a container.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Processors (1.5 = one and a half); `None` = all.
    pub cpus: Option<f64>,
    /// Memory and swap together in bytes; `None` = all.
    pub memory_bytes: Option<u64>,
    /// Processes and threads.
    pub pids: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cpus: None, memory_bytes: None, pids: 2048 }
    }
}
