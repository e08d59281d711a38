//! The log of a run: exact, redacted, bounded, and never in the way of the worker's memory.

use std::time::Duration;

use odooops::container::fake::Script;
use odooops::contract::EnqueueOptions;
use secrecy::SecretString;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::stage::{Running, Stage, one_step, settings};
use crate::support::gate::Gate;
use crate::support::signals::wait_until;

/// A secret that a step asks for.
const SECRET: &str = "s3cr3t-Passw0rd/with+signs";
/// A password that no step gets.
const DATABASE_PASSWORD: &str = "the-database-password";

#[tokio::test(flavor = "multi_thread")]
async fn the_stored_log_is_the_canonical_stream_and_the_final_record_fits_it() {
    let stage = Stage::new().await;
    let bytes = [
        &b"plain\n\nnul \0 inside\ninvalid \xff utf-8\nprogress 1%\rprogress 100%\ncrlf\r\n"[..],
        "x".repeat(200_000).as_bytes(),
        b"\nno line break at the end",
    ]
    .concat();
    stage.engine.script("build", Script::new().stdout(bytes));
    let run_id = stage.queue(one_step()).await;
    let _worker = stage.worker().await;
    stage.until(run_id, "succeeded").await;

    let lines = stage.lines(run_id).await;
    let short: Vec<&str> = lines.iter().map(String::as_str).filter(|line| line.len() < 100).collect();
    let expected = [
        "build: plain",
        "build: ",
        "build: nul \u{fffd} inside",
        "build: invalid \u{fffd} utf-8",
        "build: progress 100%",
        "build: crlf",
        "build: no line break at the end",
    ];
    assert_eq!(short, expected);
    let x: usize = lines.iter().map(|line| line.matches('x').count()).sum();
    assert_eq!(x, 200_000, "a long line is split, nothing of it is lost");
    stage.assert_log_is_whole(run_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_lines_are_stored_in_order() {
    let stage = Stage::new().await;
    let text: String = (1..=20_000).map(|number| format!("line {number}\n")).collect();
    stage.engine.script("build", Script::new().stdout(text));
    let run_id = stage.queue(one_step()).await;
    let _worker = stage.worker().await;
    stage.until(run_id, "succeeded").await;
    let lines = stage.lines(run_id).await;
    let expected: Vec<String> = (1..=20_000).map(|number| format!("build: line {number}")).collect();
    assert!(lines == expected, "{} lines, in order", lines.len());
    stage.assert_log_is_whole(run_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lacks_lines_says_so_and_is_not_recorded_as_whole() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().stdout("begun\n").tears_its_output());
    let run_id = stage.queue(one_step()).await;
    let _worker = stage.worker().await;
    stage.until(run_id, "succeeded").await;
    let lines = stage.lines(run_id).await;
    assert!(lines[0] == "build: begun" && lines[1].starts_with("build: lines are missing here"), "{lines:?}");
    let sql = "select count(*) from ops.run_logs where run_id = $1 and level = 'error'";
    assert_eq!(stage.eye.query_one(sql, &[&run_id.0]).await.expect("a count").get::<_, i64>(0), 1);
    let sql = "select log_sha256 from ops.run_attempts where run_id = $1";
    let record: Option<String> = stage.eye.query_one(sql, &[&run_id.0]).await.expect("a record").get(0);
    assert_eq!(record, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_readable_while_the_step_still_runs() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().stdout("compiling\n").forever());
    let run_id = stage.queue(one_step()).await;
    let _worker = stage.worker().await;
    wait_until("the line is there", async || {
        (stage.lines(run_id).await == ["build: compiling"]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_ever_stored_in_the_database() {
    use base64::Engine as _;
    let stage = Stage::new().await;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("user:{SECRET}"));
    let (head, tail) = SECRET.split_at(7);
    let script = Script::new()
        .stdout(format!("token={SECRET}\n{encoded}\n{head}"))
        .stdout(format!("{tail}\n"))
        .stderr(format!("postgres://odoo:{DATABASE_PASSWORD}@db/x\n"))
        .leaves("/odooops/output.json", json!({ "leak": SECRET, SECRET: [SECRET] }).to_string())
        .exits(0);
    stage.engine.script("leaky", script);
    let definition = json!({ "steps": [
        { "name": "leaky", "image": "tool:1", "secrets": ["TOKEN"] },
        { "name": "failing", "image": "tool:1", "env": { "WHERE": "here" }, "network": "none" },
    ]});
    stage
        .engine
        .script("failing", Script::new().leaves("/odooops/output.json", format!("not json {SECRET}")));
    let run_id = stage.queue(definition).await;
    let mut with_secrets = settings("worker-001");
    with_secrets.secrets.insert("TOKEN".to_owned(), SecretString::from(SECRET));
    with_secrets
        .redact_also
        .push(("ODOOOPS_ODOO_DATABASE_URL".to_owned(), SecretString::from(DATABASE_PASSWORD)));
    let _worker = stage.worker_with(with_secrets).await;
    stage.until(run_id, "failed").await;

    let env = stage.engine.spec_of("leaky").expect("it ran").env;
    assert_eq!(env.get("TOKEN").map(String::as_str), Some(SECRET), "the step itself gets the value");
    assert!(stage.lines(run_id).await.iter().any(|line| line == "leaky: token=***"));
    stage.assert_log_is_whole(run_id).await;
    let everything = stage.dump_of_ops().await;
    for secret in [SECRET, DATABASE_PASSWORD, encoded.as_str()] {
        assert!(!everything.contains(secret), "{secret} is in ops.*");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_in_the_repositorys_url_is_kept_out_of_the_log() {
    let stage = Stage::new().await;
    stage.engine.script("build", Script::new().stdout("as written r3po%40pass\nas meant r3po@pass\n"));
    let input = json!({ "repo_url": "https://bot:r3po%40pass@git.example.com/r.git" });
    let run_id = stage.queue_with(one_step(), input, EnqueueOptions::default()).await;
    let _worker = stage.worker().await;
    stage.until(run_id, "succeeded").await;
    assert_eq!(stage.lines(run_id).await, ["build: as written ***", "build: as meant ***"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_secret_is_refused_by_its_name_at_the_start() {
    let stage = Stage::new().await;
    let mut short = settings("worker-001");
    short.secrets.insert("PIN".to_owned(), SecretString::from("12345"));
    let refused = odooops::runner::Worker::new(short, stage.edges().await).err().expect("refused");
    assert!(refused.to_string().contains("PIN") && !refused.to_string().contains("12345"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_over_the_limit_is_cut_and_the_log_says_how_much() {
    let stage = Stage::new().await;
    let text: String = (0..1_000).map(|_| "0123456789abcdef\n").collect();
    stage.engine.script("build", Script::new().stdout(text));
    let run_id = stage.queue(one_step()).await;
    let mut small = settings("worker-001");
    small.log_limit_bytes = 1_700;
    let _worker = stage.worker_with(small).await;
    stage.until(run_id, "succeeded").await;
    let lines = stage.lines(run_id).await;
    assert_eq!(lines.len(), 101);
    assert!(lines[100].contains("900 further lines (15300 bytes) were not stored"), "{}", lines[100]);
    stage.assert_log_is_whole(run_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_database_slows_the_container_and_not_the_workers_memory() {
    let stage = Stage::new().await;
    let gate = Gate::before(&stage.database.url()).await;
    let started = CancellationToken::new();
    // 64 MiB in 1,024 chunks: far more than may be under way.
    let chunk: String = "0123456789abcde\n".repeat(4096);
    let script = (0..1_024).fold(Script::new().until(&started), |script, _| script.stdout(chunk.clone()));
    stage.engine.script("build", script);
    let run_id = stage.queue(one_step()).await;
    let _worker = Running::start(settings("worker-001"), stage.edges_by(&gate).await);
    stage.engine.until_started("build").await;
    gate.slow(Duration::from_millis(200));
    let before = resident_bytes();
    started.cancel();
    wait_until("lines arrive", async || {
        let count = "select count(*) from ops.run_logs where run_id = $1";
        let lines: i64 = stage.eye.query_one(count, &[&run_id.0]).await.expect("a count").get(0);
        (lines > 5_000).then_some(())
    })
    .await;
    let grown = resident_bytes().saturating_sub(before);
    // Held in memory as lines, all of it would take more than 300 MiB.
    assert!(grown < 128 << 20, "the worker grew by {} MiB while the database was slow", grown >> 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_somebody_else_writes_in_between_is_numbered_around() {
    let stage = Stage::new().await;
    let told = CancellationToken::new();
    stage.engine.script("build", Script::new().stdout("one\n").until(&told).stdout("two\n"));
    let run_id = stage.queue(one_step()).await;
    let _worker = stage.worker().await;
    wait_until("the first line is there", async || (!stage.lines(run_id).await.is_empty()).then_some(()))
        .await;
    let level = odooops::contract::LogLevel::Info;
    stage.operator.append_run_log(run_id, level, "a note", &json!({}), None).await.expect("a note");
    told.cancel();
    stage.until(run_id, "succeeded").await;
    assert_eq!(stage.lines(run_id).await, ["build: one", ": a note", "build: two"]);
}

/// Resident memory of this process.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    let kib: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    kib * 1024
}
