//! Everything carries labels, is found by them and removed; what is another's is never touched.

use std::collections::BTreeSet;

use odooops::container::{Containers, ImageBuild, NetworkMode, Owned, OwnedKind};
use tokio::sync::mpsc;

use super::lab::{Lab, base_image, in_lab, reader, tar_of};

/// One of each kind, with a running container on the network.
async fn one_of_each(lab: &Lab) {
    let (network, labels) = (lab.name("net"), lab.labels());
    lab.docker.create_network(&network, &labels).await.expect("network");
    lab.docker.create_volume(&lab.name("volume"), &labels).await.expect("volume");
    let (progress, _lines) = mpsc::channel(100);
    let dockerfile = format!("FROM {}\nENV A={}\n", base_image(), lab.run_id);
    let build = ImageBuild {
        context: reader(tar_of(&[("Dockerfile", 0o644, &dockerfile)])),
        tag: format!("odooops-test/{}:owned", lab.run_id.simple()),
        labels: labels.to_map(),
        build_args: Default::default(),
        network: None,
    };
    lab.docker.build_image(build, progress).await.expect("image");
    let mut spec = lab.shell("sleep 600");
    spec.network = NetworkMode::Named(network);
    spec.network_aliases = vec!["sleeper".to_owned()];
    let id = lab.docker.create(&spec).await.expect("container");
    drop(lab.docker.start(&id).await.expect("start"));
}

async fn owned(lab: &Lab) -> Vec<Owned> {
    lab.docker.list_owned(lab.instance).await.expect("list")
}

fn kinds(owned: &[Owned]) -> BTreeSet<OwnedKind> {
    owned.iter().map(|owned| owned.kind).collect()
}

#[tokio::test]
async fn everything_carries_all_labels_and_is_removed_by_them() {
    in_lab(async |lab| {
        one_of_each(lab).await;
        let found = owned(lab).await;
        let all = [OwnedKind::Container, OwnedKind::Network, OwnedKind::Volume, OwnedKind::Image];
        assert_eq!(kinds(&found), BTreeSet::from(all), "{found:?}");
        assert_eq!(found.len(), 4);
        for thing in &found {
            let labels = thing.labels.as_ref().expect("labels");
            assert_eq!((labels.instance, labels.run_id), (lab.instance, lab.run_id));
            assert_eq!((labels.attempt, labels.worker.as_str()), (1, "test"));
        }
        // The network first, with its container still on it.
        let mut in_the_worst_order = found;
        in_the_worst_order.sort_by_key(|owned| owned.kind != OwnedKind::Network);
        for thing in &in_the_worst_order {
            lab.docker.remove_owned(thing).await.expect("remove");
            lab.docker.remove_owned(thing).await.expect("what is gone already is no error");
        }
        assert_eq!(owned(lab).await, Vec::new());
    })
    .await;
}

#[tokio::test]
async fn two_control_planes_on_one_engine_do_not_see_each_others_things() {
    in_lab(async |ours| {
        in_lab(async |theirs| {
            one_of_each(ours).await;
            one_of_each(theirs).await;
            for thing in owned(ours).await {
                ours.docker.remove_owned(&thing).await.expect("remove");
            }
            assert_eq!(owned(ours).await, Vec::new());
            assert_eq!(owned(theirs).await.len(), 4, "theirs are all there");
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn containers_on_one_network_find_each_other_by_alias_and_others_do_not() {
    in_lab(async |lab| {
        one_of_each(lab).await;
        let mut inside = lab.shell("getent hosts sleeper");
        inside.network = NetworkMode::Named(lab.name("net"));
        assert_eq!(lab.run(&inside).await.exit.code, 0);
        assert_ne!(lab.sh("getent hosts sleeper").await.exit.code, 0);
    })
    .await;
}

#[tokio::test]
async fn a_network_name_is_given_once() {
    in_lab(async |lab| {
        let (name, labels) = (lab.name("net"), lab.labels());
        lab.docker.create_network(&name, &labels).await.expect("network");
        lab.docker.create_network(&name, &labels).await.expect_err("the same name again");
        assert_eq!(owned(lab).await.len(), 1);
    })
    .await;
}
