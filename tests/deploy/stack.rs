//! A Compose project of one test's own: its images, its settings, and its removal whatever the test does.

use std::net::TcpListener;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures_util::FutureExt as _;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::support::shell::{Ended, command, ended, repository};

/// The images that [`images`] makes.
pub(super) const WORKER_IMAGE: &str = "odooops-test/worker:latest";
pub(super) const STANDIN: &str = "odooops-standin:18.0";
const POSTGRES_IMAGE: &str = "odooops-test/postgres:latest";
const S3_IMAGE: &str = "odooops-test/s3:latest";

/// Packages have to be fetched, on a machine that may have more to do.
const LIMIT: Duration = Duration::from_secs(900);
/// Pause between two looks where nothing can be awaited.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// The image made by `tests/fixtures/images/base.sh`.
pub(super) fn base_image() -> String {
    std::env::var("ODOOOPS_TEST_BASE_IMAGE").unwrap_or_else(|_| "odooops-test/base:bookworm".to_owned())
}

/// Makes the images, once for all tests.
pub(super) async fn images() {
    static MADE: OnceCell<()> = OnceCell::const_new();
    let make = || async {
        let programs = Path::new(env!("CARGO_BIN_EXE_odooops")).parent().expect("a folder").to_path_buf();
        // A call for one kind of target (`cargo test --tests`) builds no examples. The environment has the same flags.
        let mut cargo = command(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "--example", "s3_server", "--target-dir"]);
        cargo.arg(programs.parent().expect("the target folder"));
        // What cargo tells a test of its package is not there outside. A crate that looks at it (ring does) and all
        // that stand on it would be compiled anew, and once more by the next call from outside.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text == "OUT_DIR" || text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(&name);
            }
        }
        let built = run(cargo).await;
        assert_eq!(built.code, 0, "the S3 server could not be built: {}", built.stderr);
        let mut script = command("tests/fixtures/images/deploy.sh");
        script.arg(programs);
        let made = run(script).await;
        assert_eq!(made.code, 0, "the images could not be made: {}", made.stderr);
    };
    MADE.get_or_init(make).await;
}

/// Runs a command to its end; it may take long.
pub(super) async fn run(mut command: Command) -> Ended {
    let output = tokio::time::timeout(LIMIT, command.output()).await;
    ended(output.expect("the command must not hang").expect("the command can be run"))
}

/// Stdout of `docker` with these arguments.
pub(super) async fn docker(args: &[&str]) -> String {
    let mut docker = command("docker");
    docker.args(args);
    let done = run(docker).await;
    assert_eq!(done.code, 0, "docker {args:?}: {}", done.stderr);
    done.stdout
}

/// Compose, 1.29 or its successor.
pub(super) async fn compose_program() -> Command {
    let standalone = Command::new("docker-compose").arg("version").stdout(Stdio::null()).status().await;
    if standalone.is_ok() {
        return command("docker-compose");
    }
    let mut docker = command("docker");
    docker.arg("compose");
    docker
}

/// A port that is free now.
pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number").port()
}

/// A Compose project.
pub(super) struct Stack {
    name: String,
    compose_file: PathBuf,
    overrides: Option<PathBuf>,
    env_file: PathBuf,
    _folder: TempDir,
}

impl Stack {
    /// Runs `body` with a project of `deploy/<compose_file>` and removes the project, also when the body fails.
    /// `settings` are those beside the images; `overrides` is a second Compose file.
    pub(super) async fn with(
        compose_file: &str,
        settings: &[(&str, &str)],
        overrides: Option<&str>,
        body: impl AsyncFnOnce(&Self),
    ) {
        images().await;
        let stack = Self::new(compose_file, settings, overrides).await;
        let outcome = AssertUnwindSafe(body(&stack)).catch_unwind().await;
        let logs =
            if outcome.is_err() { stack.compose(&["logs", "--tail=40"]).await.stdout } else { String::new() };
        let down = stack.compose(&["down", "--volumes", "--timeout", "30"]).await;
        if let Err(panic) = outcome {
            eprintln!("{logs}");
            std::panic::resume_unwind(panic);
        }
        assert_eq!(down.code, 0, "{}", down.stderr);
        stack.assert_gone().await;
    }

