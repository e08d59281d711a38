//! One container from its making to its removal: exit codes, stops, and what cannot be started.

use std::time::{Duration, Instant};

use odooops::container::{ContainerError, Containers};

use super::lab::{collect, in_lab};

#[tokio::test]
async fn the_engine_says_who_it_is() {
    in_lab(async |lab| {
        let engine = lab.docker.engine().await.expect("engine");
        assert!(!engine.version.is_empty());
        let (major, minor) = engine.api_version.split_once('.').expect("major.minor");
        assert!(major == "1" && minor.parse::<u32>().expect("a number") >= 41, "{engine:?}");
    })
    .await;
}

#[tokio::test]
async fn exit_codes_come_through() {
    in_lab(async |lab| {
        for code in [0, 1, 3, 125, 126, 255] {
            let exit = lab.sh(&format!("exit {code}")).await.exit;
            assert_eq!((exit.code, exit.oom_killed), (code, false));
        }
        assert_eq!(lab.sh("kill -TERM $$").await.exit.code, 143);
    })
    .await;
}

#[tokio::test]
async fn what_the_spec_says_holds_inside() {
    in_lab(async |lab| {
        let mut spec = lab.shell("echo \"$PWD $A $(id -u)\"");
        spec.env.insert("A".to_owned(), "x = 'y'".to_owned());
        spec.workdir = Some("/opt".to_owned());
        spec.user = Some("65534".to_owned());
        assert_eq!(lab.run(&spec).await.text(), "/opt x = 'y' 65534\n");
        let mut spec = lab.shell("");
        spec.entrypoint = Some(vec!["/bin/echo".to_owned(), "a b".to_owned()]);
        spec.command = Some(vec!["$HOME".to_owned()]);
        assert_eq!(lab.run(&spec).await.text(), "a b $HOME\n", "no shell in between");
    })
    .await;
}

#[tokio::test]
async fn a_command_that_is_not_there_is_the_workflows_fault() {
    in_lab(async |lab| {
        let mut spec = lab.shell("");
        spec.command = Some(vec!["/no/such/command".to_owned()]);
        let id = lab.docker.create(&spec).await.expect("create");
        match lab.docker.start(&id).await {
            // With an init in front the engine starts that, and it is the one who says so.
            Ok(output) => {
                let (_, stderr) = collect(output).await.expect("output");
                let said = String::from_utf8_lossy(&stderr).into_owned();
                assert!(said.contains("/no/such/command"), "{said}");
                assert_eq!(lab.docker.wait(&id).await.expect("exit").code, 127);
            }
            Err(error) => assert!(matches!(error, ContainerError::CannotStart(_)), "{error}"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_user_that_is_not_in_the_image_cannot_start() {
    in_lab(async |lab| {
        let mut spec = lab.shell("true");
        spec.user = Some("nobody-of-that-name".to_owned());
        let id = lab.docker.create(&spec).await.expect("create");
        let Err(error) = lab.docker.start(&id).await else { panic!("it started") };
        assert!(matches!(error, ContainerError::CannotStart(_)), "{error}");
        assert!(!error.is_infrastructure());
    })
    .await;
}

#[tokio::test]
async fn a_stop_lets_it_finish_within_the_grace() {
    in_lab(async |lab| {
        let script = "trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.1; done";
        let id = lab.docker.create(&lab.shell(script)).await.expect("create");
        let mut output = lab.docker.start(&id).await.expect("start");
        futures_util::StreamExt::next(&mut output).await.expect("up").expect("bytes");
        lab.docker.stop(&id, Duration::from_secs(20)).await.expect("stop");
        assert_eq!(collect(output).await.expect("output").0, b"bye\n");
        assert_eq!(lab.docker.wait(&id).await.expect("exit").code, 7);
    })
    .await;
}

#[tokio::test]
async fn a_stop_kills_what_does_not_listen_after_the_grace() {
    in_lab(async |lab| {
        let script = "trap '' TERM; echo up; while :; do sleep 0.1; done";
        let id = lab.docker.create(&lab.shell(script)).await.expect("create");
        let mut output = lab.docker.start(&id).await.expect("start");
        futures_util::StreamExt::next(&mut output).await.expect("up").expect("bytes");
        let since = Instant::now();
        lab.docker.stop(&id, Duration::from_secs(2)).await.expect("stop");
        assert!(since.elapsed() >= Duration::from_secs(2));
        assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
        let exit = lab.docker.wait(&id).await.expect("exit");
        assert_eq!((exit.code, exit.oom_killed), (137, false));
    })
    .await;
}

#[tokio::test]
async fn stopping_and_removing_what_is_gone_is_no_error() {
    in_lab(async |lab| {
        let id = lab.docker.create(&lab.shell("true")).await.expect("create");
        collect(lab.docker.start(&id).await.expect("start")).await.expect("output");
        lab.docker.wait(&id).await.expect("exit");
        lab.docker.stop(&id, Duration::from_secs(1)).await.expect("stop what has ended");
        let (one, two) = tokio::join!(lab.docker.remove(&id), lab.docker.remove(&id));
        assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
        lab.docker.remove(&id).await.expect("remove what is gone");
        lab.docker.stop(&id, Duration::from_secs(1)).await.expect("stop what is gone");
        assert!(matches!(lab.docker.wait(&id).await, Err(ContainerError::NotFound(_))));
        assert!(matches!(lab.docker.healthy(&id).await, Err(ContainerError::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn a_running_container_is_removed_with_force() {
    in_lab(async |lab| {
        let id = lab.docker.create(&lab.shell("sleep 600")).await.expect("create");
        let output = lab.docker.start(&id).await.expect("start");
        assert_eq!(lab.docker.healthy(&id).await.expect("health"), None);
        lab.docker.remove(&id).await.expect("remove");
        let (stdout, stderr) = collect(output).await.unwrap_or_default();
        assert!(stdout.is_empty() && stderr.is_empty());
        assert!(lab.docker.list_owned(lab.instance).await.expect("list").is_empty());
    })
    .await;
}

#[tokio::test]
async fn waiting_for_what_was_never_started_does_not_wait_for_ever() {
    in_lab(async |lab| {
        let id = lab.docker.create(&lab.shell("true")).await.expect("create");
        let waited = lab.docker.wait(&id).await;
        assert!(matches!(waited, Err(ContainerError::Engine(_))), "{waited:?}");
    })
    .await;
}

#[tokio::test]
async fn a_name_is_given_once() {
    in_lab(async |lab| {
        let spec = lab.shell("true");
        lab.docker.create(&spec).await.expect("create");
        let again = lab.docker.create(&spec).await;
        assert!(matches!(again, Err(ContainerError::Engine(_))), "{again:?}");
    })
    .await;
}
