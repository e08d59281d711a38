//! The Debian package on a machine that has nothing: installed, looked at, used, removed.

use super::machine::Machine;

#[tokio::test]
async fn the_package_installs_answers_and_goes_without_a_trace() {
    let machine = Machine::plain().await;
    machine.install().await;

    let version = machine.sh("odooops --version").await;
    assert!(version.starts_with(concat!("odooops ", env!("CARGO_PKG_VERSION"), " (commit ")), "{version}");
    assert!(version.ends_with(", contract 1)"), "{version}");
    let shown = machine.sh("odooops config show").await;
    assert!(shown.starts_with("file: /etc/odooops/odooops.toml"), "{shown}");

    let modes = "stat -c '%a %U:%G %n' /etc/odooops /etc/odooops/odooops.toml /etc/odooops/secrets";
    assert_eq!(
        machine.sh(modes).await,
        "750 root:odooops /etc/odooops\n640 root:odooops /etc/odooops/odooops.toml\n700 root:root /etc/odooops/secrets"
    );
    for path in [
        "/usr/share/bash-completion/completions/odooops",
        "/usr/share/zsh/vendor-completions/_odooops",
        "/usr/share/fish/vendor_completions.d/odooops.fish",
        "/usr/share/man/man1/odooops.1.gz",
        "/usr/share/man/man1/odooops-worker.1.gz",
        "/usr/share/man/man1/odooops-run-enqueue.1.gz",
        "/usr/lib/systemd/system/odooops-worker@.service",
        "/usr/share/doc/odooops/copyright",
    ] {
        machine.sh(&format!("test -s {path}")).await;
    }
    machine.sh("odooops completions bash | cmp - /usr/share/bash-completion/completions/odooops").await;

    let started = machine.run("odooops worker").await;
    assert_eq!(started.code, 2, "{started:?}");
    assert!(started.stderr.contains("control-plane database is not set"), "{started:?}");
    machine.sh("printf '[worker]\\nslot = 2\\n' >>/etc/odooops/odooops.toml").await;
    let started = machine.run("odooops worker").await;
    assert_eq!(started.code, 2, "{started:?}");
    assert!(started.stderr.contains("/etc/odooops/odooops.toml:"), "{started:?}");

    machine.sh("DEBIAN_FRONTEND=noninteractive dpkg --purge odooops").await;
    let left = "find / -xdev -name '*odooops*' -not -path '/proc/*' -not -path '/tmp/*' -not -path '/var/log/*'; \
                getent passwd odooops || :";
    assert_eq!(machine.sh(left).await, "");
}

#[tokio::test]
async fn the_manual_can_be_read() {
    let machine = Machine::booted().await;
    machine.install().await;
    let pages = machine.sh("ls /usr/share/man/man1/odooops*.gz").await;
    for page in pages.lines() {
        let read =
            machine.run(&format!("LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l {page} >/dev/null")).await;
        assert_eq!((read.code, read.stderr.as_str()), (0, ""), "{page}");
    }
    let page = machine.sh("MANPAGER=cat man odooops-worker").await;
    assert!(page.contains("ODOOOPS_WORKER_SLOTS") && page.contains("--check-first"), "{page}");
    assert_eq!(machine.run("systemctl is-active odooops-worker@1").await.stdout, "inactive");
}
