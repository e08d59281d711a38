//! Who may call what: the whole table, compared with the catalog.

use std::collections::BTreeMap;

use crate::contract::scene::Scene;

/// The worker's functions.
const WORKER: &[&str] = &[
    "add_run_artifact",
    "append_run_log",
    "append_run_logs",
    "claim_next_run",
    "claim_runs",
    "complete_workflow_run",
    "complete_workflow_runs",
    "container_verdict",
    "finish_run_log",
    "heartbeat_run",
    "heartbeat_worker",
    "next_due_in_ms",
    "reap_lost_runs",
    "record_step",
    "register_worker",
    "release_run",
    "resume_worker_runs",
    "start_workflow_run",
];

/// The client's functions, for users too.
const CLIENT: &[&str] = &[
    "cancel_run",
    "enqueue_run",
    "explain_wait",
    "list_queued_runs",
    "list_runs",
    "list_workers",
    "pause_project",
    "put_concurrency_key",
    "put_member",
    "put_workflow",
    "read_run_log",
    "resume_project",
    "retry_run",
    "workflow_definition_problem",
];

/// Administration.
const ADMINISTRATION: &[&str] = &["drain_worker", "put_project", "put_tool", "set_worker_labels"];

/// What views and policies call.
const READING: &[&str] = &["clock", "is_operator", "my_project_ids"];

const ROLES: [&str; 6] =
    ["anon", "authenticated", "ops_operator", "ops_reader", "ops_worker", "service_role"];

fn expected() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut expected = BTreeMap::from([(
        "contract_info",
        vec!["authenticated", "ops_operator", "ops_reader", "ops_worker", "service_role"],
    )]);
    for (functions, roles) in [
        (WORKER, vec!["ops_operator", "ops_worker", "service_role"]),
        (CLIENT, vec!["authenticated", "ops_operator", "service_role"]),
        (ADMINISTRATION, vec!["ops_operator", "service_role"]),
        (READING, vec!["authenticated", "ops_operator", "ops_reader", "service_role"]),
    ] {
        expected.extend(functions.iter().map(|function| (*function, roles.clone())));
    }
    expected
}

#[tokio::test]
async fn each_role_may_call_exactly_its_functions() {
    let scene = Scene::new().await;
    let sql = "select p.proname::text, array_agg(r order by r) filter \
           (where has_function_privilege(r, p.oid, 'execute')) \
         from pg_proc p cross join unnest($1::text[]) r where p.pronamespace = 'ops'::regnamespace group by 1";
    let rows =
        scene.database.superuser().await.query(sql, &[&ROLES.to_vec()]).await.expect("walk the functions");
    let found: BTreeMap<String, Vec<String>> =
        rows.iter().filter_map(|row| Some((row.get(0), row.get::<_, Option<Vec<String>>>(1)?))).collect();
    let expected: BTreeMap<String, Vec<String>> = expected()
        .into_iter()
        .map(|(name, roles)| (name.to_owned(), roles.into_iter().map(str::to_owned).collect()))
        .collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn each_role_may_read_exactly_its_tables() {
    let scene = Scene::new().await;
    let sql = "select r, string_agg(c.relname, ' ' order by c.relname) \
         from unnest($1::text[]) r join pg_class c on c.relnamespace = 'ops'::regnamespace \
           and c.relkind in ('r', 'p', 'v') and has_table_privilege(r, c.oid, 'select') group by 1 order by 1";
    let rows =
        scene.database.superuser().await.query(sql, &[&ROLES.to_vec()]).await.expect("walk the tables");
    let found: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let members = "concurrency_keys project_memberships project_overview projects queue_overview run_artifacts \
         run_dependencies run_events run_log_chunks run_logs run_overview run_steps runs tools \
         upgrade_advisories workflow_versions workflows";
    let operators = "concurrency_keys instance label_sets older_objects project_memberships project_overview projects \
         queue_overview run_artifacts run_dependencies run_events run_log_chunks run_logs run_overview \
         run_steps runs schema_digests schema_history schema_objects tools upgrade_advisories worker_heartbeats \
         worker_overview workers workflow_versions \
         workflows";
    let readers = "project_overview queue_overview run_logs run_overview worker_heartbeats worker_overview";
    assert_eq!(
        found,
        [
            ("authenticated".to_owned(), members.to_owned()),
            ("ops_operator".to_owned(), operators.to_owned()),
            ("ops_reader".to_owned(), readers.to_owned()),
            ("service_role".to_owned(), operators.to_owned()),
        ]
    );
}
