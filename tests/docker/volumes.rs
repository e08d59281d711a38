//! Volumes: the workspace that steps share, and the anonymous ones that must not stay behind.

use odooops::container::{ContainerError, ContainerSpec, Containers, ImageBuild, Mount, MountSource};
use tokio::sync::mpsc;

use super::lab::{Lab, base_image, collect, in_lab, only_file, reader, tar_of};

fn with_workspace(lab: &Lab, mut spec: ContainerSpec) -> ContainerSpec {
    let source = MountSource::Volume(lab.name("workspace"));
    spec.mounts.push(Mount { source, target: "/workspace".to_owned(), read_only: false });
    spec
}

#[tokio::test]
async fn an_upload_before_the_start_reaches_mounted_volumes_and_opens_them_to_every_user() {
    in_lab(async |lab| {
        lab.docker.create_volume(&lab.name("workspace"), &lab.labels()).await.expect("volume");
        let script = "cat /odooops/input.json; echo '{}' > /odooops/output.json; id -u > /workspace/who";
        let mut spec = with_workspace(lab, lab.shell(script));
        spec.user = Some("65534".to_owned());
        let id = lab.docker.create(&spec).await.expect("create");
        let archive = tar_of(&[
            ("workspace/", 0o777, ""),
            ("odooops/", 0o777, ""),
            ("odooops/input.json", 0o644, "{\"a\": 1}"),
            ("odooops/output.json", 0o666, ""),
        ]);
        lab.docker.upload(&id, "/", reader(archive)).await.expect("upload");
        let (stdout, stderr) = collect(lab.docker.start(&id).await.expect("start")).await.expect("output");
        assert_eq!(String::from_utf8_lossy(&stderr), "");
        assert_eq!(stdout, b"{\"a\": 1}");
        assert_eq!(lab.docker.wait(&id).await.expect("exit").code, 0);
        assert_eq!(only_file(lab, &id, "/odooops/output.json").await, b"{}\n");

        // The next step, another user, finds what the first one left.
        let next =
            lab.run(&with_workspace(lab, lab.shell("cat /workspace/who; stat -c %a /workspace"))).await;
        assert_eq!(next.text(), "65534\n777\n");
    })
    .await;
}

#[tokio::test]
async fn a_volume_that_nobody_made_is_not_made_by_a_mount() {
    in_lab(async |lab| {
        let created = lab.docker.create(&with_workspace(lab, lab.shell("true"))).await;
        assert!(matches!(created, Err(ContainerError::VolumeMissing(_))), "{created:?}");
    })
    .await;
}

#[tokio::test]
async fn anonymous_volumes_go_with_their_container() {
    in_lab(async |lab| {
        let tag = format!("odooops-test/{}:volume", lab.run_id.simple());
        let dockerfile = format!("FROM {}\nVOLUME /data\n", base_image());
        let (progress, _lines) = mpsc::channel(100);
        let build = ImageBuild {
            context: reader(tar_of(&[("Dockerfile", 0o644, &dockerfile)])),
            tag: tag.clone(),
            labels: lab.labels().to_map(),
            build_args: Default::default(),
            network: None,
        };
        lab.docker.build_image(build, progress).await.expect("build");

        // From inside, the fourth field of the mount is the volume's folder on the host.
        let script = "awk '$5 == \"/data\" { print $4 }' /proc/self/mountinfo";
        let mut spec = lab.shell(script);
        spec.image = tag;
        let id = lab.docker.create(&spec).await.expect("create");
        let (stdout, _) = collect(lab.docker.start(&id).await.expect("start")).await.expect("output");
        let folder = String::from_utf8(stdout).expect("text");
        let volume = folder.trim().trim_end_matches("/_data").rsplit('/').next().expect("a name").to_owned();
        assert!(volume.len() >= 32, "the name of an anonymous volume: {volume:?} of {folder:?}");

        let mut probe = lab.shell("true");
        let source = MountSource::Volume(volume);
        probe.mounts = vec![Mount { source, target: "/x".to_owned(), read_only: true }];
        let while_there = lab.docker.create(&probe).await.expect("the volume is there");
        lab.docker.remove(&while_there).await.expect("remove");
        lab.docker.remove(&id).await.expect("remove");
        let gone = lab.docker.create(&probe).await;
        assert!(matches!(gone, Err(ContainerError::VolumeMissing(_))), "{gone:?}");
    })
    .await;
}
