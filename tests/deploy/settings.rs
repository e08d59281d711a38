//! What `deploy/make-env` writes, and what Compose makes of it; nothing is started.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

use tempfile::TempDir;

use super::stack::compose_program;
use crate::support::shell::{Ended, command, end_of, repository};

/// An engine that says it is rootless and has one processor.
const ROOTLESS_ENGINE: &str = r#"#!/bin/sh
case "$*" in
  *info*) echo '1 [name=seccomp,profile=builtin name=rootless]' ;;
  *) echo "no answer to docker $*" >&2; exit 1 ;;
esac
"#;

/// `deploy/make-env FILE`, called in `folder`.
async fn make_env(folder: &Path, file: &str, environment: &[(&str, &str)]) -> Ended {
    let mut make = command(&repository().join("deploy/make-env").display().to_string());
    make.arg(file).current_dir(folder).envs(environment.iter().copied());
    end_of(make).await
}

fn read(folder: &Path, file: &str) -> String {
    std::fs::read_to_string(folder.join(file)).expect("settings")
}

/// What Compose understands of files in `deploy/` with these settings; also of services for the command line.
async fn config(env_file: &Path, files: &[&str], environment: &[(&str, &str)]) -> Ended {
    let mut compose = compose_program().await;
    compose.arg("--env-file").arg(env_file).args(["--profile", "cli"]);
    for file in files {
        compose.args(["-f", &format!("deploy/{file}")]);
    }
    compose.arg("config").envs(environment.iter().copied());
    end_of(compose).await
}

/// Name and lines of each service.
fn services(config: &str) -> Vec<(&str, String)> {
    let mut services: Vec<(&str, String)> = Vec::new();
    let lines = config.lines().skip_while(|line| *line != "services:").skip(1);
    for line in lines.take_while(|line| line.is_empty() || line.starts_with(' ')) {
        match line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')) {
            Some(name) if !name.starts_with(' ') => services.push((name, String::new())),
            Some(_) | None => {
                let lines = &mut services.last_mut().expect("a service").1;
                lines.push_str(line.trim_start());
                lines.push('\n');
            }
        }
    }
    services
}

#[tokio::test]
async fn settings_without_passwords_are_refused_and_made_ones_are_ones_own() {
    let folder = TempDir::new().expect("a folder");
    let refused = config(&repository().join("deploy/.env.example"), &["compose.yaml"], &[]).await;
    assert!(refused.code != 0 && refused.stderr.contains("run deploy/make-env"), "{refused:?}");

    let make = async |file: &str| make_env(folder.path(), file, &[]).await.code;
    assert_eq!((make("a").await, make("b").await), (0, 0), "a path is one of the caller's folder");
    assert_eq!(make("a").await, 1, "one that is there is kept");
    assert_eq!(make("missing/a").await, 2);
    let secrets = |text: String| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains("PASSWORD=") || line.contains("SECRET"));
        lines.map(str::to_owned).collect()
    };
    let (a, b) = (secrets(read(folder.path(), "a")), secrets(read(folder.path(), "b")));
    assert!(a.len() == 7 && a.iter().all(|line| !b.contains(line) && !line.ends_with('=')), "{a:?}");
    let mode = folder.path().join("a").metadata().expect("settings").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn an_engine_is_found_where_docker_finds_it() {
    let folder = TempDir::new().expect("a folder");
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).expect("a folder");
    std::fs::write(bin.join("docker"), ROOTLESS_ENGINE).expect("a docker");
    std::fs::set_permissions(bin.join("docker"), std::fs::Permissions::from_mode(0o755)).expect("a program");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("a PATH"));
    let socket = folder.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    let host = format!("unix://{}", socket.display());
    let make = async |file: &str, host: &str, more: &[(&str, &str)]| {
        let environment = [&[("PATH", path.as_str()), ("DOCKER_HOST", host)], more].concat();
        make_env(folder.path(), file, &environment).await
    };

    let unreachable = make("remote", "tcp://192.0.2.1:2376", &[]).await;
    assert!(unreachable.code == 3 && unreachable.stderr.contains("DOCKER_SOCKET"), "{unreachable:?}");
    let without_address = make("rootless", &host, &[]).await;
    assert!(
        without_address.code == 3 && without_address.stderr.contains("DOCKER_GATEWAY"),
        "{without_address:?}"
    );
    let made = make("rootless", &host, &[("DOCKER_GATEWAY", "192.0.2.2")]).await;
    assert_eq!(made.code, 0, "{}", made.stderr);
    let text = read(folder.path(), "rootless");
    let socket = format!("DOCKER_SOCKET={}", socket.display());
    for line in [socket.as_str(), "DOCKER_GID=0", "DOCKER_GATEWAY=192.0.2.2", "SERVICE_CPUS=1"] {
        assert!(text.lines().any(|there| there == line), "{line}: {text}");
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("the folder").collect();
    assert_eq!(left.len(), 3, "nothing but settings, socket and docker: {left:?}");
}

