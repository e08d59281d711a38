//! `odooops run …` but its logs.

use serde_json::json;

use super::program::{Hands, Program, enqueue, failure, shop, success};
use odooops::contract::FailureReason;

#[tokio::test]
async fn a_run_is_queued_with_its_input_and_options() {
    let database = shop().await;
    let flags = [
        "run",
        "enqueue",
        "shop",
        "test",
        "--ref",
        "18.0",
        "--sha",
        "1234567",
        "--input",
        "odoo_version=18.0",
        "--input",
        "modules:=[\"sale\"]",
        "--priority",
        "5",
        "--label",
        "big",
        "--option",
        "timeout_secs=60",
        "--option",
        "idempotency_key=a",
        "--json",
    ];
    let run = Program::on(&database, &flags).run().await.json();
    assert_eq!(
        (&run["run_number"], &run["workflow"], &run["status"]),
        (&json!(1), &json!("odoo-test"), &json!("queued"))
    );
    let again = Program::on(&database, &flags).run().await.json();
    assert_eq!(again["id"], run["id"], "the same idempotency key gives the same run");

    let shown = Program::on(&database, &["run", "show", "shop#1", "--json"]).run().await.json();
    assert_eq!(shown["details"]["input"], json!({"odoo_version": "18.0", "modules": ["sale"]}));
    assert_eq!(shown["details"]["priority"], 5);
    assert_eq!(shown["details"]["timeout_secs"], 60);
    assert_eq!(shown["details"]["required_labels"], json!(["big"]));
    assert_eq!(shown["run"]["commit_sha"], "1234567");
    assert_eq!(shown["events"][0]["to"], "queued");
}

#[tokio::test]
async fn people_are_told_how_to_follow_the_run_they_queued() {
    let database = shop().await;
    let text = Program::on(&database, &["run", "enqueue", "shop", "build"]).run().await.done();
    assert!(text.starts_with("shop#1 ") && text.contains("odooops run logs -f shop#1"), "{text}");
}

#[tokio::test]
async fn an_unknown_project_or_workflow_says_what_there_is() {
    let database = shop().await;
    let unknown = Program::on(&database, &["run", "enqueue", "shpo", "build"]).run().await;
    unknown.refused(2, &["no project shpo", "projects: shop", "odooops project create shpo"]);
    let unknown = Program::on(&database, &["run", "enqueue", "shop", "bake"]).run().await;
    unknown.refused(2, &["no workflow bake", "odoo-build (build)", "odooops workflow put shop bake FILE"]);
}

#[tokio::test]
async fn what_the_contract_refuses_is_wrong_usage_with_its_own_words() {
    let database = shop().await;
    let enqueue = |flags: &[&'static str]| {
        Program::on(&database, &[&["run", "enqueue", "shop", "build"], flags].concat())
    };
    enqueue(&["--priority", "99999"]).run().await.refused(2, &["priority", "10000"]);
    enqueue(&["--option", "prio=1"]).run().await.refused(2, &["prio", "required_labels"]);
    enqueue(&["--idempotency-key", "k"]).run().await.done();
    enqueue(&["--idempotency-key", "k", "--ref", "other"]).run().await.refused(2, &["k"]);
    enqueue(&["--depends-on", "shop#99"]).run().await.refused(2, &["project shop has no run 99"]);
}

#[tokio::test]
async fn runs_are_listed_newest_first_and_filtered() {
    let database = shop().await;
    let none = Program::on(&database, &["run", "list"]).run().await.done();
    assert!(none.contains("odooops run enqueue"), "{none}");
    enqueue(&database, "build").await;
    let second = enqueue(&database, "test").await;
    Program::on(&database, &["run", "cancel", &second]).run().await.done();

    let table = Program::on(&database, &["run", "list"]).run().await.done();
    let labels: Vec<&str> = table.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(labels, ["RUN", "shop#2", "shop#1"]);
    assert!(!table.contains('\u{1b}'), "no colours in a pipe");
    let numbers = |list: serde_json::Value| {
        list.as_array().expect("a list").iter().map(|run| run["run_number"].clone()).collect::<Vec<_>>()
    };
    for (flags, expected) in [
        (&["--status", "canceled"][..], vec![json!(2)]),
        (&["--project", "shop", "--limit", "1"], vec![json!(2)]),
        (&["--workflow", "odoo-build"], vec![json!(1)]),
        (&["--status", "running"], vec![]),
    ] {
        let list = Program::on(&database, &[&["run", "list", "--json"], flags].concat()).run().await.json();
        assert_eq!(numbers(list), expected, "{flags:?}");
    }
    Program::on(&database, &["run", "list", "--project", "shpo"])
        .run()
        .await
        .refused(2, &["no project shpo"]);
}

