//! Wrong repositories, refs and stores: the right failure class, a message that names what is wrong, and
//! no run lost.

use odooops::contract::{EnqueueOptions, NewProject, NewRun, RunId};
use odooops::runner::WorkerSettings;
use odooops::store::Store;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::stage::{PROJECT, Running, Stage, settings};
use crate::git::repository::{Repository, local_git};
use crate::support::signals::wait_until;
use crate::support::small_disk::SmallDisk;

fn with_local_git() -> WorkerSettings {
    let mut settings = settings("worker-001");
    settings.git = local_git();
    settings.odoo.image = Some("odoo:18.0".to_owned());
    settings
}

/// Queues a build of `git_ref` of the repository at `url`.
async fn queue_build(stage: &Stage, url: &str, git_ref: Option<&str>) -> RunId {
    let project =
        NewProject { slug: PROJECT.to_owned(), repo_url: Some(url.to_owned()), ..NewProject::default() };
    stage.operator.put_project(&project).await.expect("a repository");
    let run = NewRun {
        project: PROJECT.to_owned(),
        workflow: "build".to_owned(),
        git_ref: git_ref.map(str::to_owned),
        commit_sha: None,
        input: json!({}),
        options: EnqueueOptions::default(),
    };
    stage.operator.enqueue_run(&run).await.expect("a queued run").id
}

/// Waits until a run is queued again after its first attempt.
async fn requeued(stage: &Stage, run_id: RunId) -> Value {
    wait_until("the run is queued again", async || {
        let run = stage.run(run_id).await;
        (run["status"] == "queued" && run["attempt"] == 1).then_some(run)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ref_or_repository_that_does_not_exist_is_invalid_and_named() {
    let stage = Stage::new().await;
    let repository = Repository::new();
    let _worker = stage.worker_with(with_local_git()).await;
    let missing = format!("file://{}/nope.git", repository.folder.path().display());
    for (url, git_ref, named) in [
        (repository.url(), Some("no-such-branch"), "no-such-branch"),
        (missing, Some("main"), "nope.git"),
        ("ext::sh -c id".to_owned(), Some("main"), "refused"),
        ("git://host/a.git".to_owned(), Some("main"), "git is no protocol for repositories"),
    ] {
        let run_id = queue_build(&stage, &url, git_ref).await;
        let run = stage.until(run_id, "failed").await;
        assert_eq!((&run["failure_reason"], &run["attempt"]), (&json!("invalid"), &json!(1)), "{run}");
        let message = run["error_message"].as_str().expect("a message");
        assert!(message.contains(named), "{named}: {message}");
    }
    assert_eq!(stage.left_over(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_git_server_that_is_down_is_infrastructure_and_its_password_is_not_shown() {
    let stage = Stage::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the port's number");
    drop(listener);
    let _worker = stage.worker_with(with_local_git()).await;
    let run_id = queue_build(&stage, &format!("http://me:hunter2@{address}/a.git"), Some("main")).await;
    let run = requeued(&stage, run_id).await;
    assert_eq!((&run["infra_attempts"], &run["failed_attempts"]), (&json!(1), &json!(0)), "{run}");
    let sql = "select string_agg(to_jsonb(a)::text, '') from ops.run_attempts a where a.run_id = $1";
    let attempts: String = stage.eye.query_one(sql, &[&run_id.0]).await.expect("attempts").get(0);
    assert!(attempts.contains("cannot be reached"), "{attempts}");
    let log = stage.lines(run_id).await.concat();
    assert!(!attempts.contains("hunter2") && !log.contains("hunter2"), "{attempts} {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_disk_is_full_is_infrastructure_and_the_run_finishes_when_there_is_room() {
    let stage = Stage::new().await;
    let disk = SmallDisk::mount("64k");
    let report = "x".repeat(200_000);
    let script = odooops::container::fake::Script::new().leaves("/workspace/report.xml", report);
    stage.engine.script("build", script);
    let definition =
        json!({ "steps": [{ "name": "build", "image": "tool:1", "artifacts": ["report.xml"] }] });
    let run_id = stage.queue(definition).await;
    let mut edges = stage.edges().await;
    edges.store = Store::open(&format!("file://{}", disk.path().display())).await.expect("an address");
    let _worker = Running::start(settings("worker-001"), edges);

    let run = requeued(&stage, run_id).await;
    assert_eq!((&run["infra_attempts"], &run["failed_attempts"]), (&json!(1), &json!(0)), "{run}");
    let sql = "select error_message from ops.run_attempts where run_id = $1 and attempt = 1";
    let message: String = stage.eye.query_one(sql, &[&run_id.0]).await.expect("the attempt").get(0);
    assert!(message.contains("the disk of the store is full"), "{message}");

    disk.remount("size=4m");
    let sql = "update ops.runs set not_before = now() - interval '1 second' where id = $1";
    stage.eye.execute(sql, &[&run_id.0]).await.expect("the back-off is over");
    stage.until(run_id, "succeeded").await;
}
