//! What the edge functions ops-ingest and executor and the callers of A3's functions send, replayed as PostgREST
//! would: with the server's key, in the order and with the values that their code has.

use serde_json::{Value, json};
use tokio_postgres::{Client, Transaction};

use super::postgrest::{insert, rpc};
use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Request;

/// Each request is a transaction of its own.
struct Api {
    postgrest: crate::support::postgres_roles::PostgRest,
    superuser: Client,
}

impl Api {
    async fn of(database: &TestDatabase) -> Self {
        Self { postgrest: database.postgrest().await, superuser: database.superuser().await }
    }

    async fn service(&mut self) -> Transaction<'_> {
        self.postgrest.request(Request::Service).await
    }

    async fn insert(&mut self, table: &str, row: Value) {
        let request = self.service().await;
        let done = insert(&request, table, row.clone()).await;
        done.unwrap_or_else(|error| panic!("insert into {table} of {row}: {error:?}"));
        request.commit().await.expect("commit");
    }

    /// The SQLSTATE of an insert that is refused.
    async fn refused(&mut self, table: &str, row: Value) -> String {
        let request = self.service().await;
        let error = insert(&request, table, row).await.expect_err("it should be refused");
        error.code().map(|code| code.code().to_owned()).unwrap_or_default()
    }

    async fn rpc(&mut self, function: &str, arguments: Value) -> Vec<Value> {
        let request = self.service().await;
        let answer = rpc(&request, function, arguments.clone()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{function}({arguments}): {error:?}"));
        request.commit().await.expect("commit");
        answer
    }

    /// One row of JSON, asked for as superuser.
    async fn json(&self, sql: &str) -> Value {
        let sql = format!("select to_jsonb(r) from ({sql}) r");
        self.superuser.query_one(&sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
    }
}

/// All that ops-ingest writes for a deployment, its duplicate, an incident, a snapshot, a topic that it does not know,
/// and a deployment that the table refuses.
pub(super) async fn ops_ingest(database: &TestDatabase) {
    let mut api = Api::of(database).await;
    let hash = "0f".repeat(32);
    let event = |id: &str, level: &str, message: &str, context: Value| json!({"event_id": id, "level": level, "message": message, "context": context});
    for topic in ["deployment", "incident", "mirror", "weather"] {
        let id = format!("replay-{topic}");
        let dedupe = json!({"event_id": id, "topic": topic, "action": "ingest", "source": "odoo-worker",
            "payload_hash": hash});
        api.insert("ops.ingest_dedupe", dedupe).await;
        let audit =
            json!({"topic": topic, "action": "ingest", "actor": "worker", "payload": {"topic": topic}});
        api.insert("audit.events", audit).await;
        match topic {
            "deployment" => {
                let deployment = json!({"system": "erp.example.test", "environment": "prod", "version": null,
                    "status": "succeeded", "started_at": "2026-02-14T08:00:00.123Z", "finished_at": null,
                    "artifact_ref": null, "evidence_ref": null, "metadata": {}});
                api.insert("ops.deployments", deployment).await;
            }
            "incident" => {
                let incident = json!({"system": "erp.example.test", "environment": "prod", "severity": "sev2",
                    "status": "open", "title": "Queue stuck", "started_at": "2026-02-14T08:00:00.123Z",
                    "mitigated_at": null, "closed_at": null, "timeline": [], "artifact_ref": null, "metadata": {}});
                api.insert("ops.incidents", incident).await;
            }
            "mirror" => {
                let snapshot = json!({"odoo_model": "res.partner", "odoo_id": 7, "external_key": null,
                    "snapshot": {"name": "Zoë"}});
                api.insert("mirror.odoo_object_snapshots", snapshot).await;
            }
            _ => {
                let warning = event(&id, "warn", "unknown_topic_audited_only", json!({"topic": topic}));
                api.insert("ops.run_events", warning).await;
            }
        }
        api.insert("ops.run_events", event(&id, "info", "ingest_ok", json!({"topic": topic}))).await;
    }

    let duplicate = json!({"event_id": "replay-mirror", "topic": "mirror", "action": "ingest",
        "source": "odoo-worker", "payload_hash": hash});
    assert_eq!(api.refused("ops.ingest_dedupe", duplicate).await, "23505");
    let noop = event("replay-mirror", "info", "duplicate_event_noop", json!({"topic": "mirror"}));
    api.insert("ops.run_events", noop).await;

    let bad = json!({"system": "erp.example.test", "environment": "prod", "status": "exploded"});
    assert_eq!(api.refused("ops.deployments", bad).await, "23514");
    let context = json!({"topic": "deployment", "err": "Error: deployment_insert_failed:…"});
    api.insert("ops.run_events", event("replay-bad", "error", "ingest_failed", context)).await;
    let dead =
        json!({"event_id": "replay-bad", "reason": "ingest_failed", "payload": {"topic": "deployment"}});
    api.insert("ops.ingest_dlq", dead).await;

    let written = api
        .json(
            "select array_agg(concat_ws(' ', event_id, level, message, context ->> 'topic')
               order by event_id, message) as events,
               bool_and(created_at > now() - interval '1 hour') as recent
             from ops.agent_events where event_id like 'replay-%'",
        )
        .await;
    let expected = json!({
        "recent": true,
        "events": [
            "replay-bad error ingest_failed deployment",
            "replay-deployment info ingest_ok deployment",
            "replay-incident info ingest_ok incident",
            "replay-mirror info duplicate_event_noop mirror",
            "replay-mirror info ingest_ok mirror",
            "replay-weather info ingest_ok weather",
            "replay-weather warn unknown_topic_audited_only weather",
        ]
    });
    assert_eq!(written, expected);
}

