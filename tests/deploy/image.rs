//! The worker's image by itself.

use std::path::PathBuf;

use super::stack::{WORKER_IMAGE, base_image, docker, images};
use crate::support::shell::repository;

/// What the image may have beyond its base, as it is shipped.
const SHIPPED_BYTES_MAX: u64 = 60_000_000;
/// What of this is for git, ssh and certificates: all but the program. Always measured, while the program of
/// these tests, which is none of `cargo build --release`, says nothing of the rest.
const RUNTIME_BYTES_MAX: u64 = 27_000_000;

/// The program as it is shipped, where it was built: a build takes minutes that no test may cost.
fn release_program() -> Option<PathBuf> {
    let named = std::env::var_os("ODOOOPS_TEST_RELEASE_PROGRAM").map(PathBuf::from);
    if let Some(named) = &named {
        assert!(named.is_file(), "ODOOOPS_TEST_RELEASE_PROGRAM: {} is not there", named.display());
    }
    named.or_else(|| Some(repository().join("target/release/odooops")).filter(|built| built.is_file()))
}

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
    let Some(release) = release_program() else {
        eprintln!(
            "only the {beside} bytes beside the program were judged: there is no target/release/odooops"
        );
        return;
    };
    let shipped = beside + release.metadata().expect("the program").len();
    eprintln!("the image takes {shipped} bytes with {}", release.display());
    assert!(shipped < SHIPPED_BYTES_MAX, "{shipped} bytes with {}", release.display());
}

/// The compiler is a stand-in: it shows which commit the real one would be told.
#[tokio::test]
async fn a_program_that_the_image_compiles_knows_its_commit() {
    const COMPILER: &str = "odooops-test/cargo:latest";
    const COMPILED: &str = "odooops-test/compiled:latest";
    images().await;
    let base = base_image();
    let arg = |name: &str, value: &str| ["--build-arg".to_owned(), format!("{name}={value}")];
    let compiler =
        [&arg("BASE", &base)[..], &["-t", COMPILER, "tests/fixtures/images/cargo"].map(str::to_owned)]
            .concat();
    let compiled = [
        &arg("RUNTIME_IMAGE", &base)[..],
        &arg("RUST_IMAGE", COMPILER),
        // The old builder does that stage, too.
        &arg("BINARY", ".dev/image/odooops"),
        &arg("REVISION", "0123456789ab"),
        &["-t", COMPILED, "-f", "worker/Dockerfile", "."].map(str::to_owned),
    ]
    .concat();
    for args in [compiler, compiled] {
        let args: Vec<&str> = ["build", "-q"].into_iter().chain(args.iter().map(String::as_str)).collect();
        docker(&args).await;
    }
    let said = docker(&["run", "--rm", "--network", "none", COMPILED, "--version"]).await;
    let label = "{{index .Config.Labels \"org.opencontainers.image.revision\"}}";
    let labelled = docker(&["image", "inspect", "-f", label, COMPILED]).await;
    docker(&["image", "rm", COMPILED, COMPILER]).await;
    assert_eq!((said.as_str(), labelled.as_str()), ("commit 0123456789ab", "0123456789ab"));
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
