//! `resume_worker_runs`: a restarted worker takes its runs back.

use uuid::Uuid;

use super::scene::{Claim, Scene, code, run, value};
use crate::support::postgres_roles::Login;

async fn resume(scene: &Scene, worker: &str) -> Vec<Claim> {
    let sql = "select id, claim_token, attempt from ops.resume_worker_runs($1, \
         (select instance_id from ops.contract_info()))";
    let rows = scene.worker.query(sql, &[&worker]).await.expect("a resume works");
    rows.iter().map(|row| Claim { id: row.get(0), token: row.get(1), attempt: row.get(2) }).collect()
}

#[tokio::test]
async fn leased_runs_come_back_with_fresh_tokens_and_the_same_attempt() {
    let scene = Scene::new().await;
    let (running, claimed) = (scene.running().await, scene.claimed().await);
    let resumed = resume(&scene, "w1").await;
    let known = |claims: &[Claim]| claims.iter().map(|claim| (claim.id, claim.attempt)).collect::<Vec<_>>();
    assert_eq!(known(&resumed), known(&[running, claimed]));
    assert_ne!(resumed[0].token, running.token);
    let beat = "select ops.heartbeat_run($1, p_claim_token => $2)";
    assert_eq!(code(&scene.worker, beat, &[&running.id, &running.token]).await, "OP003");
    assert_eq!(scene.succeed(resumed[0]).await, "succeeded");
    assert_eq!(scene.history(running.id).await.len(), 4, "resuming is no transition");
}

#[tokio::test]
async fn what_is_lost_finished_or_another_workers_stays_away() {
    let scene = Scene::new().await;
    scene.succeeded().await;
    scene.running().await;
    assert!(resume(&scene, "w2").await.is_empty());
    let expire = "update ops.runs set lease_expires_at = now() - interval '1 s' where active";
    scene.database.superuser().await.execute(expire, &[]).await.expect("the lease runs out");
    assert!(resume(&scene, "w1").await.is_empty());
}

#[tokio::test]
async fn another_control_plane_is_refused() {
    let scene = Scene::new().await;
    let sql = "select ops.resume_worker_runs('w1', $1)";
    for instance in [Some(Uuid::new_v4()), None] {
        assert_eq!(code(&scene.worker, sql, &[&instance]).await, "OP004");
    }
}

#[tokio::test]
async fn another_logins_runs_cannot_be_taken() {
    let scene = Scene::new().await;
    scene.running().await;
    let other = scene.database.login(Login::OtherWorker).await;
    let sql = "select ops.resume_worker_runs('w1', (select instance_id from ops.contract_info()))";
    assert_eq!(code(&other, sql, &[]).await, "OP007");
    run(&scene.operator, sql, &[]).await;
    let worker: String = value(&scene.operator, "select claimed_by from ops.runs", &[]).await;
    assert_eq!(worker, "w1");
}
