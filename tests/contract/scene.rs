//! The stage of the contract tests: a migrated database with one project, an operator and a worker, each
//! logged in with their own rights only, and a clock that can be put forward.

use serde_json::{Value, json};
use tokio_postgres::types::{FromSqlOwned, ToSql};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;

/// Parameters of a statement.
pub(crate) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A database with the project `acme`.
pub(crate) struct Scene {
    pub(crate) database: TestDatabase,
    pub(crate) operator: Client,
    pub(crate) worker: Client,
}

/// A claim as its worker knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) id: Uuid,
    pub(crate) token: Uuid,
    pub(crate) attempt: i32,
}

/// An error of the contract.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) detail: String,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let (operator, worker) = tokio::join!(database.login(Login::Operator), database.login(Login::Worker));
        let scene = Self { database, operator, worker };
        run(&scene.operator, "select ops.put_project('acme')", &[]).await;
        scene
    }

    /// Queues a run of `odoo-test` in `acme`.
    pub(crate) async fn enqueue(&self, options: Value) -> Uuid {
        self.enqueue_in("acme", options).await
    }

    pub(crate) async fn enqueue_in(&self, project: &str, options: Value) -> Uuid {
        let sql = "select id from ops.enqueue_run($1, 'odoo-test', p_options => $2)";
        value(&self.operator, sql, &[&project, &options]).await
    }

    /// Queues a run that nothing holds back.
    pub(crate) async fn queued(&self) -> Uuid {
        self.enqueue(json!({})).await
    }

    /// Claims as worker `w1`, if there is something.
    pub(crate) async fn try_claim(&self) -> Option<Claim> {
        claim(&self.worker, "w1").await
    }

    /// Claims as worker `w1`.
    pub(crate) async fn claim(&self) -> Claim {
        self.try_claim().await.expect("a run to claim")
    }

    /// A run that `w1` has claimed.
    pub(crate) async fn claimed(&self) -> Claim {
        self.queued().await;
        self.claim().await
    }

    /// A run that `w1` has started.
    pub(crate) async fn running(&self) -> Claim {
        let claim = self.claimed().await;
        self.start(claim).await;
        claim
    }

    pub(crate) async fn start(&self, claim: Claim) {
        let sql = "select ops.start_workflow_run($1, 'w1', $2)";
        run(&self.worker, sql, &[&claim.id, &claim.token]).await;
    }

    /// Completes with exit code 0; gives the status.
    pub(crate) async fn succeed(&self, claim: Claim) -> String {
        let sql = "select status from ops.complete_workflow_run($1, 0, null, $2)";
        value(&self.worker, sql, &[&claim.id, &claim.token]).await
    }

    /// Completes with a failure reason; gives the status.
    pub(crate) async fn fail(&self, claim: Claim, reason: &str) -> String {
        let sql = "select status from ops.complete_workflow_run($1, 1, 'it broke', $2, $3)";
        value(&self.worker, sql, &[&claim.id, &claim.token, &reason]).await
    }

    /// A run that has succeeded, with the claim that did it.
    pub(crate) async fn succeeded(&self) -> Claim {
        let claim = self.running().await;
        assert_eq!(self.succeed(claim).await, "succeeded");
        claim
    }

    pub(crate) async fn cancel(&self, id: Uuid) {
        run(&self.operator, "select ops.cancel_run($1, 'not needed')", &[&id]).await;
    }

    pub(crate) async fn status(&self, id: Uuid) -> String {
        value(&self.operator, "select status::text from ops.runs where id = $1", &[&id]).await
    }

    /// A column of the run as text; empty for null.
    pub(crate) async fn column(&self, id: Uuid, column: &str) -> String {
        let sql = format!("select coalesce(({column})::text, '') from ops.runs where id = $1");
        value(&self.operator, &sql, &[&id]).await
    }

    /// Why a queued run is not claimable; empty when it is.
    pub(crate) async fn waits_for(&self, id: Uuid) -> String {
        assert_eq!(self.status(id).await, "queued");
        self.column(id, "blocked_by").await
    }

    /// `from>to` of the run's events, oldest first.
    pub(crate) async fn history(&self, id: Uuid) -> Vec<String> {
        let sql =
            "select concat(\"from\", '>', \"to\") from ops.run_events where run_id = $1 order by created_at";
        values(&self.operator, sql, &[&id]).await
    }

    /// Puts the contract's clock forward, for good.
    pub(crate) async fn put_clock_forward(&self, secs: i64) {
        let sql = format!(
            "create or replace function ops.clock() returns timestamptz language sql volatile \
             security definer set search_path = '' as $$ select clock_timestamp() + interval '{secs} s' $$"
        );
        self.database.superuser().await.batch_execute(&sql).await.expect("another clock");
    }

    /// Every lease runs out and is reaped; gives how many runs were.
    pub(crate) async fn lose_all_leases(&self) -> i64 {
        let superuser = self.database.superuser().await;
        superuser
            .execute("update ops.runs set lease_expires_at = now() - interval '1 s' where active", &[])
            .await
            .expect("leases run out");
        value(&self.worker, "select count(*) from ops.reap_lost_runs()", &[]).await
    }

    /// Waiting runs become due.
    pub(crate) async fn make_due(&self) {
        let sql = "update ops.runs set not_before = now() - interval '1 s' where blocked_by = 'due'";
        self.database.superuser().await.execute(sql, &[]).await.expect("runs become due");
    }
}

