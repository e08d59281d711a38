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

/// Label that names the control plane; whatever lacks it is not ours.
pub const LABEL_INSTANCE: &str = "dev.odooops.instance";
/// Label that names the run.
pub const LABEL_RUN: &str = "dev.odooops.run";
/// Label with the attempt's number.
pub const LABEL_ATTEMPT: &str = "dev.odooops.attempt";
/// Label that names the worker.
pub const LABEL_WORKER: &str = "dev.odooops.worker";
/// Label with the unix seconds after which the thing is of no use.
pub const LABEL_EXPIRES: &str = "dev.odooops.expires";

impl Labels {
    /// As the engine stores them.
    #[must_use]
    pub fn to_map(&self) -> BTreeMap<String, String> {
        [
            (LABEL_INSTANCE, self.instance.to_string()),
            (LABEL_RUN, self.run_id.to_string()),
            (LABEL_ATTEMPT, self.attempt.to_string()),
            (LABEL_WORKER, self.worker.clone()),
            (LABEL_EXPIRES, self.expires_unix_secs.to_string()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    /// Reads them back; `None` when one is missing or cannot be parsed, and then nobody may touch the thing.
    #[must_use]
    pub fn parse<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        Some(Self {
            instance: get(LABEL_INSTANCE)?.parse().ok()?,
            run_id: get(LABEL_RUN)?.parse().ok()?,
            attempt: get(LABEL_ATTEMPT)?.parse().ok()?,
            worker: get(LABEL_WORKER)?.to_owned(),
            expires_unix_secs: get(LABEL_EXPIRES)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        Labels {
            instance: uuid::Uuid::from_u128(1),
            run_id: uuid::Uuid::from_u128(2),
            attempt: 3,
            worker: "worker-001".into(),
            expires_unix_secs: 1_900_000_000,
        }
    }

    #[test]
    fn labels_are_read_back_as_they_were_written() {
        let map = labels().to_map();
        assert_eq!(Labels::parse(|name| map.get(name).map(String::as_str)), Some(labels()));
    }

    #[test]
    fn one_label_that_is_missing_or_wrong_makes_the_set_unreadable() {
        for name in [LABEL_INSTANCE, LABEL_RUN, LABEL_ATTEMPT, LABEL_WORKER, LABEL_EXPIRES] {
            let mut map = labels().to_map();
            map.remove(name);
            assert_eq!(Labels::parse(|key| map.get(key).map(String::as_str)), None, "without {name}");
        }
        let mut map = labels().to_map();
        map.insert(LABEL_RUN.to_owned(), "not a uuid".to_owned());
        assert_eq!(Labels::parse(|key| map.get(key).map(String::as_str)), None);
    }
}
