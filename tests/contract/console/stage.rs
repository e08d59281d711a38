//! A project with runs in every state that the examples speak of.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::document::{Reader, fill};
use crate::contract::member::Member;
use crate::contract::scene::{Scene, row, run, value};
use crate::support::postgres_roles::{PostgRest, Request};

/// The scene, who reads, and the values of the names in the document.
pub(super) struct Stage {
    pub(super) scene: Scene,
    pub(super) names: BTreeMap<String, Value>,
    admin: Member,
    postgrest: PostgRest,
}

impl Stage {
    pub(super) async fn new() -> Self {
        let scene = Scene::new().await;
        let admin = Member::new(&scene, Some("admin")).await;
        let enqueue = "select id from ops.enqueue_run('acme', 'odoo-test', 'main', 'abc123')";
        let mut finished = Vec::new();
        for reason in [None, Some("user"), None] {
            run(&scene.operator, enqueue, &[]).await;
            let claim = scene.claim().await;
            scene.start(claim).await;
            for sql in [
                "select ops.append_run_log($1, 'info', 'first', p_claim_token => $2)",
                "select ops.append_run_log($1, 'error', 'second', p_claim_token => $2)",
                "select ops.record_step($1, $2, 'test', 'succeeded', 0, '{\"passed\": 3}')",
                "select ops.add_run_artifact($1, 'report.xml', 's3://bucket/report.xml', p_claim_token => $2)",
            ] {
                run(&scene.worker, sql, &[&claim.id, &claim.token]).await;
            }
            match reason {
                None => scene.succeed(claim).await,
                Some(reason) => scene.fail(claim, reason).await,
            };
            finished.push(claim.id);
        }
        let queued = scene.queued().await;
        let ids = "select r.project_id, r.workflow_id, r.workflow_version from ops.runs r where r.id = $1";
        let ids = row(&scene.operator, ids, &[&queued]).await;
        let names = [
            ("project", json!("acme")),
            ("project_id", json!(ids.get::<_, uuid::Uuid>(0))),
            ("run", json!(finished[0])),
            ("before", json!(finished[2])),
            ("queued", json!(queued)),
            ("workflow", json!("odoo-test")),
            ("workflow_id", json!(ids.get::<_, uuid::Uuid>(1))),
            ("version", json!(ids.get::<_, i32>(2))),
            ("commit", json!("abc123")),
            ("last_seq", json!(1)),
            ("attempt", json!(1)),
            ("worker", json!("w1")),
        ];
        let names = names.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let postgrest = scene.database.postgrest().await;
        Self { scene, names, admin, postgrest }
    }

    /// A template with the names put in.
    pub(super) fn fill(&self, template: &str) -> String {
        fill(template, &self.names)
    }

    /// The answer to a statement in a request that is rolled back.
    pub(super) async fn answer(&mut self, reader: Reader, sql: &str) -> Value {
        let request = match reader {
            Reader::Admin => Request::User(self.admin.user),
            Reader::Service => Request::Service,
        };
        let transaction = self.postgrest.request(request).await;
        value(transaction.client(), sql, &[]).await
    }
}