    async fn new(compose_file: &str, settings: &[(&str, &str)], overrides: Option<&str>) -> Self {
        let folder = TempDir::new().expect("a folder");
        let name = format!("odooops-test-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
        let env_file = folder.path().join("env");
        let mut make_env = command("deploy/make-env");
        make_env.arg(&env_file);
        let made = run(make_env).await;
        assert_eq!(made.code, 0, "{}", made.stderr);
        let images = [
            ("COMPOSE_PROJECT_NAME", name.as_str()),
            ("ODOOOPS_IMAGE", WORKER_IMAGE),
            ("POSTGRES_IMAGE", POSTGRES_IMAGE),
            ("S3_IMAGE", S3_IMAGE),
            ("ODOO_IMAGE", STANDIN),
        ];
        let mut text = std::fs::read_to_string(&env_file).expect("the settings");
        for (name, value) in images.iter().chain(settings) {
            text.push_str(&format!("{name}={value}\n"));
        }
        std::fs::write(&env_file, text).expect("the settings");
        let overrides = overrides.map(|text| {
            let file = folder.path().join("override.yaml");
            std::fs::write(&file, text).expect("a Compose file");
            file
        });
        let compose_file = repository().join("deploy").join(compose_file);
        Self { name, compose_file, overrides, env_file, _folder: folder }
    }

    /// Compose with these arguments.
    pub(super) async fn compose(&self, args: &[&str]) -> Ended {
        let mut compose = compose_program().await;
        compose
            .arg("-p")
            .arg(&self.name)
            .arg("--env-file")
            .arg(&self.env_file)
            .arg("-f")
            .arg(&self.compose_file);
        if let Some(overrides) = &self.overrides {
            compose.arg("-f").arg(overrides);
        }
        compose.args(args);
        run(compose).await
    }

    /// Starts it, in the background.
    pub(super) async fn up(&self, args: &[&str]) {
        let up = self.compose(&[&["up", "-d", "--no-build"], args].concat()).await;
        assert_eq!(up.code, 0, "{}{}", up.stdout, up.stderr);
    }

    /// Ids of a service's containers.
    pub(super) async fn containers(&self, service: &str) -> Vec<String> {
        let project = format!("label=com.docker.compose.project={}", self.name);
        let service = format!("label=com.docker.compose.service={service}");
        let ids = docker(&["ps", "-aq", "--filter", &project, "--filter", &service]).await;
        ids.lines().map(str::to_owned).collect()
    }

    /// Waits until every container of a service says that it is healthy.
    pub(super) async fn wait_until_healthy(&self, service: &str) {
        let containers = self.containers(service).await;
        assert!(!containers.is_empty(), "no container of {service}");
        for container in containers {
            wait_until(&format!("{service} is healthy"), async || {
                let health = docker(&["inspect", "-f", "{{.State.Health.Status}}", &container]).await;
                health == "healthy"
            })
            .await;
        }
    }

    /// What a query of the control plane gives, a line a row.
    pub(super) async fn query(&self, sql: &str) -> String {
        let script = "PGPASSWORD=$POSTGRES_PASSWORD psql -XAt -h 127.0.0.1 -U postgres -d odooops -c \"$1\"";
        let asked = self.compose(&["exec", "-T", "postgres", "sh", "-c", script, "psql", sql]).await;
        assert_eq!(asked.code, 0, "{sql}: {}", asked.stderr);
        asked.stdout
    }

    async fn assert_gone(&self) {
        let filter = format!("label=com.docker.compose.project={}", self.name);
        for what in [
            &["ps", "-aq", "--filter"][..],
            &["volume", "ls", "-q", "--filter"],
            &["network", "ls", "-q", "--filter"],
        ] {
            assert_eq!(docker(&[what, &[filter.as_str()]].concat()).await, "", "{what:?} after down");
        }
    }
}

/// Looks until it is so; `what` is said when it never is.
pub(super) async fn wait_until(what: &str, look: impl AsyncFn() -> bool) {
    let looking = async {
        while !look().await {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    let waited = tokio::time::timeout(LIMIT, looking).await;
    assert!(waited.is_ok(), "waited {} s in vain until {what}", LIMIT.as_secs());
}
