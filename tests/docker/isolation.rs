//! The protections, seen from inside: each of these fails when its line in `docker/body.rs` is taken
//! out.

use odooops::container::{ContainerError, Containers, Limits, Mount, MountSource, NetworkMode};

use super::lab::{Lab, in_lab};

/// The value of a field of `/proc/self/status`.
async fn status(lab: &Lab, field: &str) -> String {
    let ran = lab.sh(&format!("grep '^{field}:' /proc/self/status | cut -f2")).await;
    ran.text().trim().to_owned()
}

#[tokio::test]
async fn there_are_no_capabilities_not_even_for_root() {
    in_lab(async |lab| {
        assert_eq!(lab.sh("id -u").await.text().trim(), "0", "the base image runs as root");
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd"] {
            assert_eq!(status(lab, set).await, "0000000000000000", "{set}");
        }
    })
    .await;
}

#[tokio::test]
async fn no_program_gains_rights_and_system_calls_are_filtered() {
    in_lab(async |lab| {
        assert_eq!(status(lab, "NoNewPrivs").await, "1");
        assert_eq!(status(lab, "Seccomp").await, "2");
        assert_ne!(lab.sh("mount -t tmpfs none /mnt").await.exit.code, 0);
        assert_ne!(lab.sh("ls /dev/mem || ls /dev/sda || ls /dev/vda").await.exit.code, 0);
    })
    .await;
}

#[tokio::test]
async fn the_number_of_processes_is_limited() {
    in_lab(async |lab| {
        let forks = "for i in $(seq 60); do sleep 3 & done; echo started";
        let mut spec = lab.shell(forks);
        spec.limits = Limits { pids: 20, ..Limits::default() };
        let ran = lab.run(&spec).await;
        assert!(ran.text().to_lowercase().contains("fork"), "{}", ran.text());
        assert_eq!(lab.sh(forks).await.text(), "started\n", "the default leaves room");
    })
    .await;
}

#[tokio::test]
async fn memory_is_limited_and_the_kill_is_told_apart_from_others() {
    in_lab(async |lab| {
        let mut spec = lab.shell("exec perl -e '$a = 1 x (300 << 20)'");
        spec.limits = Limits { memory_bytes: Some(64 << 20), ..Limits::default() };
        let ran = lab.run(&spec).await;
        assert_eq!((ran.exit.code, ran.exit.oom_killed), (137, true), "{}", ran.text());
        // A child's end for its memory is seen as well, whatever its parent makes of it.
        spec = lab.shell("perl -e '$a = 1 x (300 << 20)'; exit 5");
        spec.limits = Limits { memory_bytes: Some(64 << 20), ..Limits::default() };
        let exit = lab.run(&spec).await.exit;
        assert_eq!((exit.code, exit.oom_killed), (5, true));
        let killed = lab.sh("kill -9 $$").await;
        assert_eq!((killed.exit.code, killed.exit.oom_killed), (137, false));
    })
    .await;
}

#[tokio::test]
async fn the_memory_limit_counts_swap_too() {
    in_lab(async |lab| {
        let limits = "cd /sys/fs/cgroup; cat memory/memory.memsw.limit_in_bytes 2>/dev/null \
             || cat memory.swap.max 2>/dev/null || echo unknown";
        let mut spec = lab.shell(limits);
        spec.limits = Limits { memory_bytes: Some(64 << 20), ..Limits::default() };
        let said = lab.run(&spec).await.text();
        // cgroup v1 counts both together, v2 swap alone; a kernel without swap accounting has neither.
        assert!(matches!(said.trim(), "67108864" | "0" | "unknown"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn processors_are_limited() {
    in_lab(async |lab| {
        let quota = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cat /sys/fs/cgroup/cpu.max";
        let mut spec = lab.shell(quota);
        spec.limits = Limits { cpus: Some(0.5), ..Limits::default() };
        let said = lab.run(&spec).await.text();
        assert_eq!(said.split_whitespace().next(), Some("50000"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn no_core_files_are_written() {
    in_lab(async |lab| {
        assert_eq!(lab.sh("ulimit -S -c; ulimit -H -c").await.text(), "0\n0\n");
    })
    .await;
}

#[tokio::test]
async fn an_init_is_process_1_and_reaps_orphans() {
    in_lab(async |lab| {
        let first = lab.sh("cat /proc/1/comm").await.text();
        assert!(
            ["docker-init", "tini", "catatonit", "podman-init"].contains(&first.trim()),
            "process 1 is {first}"
        );
        let script = "(sh -c 'sleep 0.2 & exit 0'); sleep 1; grep -l zombie /proc/[0-9]*/status | wc -l";
        assert_eq!(lab.sh(script).await.text().trim(), "0");
    })
    .await;
}

#[tokio::test]
async fn without_a_network_there_is_only_loopback() {
    in_lab(async |lab| {
        assert_eq!(lab.sh("ls /sys/class/net").await.text(), "lo\n");
    })
    .await;
}

#[tokio::test]
async fn the_engines_socket_is_not_inside_and_cannot_be_mounted() {
    in_lab(async |lab| {
        let sockets = "find / -xdev -type s; find / -name 'docker.sock' -o -name 'podman.sock' 2>/dev/null";
        assert_eq!(lab.sh(sockets).await.text(), "");

        let folder = tempfile::tempdir().expect("folder");
        let link = folder.path().join("harmless");
        std::os::unix::fs::symlink("/var/run", &link).expect("link");
        let link = link.to_string_lossy().into_owned();
        for path in ["/var/run/docker.sock", "/var/run", "/", link.as_str()] {
            let mut spec = lab.shell("true");
            let source = MountSource::Host(path.to_owned());
            spec.mounts = vec![Mount { source, target: "/host".to_owned(), read_only: true }];
            let refused = lab.docker.create(&spec).await;
            assert!(matches!(refused, Err(ContainerError::Refused(_))), "{path}: {refused:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_hosts_network_and_those_of_other_containers_are_refused() {
    in_lab(async |lab| {
        let id = lab.docker.create(&lab.shell("sleep 60")).await.expect("create");
        for name in ["host".to_owned(), format!("container:{id}")] {
            let mut spec = lab.shell("true");
            spec.network = NetworkMode::Named(name.clone());
            let refused = lab.docker.create(&spec).await;
            assert!(matches!(refused, Err(ContainerError::Refused(_))), "{name}: {refused:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_read_only_mount_cannot_be_written_and_a_tmpfs_is_as_small_as_asked() {
    in_lab(async |lab| {
        let folder = tempfile::tempdir().expect("folder");
        let mut spec = lab.shell("touch /data/x; head -c 2m /dev/zero > /small/x; echo $?");
        spec.mounts = vec![
            Mount {
                source: MountSource::Host(folder.path().to_string_lossy().into_owned()),
                target: "/data".to_owned(),
                read_only: true,
            },
            Mount { source: MountSource::Tmpfs(1 << 20), target: "/small".to_owned(), read_only: false },
        ];
        let ran = lab.run(&spec).await;
        let text = ran.text();
        assert!(text.contains("Read-only file system"), "{text}");
        assert!(text.contains("No space left on device"), "{text}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 0);
    })
    .await;
}
