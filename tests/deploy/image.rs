//! The worker's image by itself.

use super::stack::{WORKER_IMAGE, base_image, docker, images};
use crate::support::shell::repository;

/// What the image may have beyond its base without the program: git, ssh, certificates. The rest of the
/// 60 MB that `worker/Dockerfile` may take belongs to the program as it is shipped (`cargo build --release`; this
/// test has the bigger one for tests).
const RUNTIME_BYTES_MAX: u64 = 27_000_000;

async fn size(image: &str) -> u64 {
    docker(&["image", "inspect", "-f", "{{.Size}}", image]).await.parse().expect("bytes")
}

async fn in_image(script: &str) -> String {
    docker(&["run", "--rm", "--network", "none", "--entrypoint", "sh", WORKER_IMAGE, "-euc", script]).await
}

#[tokio::test]
async fn the_image_takes_little_beside_the_program() {
    images().await;
    let program = repository().join(".dev/image/odooops").metadata().expect("the program").len();
    let (image, base) = (size(WORKER_IMAGE).await, size(&base_image()).await);
    let beside = image - base - program;
    assert!(beside < RUNTIME_BYTES_MAX, "{image} - {base} - {program} = {beside} bytes");
}

#[tokio::test]
async fn the_image_is_nobody_and_says_what_it_is() {
    images().await;
    let said = docker(&["run", "--rm", "--network", "none", WORKER_IMAGE, "--version"]).await;
    assert!(said.starts_with("odooops "), "{said}");
    assert_eq!(in_image("id -u; id -g").await, "10001\n10001");
    let label = "{{index .Config.Labels \"org.opencontainers.image.version\"}}";
    assert_eq!(docker(&["image", "inspect", "-f", label, WORKER_IMAGE]).await, "test");
    let health = docker(&["image", "inspect", "-f", "{{json .Config.Healthcheck.Test}}", WORKER_IMAGE]).await;
    assert_eq!(health, r#"["CMD","odooops","worker","health"]"#);
}

#[tokio::test]
async fn the_image_has_a_git_that_checks_out_with_submodules_and_packages_that_agree() {
    images().await;
    let script = r#"
        export HOME=/tmp
        git config --global user.name t; git config --global user.email t@example.com
        git config --global protocol.file.allow always
        git init -q inner; git -C inner commit -q --allow-empty -m inner
        git init -q outer; git -C outer submodule --quiet add /tmp/inner inner; git -C outer commit -q -m outer
        git clone -q --recurse-submodules file:///tmp/outer clone
        git -C clone/inner log --format=%s
        git ls-remote https://127.0.0.1:1/x 2>&1 | grep -c 'Failed to connect' || git ls-remote https://127.0.0.1:1/x
        ssh -V 2>&1 | grep -c OpenSSH
        test -s /etc/ssl/certs/ca-certificates.crt
        dpkg --audit
        ! command -v perldoc
    "#;
    assert_eq!(in_image(script).await, "inner\n1\n1");
}
