//! What was released stays: programs of the previous release, consoles and scripts go on while the schema is
//! already the new one. sql/released.txt is one promise a line.

use std::collections::BTreeSet;

use odooops::contract::migrate::Schema;
use serde_json::json;
use uuid::Uuid;

use super::fixture::apply;
use super::scene::{run, value};
use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;

/// The promises; `ODOOOPS_UPDATE_RELEASED=1` adds new ones.
const RELEASED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sql/released.txt");
/// Reads the promises that a database keeps.
const PROMISES: &str = include_str!("released.sql");

type Promises = BTreeSet<String>;

async fn promises(database: &TestDatabase) -> Promises {
    let rows = database.superuser().await.query(PROMISES, &[]).await.expect("the promises");
    rows.iter().map(|row| row.get(0)).collect()
}

fn released() -> Promises {
    let text = std::fs::read_to_string(RELEASED).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// What callers of the previous release would miss, or would have to know of.
fn broken(released: &Promises, now: &Promises) -> Vec<String> {
    let gone = released.difference(now).map(|line| format!("gone or changed: {line}"));
    let demanded = now.difference(released).filter(|line| {
        let mut words = line.split(' ');
        words.next() == Some("argument")
            && line.ends_with(" required")
            && words.next().is_some_and(|function| released.contains(&format!("function {function}")))
    });
    gone.chain(demanded.map(|line| format!("a new argument without a default: {line}"))).collect()
}

#[tokio::test]
async fn a_promise_that_was_released_is_kept() {
    let now = promises(&TestDatabase::new().await).await;
    let released = released();
    assert_eq!(broken(&released, &now), Vec::<String>::new(), "additions only (docs/adr/0010)");
    if std::env::var_os("ODOOOPS_UPDATE_RELEASED").is_some() {
        let lines: Vec<&str> = now.iter().map(String::as_str).collect();
        std::fs::write(RELEASED, lines.join("\n") + "\n").expect("write sql/released.txt");
        return;
    }
    let new: Vec<&String> = now.difference(&released).collect();
    assert!(
        new.is_empty(),
        "sql/released.txt lacks {new:#?}; run: ODOOOPS_UPDATE_RELEASED=1 cargo test --test odooops \
         a_promise_that_was_released_is_kept"
    );
}

#[tokio::test]
async fn a_promise_that_is_broken_is_noticed() {
    let database = TestDatabase::new().await;
    let client = database.superuser().await;
    let before = promises(&database).await;
    assert!(before.len() > 300, "{} promises", before.len());
    for change in [
        "alter function ops.drain_worker rename to stop_worker",
        "revoke execute on function ops.claim_next_run from ops_worker",
        "alter type ops.run_status rename value 'succeeded' to 'done'",
        "alter type ops.run_state rename attribute status to state",
        "alter view ops.run_overview rename column status to state",
        "drop function ops.next_due_in_ms(); create function ops.next_due_in_ms(p_worker_id text)
         returns bigint language sql as 'select 1::bigint'; grant execute on function ops.next_due_in_ms to ops_worker",
    ] {
        client.batch_execute("begin").await.expect("begin");
        client.batch_execute(change).await.expect(change);
        let rows = client.query(PROMISES, &[]).await.expect("the promises");
        let now: Promises = rows.iter().map(|row| row.get(0)).collect();
        assert_ne!(broken(&before, &now), Vec::<String>::new(), "{change}");
        client.batch_execute("rollback").await.expect("rollback");
    }
    let added = "alter type ops.run_state add attribute note text;
        create function ops.added() returns int language sql as 'select 1';
        grant execute on function ops.added to ops_operator";
    client.batch_execute(added).await.expect("additions");
    assert_eq!(broken(&before, &promises(&database).await), Vec::<String>::new());
}

/// A call with every argument by its released name, and one with those alone that were required then.
fn calls(released: &Promises) -> Vec<String> {
    let functions = released.iter().filter_map(|line| line.strip_prefix("function "));
    let mut calls = Vec::new();
    for function in functions {
        let prefix = format!("argument {function} ");
        let of_it = released.iter().filter_map(|line| line.strip_prefix(&prefix));
        let arguments: Vec<(&str, &str, bool)> = of_it
            .map(|line| {
                let (name, rest) = line.split_once(' ').expect("name, type, need");
                let (kind, need) = rest.rsplit_once(' ').expect("type, need");
                (name, kind, need == "required")
            })
            .collect();
        for only_required in [false, true] {
            let given: Vec<String> = arguments
                .iter()
                .filter(|(_, _, required)| *required || !only_required)
                .map(|(name, kind, _)| format!("{name} => null::{kind}"))
                .collect();
            calls.push(format!("select * from {function}({})", given.join(", ")));
        }
    }
    calls
}

#[tokio::test]
async fn calls_with_the_released_argument_names_are_understood() {
    let database = TestDatabase::new().await;
    let client = database.superuser().await;
    let calls = calls(&released());
    assert!(calls.len() > 60, "{} calls", calls.len());
    for call in calls {
        client.prepare(&call).await.unwrap_or_else(|error| panic!("{call}: {error:?}"));
    }
}

/// The statements of a worker of the first release, from its start to the verdict, with named arguments.
#[tokio::test]
async fn the_previous_releases_worker_goes_on_while_the_schema_is_migrated() {
    let database = TestDatabase::new().await;
    let (operator, worker) = tokio::join!(database.login(Login::Operator), database.login(Login::Worker));
    let superuser = database.superuser().await;
    run(&operator, "select ops.put_project(p_slug => 'acme')", &[]).await;
    let enqueue = "select id from ops.enqueue_run(p_project => 'acme', p_workflow => 'odoo-test',
        p_git_ref => 'main', p_input => '{}', p_options => $1)";
    let id: Uuid = value(&operator, enqueue, &[&json!({"priority": 50})]).await;
    let register = "select ops.register_worker(p_worker_id => 'w1', p_labels => '{}', p_slots => 1,
        p_version => '0.1.0', p_host => 'h', p_info => '{}')";
    run(&worker, register, &[]).await;
    let claim = "select claim_token from ops.claim_next_run(p_worker_id => 'w1', p_lease_secs => 60)";
    let token: Uuid = value(&worker, claim, &[]).await;
    for call in [
        "select ops.start_workflow_run(p_run_id => $1, p_worker_id => 'w1', p_claim_token => $2)",
        "select ops.heartbeat_worker(p_worker_id => 'w1', p_state => 'busy', p_reason => null,
           p_run_ids => array[$1::uuid], p_claim_tokens => array[$2::uuid], p_lease_secs => 60)",
        "select ops.append_run_log(p_run_id => $1, p_level => 'info', p_message => 'a line',
           p_metadata => '{}', p_claim_token => $2)",
        "select ops.record_step(p_run_id => $1, p_claim_token => $2, p_step => 'test',
           p_status => 'succeeded', p_exit_code => 0, p_detail => '{}')",
        "select ops.finish_run_log(p_run_id => $1, p_claim_token => $2, p_bytes => 6, p_lines => 1,
           p_sha256 => repeat('a', 64))",
        "select ops.complete_workflow_run(p_run_id => $1, p_exit_code => 0, p_error_message => null,
           p_claim_token => $2, p_failure_reason => null, p_result => '{}')",
    ] {
        // Its statements were prepared before, and everything is made anew between them.
        let statement = worker.prepare(call).await.unwrap_or_else(|error| panic!("{call}: {error:?}"));
        superuser.batch_execute("delete from ops.schema_digests").await.expect("forget everything");
        apply(&database, &Schema::embedded()).await.expect("migrate");
        worker.query(&statement, &[&id, &token]).await.unwrap_or_else(|error| panic!("{call}: {error:?}"));
    }
    let status: String = value(&operator, "select status::text from ops.runs where id = $1", &[&id]).await;
    assert_eq!(status, "succeeded");
}
