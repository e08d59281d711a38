//! The unit file: how far it is shut in, and what it promises.

use crate::support::shell::{command, end_of, repository};

const UNIT: &str = "deploy/systemd/odooops-worker@.service";
/// Of 10; systemd calls less than 2.0 "OK".
const EXPOSURE_MAX: f64 = 2.0;

#[tokio::test]
async fn the_unit_is_shut_in() {
    let mut analyze = command("systemd-analyze");
    analyze.args(["security", "--offline=true", "--no-pager", UNIT]);
    let judged = end_of(analyze).await;
    assert_eq!(judged.code, 0, "{}", judged.stderr);
    let said = judged.stdout.split("Overall exposure level for ").nth(1).expect("a verdict");
    let exposure: f64 = said.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("a number");
    assert!(exposure <= EXPOSURE_MAX, "{}", judged.stdout);
}

#[test]
fn a_worker_outlives_neither_its_heartbeat_nor_wrong_settings() {
    let unit = std::fs::read_to_string(repository().join(UNIT)).expect("the unit");
    for line in [
        "Type=notify",
        "ExecStart=/usr/bin/odooops worker --check-first",
        "Restart=on-failure",
        "RestartPreventExitStatus=2",
        "TimeoutStartSec=120",
        "WatchdogSec=30",
        "KillMode=mixed",
        "StateDirectory=odooops odooops/store",
    ] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
}

/// A group that is not there keeps a unit from starting at all (216/GROUP), and who uses podman has no `docker`.
#[test]
fn the_unit_names_no_group_that_another_package_makes() {
    let unit = std::fs::read_to_string(repository().join(UNIT)).expect("the unit");
    assert!(!unit.lines().any(|line| line.starts_with("SupplementaryGroups=")));
}
