//! What a dead worker left is removed, what lives or is somebody else's stays; full disks; the endpoints.

use odooops::container::fake::Script;
use odooops::container::{DiskSpace, Labels, OwnedKind};
use odooops::server;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::stage::{Stage, one_step, settings};
use crate::support::signals::wait_until;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_worker_left_is_removed_and_its_run_is_finished_by_another() {
    let stage = Stage::new().await;
    stage.engine.script("-1-build", Script::new().forever());
    let run_id = stage.queue(one_step()).await;
    let first = stage.worker().await;
    stage.engine.until_started("-1-build").await;
    first.kill();
    assert!(stage.left_over().len() >= 3, "container, network and volume are left: {:?}", stage.left_over());

    let expire = "update ops.runs set lease_expires_at = now() - interval '1 s' where id = $1";
    stage.eye.execute(expire, &[&run_id.0]).await.expect("an expired lease");
    let mut second = stage.worker_with(settings("worker-002")).await;
    wait_until("the leftovers are gone", async || stage.left_over().is_empty().then_some(())).await;
    let due = "update ops.runs set not_before = now() where id = $1 and status = 'queued'";
    stage.eye.execute(due, &[&run_id.0]).await.expect("no back-off");
    let run = stage.until(run_id, "succeeded").await;
    assert_eq!((&run["attempt"], &run["failed_attempts"]), (&json!(2), &json!(1)));
    second.drained().await;
    assert_eq!(stage.left_over(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn things_of_another_control_plane_are_never_touched() {
    let stage = Stage::new().await;
    let foreign = labels(Uuid::now_v7(), Uuid::now_v7());
    stage.engine.leave_container("foreign", foreign);
    let own_instance =
        stage.eye.query_one("select id from ops.instance", &[]).await.expect("an instance").get(0);
    stage.engine.leave_container("own", labels(own_instance, Uuid::now_v7()));
    let mut worker = stage.worker().await;
    wait_until("our own is gone", async || {
        (stage.left_over() == [(OwnedKind::Container, "foreign".to_owned())]).then_some(())
    })
    .await;
    worker.drained().await;
    assert_eq!(stage.left_over(), [(OwnedKind::Container, "foreign".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_on_a_full_disk_is_infrastructure() {
    let stage = Stage::new().await;
    let told = CancellationToken::new();
    stage.engine.script("build", Script::new().until(&told).stderr("No space left on device\n").exits(1));
    let run_id = stage.queue(one_step()).await;
    let worker = stage.worker().await;
    stage.engine.until_started("build").await;
    stage.engine.has_room(DiskSpace { free_bytes: 4096, total_bytes: 100 << 30 });
    told.cancel();
    let run = wait_until("the run is queued again", async || {
        let run = stage.run(run_id).await;
        (run["status"] == "queued").then_some(run)
    })
    .await;
    assert_eq!((&run["infra_attempts"], &run["failed_attempts"]), (&json!(1), &json!(0)));
    wait_until("the worker says that its disk is full", async || {
        worker.status.not_ready().iter().any(|cause| cause.contains("full")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_build_prints_of_a_full_disk_does_not_make_it_infrastructure() {
    let stage = Stage::new().await;
    stage.engine.has_room(DiskSpace { free_bytes: 50 << 30, total_bytes: 100 << 30 });
    stage.engine.script("build", Script::new().stderr("No space left on device\n").exits(1));
    let run_id = stage.queue(one_step()).await;
    let _worker = stage.worker().await;
    assert_eq!(stage.until(run_id, "failed").await["failure_reason"], "user");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoints_say_whether_the_worker_turns_and_would_claim() {
    let stage = Stage::new().await;
    let run_id = stage.queue(one_step()).await;
    let worker = stage.worker().await;
    let listener = server::bind("127.0.0.1:0".parse().expect("an address")).await.expect("a free port");
    let (address, stop) = (listener.local_addr().expect("its number"), CancellationToken::new());
    let serving = tokio::spawn(server::serve(listener, worker.status.clone(), stop.clone()));
    stage.until(run_id, "succeeded").await;
    worker.ready().await;

    let get = async |path: &str| {
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("connect");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("ask");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    };
    assert!(get("/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(get("/readyz").await.starts_with("HTTP/1.1 200"));
    let metrics = get("/metrics").await;
    assert!(metrics.contains("odooops_worker_runs_ended_total{outcome=\"succeeded\"} 1"), "{metrics}");

    stage.engine.break_engine();
    stage.engine.script("build", Script::new());
    wait_until("it is not ready", async || (!worker.status.not_ready().is_empty()).then_some(())).await;
    let not_ready = get("/readyz").await;
    assert!(not_ready.starts_with("HTTP/1.1 503") && not_ready.contains("container engine"), "{not_ready}");
    assert!(get("/healthz").await.starts_with("HTTP/1.1 200"), "a restart would not mend the engine");
    stop.cancel();
    serving.await.expect("no panic").expect("a good end");
}

fn labels(instance: Uuid, run_id: Uuid) -> Labels {
    Labels { instance, run_id, attempt: 1, worker: "dead".to_owned(), expires_unix_secs: 0 }
}
