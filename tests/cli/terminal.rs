//! What people see on a terminal (made by `script`, of util-linux) and programs in a pipe do not.

use super::program::{Ended, Hands, Program, ended, enqueue, failure, shop, success};
use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;
use odooops::contract::FailureReason;

fn on_a_terminal(database: &TestDatabase, arguments: &str) -> Program {
    let command = format!("{} {arguments}", env!("CARGO_BIN_EXE_odooops"));
    Program::other("script", &["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("TERM", "xterm-256color")
        .env("DATABASE_URL", &database.login_url(Login::Operator))
}

async fn failed_run(database: &TestDatabase) {
    enqueue(database, "test").await;
    let hands = Hands::on(database);
    let run = hands.take().await;
    hands.log(&run, 1, &["\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}"]).await;
    hands.complete(&run, failure(FailureReason::User, "red")).await;
}

#[tokio::test]
async fn states_have_colours_unless_no_color_is_set() {
    let database = shop().await;
    failed_run(&database).await;
    let coloured = on_a_terminal(&database, "run list").run().await.done();
    assert!(coloured.contains("\u{1b}["), "{coloured:?}");
    let plain = on_a_terminal(&database, "run list").env("NO_COLOR", "1").run().await.done();
    assert!(plain.contains("failed") && !plain.contains('\u{1b}'), "{plain:?}");
}

#[tokio::test]
async fn a_builds_escape_sequences_do_not_reach_the_terminal() {
    let database = shop().await;
    failed_run(&database).await;
    let shown = on_a_terminal(&database, "run logs shop#1").run().await.done();
    assert!(shown.contains("\u{1b}[31mred") && !shown.contains("\u{1b}]0;"), "{shown:?}");
}

#[tokio::test]
async fn waiting_shows_a_spinner_and_still_every_line_and_the_exit_code() {
    let database = shop().await;
    let program = on_a_terminal(&database, "run enqueue shop test --wait").start();
    let hands = Hands::on(&database);
    let run = hands.take().await;
    hands.log(&run, 1, &["hello from the step"]).await;
    hands.complete(&run, success()).await;
    let Ended { code, stdout, .. } = ended(program).await;
    assert_eq!(code, 0, "{stdout}");
    for part in ["shop#1 ", "hello from the step", "shop#1 succeeded"] {
        assert!(stdout.contains(part), "{part:?} is not in {stdout:?}");
    }
    assert!(stdout.contains("\u{1b}[2K"), "a spinner is drawn anew: {stdout:?}");
}
