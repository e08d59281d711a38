//! The worker as a service: starts after its checks, drains on stop with a run in progress, is started
//! again when it hangs or dies, and is left alone when its settings are wrong.

use std::path::Path;

use odooops::contract::{Contract, EnqueueOptions, NewProject, NewRun, RunId, RunOverview};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::machine::Machine;
use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;
use crate::support::shell::{command, end_of};

const PROJECT: &str = "shop";
/// What this machine trusts: builds fetch through it, also behind a company CA.
const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
const UNIT: &str = "odooops-worker@1";
const SETTINGS: &str = "store_url = 'file:///var/lib/odooops/store'
[worker]
slots = 1
labels = ['systemd']
git_protocols = ['file']
odoo_image = 'odooops-standin:18.0'
";
/// Shorter than the runs here take, so that a stop that does not ask for more time kills them.
const OVERRIDES: &str = "[Service]
TimeoutStopSec=3
WatchdogSec=15
RestartSec=1
";

struct Service {
    machine: Machine,
    operator: Contract,
    database: TestDatabase,
}

impl Service {
    /// An installed package, configured in the three ways that a unit has: file, credentials, secrets.
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let operator = database.contract(Login::Operator);
        let machine = Machine::booted().await;
        // As on a machine with Docker: the package finds its group.
        machine
            .sh("groupadd --gid $(stat -c %g /run/docker.sock) docker || groupmod --new-name docker $(stat -c %G /run/docker.sock)")
            .await;
        machine.install().await;
        assert_eq!(machine.sh("id -nG odooops").await, "odooops docker");
        let dir = TempDir::new().expect("a folder");
        let url = database.login_url(Login::Worker);
        let files = [("odooops.toml", SETTINGS), ("overrides.conf", OVERRIDES), ("url", &url)];
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::write(&path, text).expect("a file");
            machine.copy(&path, &format!("/tmp/{name}")).await;
        }
        machine
            .sh("cat /tmp/odooops.toml >/etc/odooops/odooops.toml
                 install -d /etc/systemd/system/odooops-worker@.service.d
                 install -m 0644 /tmp/overrides.conf /etc/systemd/system/odooops-worker@.service.d/
                 install -d -m 0700 /etc/credstore
                 install -m 0600 /tmp/url /etc/credstore/ODOOOPS_WORKER_DATABASE_URL
                 printf 'hunter22\\n' >/etc/odooops/secrets/TOKEN
                 systemctl daemon-reload")
            .await;
        let project = NewProject {
            slug: PROJECT.to_owned(),
            repo_url: Some("file:///var/lib/odooops/sample".to_owned()),
            odoo_version: Some("18.0".to_owned()),
            ..NewProject::default()
        };
        operator.put_project(&project).await.expect("a project");
        Self { machine, operator, database }
    }

    async fn started() -> Self {
        let service = Self::new().await;
        service
            .machine
            .sh(&format!("systemctl start {UNIT} || {{ journalctl --no-pager -u {UNIT}; exit 1; }}"))
            .await;
        service
    }

    async fn queue(&self, workflow: &str) -> RunId {
        let run = NewRun {
            project: PROJECT.to_owned(),
            workflow: workflow.to_owned(),
            git_ref: None,
            commit_sha: None,
            input: json!({}),
            options: EnqueueOptions::default(),
        };
        self.operator.enqueue_run(&run).await.expect("queued").id
    }

    /// A run of one step.
    async fn queue_script(&self, script: &str) -> RunId {
        let definition: Value = json!({"steps": [{
            "name": "work", "image": "odooops-test/base:bookworm", "shell": script, "secrets": ["TOKEN"],
        }]});
        self.operator.put_workflow(PROJECT, "work", &definition, None).await.expect("a workflow");
        self.queue("work").await
    }

    async fn run(&self, id: RunId) -> RunOverview {
        self.operator.run(id).await.expect("the overview").expect("the run")
    }

    async fn until_run(&self, id: RunId, status: &str) {
        let limit = std::time::Duration::from_secs(180);
        let looking = async {
            loop {
                let run = self.run(id).await;
                if run.status.to_string() == status {
                    return;
                }
                assert!(!run.status.is_final(), "{run:?}\n{}", self.journal().await);
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(limit, looking).await.is_err() {
            panic!("run {id:?} is not {status}\n{}", self.journal().await);
        }
    }

    async fn journal(&self) -> String {
        self.machine.run(&format!("journalctl --no-pager -n 80 -u {UNIT}")).await.stdout
    }

    async fn property(&self, name: &str) -> String {
        self.machine.sh(&format!("systemctl show --property={name} --value {UNIT}")).await
    }
}

#[tokio::test]
async fn a_stop_drains_with_a_run_in_progress_and_its_time_limit_is_no_limit() {
    let service = Service::started().await;
    let ready = format!("systemctl show --property=StatusText --value {UNIT} | grep -qx 'takes runs'");
    service.machine.until("systemd knows that it takes runs", &ready).await;
    let run = service
        .queue_script("test \"$TOKEN\" = hunter22; for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 1; done")
        .await;
    let later = service.queue("work").await;
    service.until_run(run, "running").await;

    service.machine.sh(&format!("systemctl stop {UNIT}")).await;

    assert_eq!(service.run(run).await.status.to_string(), "succeeded", "{}", service.journal().await);
    assert_eq!(service.run(later).await.status.to_string(), "queued");
    let (result, state) = (service.property("Result").await, service.property("ActiveState").await);
    assert_eq!((result.as_str(), state.as_str()), ("success", "inactive"), "{}", service.journal().await);
    let journal = service.journal().await;
    assert!(journal.contains("draining"), "{journal}");
    assert!(!journal.contains("hunter22") && !journal.contains("odooops-test@"), "{journal}");
    let id = service.operator.worker_overview().await.expect("workers").remove(0).id;
    assert!(id.ends_with("-1"), "{id}");
}

#[tokio::test]
async fn a_worker_that_hangs_or_dies_is_started_again() {
    let service = Service::started().await;
    for (signal, restarts) in [("STOP", "1"), ("KILL", "2")] {
        service.machine.sh(&format!("systemctl kill --kill-whom=main --signal={signal} {UNIT}")).await;
        let again = format!(
            "test $(systemctl show --property=NRestarts --value {UNIT}) = {restarts} && systemctl is-active {UNIT}"
        );
        service.machine.until(&format!("it runs again after SIG{signal}"), &again).await;
    }
    service.machine.sh(&format!("journalctl --no-pager -u {UNIT} | grep -q 'Watchdog timeout'")).await;
    let run = service.queue_script("true").await;
    service.until_run(run, "succeeded").await;
}

#[tokio::test]
async fn shut_in_as_it_is_it_checks_out_and_builds() {
    let service = Service::new().await;
    let folder = TempDir::new().expect("a folder");
    let sample = folder.path().join("sample");
    let mut make = command("tests/fixtures/sample/make.sh");
    make.arg(&sample);
    let made = end_of(make).await;
    assert_eq!(made.code, 0, "{made:?}");
    service.machine.sh("install -d -o odooops -g odooops -m 0750 /var/lib/odooops").await;
    service.machine.copy(&sample, "/var/lib/odooops/sample").await;
    service.machine.sh("chown -R odooops:odooops /var/lib/odooops/sample").await;
    if Path::new(CA_BUNDLE).is_file() {
        service.machine.copy(Path::new(CA_BUNDLE), "/etc/odooops/ca.pem").await;
        let trust = "chmod 0644 /etc/odooops/ca.pem; echo \"ca_bundle = '/etc/odooops/ca.pem'\" >>/etc/odooops/odooops.toml";
        service.machine.sh(trust).await;
    }
    service.machine.sh(&format!("systemctl start {UNIT}")).await;
    let run = service.queue("odoo-build").await;
    service.until_run(run, "succeeded").await;
}

#[tokio::test]
async fn wrong_settings_are_not_tried_again() {
    let service = Service::new().await;
    service.machine.sh("printf 'slot = 2\\n' >>/etc/odooops/odooops.toml").await;
    let started = service.machine.run(&format!("systemctl start {UNIT}")).await;
    assert_ne!(started.code, 0, "{started:?}");
    assert_eq!(service.property("ExecMainStatus").await, "2");
    assert_eq!(service.property("ActiveState").await, "failed");
    assert_eq!(service.property("NRestarts").await, "0");
    let journal = service.journal().await;
    assert!(journal.contains("unknown key worker.slot") && journal.contains("worker.slots"), "{journal}");
}

#[tokio::test]
async fn a_check_that_fails_is_said_and_tried_again() {
    let service = Service::new().await;
    service
        .machine
        .sh("sed -i 's|file:///var/lib/odooops/store|file:///etc/odooops/store|' /etc/odooops/odooops.toml")
        .await;
    let started = service.machine.run(&format!("systemctl start {UNIT}")).await;
    assert_ne!(started.code, 0, "{started:?}");
    service
        .machine
        .until(
            "it is tried again",
            &format!("test $(systemctl show --property=NRestarts --value {UNIT}) -ge 1"),
        )
        .await;
    let journal = service.journal().await;
    for part in ["store", "failed", "file:///etc/odooops/store"] {
        assert!(journal.contains(part), "{part} is not in {journal}");
    }
}

#[tokio::test]
async fn a_login_with_too_many_rights_is_not_tried_again() {
    let service = Service::new().await;
    let url = service.database.login_url(Login::Operator);
    let dir = TempDir::new().expect("a folder");
    std::fs::write(dir.path().join("url"), url).expect("a file");
    service.machine.copy(&dir.path().join("url"), "/tmp/url").await;
    service.machine.sh("install -m 0600 /tmp/url /etc/credstore/ODOOOPS_WORKER_DATABASE_URL").await;
    let started = service.machine.run(&format!("systemctl start {UNIT}")).await;
    assert_ne!(started.code, 0, "{started:?}");
    assert_eq!(service.property("ExecMainStatus").await, "2");
    assert_eq!(service.property("NRestarts").await, "0");
    let journal = service.journal().await;
    assert!(journal.contains("ops_operator") && journal.contains("ops_worker only"), "{journal}");
}

#[tokio::test]
async fn without_a_docker_group_the_unit_starts_and_the_check_says_what_is_shut() {
    let service = Service::new().await;
    service.machine.sh("gpasswd --delete odooops docker; groupmod --new-name engine docker").await;
    let started = service.machine.run(&format!("systemctl start {UNIT}")).await;
    assert_ne!(started.code, 0, "{started:?}");
    let journal = service.journal().await;
    assert!(journal.contains("check=\"container engine\"") && journal.contains("good"), "{journal}");
    assert!(!journal.contains("216/GROUP"), "{journal}");
}
