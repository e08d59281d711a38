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
