//! `odooops run logs`.

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::program::{Hands, Program, enqueue, shop, success};
use crate::support::signals::within_limit;

fn messages(stdout: &str) -> Vec<String> {
    stdout.lines().map(|line| line.split_once("| ").map_or(line, |(_, message)| message).to_owned()).collect()
}

#[tokio::test]
async fn lines_come_in_order_with_time_and_step() {
    let database = shop().await;
    enqueue(&database, "test").await;
    let hands = Hands::on(&database);
    let run = hands.take().await;
    hands.log(&run, 1, &["one", "two"]).await;
    hands.log(&run, 3, &["three"]).await;
    let text = Program::on(&database, &["run", "logs", "shop#1"]).run().await.done();
    assert_eq!(messages(&text), ["one", "two", "three"]);
    let first = text.lines().next().expect("a line");
    assert!(first.ends_with(" test | one") && first.as_bytes()[2] == b':', "{first}");
    let json = Program::on(&database, &["run", "logs", "shop#1", "--json"]).run().await.done();
    let lines: Vec<Value> =
        json.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    assert_eq!((lines.len(), &lines[2]["message"], &lines[2]["seq"]), (3, &"three".into(), &3.into()));
    let since = Program::on(&database, &["run", "logs", "shop#1", "--since-seq", "2"]).run().await.done();
    assert_eq!(messages(&since), ["two", "three"]);
    let none = Program::on(&database, &["run", "logs", "shop#1", "--attempt", "2"]).run().await;
    assert!(none.stderr.contains("no such lines"), "{none:?}");
    assert_eq!(none.done(), "");
}

#[tokio::test]
async fn follow_shows_lines_as_they_come_and_ends_with_the_run() {
    let database = shop().await;
    enqueue(&database, "test").await;
    let hands = Hands::on(&database);
    let run = hands.take().await;
    let mut program = Program::on(&database, &["run", "logs", "-f", "shop#1"]).start();
    let mut lines = BufReader::new(program.stdout.take().expect("stdout is piped")).lines();
    for (seq, message) in [(1, "one"), (2, "two")] {
        hands.log(&run, seq, &[message]).await;
        let line = within_limit("a line", lines.next_line()).await.expect("stdout").expect("a line");
        assert!(line.ends_with(message), "{line}");
    }
    hands.complete(&run, success()).await;
    let end = within_limit("the end of the log", lines.next_line()).await.expect("stdout");
    assert_eq!(end, None);
    let status = within_limit("the program", program.wait()).await.expect("an exit");
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn thousands_of_lines_are_all_shown() {
    let database = shop().await;
    enqueue(&database, "test").await;
    let hands = Hands::on(&database);
    let run = hands.take().await;
    let lines: Vec<String> = (1..=2500).map(|number| format!("line {number}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    hands.log(&run, 1, &lines).await;
    let text = Program::on(&database, &["run", "logs", "shop#1"]).run().await.done();
    assert_eq!(messages(&text), lines);
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_error() {
    let database = shop().await;
    enqueue(&database, "test").await;
    let hands = Hands::on(&database);
    let run = hands.take().await;
    let long = "x".repeat(10_000);
    hands.log(&run, 1, &vec![long.as_str(); 500]).await;
    let mut program = Program::on(&database, &["run", "logs", "shop#1"]).start();
    let mut lines = BufReader::new(program.stdout.take().expect("stdout is piped")).lines();
    within_limit("the first line", lines.next_line()).await.expect("stdout");
    drop(lines);
    let ended = super::program::ended(program).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
}
