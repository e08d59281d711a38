//! `contract_info`: which contract, and whose.

use uuid::Uuid;

use super::scene::{Scene, row};
use crate::support::postgres_roles::Login;

#[tokio::test]
async fn everybody_who_may_call_gets_the_same_answer() {
    let scene = Scene::new().await;
    let reader = scene.database.login(Login::Reader).await;
    let mut ids: Vec<Uuid> = Vec::new();
    for client in [&scene.worker, &scene.operator, &reader] {
        let info = row(client, "select * from ops.contract_info()", &[]).await;
        assert_eq!(info.get::<_, i32>("version"), 1);
        assert_eq!(info.get::<_, String>("min_worker_version"), "0.1.0");
        ids.push(info.get("instance_id"));
    }
    assert!(ids.iter().all(|id| *id == ids[0]));
}
