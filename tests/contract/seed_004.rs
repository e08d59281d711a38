//! Seed 004 ("OdooOps Sh Implementation Plan"), word for word: each SQL line and script call that it
//! shows is run as a reader would type it.

use std::collections::HashSet;

use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;
use crate::support::shell::{Ended, command, end_of, libpq_variables};

/// "Week 2", "Verification".
const VERIFICATION: [&str; 2] = [
    r#"psql "$SUPABASE_DB_URL" -c "\d ops.projects""#,
    r#"psql "$SUPABASE_DB_URL" -c "SELECT tablename FROM pg_tables WHERE schemaname='ops' ORDER BY tablename;""#,
];

/// "Week 2", "Tables"; `ops.run_logs` is a view over compressed chunks, all others are tables.
const TABLES: [&str; 9] = [
    "projects",
    "workflows",
    "runs",
    "run_events",
    "run_artifacts",
    "run_logs",
    "tools",
    "upgrade_advisories",
    "project_memberships",
];

/// "Week 6", "Integration Points".
const CREATE: &str = "./scripts/odooops/env_create.sh my-project build main abc123";
const CLAIM: &str = r#"psql -c "SELECT * FROM ops.claim_next_run('worker-001');""#;
const WAIT: &str = "./scripts/odooops/env_wait_ready.sh <run_id>";
const LOGS: &str = r#"psql -c "SELECT * FROM ops.run_logs WHERE run_id = '<run_id>' ORDER BY timestamp;""#;

async fn with_project() -> TestDatabase {
    let database = TestDatabase::new().await;
    let operator = database.login(Login::Operator).await;
    operator.batch_execute("select ops.put_project('my-project', 'My project')").await.expect("a project");
    database
}

/// Types a line of the seed into a shell that knows the database through libpq's own variables.
async fn type_in(database: &TestDatabase, line: &str) -> Ended {
    let mut shell = command("bash");
    shell.args(["-euo", "pipefail", "-c", line]).envs(libpq_variables(database, Login::Operator));
    shell.env("SUPABASE_DB_URL", database.login_url(Login::Operator));
    if line.starts_with("./scripts") {
        shell.env_remove("SUPABASE_DB_URL");
    }
    let ended = end_of(shell).await;
    assert_eq!(ended.code, 0, "{line}\n{}", ended.stderr);
    ended
}

#[tokio::test]
async fn the_verification_shows_nine_tables() {
    let database = with_project().await;
    let projects = type_in(&database, VERIFICATION[0]).await.stdout;
    for column in ["slug", "repo_url", "odoo_version", "status"] {
        assert!(projects.contains(column), "{projects}");
    }
    let listed = type_in(&database, VERIFICATION[1]).await.stdout;
    let listed: HashSet<&str> = listed.lines().map(str::trim).collect();
    let operator = database.login(Login::Operator).await;
    for table in TABLES {
        if table != "run_logs" {
            assert!(listed.contains(table), "{table} in {listed:?}");
        }
        let read = operator.batch_execute(&format!("select * from ops.{table} limit 1")).await;
        read.unwrap_or_else(|error| panic!("ops.{table} is read: {error}"));
    }
}

#[tokio::test]
async fn the_six_functions_are_called_by_the_names_of_the_seed() {
    let database = with_project().await;
    let operator = database.login(Login::Operator).await;
    let queued = operator.query_one("select id from ops.enqueue_run('my-project', 'build')", &[]).await;
    let run_id: Uuid = queued.expect("queued").get(0);
    let waiting = operator.query("select * from ops.list_queued_runs()", &[]).await.expect("the queue");
    assert_eq!(waiting.len(), 1);
    for call in [
        "select * from ops.claim_next_run(p_worker_id => 'worker-001')",
        "select * from ops.start_workflow_run(p_run_id => RUN, p_worker_id => 'worker-001')",
        "select ops.append_run_log(p_run_id => RUN, p_level => 'info', p_message => 'hello', p_metadata => '{\"a\": 1}')",
        "select * from ops.add_run_artifact(p_run_id => RUN, p_artifact_key => 'image', p_s3_url => 's3://bucket/image')",
        "select * from ops.complete_workflow_run(p_run_id => RUN, p_exit_code => 0, p_error_message => null)",
        "select * from ops.list_queued_runs()",
    ] {
        let call = call.replace("RUN", &format!("'{run_id}'"));
        operator.batch_execute(&call).await.unwrap_or_else(|error| panic!("{call}: {error:?}"));
    }
    let row = operator.query_one("select status::text from ops.runs where id = $1", &[&run_id]).await;
    assert_eq!(row.expect("the run").get::<_, &str>(0), "succeeded");
}

