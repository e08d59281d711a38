//! The connection under the contract: lost, slow, pooled, unreachable, listening.

use std::time::Duration;

use odooops::contract::listen::{Health, Listener, Wake};
use odooops::contract::{Contract, ContractError, DatabaseSettings};
use tokio::sync::watch;

use super::stage::{LEASE_SECS, Stage, WORKER};
use crate::support::pgbouncer::PgBouncer;
use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;
use crate::support::signals::{wait_until, within_limit};

async fn healthy(health: &mut watch::Receiver<Health>) {
    within_limit("a healthy LISTEN", health.wait_for(|now| *now == Health::Healthy)).await.expect("running");
}

/// Ends every session of a login role and says how many.
async fn terminate(database: &TestDatabase, login: Login) -> i64 {
    let client = database.superuser().await;
    let row = client
        .query_one(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where datname = current_database() and usename = $1",
            &[&login.name()],
        )
        .await
        .expect("terminate");
    row.get(0)
}

#[tokio::test]
async fn a_database_that_is_not_there_is_unreachable() {
    let mut settings = DatabaseSettings::new("postgres://u:secret@127.0.0.1:1/db".to_owned().into());
    settings.connect_timeout = Duration::from_secs(2);
    let refused = Contract::connect(&settings).await.expect_err("nobody listens");
    assert!(matches!(refused, ContractError::Unreachable(_)), "{refused:?}");
    assert!(!refused.to_string().contains("secret"), "{refused}");
}

#[tokio::test]
async fn a_database_without_the_schema_says_what_to_do() {
    let database = TestDatabase::empty().await;
    let refused = database.contract(Login::Worker).contract_info().await.expect_err("nothing there");
    assert!(refused.to_string().contains("odooops migrate"), "{refused}");
}

#[tokio::test]
async fn a_wrong_password_is_no_matter_of_trying_again() {
    let database = TestDatabase::new().await;
    let url = database.login_url(Login::Worker).replace("odooops-test@", "wrong@");
    let refused = Contract::connect(&DatabaseSettings::new(url.into())).await.expect_err("refused");
    assert!(!refused.is_transient(), "{refused:?}");
    assert!(refused.to_string().contains("password authentication failed"), "{refused}");
}

#[tokio::test]
async fn the_pool_recovers_when_its_connections_are_cut() {
    let stage = Stage::new().await;
    stage.worker.contract_info().await.expect("before");
    assert!(terminate(&stage.database, Login::Worker).await > 0);
    wait_until("calls succeed again", async || stage.worker.contract_info().await.ok()).await;
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_given_up() {
    let stage = Stage::new().await;
    let run = stage.start().await;
    let mut blocker = stage.database.superuser().await;
    let transaction = blocker.transaction().await.expect("begin");
    transaction.execute("select from ops.runs where id = $1 for update", &[&run.id.0]).await.expect("lock");
    let mut settings = stage.database.settings(Login::Worker);
    settings.call_timeout = Duration::from_millis(300);
    settings.max_connections = 1;
    let impatient = Contract::new(&settings).expect("a good URL");
    let beat = impatient.heartbeat_run(run.id, WORKER, run.claim_token, LEASE_SECS, None).await;
    assert!(matches!(beat, Err(ContractError::Unreachable(_))), "{beat:?}");
    transaction.rollback().await.expect("unlock");
    impatient.contract_info().await.expect("the only connection was replaced");
}

#[tokio::test]
async fn a_listener_is_woken_by_work_and_by_requests() {
    let stage = Stage::new().await;
    let listener = Listener::start(stage.database.settings(Login::Worker));
    healthy(&mut listener.health()).await;
    let mut wakes = listener.wakes();
    let run = stage.start().await;
    assert_eq!(within_limit("a wake-up", wakes.recv()).await, Ok(Wake::Queued));
    stage.operator.cancel_run(run.id, "enough").await.expect("cancel");
    assert_eq!(within_limit("a wake-up", wakes.recv()).await, Ok(Wake::Control));
    listener.stop().await;
}

#[tokio::test]
async fn a_cut_listener_comes_back_and_wakes_everybody() {
    let database = TestDatabase::new().await;
    let listener = Listener::start(database.settings(Login::Worker));
    let (mut health, mut wakes) = (listener.health(), listener.wakes());
    healthy(&mut health).await;
    assert_eq!(within_limit("a wake-up", wakes.recv()).await, Ok(Wake::Queued));
    assert_eq!(within_limit("a wake-up", wakes.recv()).await, Ok(Wake::Control));
    assert!(terminate(&database, Login::Worker).await > 0);
    within_limit("an unhealthy LISTEN", health.wait_for(|now| *now == Health::Unhealthy))
        .await
        .expect("running");
    healthy(&mut health).await;
    assert_eq!(within_limit("what may have been missed", wakes.recv()).await, Ok(Wake::Queued));
    listener.stop().await;
}

#[tokio::test]
async fn a_listener_that_is_off_is_never_healthy() {
    let listener = Listener::off();
    assert_eq!(*listener.health().borrow(), Health::Unhealthy);
    listener.stop().await;
}

#[tokio::test]
async fn everything_but_listen_works_behind_a_pooler_in_transaction_mode() {
    let stage = Stage::new().await;
    let pooler = PgBouncer::start(stage.database.name(), Login::Worker.name()).await;
    let mut settings = stage.database.settings(Login::Worker);
    settings.url = pooler.url().into();
    let worker = Contract::new(&settings).expect("a good URL");
    stage.queue().await;
    let (one, other) =
        tokio::join!(worker.claim_next_run(WORKER, LEASE_SECS), worker.claim_next_run(WORKER, LEASE_SECS));
    let run = one.expect("claim").or(other.expect("claim")).expect("one of them has it");
    worker.start_workflow_run(run.id, WORKER, run.claim_token).await.expect("start");
    let beat = worker.heartbeat_run(run.id, WORKER, run.claim_token, LEASE_SECS, None).await;
    assert!(!beat.expect("heartbeat").cancel_requested);
    let listener = Listener::start(settings);
    let mut health = listener.health();
    let change = tokio::time::timeout(Duration::from_secs(7), health.changed()).await;
    assert!(change.is_err(), "LISTEN behind a transaction pooler was believed");
    listener.stop().await;
}
