//! `--wait`: the log as it grows, and the run's end as exit code.

use odooops::contract::{Completion, FailureReason};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::program::{Ended, Hands, Program, ended, failure, shop, success};
use crate::support::gate::Gate;
use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;
use crate::support::signals::within_limit;

async fn wait_for(database: &TestDatabase, flags: &[&str], completion: Completion) -> Ended {
    let arguments = [&["run", "enqueue", "shop", "test", "--wait"], flags].concat();
    let program = Program::on(database, &arguments).start();
    let hands = Hands::on(database);
    let run = hands.take().await;
    hands.log(&run, 1, &["hello from the step"]).await;
    hands.complete(&run, completion).await;
    ended(program).await
}

#[tokio::test]
async fn a_run_that_succeeds_ends_with_0_and_shows_log_and_verdict() {
    let database = shop().await;
    let ended = wait_for(&database, &[], success()).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(lines[0].starts_with("shop#1 ") && lines[0].ends_with("odoo-test"), "{lines:?}");
    assert!(lines[1].ends_with("test | hello from the step"), "{lines:?}");
    assert!(lines[2].starts_with("shop#1 succeeded after"), "{lines:?}");
    // How far the run is at the first look is a race; that its state is shown is not.
    assert!(ended.stderr.contains("shop#1 is "), "{ended:?}");
}

#[tokio::test]
async fn the_exit_code_says_whose_fault_it_was() {
    let database = shop().await;
    for (reason, code) in [(FailureReason::User, 1), (FailureReason::Invalid, 1), (FailureReason::Timeout, 5)]
    {
        let ended = wait_for(&database, &[], failure(reason, "it went wrong")).await;
        assert_eq!(ended.code, code, "{reason}: {ended:?}");
        let verdict = format!(" s ({reason}): it went wrong");
        let last = ended.stdout.lines().last().expect("a last line");
        assert!(last.contains(" failed after ") && last.ends_with(&verdict), "{ended:?}");
    }
}

#[tokio::test]
async fn faults_of_the_machine_end_with_3_once_no_attempt_is_left() {
    let database = shop().await;
    let program = Program::on(&database, &["run", "enqueue", "shop", "test", "--wait"]).start();
    let hands = Hands::on(&database);
    let superuser = database.superuser().await;
    for _ in 0..5 {
        let run = hands.take().await;
        hands.complete(&run, failure(FailureReason::Infra, "the registry cannot be reached")).await;
        // The back-off is the database's; it is over now.
        let due =
            "update ops.runs set not_before = now(), blocked_by = null, ready = true where status = 'queued'";
        superuser.batch_execute(due).await.expect("make the retry due");
    }
    let ended = ended(program).await;
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stdout.contains("(infra): the registry cannot be reached"), "{ended:?}");
}

#[tokio::test]
async fn a_run_that_is_canceled_while_one_waits_ends_with_4() {
    let database = shop().await;
    let mut program = Program::on(&database, &["run", "enqueue", "shop", "test", "--wait"]).start();
    let mut stdout = program.stdout.take().expect("stdout is piped");
    let mut first = [0; 7];
    tokio::io::AsyncReadExt::read_exact(&mut stdout, &mut first).await.expect("the run is queued");
    program.stdout = Some(stdout);
    Program::on(&database, &["run", "cancel", "shop#1"]).run().await.done();
    let ended = ended(program).await;
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stdout.contains("shop#1 canceled"), "{ended:?}");
}

#[tokio::test]
async fn with_json_each_line_is_one_document_and_the_last_is_the_run() {
    let database = shop().await;
    let ended = wait_for(&database, &["--json"], success()).await;
    let lines: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines[0]["message"], "hello from the step");
    assert_eq!((&lines[1]["type"], &lines[1]["run"]["status"]), (&"run".into(), &"succeeded".into()));
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
}

#[tokio::test]
async fn a_retry_can_be_waited_for_too() {
    let database = shop().await;
    wait_for(&database, &[], failure(FailureReason::User, "red")).await;
    let program = Program::on(&database, &["run", "retry", "shop#1", "--wait"]).start();
    let hands = Hands::on(&database);
    let run = hands.take().await;
    hands.complete(&run, success()).await;
    let ended = ended(program).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.contains("shop#2 succeeded"), "{ended:?}");
}

#[tokio::test]
async fn a_database_that_goes_away_in_the_middle_is_waited_for() {
    let database = shop().await;
    let url = database.login_url(Login::Operator);
    let gate = Gate::before(&url).await;
    let mut program = Program::new(&["run", "enqueue", "shop", "test", "--wait"])
        .env("DATABASE_URL", &gate.url(&url))
        .start();
    let hands = Hands::on(&database);
    let run = hands.take().await;
    gate.shut();
    let mut stderr = BufReader::new(program.stderr.take().expect("stderr is piped")).lines();
    loop {
        let line = within_limit("a note", stderr.next_line()).await.expect("stderr").expect("a note");
        if line.contains("cannot be reached, trying again") {
            break;
        }
    }
    hands.log(&run, 1, &["written meanwhile"]).await;
    hands.complete(&run, success()).await;
    gate.open();
    let ended = ended(program).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.stdout.matches("written meanwhile").count(), 1, "{ended:?}");
}
