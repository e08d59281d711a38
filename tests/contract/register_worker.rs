//! `register_worker`: who a worker is.

use super::scene::{Scene, refusal, row, run, value};

const REGISTER: &str = "select * from ops.register_worker('w1', $1, $2, '0.1.0', 'host-a', '{\"cpus\": 4}')";

#[tokio::test]
async fn a_worker_is_known_with_all_it_says() {
    let scene = Scene::new().await;
    let worker = row(&scene.worker, REGISTER, &[&vec!["b", "a", "b"], &4]).await;
    assert_eq!(worker.get::<_, Vec<String>>("labels"), ["a", "b"]);
    assert_eq!(worker.get::<_, i32>("slots"), 4);
    assert_eq!(worker.get::<_, String>("version"), "0.1.0");
    assert_eq!(worker.get::<_, String>("host"), "host-a");
    assert_eq!(worker.get::<_, String>("state"), "available");
    assert!(!worker.get::<_, bool>("drain_requested"));
}

#[tokio::test]
async fn registering_again_replaces_what_it_says_but_not_the_operators_labels() {
    let scene = Scene::new().await;
    run(&scene.worker, REGISTER, &[&vec!["a"], &1]).await;
    run(&scene.operator, "select ops.set_worker_labels('w1', '{ops}')", &[]).await;
    let worker = row(&scene.worker, REGISTER, &[&vec!["c"], &2]).await;
    assert_eq!(worker.get::<_, Vec<String>>("labels"), ["ops"]);
    assert_eq!(worker.get::<_, i32>("slots"), 2);
    run(&scene.operator, "select ops.set_worker_labels('w1', null)", &[]).await;
    let labels = "select labels from ops.worker_overview";
    assert_eq!(value::<Vec<String>>(&scene.operator, labels, &[]).await, ["c"]);
}

#[tokio::test]
async fn a_new_start_ends_a_drain_request() {
    let scene = Scene::new().await;
    run(&scene.worker, REGISTER, &[&vec!["a"], &1]).await;
    run(&scene.operator, "select ops.drain_worker('w1')", &[]).await;
    let worker = row(&scene.worker, REGISTER, &[&vec!["a"], &1]).await;
    assert!(!worker.get::<_, bool>("drain_requested"));
}

#[tokio::test]
async fn bad_arguments_are_named() {
    let scene = Scene::new().await;
    for (labels, slots, argument) in
        [(vec!["white space"], 1, "p_labels"), (vec![""], 1, "p_labels"), (vec!["a"], 0, "p_slots")]
    {
        let refusal = refusal(&scene.worker, REGISTER, &[&labels, &slots]).await;
        assert_eq!(refusal.code, "OP004");
        assert!(refusal.message.starts_with(argument), "{}", refusal.message);
    }
}