#[tokio::test]
async fn a_run_is_found_by_id_by_its_beginning_and_by_number() {
    let database = shop().await;
    let id = enqueue(&database, "build").await;
    for name in [&id, &id[..30], "shop#1"] {
        let shown = Program::on(&database, &["run", "show", name, "--json"]).run().await.json();
        assert_eq!(shown["run"]["id"], json!(id), "{name}");
    }
    enqueue(&database, "build").await;
    let both = Program::on(&database, &["run", "show", &id[..4]]).run().await;
    both.refused(2, &["more than one", "odooops run list"]);
    for (name, said) in
        [("ffff0000", "no run's id begins"), ("shop#77", "no run 77"), ("shpo#1", "no project shpo")]
    {
        Program::on(&database, &["run", "show", name]).run().await.refused(2, &[said]);
    }
    let unknown = uuid::Uuid::nil().to_string();
    Program::on(&database, &["run", "show", &unknown]).run().await.refused(2, &["there is no run", &unknown]);
}

#[tokio::test]
async fn show_tells_a_failed_run_with_attempt_reason_and_error() {
    let database = shop().await;
    let id = enqueue(&database, "test").await;
    let hands = Hands::on(&database);
    let run = hands.take().await;
    hands.complete(&run, failure(FailureReason::User, "2 of 14 tests failed")).await;
    let text = Program::on(&database, &["run", "show", &id]).run().await.done();
    for part in ["shop#1", "failed", "user", "2 of 14 tests failed", "Attempts", "hand", "Events"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[tokio::test]
async fn why_names_the_cause_of_waiting() {
    let database = shop().await;
    Program::on(&database, &["run", "enqueue", "shop", "build", "--label", "gpu"]).run().await.done();
    let causes = Program::on(&database, &["run", "why", "shop#1", "--json"]).run().await.json();
    assert_eq!(causes[0]["cause"], "no_worker");
    let text = Program::on(&database, &["run", "why", "shop#1"]).run().await.done();
    assert!(text.contains("gpu"), "{text}");
}

#[tokio::test]
async fn cancel_ends_a_queued_run_and_asks_for_the_end_of_a_running_one() {
    let database = shop().await;
    enqueue(&database, "build").await;
    let hands = Hands::on(&database);
    let run = hands.take().await;
    let asked =
        Program::on(&database, &["run", "cancel", "shop#1", "--reason", "wrong branch"]).run().await.done();
    assert!(asked.contains("is asked to stop"), "{asked}");
    hands.complete(&run, success()).await;
    Program::on(&database, &["run", "cancel", "shop#1"]).run().await.refused(2, &["cannot be canceled"]);
    enqueue(&database, "build").await;
    let canceled = Program::on(&database, &["run", "cancel", "shop#2", "--json"]).run().await.json();
    assert_eq!(canceled["status"], "canceled");
}

#[tokio::test]
async fn retry_queues_a_new_run_that_names_the_old_one() {
    let database = shop().await;
    let first = enqueue(&database, "build").await;
    Program::on(&database, &["run", "retry", "shop#1"]).run().await.refused(2, &[&first]);
    Program::on(&database, &["run", "cancel", "shop#1"]).run().await.done();
    let second = Program::on(&database, &["run", "retry", "shop#1", "--json"]).run().await.json();
    assert_eq!((&second["run_number"], &second["status"]), (&json!(2), &json!("queued")));
    let shown = Program::on(&database, &["run", "show", "shop#2", "--json"]).run().await.json();
    assert_eq!(shown["details"]["retry_of"], json!(first));
}
