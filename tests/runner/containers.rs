//! Runs in real containers: input, output, workspace, artifacts, services, networks, limits, images.

use std::time::{Duration, Instant};

use odooops::contract::EnqueueOptions;
use odooops::runner::Edges;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::docker::{DockerStage, base_image, on_docker, shell, shell_with};
use super::stage::{Running, settings};
use crate::store::server::{BUCKET, S3Server};
use crate::support::signals::wait_until;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_does_nothing_succeeds_and_leaves_nothing() {
    on_docker(async |it| {
        let definition =
            json!({ "steps": [{ "name": "nothing", "image": base_image(), "command": ["true"] }] });
        let run_id = it.stage.queue(definition).await;
        let mut worker = it.worker().await;
        it.stage.until(run_id, "succeeded").await;
        worker.drained().await;
        assert_eq!(it.owned().await, []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tools_name_means_its_image() {
    on_docker(async |it| {
        let put = "select ops.put_tool(p_name => 'make', p_version => '1', p_image => $1)";
        it.stage.eye.execute(put, &[&base_image()]).await.expect("a tool");
        let definition =
            json!({ "steps": [{ "name": "s", "image": "make", "command": ["true"], "network": "none" }] });
        let run_id = it.stage.queue(definition).await;
        let _worker = it.worker().await;
        it.stage.until(run_id, "succeeded").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn input_reaches_a_step_and_its_output_reaches_the_result() {
    on_docker(async |it| {
        let first = r#"
            echo "$ODOOOPS_INPUT_NAME / $ODOOOPS_PROJECT / $ODOOOPS_GIT_REF / $ODOOOPS_STEP / $ODOOOPS_ATTEMPT"
            cat /odooops/input.json; echo
            pwd
            echo kept > /workspace/file
            printf '{"answer": 42}' > /odooops/output.json
        "#;
        let definition = json!({ "steps": [shell("first", first), shell("second", "cat file")] });
        let input = json!({ "name": "it's; $(id) \"quoted\"" });
        let run_id = it.stage.queue_with(definition, input.clone(), EnqueueOptions::default()).await;
        let _worker = it.worker().await;
        let run = it.stage.until(run_id, "succeeded").await;

        assert_eq!(run["result"], json!({ "answer": 42 }));
        let lines = it.stage.lines(run_id).await;
        assert_eq!(lines[0], "first: it's; $(id) \"quoted\" / shop / main / first / 1");
        let stored: Value = serde_json::from_str(lines[1].trim_start_matches("first: ")).expect("JSON");
        assert_eq!(stored, input);
        assert_eq!(lines[2..], ["first: /workspace", "second: kept"]);
        it.stage.assert_log_is_whole(run_id).await;
    })
    .await;
}

/// Makes files of several kinds, prints the checksum of the large one.
const FILES: &str = r"
    mkdir -p out/deep elsewhere
    printf '<html></html>' > out/report.html
    head -c 12000000 /dev/urandom > out/deep/large.bin
    ln -s /etc/passwd out/link
    echo no > elsewhere/no.txt
    echo also > single.txt
    sha256sum < out/deep/large.bin
    exit 3
";

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_are_kept_also_when_the_step_fails() {
    on_docker(async |it| {
        let store = it.stage.store().await;
        check_artifacts(it, it.edges().await, &store, "file://").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_are_kept_in_s3() {
    on_docker(async |it| {
        let server = S3Server::start().await;
        let store = server.store(&format!("s3://{BUCKET}/kept")).await;
        let edges = Edges { store: store.clone(), ..it.edges().await };
        check_artifacts(it, edges, &store, &format!("s3://{BUCKET}/kept/shop/runs/")).await;
    })
    .await;
}

async fn check_artifacts(it: &DockerStage, edges: Edges, store: &odooops::store::Store, beginning: &str) {
    use tokio::io::AsyncReadExt as _;
    let globs = json!({ "artifacts": ["out/**", "single.txt", "none/*.xml"] });
    let run_id = it.stage.queue(json!({ "steps": [shell_with("make", FILES, &globs)] })).await;
    let mut worker = Running::start(settings("worker-001"), edges);
    assert_eq!(it.stage.until(run_id, "failed").await["exit_code"], 3);

    let kept = it.stage.operator.run_artifacts(run_id).await.expect("artifacts");
    let keys: Vec<&str> = kept.iter().map(|artifact| artifact.artifact_key.as_str()).collect();
    assert_eq!(keys, ["out/deep/large.bin", "out/report.html", "single.txt"]);
    assert!(kept.iter().all(|artifact| artifact.s3_url.starts_with(beginning)), "{kept:?}");
    assert_eq!(kept[0].size_bytes, Some(12_000_000));
    assert_eq!(kept[1].content_type.as_deref(), Some("text/html"));
    let lines = it.stage.lines(run_id).await;
    let printed = lines[0].trim_start_matches("make: ").split(' ').next();
    assert_eq!(kept[0].sha256.as_deref(), printed);
    assert!(lines.iter().any(|line| line.contains("out/link is a link")), "{lines:?}");
    let mut object = store.get(&kept[0].s3_url, kept[0].sha256.as_deref()).await.expect("it is there");
    let mut bytes = Vec::new();
    object.reader.read_to_end(&mut bytes).await.expect("whole");
    assert_eq!(Some(hex::encode(Sha256::digest(&bytes)).as_str()), printed);
    worker.drained().await;
    assert_eq!(it.owned().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_runs_beside_its_step_and_is_gone_after_it() {
    on_docker(async |it| {
        let server = "use IO::Socket::INET; $| = 1;
            my $s = IO::Socket::INET->new(LocalPort => 7000, Listen => 5) or die; print qq(listening\\n);
            while (my $c = $s->accept) { print $c qq(hello $ENV{WHO}\\n); close $c }";
        let client =
            "for i in $(seq 100); do (exec 3<>/dev/tcp/greeter/7000) 2>/dev/null && break; sleep 0.1; done
            exec 3<>/dev/tcp/greeter/7000; cat <&3";
        let definition = json!({ "steps": [{
            "name": "ask", "image": base_image(), "command": ["bash", "-c", client],
            "services": [{
                "name": "greeter", "image": base_image(), "command": ["perl", "-e", server],
                "env": { "WHO": "step" },
            }],
        }]});
        let run_id = it.stage.queue(definition).await;
        let mut worker = it.worker().await;
        it.stage.until(run_id, "succeeded").await;
        let mut lines = it.stage.lines(run_id).await;
        lines.sort();
        assert_eq!(lines, ["ask/greeter: listening", "ask: hello step"]);
        worker.drained().await;
        assert_eq!(it.owned().await, []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn network_none_really_has_no_network() {
    on_docker(async |it| {
        let look = "ls /sys/class/net; tail -n +2 /proc/net/route | wc -l";
        let on_network = shell_with("connected", look, &json!({ "network": "run" }));
        let run_id = it.stage.queue(json!({ "steps": [shell("alone", look), on_network] })).await;
        let _worker = it.worker().await;
        it.stage.until(run_id, "succeeded").await;
        let lines = it.stage.lines(run_id).await;
        let alone: Vec<_> = lines.iter().filter(|line| line.starts_with("alone: ")).collect();
        assert_eq!(alone, ["alone: lo", "alone: 0"]);
        assert!(lines.contains(&"connected: eth0".to_owned()), "{lines:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_needs_too_much_memory_is_told_its_limit() {
    on_docker(async |it| {
        let limits = json!({ "limits": { "memory_mb": 32 } });
        let hungry = shell_with("hungry", r#"perl -e '$x = "a" x 300_000_000; print length $x'"#, &limits);
        let run_id = it.stage.queue(json!({ "steps": [hungry] })).await;
        let _worker = it.worker().await;
        let run = it.stage.until(run_id, "failed").await;
        assert_eq!(run["failure_reason"], "user");
        assert!(run["error_message"].as_str().expect("a message").contains("limit of 32 MiB"), "{run}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_container_is_gone_within_its_grace_and_five_seconds() {
    on_docker(async |it| {
        let stubborn = shell("stubborn", "trap '' TERM; echo ready; while :; do sleep 1; done");
        let run_id = it.stage.queue(json!({ "steps": [stubborn] })).await;
        let mut quick = settings("worker-001");
        quick.cancel_grace = Duration::from_secs(2);
        let _worker = it.worker_with(quick).await;
        wait_until("it is ready", async || (!it.stage.lines(run_id).await.is_empty()).then_some(())).await;
        let asked = Instant::now();
        it.stage.operator.cancel_run(run_id, "test").await.expect("asked");
        it.stage.until(run_id, "canceled").await;
        assert!(asked.elapsed() < Duration::from_secs(2 + 5), "{:?}", asked.elapsed());
        assert_eq!(it.owned().await, []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_no_registry_has_is_invalid() {
    on_docker(async |it| {
        let registry = registry().await;
        let image = format!("{registry}/team/app:1");
        let run_id = it.stage.queue(json!({ "steps": [{ "name": "s", "image": image }] })).await;
        let _worker = it.worker().await;
        let run = it.stage.until(run_id, "failed").await;
        assert_eq!(run["failure_reason"], "invalid");
        assert!(run["error_message"].as_str().expect("a message").contains(&image), "{run}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_out_of_reach_is_infrastructure_and_the_run_waits_for_another_try() {
    on_docker(async |it| {
        let run_id =
            it.stage.queue(json!({ "steps": [{ "name": "s", "image": "127.0.0.1:1/team/app:1" }] })).await;
        let mut worker = it.worker().await;
        let run = wait_until("the run is queued again", async || {
            let run = it.stage.run(run_id).await;
            (run["status"] == "queued" && run["attempt"] == 1).then_some(run)
        })
        .await;
        assert_eq!((&run["infra_attempts"], &run["failed_attempts"]), (&json!(1), &json!(0)));
        worker.drained().await;
        assert_eq!(it.owned().await, []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_control_planes_on_one_engine_do_not_touch_each_other() {
    on_docker(async |one| {
        on_docker(async |other| {
            let wait = shell("wait", "echo ready; sleep 4");
            let definition = json!({ "steps": [wait] });
            let (first, second) =
                (one.stage.queue(definition.clone()).await, other.stage.queue(definition).await);
            // Both janitors sweep twice a second while both runs are in their containers.
            let (_one, abandoned) = (one.worker().await, other.worker().await);
            wait_until("both are ready", async || {
                let ready =
                    !one.stage.lines(first).await.is_empty() && !other.stage.lines(second).await.is_empty();
                ready.then_some(())
            })
            .await;
            assert!(one.owned().await.iter().all(|a| a.labels.as_ref().is_some_and(|l| l.run_id == first.0)));
            one.stage.until(first, "succeeded").await;
            other.stage.until(second, "succeeded").await;
            drop(abandoned);
        })
        .await;
    })
    .await;
}

/// A registry on the loopback (engines reach it without TLS) that knows no image.
async fn registry() -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
    let answer = format!(
        "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its number").to_string();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 16 << 10];
                drop(connection.read(&mut request).await);
                drop(connection.write_all(answer.as_bytes()).await);
            });
        }
    });
    address
}
