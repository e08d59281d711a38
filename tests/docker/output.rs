//! No byte of a container's output is lost or doubled, however fast or slow it is read.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use odooops::container::docker::TimeLimits;
use odooops::container::{ContainerError, Containers, OutputStream};

use super::lab::{Lab, in_lab, only_file};
use super::proxy::{Mood, Proxy};

/// Lines of 100 bytes with their number, so that a missing or doubled byte shows.
const COUNTED: &str = r#"awk 'BEGIN { for (i = 0; i < LINES; i++) printf "%010d %088d\n", i, 7 }'"#;

fn counted(lines: usize) -> String {
    COUNTED.replace("LINES", &lines.to_string())
}

fn expected(lines: usize) -> Vec<u8> {
    (0..lines).flat_map(|i| format!("{i:010} {:088}\n", 7).into_bytes()).collect()
}

#[tokio::test]
async fn fifty_megabytes_on_both_streams_arrive_exactly() {
    in_lab(async |lab| {
        let lines = 250_000;
        let script = format!("{} & {} >&2; wait", counted(lines), counted(lines));
        let ran = lab.sh(&script).await;
        assert_eq!(ran.exit.code, 0);
        let expected = expected(lines);
        assert!(ran.stdout == expected, "stdout: {} of {} bytes", ran.stdout.len(), expected.len());
        assert!(ran.stderr == expected, "stderr: {} of {} bytes", ran.stderr.len(), expected.len());
    })
    .await;
}

#[tokio::test]
async fn a_last_line_without_a_newline_arrives() {
    in_lab(async |lab| {
        let ran = lab.sh("printf 'one\\ntwo'; printf 'three\\0' >&2").await;
        assert_eq!(ran.stdout, b"one\ntwo");
        assert_eq!(ran.stderr, b"three\0");
    })
    .await;
}

#[tokio::test]
async fn the_first_bytes_of_a_container_that_ends_at_once_arrive() {
    in_lab(async |lab| {
        for _ in 0..5 {
            assert_eq!(lab.sh("echo first").await.stdout, b"first\n");
        }
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_container_and_then_loses_nothing() {
    in_lab(async |lab| {
        let lines = 300_000;
        let id = lab.docker.create(&lab.shell(&counted(lines))).await.expect("create");
        let mut output = lab.docker.start(&id).await.expect("start");
        let mut bytes = output.next().await.expect("a chunk").expect("bytes").bytes.to_vec();
        tokio::time::sleep(Duration::from_secs(4)).await;
        let still = tokio::time::timeout(Duration::from_secs(1), lab.docker.wait(&id)).await;
        assert!(still.is_err(), "30 MB cannot have gone anywhere: the container waits for its reader");
        while let Some(chunk) = output.next().await {
            bytes.extend_from_slice(&chunk.expect("bytes").bytes);
        }
        let expected = expected(lines);
        assert!(bytes == expected, "{} of {} bytes", bytes.len(), expected.len());
    })
    .await;
}

/// What a reader gets that pauses for `pause` before it reads anything.
async fn read_late(lab: &Lab, lines: usize, pause: Duration) -> Vec<u8> {
    let id = lab.docker.create(&lab.shell(&counted(lines))).await.expect("create");
    let mut output = lab.docker.start(&id).await.expect("start");
    tokio::time::sleep(pause).await;
    let mut bytes = Vec::new();
    while let Some(chunk) = output.next().await {
        bytes.extend_from_slice(&chunk.expect("bytes").bytes);
    }
    bytes
}

#[tokio::test]
async fn the_end_survives_a_reader_that_pauses_while_the_container_ends() {
    in_lab(async |lab| {
        // The engine keeps 1 MB for a reader and drops what is in the pipe two seconds after the end,
        // so the sizes are such that the last bytes are in the pipe when the reader pauses: once
        // without anything kept on our side, then with all that we keep before the container is held.
        let sizes = [12_300, 12_600, 52_700, 53_500, 54_300, 54_700, 55_100, 55_500];
        let pause = Duration::from_secs(5);
        let reads = sizes.map(async |lines| (lines, read_late(lab, lines, pause).await));
        for (lines, bytes) in futures_util::future::join_all(reads).await {
            let expected = expected(lines);
            assert!(bytes == expected, "{lines} lines: {} of {} bytes", bytes.len(), expected.len());
        }
    })
    .await;
}

#[tokio::test]
async fn an_output_that_may_lack_its_end_because_nothing_can_be_paused_ends_with_an_error() {
    in_lab(async |lab| {
        let proxy = Proxy::start();
        proxy.be(Mood::NoPause);
        let there = Lab::open(Some((proxy.host(), TimeLimits::default())));
        let there = Lab { docker: there.docker, instance: lab.instance, run_id: lab.run_id };
        // As much as is kept at most, and what the engine keeps for a reader.
        let spec = there.shell("head -c $((65 << 20)) /dev/zero");
        let id = there.docker.create(&spec).await.expect("create");
        let mut output = there.docker.start(&id).await.expect("start");
        tokio::time::sleep(Duration::from_secs(6)).await;
        let mut last = None;
        while let Some(chunk) = output.next().await {
            last = Some(chunk.map(|chunk| chunk.stream));
        }
        assert!(matches!(last, Some(Err(ContainerError::OutputTorn(_)))), "{last:?}");
    })
    .await;
}

/// Writes megabytes for ever and notes in `/count` how many.
const ENDLESS: &str =
    "i=0; while :; do head -c 1048576 /dev/zero; i=$((i+1)); echo $i > /next; mv /next /count; done";

#[tokio::test]
async fn a_reader_that_stops_costs_bounded_memory_and_goes_on_when_it_likes() {
    in_lab(async |lab| {
        let id = lab.docker.create(&lab.shell(ENDLESS)).await.expect("create");
        let mut output = lab.docker.start(&id).await.expect("start");
        let count = async || {
            let file = only_file(lab, &id, "/count").await;
            String::from_utf8(file).expect("text").trim().parse::<usize>().expect("a number")
        };
        tokio::time::sleep(Duration::from_secs(4)).await;
        let early = count().await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(count().await, early, "it stands still");
        assert!(early < 80, "{early} MB went somewhere");
        let mut read_bytes = 0;
        while read_bytes < (early + 20) << 20 {
            read_bytes += output.next().await.expect("more").expect("bytes").bytes.len();
        }
        lab.docker
            .stop(&id, Duration::from_secs(1))
            .await
            .expect("a held container is stopped like any other");
        drop(output);
    })
    .await;
}

#[tokio::test]
async fn output_ends_soon_after_the_container() {
    in_lab(async |lab| {
        let id = lab.docker.create(&lab.shell("echo x")).await.expect("create");
        let mut output = lab.docker.start(&id).await.expect("start");
        lab.docker.wait(&id).await.expect("wait");
        let since = Instant::now();
        let chunk = output.next().await.expect("chunk").expect("bytes");
        assert_eq!((chunk.stream, chunk.bytes.as_ref()), (OutputStream::Stdout, b"x\n".as_slice()));
        assert!(output.next().await.is_none());
        assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    })
    .await;
}
