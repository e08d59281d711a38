//! From a [`ContainerSpec`] to what the engine is told: pure, so that each protection has a test
//! here that fails when it is taken out (and one in `tests/docker/` that sees it from inside).

use std::collections::HashMap;
use std::path::{Component, Path};

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, HostConfigLogConfig, Mount as EngineMount,
    MountTmpfsOptions, MountType, NetworkingConfig, ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};

use crate::container::{ContainerError, ContainerSpec, Mount, MountSource, NetworkMode};

/// File names of engine sockets: whoever can write to one is root on the host.
const SOCKET_NAMES: [&str; 5] =
    ["docker.sock", "podman.sock", "containerd.sock", "docker.sock.raw", "crio.sock"];
/// Where those sockets are kept; a mount of a folder above one would hand it out, too.
const SOCKET_PATHS: [&str; 6] = [
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/podman/podman.sock",
    "/var/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/user/0/podman/podman.sock",
];

/// The engine's network for containers that ask for none of their own; it knows no aliases.
const DEFAULT_BRIDGE: &str = "bridge";

/// What the engine is told about a container.
pub(super) fn create_body(spec: &ContainerSpec) -> Result<ContainerCreateBody, ContainerError> {
    let network = network_name(&spec.network)?;
    let memory = spec.limits.memory_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    let host_config = HostConfig {
        auto_remove: Some(false),
        cap_drop: Some(vec!["ALL".to_owned()]),
        init: Some(true),
        ipc_mode: Some("private".to_owned()),
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        memory,
        memory_swap: memory,
        mounts: Some(spec.mounts.iter().map(mount).collect::<Result<_, _>>()?),
        nano_cpus: spec.limits.cpus.map(nano_cpus),
        network_mode: Some(network.to_owned()),
        pids_limit: Some(i64::from(spec.limits.pids)),
        privileged: Some(false),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        security_opt: Some(vec!["no-new-privileges:true".to_owned()]),
        ulimits: Some(vec![ResourcesUlimits { name: Some("core".to_owned()), soft: Some(0), hard: Some(0) }]),
        ..HostConfig::default()
    };
    Ok(ContainerCreateBody {
        image: Some(spec.image.clone()),
        // One empty string is how the API is told to clear an entrypoint.
        entrypoint: spec.entrypoint.as_ref().map(|words| match words.is_empty() {
            true => vec![String::new()],
            false => words.clone(),
        }),
        cmd: spec.command.clone(),
        env: Some(spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        working_dir: spec.workdir.clone(),
        user: spec.user.clone(),
        labels: Some(spec.labels.to_map().into_iter().collect()),
        attach_stdin: Some(false),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(false),
        open_stdin: Some(false),
        host_config: Some(host_config),
        networking_config: endpoint(network, &spec.network_aliases),
        ..ContainerCreateBody::default()
    })
}

/// The network's name; one that would share the host's or another container's is refused.
fn network_name(network: &NetworkMode) -> Result<&str, ContainerError> {
    let name = match network {
        NetworkMode::None => return Ok("none"),
        NetworkMode::Named(name) => name.as_str(),
    };
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if name.is_empty() || !plain || matches!(name, "host" | "container" | "ns" | "private") {
        return Err(ContainerError::Refused(format!(
            "network {name:?}: only `none` or the name of a network of its own can be used"
        )));
    }
    Ok(name)
}

fn endpoint(network: &str, aliases: &[String]) -> Option<NetworkingConfig> {
    if aliases.is_empty() || matches!(network, "none" | "default" | DEFAULT_BRIDGE) {
        return None;
    }
    let settings = EndpointSettings { aliases: Some(aliases.to_vec()), ..EndpointSettings::default() };
    Some(NetworkingConfig { endpoints_config: Some(HashMap::from([(network.to_owned(), settings)])) })
}

fn mount(mount: &Mount) -> Result<EngineMount, ContainerError> {
    let (typ, source, tmpfs_options) = match &mount.source {
        MountSource::Volume(name) => (MountType::VOLUME, Some(name.clone()), None),
        MountSource::Host(path) => {
            refuse_engine_socket(Path::new(path), None)?;
            (MountType::BIND, Some(path.clone()), None)
        }
        MountSource::Tmpfs(size_bytes) => {
            let size_bytes = Some(i64::try_from(*size_bytes).unwrap_or(i64::MAX));
            (MountType::TMPFS, None, Some(MountTmpfsOptions { size_bytes, ..MountTmpfsOptions::default() }))
        }
    };
    Ok(EngineMount {
        target: Some(mount.target.clone()),
        source,
        typ: Some(typ),
        read_only: Some(mount.read_only),
        tmpfs_options,
        ..EngineMount::default()
    })
}

/// Refuses a host path that is, holds, or may lead to the socket of an engine.
pub(super) fn refuse_engine_socket(path: &Path, own: Option<&Path>) -> Result<(), ContainerError> {
    let refused =
        |why: &str| Err(ContainerError::Refused(format!("mount of the host's {}: {why}", path.display())));
    if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
        return refused("the path must be absolute and without `..`");
    }
    let is_socket = path
        .components()
        .any(|part| SOCKET_NAMES.iter().any(|name| part.as_os_str().eq_ignore_ascii_case(name)));
    let holds_socket = SOCKET_PATHS.iter().map(Path::new).chain(own).any(|socket| socket.starts_with(path));
    if is_socket || holds_socket {
        return refused("it would hand the container engine's socket, and so the host, to the container");
    }
    Ok(())
}

