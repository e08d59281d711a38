//! `odooops migrate`.

use super::program::Program;
use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;

fn migrate(database: &TestDatabase, flags: &[&str]) -> Program {
    Program::new(&[&["migrate"], flags].concat()).env("DATABASE_URL", &database.url())
}

#[tokio::test]
async fn an_empty_database_is_migrated_once_and_agrees_afterwards() {
    let database = TestDatabase::empty().await;
    let pending = migrate(&database, &["--check"]).run().await;
    assert_eq!(pending.code, 1, "{pending:?}");
    assert!(pending.stdout.contains("V1__types"), "{pending:?}");
    let first = migrate(&database, &["--json"]).run().await.json();
    assert!(first["migrations"].as_array().is_some_and(|new| !new.is_empty()), "{first}");
    let second = migrate(&database, &[]).run().await.done();
    assert!(second.contains("no new migration"), "{second}");
    let agreed = migrate(&database, &["--check", "--json"]).run().await;
    assert_eq!((agreed.code, agreed.stdout.trim_end()), (0, r#"{"agrees":true,"drifts":[]}"#));
}

#[tokio::test]
async fn check_names_what_a_hand_changed_and_ends_with_1() {
    let database = TestDatabase::new().await;
    let superuser = database.superuser().await;
    superuser.batch_execute("grant execute on function ops.drain_worker to public").await.expect("a change");
    let drift = migrate(&database, &["--check"]).run().await;
    assert_eq!(drift.code, 1, "{drift:?}");
    assert!(
        drift.stdout.contains("ops.drain_worker") && drift.stdout.contains("odooops migrate"),
        "{drift:?}"
    );
    migrate(&database, &[]).run().await.done();
    migrate(&database, &["--check"]).run().await.done();
}

#[tokio::test]
async fn dump_sql_needs_no_database() {
    let script = Program::new(&["migrate", "--dump-sql"]).run().await.done();
    assert!(script.contains("create table ops.runs") && script.contains("function ops.claim_next_run"));
    Program::new(&["migrate", "--dump-sql", "--check"]).run().await.refused(2, &["--check"]);
}

#[tokio::test]
async fn a_login_that_may_not_migrate_is_refused_with_what_it_needs() {
    let database = TestDatabase::empty().await;
    let url = database.login_url(Login::Nobody);
    let refused = Program::new(&["migrate"]).env("DATABASE_URL", &url).run().await;
    refused.refused(2, &["superuser"]);
}

#[tokio::test]
async fn plan_says_what_becomes_of_what_is_there_and_changes_nothing() {
    let database = TestDatabase::empty().await;
    let superuser = database.superuser().await;
    for sql in [
        include_str!("../fixtures/older/platform.sql"),
        include_str!("../fixtures/older/a1.sql"),
        include_str!("../fixtures/older/a3.sql"),
    ] {
        superuser.batch_execute(sql).await.expect("an older schema");
    }
    let said = migrate(&database, &["--plan"]).run().await.done();
    for line in [
        "older generations: A1: intake of deployments and incidents, A3: runs of agents",
        "table ops.runs → ops.agent_runs (A3)",
        "function ops.start_run(text,text,text,text,jsonb): ours takes its place",
        "table ops.deployments (A1)",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let plan = migrate(&database, &["--plan", "--json"]).run().await.json();
    assert_eq!((&plan["state"], &plan["generations"]), (&"older".into(), &serde_json::json!(["A1", "A3"])));

    superuser.batch_execute("create table ops.workers (what int)").await.expect("somebody's table");
    let undecided = migrate(&database, &["--plan"]).run().await;
    assert_eq!(undecided.code, 1, "{undecided:?}");
    assert!(undecided.stdout.contains("table ops.workers is in the way"), "{undecided:?}");
    migrate(&database, &[]).run().await.refused(2, &["ops.workers", "--plan"]);
    superuser.batch_execute("drop table ops.workers").await.expect("it goes");

    let done = migrate(&database, &[]).run().await.done();
    assert!(done.contains("table ops.runs → ops.agent_runs"), "{done}");
    let afterwards = migrate(&database, &["--plan"]).run().await.done();
    assert!(afterwards.starts_with("done already: schema ops has older generations"), "{afterwards}");
    migrate(&database, &["--plan", "--check"]).run().await.refused(2, &["--check"]);
}

#[tokio::test]
async fn plan_of_a_database_without_anything_older_is_short() {
    let empty = migrate(&TestDatabase::empty().await, &["--plan"]).run().await.done();
    assert!(empty.contains("nothing is in its way"), "{empty}");
    let ours = migrate(&TestDatabase::new().await, &["--plan"]).run().await.done();
    assert!(ours.contains("nothing older was there"), "{ours}");
}