/// Nobody writes into our audit trail by the door that is open for older callers.
pub(super) async fn forged_events(database: &TestDatabase) {
    let mut api = Api::of(database).await;
    let nobodys = api.refused("ops.run_events", json!({"level": "info", "message": "nobody's"})).await;
    assert_eq!(nobodys, "OP004");
    let audit = json!({"run_id": "019a0000-0000-7000-8000-000000000000", "attempt": 1, "actor": "me",
        "project_id": "019a0000-0000-7000-8000-000000000000", "created_at": "2026-11-26T00:00:00Z"});
    assert_eq!(api.refused("ops.run_events", audit).await, "42501");
    let unknown_run = json!({"run_id": "019a0000-0000-7000-8000-000000000000", "level": "info",
        "message": "of no run"});
    assert_eq!(api.refused("ops.run_events", unknown_run).await, "23503", "it is of no agent run");
}

/// One run claimed and completed, one failed until its retries are used up, one canceled.
pub(super) async fn executor(database: &TestDatabase) {
    let mut api = Api::of(database).await;
    let executor = json!({"p_executor": "e2000000-0000-4000-8000-000000000001"});
    let claimed = api.rpc("claim_run", executor.clone()).await;
    let id = "b2000000-0000-4000-8000-000000000001";
    assert_eq!(
        claimed,
        [json!({"run_id": id, "kind": "sql", "artifact_base_uri": "s3://bucket/1",
            "spec": {"name": "läuft 1", "phases": ["ingest", "validate"]}})]
    );
    assert_eq!(api.rpc("claim_run", executor.clone()).await, [] as [Value; 0], "nothing else is queued");
    let run = json!({"p_run_id": id});
    assert_eq!(api.rpc("start_run", run.clone()).await, [json!(true)]);
    assert_eq!(api.rpc("start_run", run.clone()).await, [json!(false)], "it runs already");
    for phase in ["ingest", "validate"] {
        api.rpc("heartbeat_run", json!({"p_run_id": id, "p_phase": phase})).await;
        for message in ["started", "succeeded"] {
            let event = json!({"run_id": id, "level": "info", "phase": phase,
                "message": format!("Phase {phase} {message}"), "data": {"artifacts": []}});
            api.insert("ops.run_events", event).await;
        }
    }
    let artifact = json!({"run_id": id, "kind": "dataset", "uri": "s3://bucket/1/out.parquet", "sha256": null,
        "size_bytes": null, "meta": {"rows": 3}});
    api.insert("ops.run_artifacts", artifact).await;
    assert_eq!(api.rpc("complete_run", run.clone()).await, [json!(true)]);
    assert_eq!(api.rpc("complete_run", run).await, [json!(false)], "it is completed already");
    let after = api
        .json(&format!(
            "select status::text, phase, finished_at > started_at - interval '1 s' as ended, retry_count,
               (select array_agg(e.message || coalesce(' in ' || e.phase, '') order by e.message)
                from ops.agent_events e where e.run_id = r.id and e.message like 'Phase%') as events,
               (select jsonb_agg(jsonb_build_array(a.kind, a.uri, a.meta))
                from ops.agent_artifacts a where a.run_id = r.id) as artifacts
             from ops.agent_runs r where id = '{id}'"
        ))
        .await;
    assert_eq!(
        after,
        json!({"status": "succeeded", "phase": "finalize", "ended": true, "retry_count": 1,
            "events": ["Phase ingest started in ingest", "Phase ingest succeeded in ingest",
                "Phase validate started in validate", "Phase validate succeeded in validate"],
            "artifacts": [["dataset", "s3://bucket/1/out.parquet", {"rows": 3}]]})
    );
    let seen = api
        .json(
            "select name, last_seen_at > now() - interval '1 hour' as now from ops.executors where is_active",
        )
        .await;
    assert_eq!(seen, json!({"name": "spark", "now": true}));

    fails_and_is_canceled(&mut api, executor).await;
}