/// Billionths of a processor, as the engine counts.
#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates, and no host has 9e9 processors")]
fn nano_cpus(cpus: f64) -> i64 {
    (cpus * 1e9).round() as i64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::container::{Labels, Limits};

    fn spec() -> ContainerSpec {
        ContainerSpec {
            name: "odooops-x-1-step".into(),
            image: "repo@sha256:aa".into(),
            entrypoint: None,
            command: Some(vec!["true".into()]),
            env: BTreeMap::from([("A".to_owned(), "x=y z".to_owned())]),
            workdir: Some("/workspace".into()),
            user: None,
            mounts: Vec::new(),
            network: NetworkMode::None,
            network_aliases: Vec::new(),
            limits: Limits { cpus: Some(1.5), memory_bytes: Some(512 << 20), pids: 77 },
            labels: Labels {
                instance: uuid::Uuid::from_u128(1),
                run_id: uuid::Uuid::from_u128(2),
                attempt: 1,
                worker: "w".into(),
                expires_unix_secs: 5,
            },
        }
    }

    fn body(change: impl FnOnce(&mut ContainerSpec)) -> Result<ContainerCreateBody, ContainerError> {
        let mut spec = spec();
        change(&mut spec);
        create_body(&spec)
    }

    #[test]
    fn every_protection_is_asked_for() {
        let host = body(|_| ()).expect("body").host_config.expect("host config");
        assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));
        assert_eq!(host.cap_add, None);
        assert_eq!(host.security_opt, Some(vec!["no-new-privileges:true".to_owned()]));
        assert_eq!(host.privileged, Some(false));
        assert_eq!(host.init, Some(true));
        assert_eq!(host.pids_limit, Some(77));
        assert_eq!(host.memory, Some(512 << 20));
        assert_eq!(host.memory_swap, host.memory, "no swap beyond the limit");
        assert_eq!(host.nano_cpus, Some(1_500_000_000));
        assert_eq!(host.network_mode.as_deref(), Some("none"));
        assert_eq!(host.auto_remove, Some(false));
        assert_eq!(host.restart_policy.and_then(|policy| policy.name), Some(RestartPolicyNameEnum::NO));
        assert_eq!(host.log_config.and_then(|log| log.typ).as_deref(), Some("none"));
        let core = host.ulimits.expect("ulimits").remove(0);
        assert_eq!((core.name.as_deref(), core.soft, core.hard), (Some("core"), Some(0), Some(0)));
        assert_eq!((host.binds, host.devices, host.volumes_from), (None, None, None));
        assert_eq!((host.pid_mode, host.uts_mode), (None, None));
    }

    #[test]
    fn what_was_asked_for_arrives_unchanged() {
        let body = body(|spec| spec.entrypoint = Some(vec!["/bin/sh".into()])).expect("body");
        assert_eq!(body.image.as_deref(), Some("repo@sha256:aa"));
        assert_eq!(body.entrypoint, Some(vec!["/bin/sh".to_owned()]));
        assert_eq!(body.cmd, Some(vec!["true".to_owned()]));
        assert_eq!(body.env, Some(vec!["A=x=y z".to_owned()]));
        assert_eq!(body.working_dir.as_deref(), Some("/workspace"));
        assert_eq!(body.tty, Some(false), "a terminal would mix the streams");
        assert_eq!(body.labels.expect("labels").len(), 5);
    }

    #[test]
    fn an_empty_entrypoint_clears_the_images_own() {
        let body = body(|spec| spec.entrypoint = Some(Vec::new())).expect("body");
        assert_eq!(body.entrypoint, Some(vec![String::new()]));
    }

    #[test]
    fn aliases_are_given_on_networks_that_know_them() {
        let named = |network: &str| {
            body(|spec| {
                spec.network = NetworkMode::Named(network.to_owned());
                spec.network_aliases = vec!["db".into()];
            })
            .expect("body")
            .networking_config
        };
        let endpoints = named("odooops-net").and_then(|config| config.endpoints_config).expect("endpoints");
        assert_eq!(endpoints["odooops-net"].aliases, Some(vec!["db".to_owned()]));
        assert_eq!(named("bridge"), None);
    }

    #[test]
    fn a_network_shared_with_the_host_or_another_container_is_refused() {
        for name in ["host", "container:abc", "ns:/proc/1/ns/net", "", "a b"] {
            let refused = body(|spec| spec.network = NetworkMode::Named(name.to_owned()));
            assert!(matches!(refused, Err(ContainerError::Refused(_))), "{name}");
        }
    }

    #[test]
    fn mounts_become_typed_mounts() {
        let mounts = vec![
            Mount { source: MountSource::Volume("v".into()), target: "/workspace".into(), read_only: false },
            Mount { source: MountSource::Host("/srv/data".into()), target: "/data".into(), read_only: true },
            Mount { source: MountSource::Tmpfs(1 << 20), target: "/tmp".into(), read_only: false },
        ];
        let body = body(|spec| spec.mounts = mounts).expect("body");
        let mounts = body.host_config.and_then(|host| host.mounts).expect("mounts");
        let kinds: Vec<_> = mounts.iter().map(|mount| (mount.typ, mount.read_only)).collect();
        assert_eq!(
            kinds,
            [
                (Some(MountType::VOLUME), Some(false)),
                (Some(MountType::BIND), Some(true)),
                (Some(MountType::TMPFS), Some(false))
            ]
        );
    }

    #[test]
    fn no_host_mount_reaches_the_socket_of_an_engine() {
        for path in [
            "/var/run/docker.sock",
            "/run/docker.sock",
            "/",
            "/var",
            "/run",
            "/var/run/",
            "/run/podman",
            "/run/user/1000/podman/podman.sock",
            "/mnt/../var/run",
            "/srv/DOCKER.SOCK",
            "relative",
        ] {
            let refused = body(|spec| {
                let source = MountSource::Host(path.to_owned());
                spec.mounts = vec![Mount { source, target: "/x".into(), read_only: true }];
            });
            assert!(matches!(refused, Err(ContainerError::Refused(_))), "{path}");
        }
        assert!(refuse_engine_socket(Path::new("/srv"), Some(Path::new("/srv/engine/x"))).is_err());
        assert!(refuse_engine_socket(Path::new("/srv/odoo"), None).is_ok());
    }
}
