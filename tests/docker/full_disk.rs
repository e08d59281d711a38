//! A real volume without room: what the engine says is told apart from other faults.

use odooops::container::{ContainerError, Containers, Mount, MountSource};

use super::lab::{in_lab, reader, tar_of};
use crate::support::shell::{command, end_of};

#[tokio::test]
async fn an_upload_into_a_full_workspace_is_the_full_disks_fault() {
    in_lab(async |lab| {
        let volume = lab.name("small");
        let mut create = command("docker");
        create.args([
            "volume",
            "create",
            "--driver=local",
            "--opt=type=tmpfs",
            "--opt=device=tmpfs",
            "--opt=o=size=1m",
        ]);
        for (label, value) in lab.labels().to_map() {
            create.arg(format!("--label={label}={value}"));
        }
        create.arg(&volume);
        let created = end_of(create).await;
        assert_eq!(created.code, 0, "{}", created.stderr);

        let mut spec = lab.shell("sleep 60");
        spec.mounts = vec![Mount {
            source: MountSource::Volume(volume),
            target: "/workspace".to_owned(),
            read_only: false,
        }];
        let id = lab.docker.create(&spec).await.expect("create");
        drop(lab.docker.start(&id).await.expect("start"));
        let three_mib = "x".repeat(3 << 20);
        let archive = tar_of(&[("big", 0o644, three_mib.as_str())]);
        let error = lab.docker.upload(&id, "/workspace", reader(archive)).await.expect_err("1 MiB of room");
        assert!(matches!(error, ContainerError::DiskFull(_)), "{error:?}");
        assert!(error.is_infrastructure());
        lab.docker.remove(&id).await.expect("remove");
    })
    .await;
}
