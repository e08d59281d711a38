//! A container that is a machine: plain, or with systemd as its first process; the package, made once.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::support::shell::{Ended, command, ended};

/// Debian without anything; `tests/fixtures/images/base.sh` makes it.
const BASE: &str = "odooops-test/base:bookworm";
/// The same with systemd; `tests/fixtures/images/systemd.sh` makes it.
const SYSTEMD: &str = "odooops-test/systemd:bookworm";
/// How long anything on a machine may take, on a busy host.
const LIMIT: Duration = Duration::from_secs(180);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

static PACKAGE: OnceCell<(TempDir, PathBuf)> = OnceCell::const_new();
static NEXT_NUMBER: AtomicU32 = AtomicU32::new(1);

/// The package with the program that these tests were built with.
pub(super) async fn package() -> PathBuf {
    let make = || async {
        let dir = TempDir::new().expect("a folder");
        let mut script = command("scripts/package");
        script.args(["--binary", env!("CARGO_BIN_EXE_odooops"), "--out"]).arg(dir.path());
        let made = within_limit(script).await;
        assert_eq!(made.code, 0, "{made:#?}");
        let path = PathBuf::from(made.stdout.lines().last().expect("the package's path"));
        assert!(path.is_file(), "{made:#?}");
        (dir, path)
    };
    PACKAGE.get_or_init(make).await.1.clone()
}

async fn within_limit(mut command: Command) -> Ended {
    let output = tokio::time::timeout(LIMIT, command.output()).await;
    ended(output.expect("it must not hang").expect("it can be run"))
}

/// What becomes the first process: systemd, in a cgroup hierarchy that it shares with nobody, without the
/// units that would touch the host's kernel. Mounts are shared as on a real machine, which systemd leaves
/// alone in a container: without that the credentials of a service do not reach it.
const BOOT: &str = "
set -e
mount --make-rshared /
umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
for unit in systemd-sysctl.service systemd-udevd.service systemd-udev-trigger.service \
  systemd-modules-load.service systemd-remount-fs.service systemd-random-seed.service systemd-binfmt.service \
  systemd-logind.service systemd-timesyncd.service systemd-networkd.service console-getty.service \
  getty.target proc-sys-fs-binfmt_misc.automount dev-hugepages.mount dev-mqueue.mount \
  sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount; do
  ln -sf /dev/null /etc/systemd/system/$unit
done
exec /sbin/init";

/// A container; removed with this value.
pub(super) struct Machine {
    name: String,
}

impl Machine {
    /// Without any service.
    pub(super) async fn plain() -> Self {
        Self::start(BASE, &["--init"], "exec sleep infinity").await
    }

    /// With systemd, the host's network and the host's container engine.
    pub(super) async fn booted() -> Self {
        let flags = [
            "--network=host",
            "--cgroupns=private",
            // All that a nested test host itself has: it may lack SYS_RESOURCE, and cannot give it then.
            "--cap-add=ALL",
            "--cap-drop=SYS_RESOURCE",
            "--security-opt=seccomp=unconfined",
            "--security-opt=apparmor=unconfined",
            "--security-opt=systempaths=unconfined",
            "--tmpfs=/run",
            "--tmpfs=/run/lock",
            "--volume=/var/run/docker.sock:/run/docker.sock",
            "--env=container=docker",
        ];
        let machine = Self::start(SYSTEMD, &flags, BOOT).await;
        machine.until("systemd is up", "systemctl is-system-running | grep -qE 'running|degraded'").await;
        machine
    }

    async fn start(image: &str, flags: &[&str], script: &str) -> Self {
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("odooops-test-machine-{}-{number}", std::process::id());
        let mut docker = command("docker");
        docker.args(["run", "--detach", "--name", &name]).args(flags).args([image, "/bin/sh", "-c", script]);
        let started = within_limit(docker).await;
        let machine = Self { name };
        assert_eq!(started.code, 0, "tests/fixtures/images/*.sh make the images: {started:#?}");
        machine
    }

    /// Runs a script as root.
    pub(super) async fn run(&self, script: &str) -> Ended {
        let mut docker = command("docker");
        docker.args(["exec", &self.name, "/bin/sh", "-ec", script]);
        within_limit(docker).await
    }

    /// Runs a script that must succeed, and gives its answer.
    #[track_caller]
    pub(super) fn sh(&self, script: &str) -> impl Future<Output = String> {
        let caller = std::panic::Location::caller();
        async move {
            let ended = self.run(script).await;
            assert_eq!(ended.code, 0, "{caller}: {script}\n{ended:#?}");
            ended.stdout
        }
    }

    /// Looks until a script succeeds; shows the journal when it never does.
    pub(super) async fn until(&self, what: &str, script: &str) {
        let looking = async {
            while self.run(script).await.code != 0 {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(LIMIT, looking).await.is_err() {
            let journal = self.run("systemctl status --no-pager -l 'odooops-worker@*' || :; journalctl --no-pager -n 60 || :").await;
            panic!("waited {} s in vain until {what}: {script}\n{}", LIMIT.as_secs(), journal.stdout);
        }
    }

    /// Copies a file or folder into the machine.
    pub(super) async fn copy(&self, from: &std::path::Path, to: &str) {
        let mut docker = command("docker");
        docker.arg("cp").arg(from).arg(format!("{}:{to}", self.name));
        let copied = within_limit(docker).await;
        assert_eq!(copied.code, 0, "{copied:#?}");
    }

    /// Installs the package as an administrator would who has no terminal.
    pub(super) async fn install(&self) {
        self.copy(&package().await, "/tmp/odooops.deb").await;
        self.sh("DEBIAN_FRONTEND=noninteractive dpkg --install /tmp/odooops.deb </dev/null").await;
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let removed = std::process::Command::new("docker")
            .args(["rm", "--force", "--volumes", &self.name])
            .stdout(std::process::Stdio::null())
            .status();
        if !removed.is_ok_and(|status| status.success()) && !std::thread::panicking() {
            panic!("machine {} was not removed", self.name);
        }
    }
}
