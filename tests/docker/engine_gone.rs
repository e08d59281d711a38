//! An engine that is not there, goes away, or falls silent: always [`ContainerError::EngineGone`], in
//! bounded time, and never mistaken for a container's end.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use odooops::container::{ContainerError, Containers, ImageBuild, Output};
use tokio::sync::mpsc;

use super::lab::{Lab, base_image, in_lab, reader, short_limits, tar_of};
use super::proxy::{Mood, Proxy};

/// With the short limits: the patience, a call on top of it, and time for a slow machine.
const SOON: Duration = Duration::from_secs(12);

/// A lab on the same things, behind a proxy.
fn behind(proxy: &Proxy, lab: &Lab) -> Lab {
    let there = Lab::open(Some((proxy.host(), short_limits())));
    Lab { docker: there.docker, instance: lab.instance, run_id: lab.run_id }
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, work).await.expect("it is noticed in time")
}

/// Starts a container that runs until it is removed, and reads its first line.
async fn start_endless(there: &Lab) -> (String, Output) {
    let id = there.docker.create(&there.shell("echo up; sleep 600")).await.expect("create");
    let mut output = there.docker.start(&id).await.expect("start");
    output.next().await.expect("a line").expect("bytes");
    (id, output)
}

fn is_gone<T>(result: Result<T, ContainerError>) -> String {
    let Err(error) = result else { panic!("nothing was noticed") };
    assert!(matches!(error, ContainerError::EngineGone(_)), "{error}");
    assert!(error.is_infrastructure());
    error.to_string()
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().expect("folder");
    let nobody = folder.path().join("nobody.sock");
    let lab = Lab::open(Some((format!("unix://{}", nobody.display()), short_limits())));
    let message = is_gone(soon(lab.docker.engine()).await);
    assert!(message.contains("nobody.sock") && message.contains("DOCKER_HOST"), "{message}");

    // A socket file that is left over with nobody behind it.
    drop(std::os::unix::net::UnixListener::bind(&nobody).expect("socket"));
    is_gone(soon(lab.docker.create(&lab.shell("true"))).await);
    is_gone(soon(lab.docker.list_owned(lab.instance)).await);

    let lab = Lab::open(Some(("tcp://127.0.0.1:1".to_owned(), short_limits())));
    is_gone(soon(lab.docker.engine()).await);
}

#[tokio::test]
async fn an_engine_that_comes_back_is_used_again() {
    in_lab(async |lab| {
        let proxy = Proxy::start();
        proxy.be(Mood::Cut);
        let there = behind(&proxy, lab);
        is_gone(soon(there.docker.engine()).await);
        proxy.be(Mood::Pass);
        there.docker.engine().await.expect("it is back");
        proxy.be(Mood::Silent);
        is_gone(soon(there.docker.find_image("x")).await);
        proxy.be(Mood::Pass);
        assert_eq!(there.docker.find_image("odooops-test/none:1").await.expect("image"), None);
    })
    .await;
}

#[tokio::test]
async fn a_cut_or_silence_while_a_container_runs_ends_wait_and_output_with_the_engines_fault() {
    for mood in [Mood::Cut, Mood::Silent] {
        in_lab(async |lab| {
            let proxy = Proxy::start();
            let there = behind(&proxy, lab);
            let (id, mut output) = start_endless(&there).await;
            proxy.be(mood);
            let (waited, read) = soon(async { tokio::join!(there.docker.wait(&id), output.next()) }).await;
            is_gone(waited);
            is_gone(read.expect("an error, not an end"));
            assert!(output.next().await.is_none());
            is_gone(soon(there.docker.stop(&id, Duration::from_secs(1))).await);
            is_gone(soon(there.docker.remove(&id)).await);
        })
        .await;
    }
}

#[tokio::test]
async fn an_absence_shorter_than_the_patience_costs_the_wait_nothing() {
    in_lab(async |lab| {
        let proxy = Proxy::start();
        let there = behind(&proxy, lab);
        let id = there.docker.create(&there.shell("sleep 5; exit 4")).await.expect("create");
        let output = there.docker.start(&id).await.expect("start");
        let wait = there.docker.wait(&id);
        let absence = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            proxy.be(Mood::Cut);
            tokio::time::sleep(Duration::from_secs(1)).await;
            proxy.be(Mood::Pass);
        };
        let (waited, ()) = tokio::join!(wait, absence);
        assert_eq!(waited.expect("exit").code, 4);
        drop(output);
    })
    .await;
}

#[tokio::test]
async fn an_end_that_came_while_the_engine_was_gone_is_not_taken_for_the_containers_own() {
    in_lab(async |lab| {
        let proxy = Proxy::start();
        let there = behind(&proxy, lab);
        let (id, output) = start_endless(&there).await;
        let restart = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            proxy.be(Mood::Cut);
            // What a restart of the engine does to its containers.
            lab.docker.stop(&id, Duration::ZERO).await.expect("stop");
            proxy.be(Mood::Pass);
        };
        let (waited, ()) = tokio::join!(there.docker.wait(&id), restart);
        is_gone(waited);
        drop(output);
    })
    .await;
}

#[tokio::test]
async fn an_upload_a_download_and_a_build_notice_too() {
    in_lab(async |lab| {
        let proxy = Proxy::start();
        let there = behind(&proxy, lab);
        let id = there.docker.create(&there.shell("true")).await.expect("create");
        proxy.be(Mood::Silent);
        is_gone(soon(there.docker.upload(&id, "/", reader(vec![0; 8 << 20]))).await);
        is_gone(soon(there.docker.download(&id, "/etc")).await.map(|_| ()));
        proxy.be(Mood::Pass);

        let dockerfile = format!("FROM {}\nRUN echo started && sleep 60\n", base_image());
        let (progress, mut lines) = mpsc::channel::<bytes::Bytes>(100);
        let build = ImageBuild {
            context: reader(tar_of(&[("Dockerfile", 0o644, &dockerfile)])),
            tag: format!("odooops-test/{}:gone", lab.run_id.simple()),
            labels: lab.labels().to_map(),
            build_args: Default::default(),
            network: Some("none".to_owned()),
        };
        let silence = async {
            while let Some(line) = lines.recv().await {
                if line.starts_with(b"started") {
                    proxy.be(Mood::Silent);
                }
            }
        };
        let since = Instant::now();
        let (built, ()) = tokio::join!(there.docker.build_image(build, progress), silence);
        is_gone(built);
        assert!(since.elapsed() < Duration::from_secs(45), "{:?}", since.elapsed());
    })
    .await;
}