/// "Week 3", "Concurrency Test": insert 5 queued runs, 3 workers claim at once, no collisions.
#[tokio::test]
async fn five_runs_and_three_workers_do_not_collide() {
    let database = with_project().await;
    let operator = database.login(Login::Operator).await;
    let inserted = operator
        .query(
            "insert into ops.runs (project_id, workflow_id, git_ref, commit_sha, input) \
             select p.id, w.id, 'main', 'abc123', '{}' \
             from ops.projects p, ops.workflows w, generate_series(1, 5) \
             where p.slug = 'my-project' and w.name = 'odoo-build' and w.project_id is null \
             returning id, run_number",
            &[],
        )
        .await
        .expect("a plain insert queues runs");
    let inserted: HashSet<Uuid> = inserted.iter().map(|row| row.get(0)).collect();
    assert_eq!(inserted.len(), 5);

    let mut claimed = Vec::new();
    for _ in 0..2 {
        let mut workers = JoinSet::new();
        for number in 1..=3 {
            let client = database.login(Login::Operator).await;
            workers.spawn(async move {
                let claim = format!("select id from ops.claim_next_run('worker-00{number}')");
                let rows = client.query(&claim, &[]).await.expect("a claim");
                rows.into_iter().map(|row| row.get(0)).collect::<Vec<Uuid>>()
            });
        }
        while let Some(ids) = workers.join_next().await {
            claimed.extend(ids.expect("no worker panicked"));
        }
    }
    assert_eq!(claimed.len(), 5, "three, then the two that are left");
    assert_eq!(claimed.iter().copied().collect::<HashSet<_>>(), inserted, "each once");
}

#[tokio::test]
async fn the_integration_points_work_as_written() {
    let database = with_project().await;
    let run_id = type_in(&database, CREATE).await.stdout;
    run_id.parse::<Uuid>().expect("it returns the run's id");

    let claimed = type_in(&database, CLAIM).await.stdout;
    assert!(claimed.contains(&run_id) && claimed.contains("(1 row)"), "{claimed}");

    let operator = database.login(Login::Operator).await;
    for call in [
        "select ops.start_workflow_run(RUN, 'worker-001')",
        "select ops.append_run_log(RUN, 'info', 'building main')",
        "select ops.append_run_log(RUN, 'warning', 'a slow line')",
        "select ops.complete_workflow_run(RUN, 0)",
    ] {
        operator.batch_execute(&call.replace("RUN", &format!("'{run_id}'"))).await.expect(call);
    }
    let ready = type_in(&database, &WAIT.replace("<run_id>", &run_id)).await;
    assert_eq!((ready.stdout.as_str(), ready.stderr.as_str()), ("succeeded", ""));

    let logs = type_in(&database, &LOGS.replace("<run_id>", &run_id)).await.stdout;
    let (first, second) = (logs.find("building main"), logs.find("a slow line"));
    assert!(first.is_some() && first < second, "{logs}");
    assert!(logs.contains("(2 rows)"), "{logs}");
}

/// What is typed above is what the seed says.
#[test]
fn the_lines_are_those_of_the_seed() {
    let seed = include_str!("seed_004.txt");
    for line in VERIFICATION.iter().chain([&CREATE, &CLAIM, &WAIT, &LOGS]) {
        assert!(seed.lines().any(|theirs| theirs == *line), "{line}");
    }
    for table in TABLES {
        assert!(seed.contains(&format!("ops.{table} (")), "{table}");
    }
}
