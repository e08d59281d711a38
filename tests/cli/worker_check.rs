//! `odooops worker --check` and `--check-first`: what is tried, how it is told, how it ends.

use serde_json::Value;
use tokio::io::AsyncReadExt as _;

use super::program::ended;
use super::worker_process::Setup;
use crate::support::postgres_roles::Login;
use crate::support::signals::within_limit;

#[tokio::test]
async fn check_tries_everything_and_too_many_rights_are_a_wrong_setting() {
    let setup = Setup::new().await;
    let good = setup.worker(&["--check"]).run().await.done();
    for part in ["database", "rights", "clock", "store", "container engine"] {
        assert!(good.contains(part), "{part:?} is not in {good}");
    }
    let url = setup.database.url();
    let checked = setup.worker(&["--check", "--json"]).env("ODOOOPS_WORKER_DATABASE_URL", &url).run().await;
    assert_eq!(checked.code, 2, "a login is not tried again until it is another: {checked:?}");
    let checks: Value = serde_json::from_str(&checked.stdout).expect("JSON");
    assert!(checks[1]["problem"].as_str().is_some_and(|text| text.contains("superuser")), "{checks}");
    assert_eq!(checks[0]["problem"], Value::Null);
    let refused = setup.worker(&["--check-first"]).env("ODOOOPS_WORKER_DATABASE_URL", &url).run().await;
    assert_eq!(refused.code, 2, "{refused:?}");
}

#[tokio::test]
async fn what_is_away_is_1_and_what_is_set_wrong_is_2() {
    let setup = Setup::new().await;
    let away = "postgres://someone:hunter22@127.0.0.1:1/ops";
    let engine = "unix:///nonexistent.sock";
    let checked = |name: &'static str, value: &'static str| {
        setup.worker(&["--check"]).env("DOCKER_HOST", engine).env(name, value).run()
    };
    let said = checked("ODOOOPS_WORKER_DATABASE_URL", away).await;
    assert!(said.code == 1 && said.stdout.contains("127.0.0.1:1/ops"), "{said:?}");
    let said = checked("ODOOOPS_STORE_URL", "").await;
    assert!(said.code == 2 && said.stdout.contains("artifact store is not set"), "{said:?}");
    let said = checked("ODOOOPS_STORE_URL", "s3://x").await;
    assert!(said.code == 2 && said.stdout.contains("s3://x"), "{said:?}");
}

#[tokio::test]
async fn a_store_that_is_missing_is_told_and_not_made() {
    let setup = Setup::new().await;
    let root = setup.dir.path().join("store");
    std::fs::remove_dir(&root).expect("it is empty");
    let checked = setup.worker(&["--check", "--json"]).run().await;
    assert_eq!(checked.code, 1, "it may be a disk that is mounted later: {checked:?}");
    let checks: Value = serde_json::from_str(&checked.stdout).expect("JSON");
    let problem = checks[3]["problem"].as_str().expect("a problem");
    assert!(problem.contains("does not exist") && problem.contains("/store"), "{checks}");
    assert!(!root.exists());
}

/// An engine that takes connections and never answers holds up neither the others nor what is said of them.
#[tokio::test]
async fn a_check_that_hangs_does_not_keep_the_others_from_being_told() {
    let setup = Setup::new().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let engine = format!("tcp://{}", silent.local_addr().expect("an address"));
    let mut worker = setup.worker(&["--check-first"]).env("DOCKER_HOST", &engine).start();
    let (connection, _) = within_limit("the engine is asked", silent.accept()).await.expect("a connection");
    let mut stderr = worker.stderr.take().expect("stderr is piped");
    let mut said = String::new();
    let all = ["check=\"database\"", "check=\"rights\"", "check=\"clock\"", "check=\"store\""];
    within_limit("the others are told", async {
        while !all.iter().all(|part| said.contains(part)) {
            let mut chunk = [0; 1024];
            let read = stderr.read(&mut chunk).await.expect("stderr");
            assert!(read > 0, "it ended: {said}");
            said.push_str(&String::from_utf8_lossy(&chunk[..read]));
        }
    })
    .await;
    assert!(!said.contains("container engine"), "{said}");
    drop(connection);
    drop(silent);
    assert_eq!(ended(worker).await.code, 1);
}

/// A function of ours before the server's own, for one login: what a clock that is wrong looks like.
#[tokio::test]
async fn a_clock_that_is_wrong_is_found() {
    let setup = Setup::new().await;
    let late = "create schema odd; grant usage on schema odd to public; \
                create function odd.clock_timestamp() returns timestamptz language sql \
                as $$ select pg_catalog.clock_timestamp() - interval '1 minute' $$;";
    let (login, database) = (Login::Worker.name(), setup.database.name());
    let here = format!("alter role {login} in database {database} set search_path = odd, pg_catalog");
    setup.database.superuser().await.batch_execute(&format!("{late} {here}")).await.expect("an odd clock");
    let checked = setup.worker(&["--check", "--json"]).run().await;
    assert_eq!(checked.code, 1, "{checked:?}");
    let checks: Value = serde_json::from_str(&checked.stdout).expect("JSON");
    let problem = checks[2]["problem"].as_str().expect("a problem");
    assert!(problem.contains("behind this machine's") && problem.contains("NTP"), "{checks}");
    let refused = setup.worker(&["--check-first"]).run().await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("clock") && !refused.stderr.contains("registered"), "{refused:?}");
}
