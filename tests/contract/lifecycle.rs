//! The diagram of `docs/odooops-sh/RUN_LIFECYCLE.md`: a database is taken through everything that can end a claim,
//! and its events are the arrows.

use serde_json::json;
use uuid::Uuid;

use super::scene::{Claim, Scene, run, value};
use super::states::ARROWS;
use crate::support::shell::repository;

const BEGIN: &str = "<!-- lifecycle: made by a test (ODOOOPS_UPDATE_LIFECYCLE=1 cargo test --test odooops lifecycle renews it) -->\n";
const END: &str = "<!-- lifecycle: end -->";

/// What can happen to an active run.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// The worker says how it ended; no reason is success.
    Complete(Option<&'static str>),
    Release,
    Lose,
}

const ACTS: &[Act] = &[
    Act::Complete(None),
    Act::Complete(Some("user")),
    Act::Complete(Some("timeout")),
    Act::Complete(Some("invalid")),
    Act::Complete(Some("canceled")),
    Act::Complete(Some("infra")),
    Act::Release,
    Act::Lose,
];

/// How the run stands when it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Fresh,
    CancelRequested,
    /// The next fault or loss is the last that is forgiven.
    AtItsBounds,
}

async fn act(scene: &Scene, claim: Claim, act: Act) {
    let (id, token) = (claim.id, claim.token);
    let done = match act {
        Act::Complete(reason) => {
            let sql = "select ops.complete_workflow_run($1, $2, 'said', $3, $4)";
            let exit_code = i32::from(reason.is_some());
            scene.worker.query(sql, &[&id, &exit_code, &token, &reason]).await.map(drop)
        }
        Act::Release => {
            scene.worker.query("select ops.release_run($1, $2, 'drained')", &[&id, &token]).await.map(drop)
        }
        Act::Lose => {
            assert_eq!(scene.lose_all_leases().await, 1);
            Ok(())
        }
    };
    if let Err(error) = done {
        let code = error.code().map(|code| code.code().to_owned());
        assert_eq!(code.as_deref(), Some("OP002"), "{act:?}: {error:?}");
    }
}

/// Nothing of the last case is left for the next claim.
async fn put_away(scene: &Scene, id: Uuid) {
    if ["queued", "claimed", "running"].contains(&scene.status(id).await.as_str()) {
        scene.cancel(id).await;
        scene.lose_all_leases().await;
    }
}

async fn enqueue(scene: &Scene, workflow: &str, options: serde_json::Value) -> Uuid {
    let sql = "select id from ops.enqueue_run('acme', $1, p_options => $2)";
    value(&scene.operator, sql, &[&workflow, &options]).await
}

async fn take_through_everything(scene: &Scene) {
    for (name, more) in
        [("once-more", json!({ "retry": { "user": 1 } })), ("newest", json!({ "supersede": "all" }))]
    {
        let mut definition = json!({ "steps": [{ "name": "a", "image": "debian", "command": ["true"] }] });
        definition.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        run(&scene.operator, "select ops.put_workflow('acme', $1, $2)", &[&name, &definition]).await;
    }
    let superuser = scene.database.superuser().await;
    for workflow in ["odoo-test", "once-more"] {
        for started in [false, true] {
            for standing in [Standing::Fresh, Standing::CancelRequested, Standing::AtItsBounds] {
                for what in ACTS {
                    let id = enqueue(scene, workflow, json!({})).await;
                    let claim = scene.claim().await;
                    assert_eq!(claim.id, id);
                    if started {
                        scene.start(claim).await;
                    }
                    match standing {
                        Standing::Fresh => {}
                        Standing::CancelRequested => scene.cancel(id).await,
                        Standing::AtItsBounds => {
                            let sql =
                                "update ops.runs set infra_attempts = 4, failed_attempts = 2 where id = $1";
                            run(&superuser, sql, &[&id]).await;
                        }
                    }
                    act(scene, claim, *what).await;
                    put_away(scene, id).await;
                }
            }
        }
    }
    // What ends a queued run, or asks an active one, other than a cancel.
    for started in [false, true] {
        let older = enqueue(scene, "newest", json!({ "concurrency_key": "k" })).await;
        let claim = scene.claim().await;
        if started {
            scene.start(claim).await;
        }
        let waiting = enqueue(scene, "newest", json!({ "concurrency_key": "k" })).await;
        let newest = enqueue(scene, "newest", json!({ "concurrency_key": "k" })).await;
        let dependent = enqueue(scene, "odoo-test", json!({ "depends_on": [older] })).await;
        act(scene, claim, Act::Complete(Some("canceled"))).await;
        for id in [older, waiting, dependent] {
            assert_eq!(scene.status(id).await, "canceled");
        }
        put_away(scene, newest).await;
    }
}

/// Every arrow with its reasons, `from>to` and a list.
async fn arrows(scene: &Scene) -> Vec<(String, String)> {
    let sql = "select concat(\"from\", '>', \"to\"), string_agg(distinct coalesce(reason, ''), ', ') \
         from ops.run_events group by 1 order by 1";
    let rows = scene.operator.query(sql, &[]).await.expect("events");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

fn diagram(arrows: &[(String, String)]) -> String {
    let mut text = String::from("stateDiagram-v2\n");
    for (arrow, reasons) in arrows {
        let (from, to) = arrow.split_once('>').expect("an arrow");
        let from = if from.is_empty() { "[*]" } else { from };
        let label = match (arrow.as_str(), reasons.as_str()) {
            (">queued", "") => "insert, enqueue_run",
            ("queued>claimed", "") => "claim_next_run",
            ("claimed>running", "") => "start_workflow_run",
            ("running>succeeded", "") => "exit code 0",
            (_, reasons) => reasons,
        };
        assert!(!label.is_empty() && !label.starts_with(", "), "{arrow} has events without a reason");
        text.push_str(&format!("  {from} --> {to} : {label}\n"));
    }
    for end in ["succeeded", "failed", "canceled"] {
        text.push_str(&format!("  {end} --> [*]\n"));
    }
    text
}

#[tokio::test]
async fn the_diagram_shows_every_arrow_that_the_database_takes() {
    let scene = Scene::new().await;
    take_through_everything(&scene).await;
    let arrows = arrows(&scene).await;
    let mut taken: Vec<&str> = arrows.iter().map(|(arrow, _)| arrow.as_str()).collect();
    taken.sort_unstable();
    assert_eq!(taken, ARROWS);
    let path = repository().join("docs/odooops-sh/RUN_LIFECYCLE.md");
    let document = std::fs::read_to_string(&path).expect("the document");
    let (head, rest) = document.split_once(BEGIN).expect("the mark where the diagram begins");
    let (_, tail) = rest.split_once(END).expect("the mark where it ends");
    let expected = format!("{head}{BEGIN}```mermaid\n{}```\n{END}{tail}", diagram(&arrows));
    if std::env::var_os("ODOOOPS_UPDATE_LIFECYCLE").is_some() {
        std::fs::write(&path, expected).expect("the document is written");
        return;
    }
    assert!(
        document == expected,
        "docs/odooops-sh/RUN_LIFECYCLE.md is behind: \
         ODOOOPS_UPDATE_LIFECYCLE=1 cargo test --test odooops lifecycle renews it"
    );
}