#[tokio::test]
async fn git_is_not_told_of_passwords() {
    let ignored = async |file: &str| {
        let mut git = command("git");
        git.args(["check-ignore", "--quiet", "--no-index", file]);
        end_of(git).await.code == 0
    };
    for file in [".env", ".env.AbC123", ".env.staging", "compose.override.yaml", "secrets/GIT_TOKEN"] {
        assert!(ignored(&format!("deploy/{file}")).await, "{file}");
    }
    assert!(!ignored("deploy/.env.example").await);
}

#[tokio::test]
async fn each_service_has_its_limits() {
    let folder = TempDir::new().expect("a folder");
    assert_eq!(make_env(folder.path(), "env", &[]).await.code, 0);
    for (file, count) in [("compose.yaml", 7), ("compose.dev.yaml", 4)] {
        let understood = config(&folder.path().join("env"), &[file], &[("ADDONS", "/addons")]).await;
        assert_eq!(understood.code, 0, "{}", understood.stderr);
        let services = services(&understood.stdout);
        assert_eq!(services.len(), count, "{}", understood.stdout);
        for (name, lines) in services {
            for limit in ["mem_limit: ", "cpus: ", "pids_limit: "] {
                assert!(lines.lines().any(|line| line.starts_with(limit)), "{file}: {name} has no {limit}");
            }
        }
    }
}

#[tokio::test]
async fn another_s3_server_takes_the_place_of_the_one_that_is_there() {
    const SERVER: &str = "https://s3.example.com";
    let folder = TempDir::new().expect("a folder");
    assert_eq!(make_env(folder.path(), "env", &[]).await.code, 0);
    let env_file = folder.path().join("env");
    let files = ["compose.yaml", "compose.s3.yaml"];
    let unnamed = config(&env_file, &files, &[]).await;
    assert!(unnamed.code != 0 && unnamed.stderr.contains("name the S3 server"), "{unnamed:?}");

    let settings = [("S3_ENDPOINT_URL", SERVER), ("S3_REGION", "eu-central-1"), ("S3_BUCKET", "ours")];
    let understood = config(&env_file, &files, &settings).await;
    assert_eq!(understood.code, 0, "{}", understood.stderr);
    for (name, lines) in services(&understood.stdout) {
        let has = |line: &str| lines.lines().any(|there| there == line);
        assert_eq!(lines.contains("GARAGE_"), name == "s3", "{name} and the settings of Garage: {lines}");
        assert_eq!(has("scale: 0"), name == "s3", "{name}: {lines}");
        let stores = matches!(name, "worker" | "odooops");
        assert_eq!(has(&format!("AWS_ENDPOINT_URL: {SERVER}")), stores, "{name}: {lines}");
        if stores {
            assert!(
                has("AWS_REGION: eu-central-1") && has("ODOOOPS_STORE_URL: s3://ours"),
                "{name}: {lines}"
            );
            assert!(lines.contains("\ncontrol: ") && lines.contains("\noutside: "), "{name}: {lines}");
        }
    }
}
