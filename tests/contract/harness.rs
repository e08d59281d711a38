//! The test harness itself: databases of one's own, logins, signals.

use uuid::Uuid;

use crate::support::postgres::{TestDatabase, connect, server_url};
use crate::support::postgres_roles::{Login, Request};
use crate::support::signals::{backend_pid, wait_until, wait_until_blocked};

#[tokio::test]
async fn a_test_database_is_gone_when_its_test_ends() {
    let database = TestDatabase::empty().await;
    let name = database.name().to_owned();
    let open = database.superuser().await;
    drop(database);
    let server = connect(&server_url()).await;
    let found = server.query_opt("select from pg_database where datname = $1", &[&name]).await.expect("look");
    assert!(found.is_none());
    wait_until("the connection notices", async || open.is_closed().then_some(())).await;
}

#[tokio::test]
async fn every_login_has_one_role_only() {
    let database = TestDatabase::new().await;
    for (login, role) in [
        (Login::Worker, Some("ops_worker")),
        (Login::OtherWorker, Some("ops_worker")),
        (Login::Operator, Some("ops_operator")),
        (Login::Reader, Some("ops_reader")),
        (Login::Nobody, None),
    ] {
        let client = database.login(login).await;
        for ours in ["ops_owner", "ops_worker", "ops_operator", "ops_reader"] {
            let row = client.query_one("select pg_has_role($1, 'member')", &[&ours]).await.expect("look");
            assert_eq!(row.get::<_, bool>(0), Some(ours) == role, "{login:?} in {ours}");
        }
    }
}

#[tokio::test]
async fn a_request_has_role_and_claims_as_postgrest_sets_them() {
    let database = TestDatabase::new().await;
    let mut postgrest = database.postgrest().await;
    let user = Uuid::now_v7();
    for (request, role, sub) in [
        (Request::User(user), "authenticated", Some(user.to_string())),
        (Request::Anon, "anon", None),
        (Request::Service, "service_role", None),
    ] {
        let transaction = postgrest.request(request).await;
        let row = transaction
            .query_one(
                "select current_user::text, current_setting('request.jwt.claims')::jsonb ->> 'sub'",
                &[],
            )
            .await
            .expect("ask");
        assert_eq!(row.get::<_, String>(0), role);
        assert_eq!(row.get::<_, Option<String>>(1), sub);
    }
}

#[tokio::test]
async fn notifications_and_lock_waits_can_be_awaited() {
    let database = TestDatabase::empty().await;
    let (holder, waiter) = (database.superuser().await, database.superuser().await);
    let mut notifications = database.notifications(&["harness"]).await;
    holder.batch_execute("begin; select pg_advisory_xact_lock(1)").await.expect("lock");
    let pid = backend_pid(&waiter).await;
    let waiting = tokio::spawn(async move { waiter.batch_execute("select pg_advisory_xact_lock(1)").await });
    wait_until_blocked(&database.superuser().await, pid).await;
    assert!(notifications.delivered().await.is_empty());
    holder.batch_execute("notify harness, 'freed'; commit").await.expect("commit");
    assert_eq!(notifications.next().await.payload(), "freed");
    waiting.await.expect("no panic").expect("the lock");
}
