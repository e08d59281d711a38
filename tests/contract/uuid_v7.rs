//! `uuid_v7`, `uuid_v7_floor`: ids whose order is the order of age.

use uuid::{Uuid, Variant};

use super::scene::{Scene, value, values};

#[tokio::test]
async fn ids_are_version_7_unique_and_in_order() {
    let scene = Scene::new().await;
    let superuser = scene.database.superuser().await;
    let sql = "select ops.uuid_v7() from generate_series(1, 5000)";
    let ids: Vec<Uuid> = values(&superuser, sql, &[]).await;
    for id in &ids {
        assert_eq!((id.get_version_num(), id.get_variant()), (7, Variant::RFC4122));
    }
    let mut sorted = ids.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), 5000);
    // Within one microsecond the order is chance; from one to the next it is not.
    let micros = |id: &Uuid| id.as_u128() >> 64;
    assert!(ids.is_sorted_by_key(micros));
}

#[tokio::test]
async fn an_id_carries_its_time() {
    let scene = Scene::new().await;
    let superuser = scene.database.superuser().await;
    let sql = "select ops.uuid_v7_floor('2026-02-14 09:00:00.123Z')";
    let floor: Uuid = value(&superuser, sql, &[]).await;
    let (secs, nanos) = floor.get_timestamp().expect("a time").to_unix();
    assert_eq!((secs, nanos / 1_000_000), (1_771_059_600, 123));
    let between = "select ops.uuid_v7() between ops.uuid_v7_floor(now() - interval '1 min') \
         and ops.uuid_v7_floor(now() + interval '1 min')";
    assert!(value::<bool>(&superuser, between, &[]).await);
}
