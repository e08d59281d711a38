//! `deploy/compose.yaml` with three workers: they share a queue, check out and test a project, drain, and are gone.

use std::path::Path;

use super::stack::{Stack, base_image, docker, free_port, wait_until};
use crate::support::shell::{command, end_of};

/// Where a machine's own CA certificates are, which pip needs behind a company CA.
const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
const RUNS: usize = 300;
/// Short, for a run that does not end by itself.
const DRAIN_TIMEOUT_SECS: u32 = 2;

/// The sample project, owned by the user of the image: git refuses the repositories of others.
async fn make_sample(folder: &Path) {
    let mut make = command("tests/fixtures/sample/make.sh");
    make.arg(folder);
    assert_eq!(end_of(make).await.code, 0);
    let mut own = command("chown");
    own.args(["-R", "10001:10001"]).arg(folder);
    assert_eq!(end_of(own).await.code, 0, "this test needs root, for a repository that is the worker's own");
}

#[tokio::test]
async fn three_replicas_drain_a_queue_of_300_runs_and_leave_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let sample = folder.path().join("sample");
    make_sample(&sample).await;
    let (mut volumes, mut environment) = (
        format!("'{}:/repositories/sample:ro'", sample.display()),
        format!("ODOOOPS_WORKER_DRAIN_TIMEOUT_SECS: '{DRAIN_TIMEOUT_SECS}'"),
    );
    if Path::new(CA_BUNDLE).is_file() {
        volumes.push_str(&format!(", '{CA_BUNDLE}:/run/odooops/ca.pem:ro'"));
        environment.push_str(", ODOOOPS_CA_BUNDLE: /run/odooops/ca.pem");
    }
    let overrides =
        format!("services: {{ worker: {{ volumes: [{volumes}], environment: {{ {environment} }} }} }}\n");
    let port = free_port().to_string();
    let settings = [("ODOO_POSTGRES_PORT", port.as_str()), ("GIT_PROTOCOLS", "file")];
    Stack::with("compose.yaml", &settings, Some(&overrides), async |stack| {
        stack.up(&["--scale", "worker=3"]).await;
        stack.wait_until_healthy("worker").await;
        check_workers(stack).await;
        drain_queue(stack).await;
        test_sample(stack).await;
        stop_workers(stack).await;
    })
    .await;
}

async fn check_workers(stack: &Stack) {
    let checked = stack.compose(&["exec", "-T", "worker", "odooops", "worker", "--check", "--json"]).await;
    assert_eq!(checked.code, 0, "rights, store and engine are as they should be: {}", checked.stdout);
    let excess = "select count(*) from pg_auth_members m join pg_roles r on r.oid = m.member \
                  where r.rolname = 'odooops_worker'";
    assert_eq!(stack.query(excess).await, "1", "the workers' login is in ops_worker only");
}

async fn drain_queue(stack: &Stack) {
    let definition = format!(
        r#"{{"steps":[{{"name":"true","image":"{}","command":["true"],"network":"none"}}]}}"#,
        base_image()
    );
    stack
        .query(&format!(
            "select ops.put_project('load'); select ops.put_workflow('load', 'true', '{definition}'); \
             insert into ops.runs (project_id, workflow_id, input) \
             select p.id, w.id, jsonb_build_object('n', n) \
             from ops.projects p join ops.workflows w on w.project_id = p.id, generate_series(1, {RUNS}) n"
        ))
        .await;
    wait_until("the queue is empty", async || {
        stack.query("select count(*) from ops.runs where finished_at is null").await == "0"
    })
    .await;
    let ended = stack.query("select status, attempt, count(*) from ops.runs group by 1, 2").await;
    assert_eq!(ended, format!("succeeded|1|{RUNS}"));
    let attempts = stack.query("select count(*), count(distinct run_id) from ops.run_attempts").await;
    assert_eq!(attempts, format!("{RUNS}|{RUNS}"), "each once");
    let workers = stack.query("select count(distinct worker_id) from ops.run_attempts").await;
    assert_eq!(workers, "3", "all replicas took part, each under a name of its own");
}

/// A real check-out, an image built from it, tests in a database that containers reach, artifacts in the store.
async fn test_sample(stack: &Stack) {
    let cli = async |args: &[&str]| stack.compose(&[&["run", "--rm", "-T", "odooops"], args].concat()).await;
    let made =
        ["project", "create", "sample", "--repo", "file:///repositories/sample", "--odoo-version", "18.0"];
    let made = cli(&made).await;
    assert_eq!(made.code, 0, "{}", made.stderr);
    let tested = cli(&["run", "enqueue", "sample", "test", "--ref", "main", "--wait"]).await;
    assert_eq!(tested.code, 0, "{}{}", tested.stdout, tested.stderr);
    let logs = stack.query("select count(*) from ops.run_artifacts where s3_url like 's3://odooops/%'").await;
    assert_ne!(logs, "0", "what the run left is in the store");
}

/// With a run in progress: it is handed back, and nothing of any run stays but the images that builds made.
async fn stop_workers(stack: &Stack) {
    let definition = format!(
        r#"{{"steps":[{{"name":"sleep","image":"{}","command":["sleep","3600"],"network":"none"}}]}}"#,
        base_image()
    );
    stack
        .query(&format!(
            "select ops.put_workflow('load', 'sleep', '{definition}'); \
             insert into ops.runs (project_id, workflow_id) select project_id, id from ops.workflows where name = 'sleep'"
        ))
        .await;
    let instance = stack.query("select instance_id from ops.contract_info()").await;
    let filter = format!("label=dev.odooops.instance={instance}");
    let left = async |what: &[&str]| docker(&[what, &["-q", "--filter", filter.as_str()]].concat()).await;
    wait_until("the run has a container", async || !left(&["ps"]).await.is_empty()).await;

    let stopped = stack.compose(&["stop", "worker"]).await;
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    for worker in stack.containers("worker").await {
        let code = docker(&["inspect", "-f", "{{.State.ExitCode}}", &worker]).await;
        assert_eq!(code, "0", "a worker that is stopped drains and ends by itself");
    }
    let states = stack.query("select distinct state from ops.worker_overview").await;
    assert_eq!(states, "offline", "it says so");
    let waiting =
        stack.query("select count(*) from ops.runs where finished_at is null and status = 'queued'").await;
    assert_eq!(waiting, "1", "the run waits for another worker");
    for what in [&["ps", "-a"][..], &["network", "ls"], &["volume", "ls"]] {
        assert_eq!(left(what).await, "", "left by runs: {what:?}");
    }
    let images = format!("reference=localhost/odooops/{}/*", &instance[..8]);
    let images =
        docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", images.as_str()]).await;
    assert_eq!(images.lines().count(), 1, "the image of the sample: {images}");
    docker(&["image", "rm", "-f", images.as_str()]).await;
}