/// Claims the next run, if there is one.
pub(crate) async fn claim(client: &Client, worker: &str) -> Option<Claim> {
    let sql = "select id, claim_token, attempt from ops.claim_next_run($1)";
    let row = client.query_opt(sql, &[&worker]).await.expect("a claim works")?;
    Some(Claim { id: row.get(0), token: row.get(1), attempt: row.get(2) })
}

/// Runs a statement that must work.
pub(crate) async fn run(client: &Client, sql: &str, parameters: Parameters<'_>) {
    if let Err(error) = client.query(sql, parameters).await {
        panic!("{sql}: {error:?}");
    }
}

/// The one row of a statement.
pub(crate) async fn row(client: &Client, sql: &str, parameters: Parameters<'_>) -> Row {
    match client.query_one(sql, parameters).await {
        Ok(row) => row,
        Err(error) => panic!("{sql}: {error:?}"),
    }
}

/// The one value of a statement.
pub(crate) async fn value<T: FromSqlOwned>(client: &Client, sql: &str, parameters: Parameters<'_>) -> T {
    row(client, sql, parameters).await.get(0)
}

/// The first column of all rows.
pub(crate) async fn values<T: FromSqlOwned>(
    client: &Client,
    sql: &str,
    parameters: Parameters<'_>,
) -> Vec<T> {
    match client.query(sql, parameters).await {
        Ok(rows) => rows.iter().map(|row| row.get(0)).collect(),
        Err(error) => panic!("{sql}: {error:?}"),
    }
}

/// The error of a statement that must be refused.
pub(crate) async fn refusal(client: &Client, sql: &str, parameters: Parameters<'_>) -> Refusal {
    let Err(error) = client.query(sql, parameters).await else {
        panic!("not refused: {sql}");
    };
    let Some(error) = error.as_db_error() else {
        panic!("{sql}: {error:?}");
    };
    Refusal {
        code: error.code().code().to_owned(),
        message: error.message().to_owned(),
        detail: error.detail().unwrap_or_default().to_owned(),
    }
}

/// The SQLSTATE of a statement that must be refused.
pub(crate) async fn code(client: &Client, sql: &str, parameters: Parameters<'_>) -> String {
    refusal(client, sql, parameters).await.code
}

/// What every call with a claim token refuses in the same way. `sql` takes run id and token as $1 and $2.
pub(crate) async fn check_token_rules(sql: &str) {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let other = Uuid::new_v4();
    let none: Option<Uuid> = None;
    let unknown = Uuid::now_v7();
    assert_eq!(code(&scene.worker, sql, &[&claim.id, &other]).await, "OP003", "a wrong token");
    assert_eq!(code(&scene.operator, sql, &[&claim.id, &other]).await, "OP003", "an operator's wrong token");
    assert_eq!(code(&scene.worker, sql, &[&claim.id, &none]).await, "OP007", "a worker without token");
    assert_eq!(code(&scene.worker, sql, &[&unknown, &other]).await, "OP001", "an unknown run");
    assert_eq!(code(&scene.operator, sql, &[&unknown, &none]).await, "OP001", "an operator's unknown run");
    let queued = scene.queued().await;
    assert_eq!(code(&scene.worker, sql, &[&queued, &other]).await, "OP003", "a token for a queued run");
    assert_eq!(code(&scene.operator, sql, &[&queued, &none]).await, "OP002", "a queued run has no attempt");
    assert_eq!(scene.lose_all_leases().await, 1);
    assert_eq!(code(&scene.worker, sql, &[&claim.id, &claim.token]).await, "OP003", "a lost claim");
    let reader = scene.database.login(Login::Reader).await;
    assert_eq!(code(&reader, sql, &[&claim.id, &claim.token]).await, "42501", "a reader");
    let nobody = scene.database.login(Login::Nobody).await;
    assert_eq!(code(&nobody, sql, &[&claim.id, &claim.token]).await, "42501", "a stranger");
    let mut postgrest = scene.database.postgrest().await;
    for request in [
        crate::support::postgres_roles::Request::Anon,
        crate::support::postgres_roles::Request::User(Uuid::new_v4()),
    ] {
        let transaction = postgrest.request(request).await;
        let error = transaction.query(sql, &[&claim.id, &claim.token]).await.expect_err("refused");
        assert_eq!(error.code().map(|code| code.code()), Some("42501"), "{request:?}");
    }
}