async fn fails_and_is_canceled(api: &mut Api, executor: Value) {
    let id = "b2000000-0000-4000-8000-0000000000f1";
    let queued = format!(
        "insert into ops.agent_runs (id, kind, spec, artifact_base_uri, max_retries, priority, status)
         values ('{id}', 'sql', '{{}}', 's3://bucket/f', 1, 1, 'queued')"
    );
    api.superuser.batch_execute(&queued).await.expect("queue a run of an executor");
    let failure = json!({"p_run_id": id, "p_error_code": "PHASE_FAILED", "p_error_message": "Phase ingest failed",
        "p_error_data": {"phase": "ingest", "phaseSpec": {}}});
    let state = format!(
        "select status::text, retry_count, error_code, error_data ->> 'phase' as phase, claimed_by
         from ops.agent_runs where id = '{id}'"
    );
    for (status, retry_count) in [("queued", 1), ("failed", 1)] {
        assert_eq!(api.rpc("claim_run", executor.clone()).await[0]["run_id"], id);
        assert_eq!(api.rpc("start_run", json!({"p_run_id": id})).await, [json!(true)]);
        assert_eq!(api.rpc("fail_run", failure.clone()).await, [json!(true)]);
        let mut after = api.json(&state).await;
        let claimed_by = after.as_object_mut().expect("a row").remove("claimed_by");
        assert_eq!(claimed_by.is_some_and(|by| by.is_null()), status == "queued");
        assert_eq!(
            after,
            json!({"status": status, "retry_count": retry_count, "error_code": "PHASE_FAILED", "phase": "ingest"})
        );
    }
    let again = format!("update ops.agent_runs set status = 'queued' where id = '{id}'");
    api.superuser.batch_execute(&again).await.expect("queue it again");
    api.rpc("cancel_run", json!({"p_run_id": id})).await;
    assert_eq!(api.json(&state).await["status"], "canceled");
    let request = api.service().await;
    let retired = json!({"p_executor": "e2000000-0000-4000-8000-000000000002"});
    rpc(&request, "claim_run", retired).await.expect_err("that executor is not active");
}

/// A run of an agent that completes and one that fails, as their callers send it.
pub(super) async fn agents(database: &TestDatabase) {
    let mut api = Api::of(database).await;
    let start = json!({"p_actor": "crawler", "p_repo": "org/repo", "p_ref": "main",
        "p_pack_id": "agentic-codebase-crawler", "p_input": {"tool": "crawler"}});
    let id = one_id(api.rpc("start_run", start).await);
    let event = json!({"p_run_id": id, "p_level": "info", "p_message": "Test event", "p_data": {"key": "ü"}});
    one_id(api.rpc("log_event", event).await);
    let report =
        json!({"p_run_id": id, "p_kind": "report", "p_uri": null, "p_meta": {"name": "report.json"}});
    one_id(api.rpc("add_artifact", report).await);
    let crawl = json!({"p_run_id": id, "p_kind": "crawl", "p_uri": "https://example.test/", "p_meta": {}});
    one_id(api.rpc("add_artifact", crawl).await);
    api.rpc("complete_run", json!({"p_run_id": id, "p_output": {"pass": 1}})).await;
    assert_eq!(
        agent_run(&api, &id).await,
        json!({"status": "completed", "actor": "crawler", "output": {"pass": 1},
            "events": ["Run completed", "Run started", "Test event"], "artifacts": ["crawl", "report"]})
    );

    let id = one_id(api.rpc("start_run", json!({"p_actor": "crawler"})).await);
    let failure = json!({"p_run_id": id, "p_error": "no such page", "p_output": {"pages": 0}});
    api.rpc("fail_run", failure).await;
    assert_eq!(
        agent_run(&api, &id).await,
        json!({"status": "failed", "actor": "crawler", "output": {"pages": 0, "error": "no such page"},
            "events": ["Run started", "no such page"], "artifacts": null})
    );
}

fn one_id(answer: Vec<Value>) -> String {
    let [Value::String(id)] = answer.as_slice() else { panic!("not an id: {answer:?}") };
    id.clone()
}

async fn agent_run(api: &Api, id: &str) -> Value {
    api.json(&format!(
        "select status::text, actor, output,
           (select array_agg(e.message order by e.message collate \"C\")
            from ops.agent_events e where e.run_id = r.id) as events,
           (select array_agg(a.kind order by a.kind) from ops.agent_artifacts a where a.run_id = r.id) as artifacts
         from ops.agent_runs r where r.id = '{id}'"
    ))
    .await
}
