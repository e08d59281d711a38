//! `complete_workflow_runs`: many ends in one call.

use uuid::Uuid;

use super::scene::{Claim, Scene, code, run};

const COMPLETE: &str = "select id, status, refused_with from ops.complete_workflow_runs($1, $2, $3, $4, $5, \
     array_fill(null::jsonb, array[cardinality($1::uuid[])]))";

async fn complete(scene: &Scene, ends: &[(Claim, i32, Option<&str>)]) -> Vec<(Uuid, String)> {
    let ids: Vec<Uuid> = ends.iter().map(|end| end.0.id).collect();
    let tokens: Vec<Uuid> = ends.iter().map(|end| end.0.token).collect();
    let codes: Vec<i32> = ends.iter().map(|end| end.1).collect();
    let messages: Vec<Option<&str>> = vec![None; ends.len()];
    let reasons: Vec<Option<&str>> = ends.iter().map(|end| end.2).collect();
    let rows = scene
        .worker
        .query(COMPLETE, &[&ids, &tokens, &codes, &messages, &reasons])
        .await
        .expect("a batch is answered");
    rows.iter()
        .map(|row| {
            let status: Option<String> = row.get(1);
            (row.get(0), status.or(row.get(2)).expect("a status or a refusal"))
        })
        .collect()
}

#[tokio::test]
async fn each_run_gets_its_own_answer_in_the_order_asked() {
    let scene = Scene::new().await;
    let (good, lost) = (scene.running().await, scene.running().await);
    let (bad, faulty, unstarted) = (scene.running().await, scene.running().await, scene.claimed().await);
    let wrong = Claim { token: Uuid::new_v4(), ..lost };
    let unknown = Claim { id: Uuid::now_v7(), ..lost };
    let ends = [
        (wrong, 0, None),
        (good, 0, None),
        (bad, 1, None),
        (unknown, 0, None),
        (faulty, 1, Some("infra")),
        (unstarted, 0, None),
        (good, 0, Some("user")),
    ];
    let answers = complete(&scene, &ends).await;
    let ids: Vec<Uuid> = answers.iter().map(|answer| answer.0).collect();
    assert_eq!(ids, ends.map(|end| end.0.id));
    let said: Vec<&str> = answers.iter().map(|answer| answer.1.as_str()).collect();
    assert_eq!(said, ["OP003", "succeeded", "failed", "OP001", "queued", "OP002", "OP004"]);
    assert_eq!(scene.status(lost.id).await, "running");
}

#[tokio::test]
async fn the_batch_may_be_repeated() {
    let scene = Scene::new().await;
    let mut ends = Vec::new();
    for _ in 0..20 {
        ends.push((scene.running().await, 0, None));
    }
    let first = complete(&scene, &ends).await;
    assert!(first.iter().all(|answer| answer.1 == "succeeded"));
    assert_eq!(complete(&scene, &ends).await, first);
    let id = ends[7].0.id;
    assert_eq!(scene.history(id).await.len(), 4, "no second event");
}

#[tokio::test]
async fn a_batch_and_a_single_call_are_the_same_completion() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    complete(&scene, &[(claim, 0, None)]).await;
    assert_eq!(scene.succeed(claim).await, "succeeded");
}

#[tokio::test]
async fn keyed_runs_of_a_batch_let_the_next_ones_go() {
    let scene = Scene::new().await;
    for key in ["a", "b", "a", "b"] {
        scene.enqueue(serde_json::json!({ "concurrency_key": key })).await;
    }
    let (first, second) = (scene.claim().await, scene.claim().await);
    assert_eq!(scene.try_claim().await, None);
    scene.start(first).await;
    scene.start(second).await;
    complete(&scene, &[(second, 0, None), (first, 0, None)]).await;
    assert!(scene.try_claim().await.is_some() && scene.try_claim().await.is_some());
}

#[tokio::test]
async fn arrays_of_different_lengths_are_refused() {
    let scene = Scene::new().await;
    let sql = "select ops.complete_workflow_runs($1, '{}', '{}', '{}', '{}', '{}')";
    assert_eq!(code(&scene.worker, sql, &[&vec![Uuid::new_v4()]]).await, "OP004");
    run(&scene.worker, sql, &[&Vec::<Uuid>::new()]).await;
}

#[tokio::test]
async fn a_worker_needs_every_token() {
    let scene = Scene::new().await;
    let claim = scene.running().await;
    let sql =
        "select status from ops.complete_workflow_runs($1, '{null}', '{0}', '{null}', '{null}', '{null}')";
    assert_eq!(code(&scene.worker, sql, &[&vec![claim.id]]).await, "OP007");
    run(&scene.operator, sql, &[&vec![claim.id]]).await;
    assert_eq!(scene.status(claim.id).await, "succeeded");
}
