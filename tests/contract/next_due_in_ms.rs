//! `next_due_in_ms`: when to look again.

use super::scene::{Scene, run, value};

const ASK: &str = "select ops.next_due_in_ms()";

#[tokio::test]
async fn the_soonest_time_counts_and_what_is_due_is_zero() {
    let scene = Scene::new().await;
    assert_eq!(value::<Option<i64>>(&scene.worker, ASK, &[]).await, None);
    for secs in [3600, 60] {
        let sql = format!(
            "select ops.enqueue_run('acme', 'test', p_options => jsonb_build_object('not_before', \
             to_char(now() at time zone 'UTC' + interval '{secs} s', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')))"
        );
        run(&scene.operator, &sql, &[]).await;
    }
    let left = value::<i64>(&scene.worker, ASK, &[]).await;
    assert!((30_000..=60_000).contains(&left), "{left}");
    scene.make_due().await;
    assert_eq!(value::<i64>(&scene.worker, ASK, &[]).await, 0);
    scene.claim().await;
}
