//! What repositories, URLs and servers may try, and get nothing for.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use odooops::git::{CheckOut, Git, GitError, GitSettings, Protocol};

use super::repository::{Repository, local_git};
use crate::support::small_disk::SmallDisk;

#[tokio::test]
async fn urls_and_refs_that_are_options_run_nothing() {
    let repository = Repository::new();
    let mark = repository.folder.path().join("mark");
    let touch = format!("touch {}", mark.display());
    for url in [
        format!("--upload-pack={touch}"),
        format!("ext::sh -c {touch}"),
        format!("ssh://-oProxyCommand={touch}/x"),
    ] {
        let asked = CheckOut { url: url.clone(), ..repository.asked(None, None) };
        let error = local_git().check_out(&asked).await.expect_err(&url);
        assert!(matches!(error, GitError::Refused(_)), "{url}: {error:?}");
    }
    let option = format!("--upload-pack={touch}");
    let error = local_git().check_out(&repository.asked(Some(&option), None)).await.expect_err("an option");
    assert!(matches!(error, GitError::Refused(_)), "{error:?}");
    assert!(!mark.exists());
}

#[tokio::test]
async fn a_submodule_over_a_forbidden_protocol_is_refused() {
    let repository = Repository::new();
    let mark = repository.folder.path().join("mark");
    let modules = format!("[submodule \"x\"]\n\tpath = x\n\turl = ext::sh -c touch% {}\n", mark.display());
    add_submodule(&repository, &modules);
    let error = local_git().check_out(&repository.asked(Some("main"), None)).await.expect_err("ext");
    assert!(matches!(error, GitError::Refused(_)), "{error:?}");
    assert!(!error.is_infrastructure());
    assert!(!mark.exists());
    assert!(!repository.dest().exists());
}

#[tokio::test]
async fn a_submodule_url_that_is_an_option_runs_nothing() {
    let repository = Repository::new();
    let mark = repository.folder.path().join("mark");
    let modules = format!("[submodule \"x\"]\n\tpath = x\n\turl = --upload-pack=touch {}\n", mark.display());
    add_submodule(&repository, &modules);
    let checked_out = local_git().check_out(&repository.asked(Some("main"), None)).await;
    assert!(checked_out.is_err(), "{checked_out:?}");
    assert!(!mark.exists());
}

fn add_submodule(repository: &Repository, modules: &str) {
    let commit = repository.git(&["rev-parse", "HEAD"]);
    std::fs::write(repository.work().join(".gitmodules"), modules).expect("written");
    repository.git(&["add", ".gitmodules"]);
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},x")]);
    repository.git(&["commit", "-q", "-m", "Trap"]);
    repository.push();
}

#[tokio::test]
async fn filters_that_a_repository_names_are_not_run() {
    let repository = Repository::new();
    repository.commit(".gitattributes", "* filter=evil\n", "Names a filter");
    local_git().check_out(&repository.asked(Some("main"), None)).await.expect("checked out, unfiltered");
    let hooks = repository.dest().join(".git/hooks");
    assert!(!hooks.exists() || hooks.read_dir().expect("listed").next().is_none(), "no template, no hook");
}

#[tokio::test]
async fn the_workers_own_environment_and_configuration_do_not_reach_git() {
    let repository = Repository::new();
    let seen = repository.folder.path().join("seen");
    let program =
        script(&repository, &format!("env > {0}; printf '%s\\n' \"$@\" >> {0}; exit 1", seen.display()));
    let url = "https://me:hunter2@git.example/a.git".to_owned();
    let git = Git::new(GitSettings { program, ..GitSettings::default() });
    let error =
        git.check_out(&CheckOut { url, ..repository.asked(None, None) }).await.expect_err("it says 1");
    assert!(!error.to_string().contains("hunter2"), "{error}");

    let seen = std::fs::read_to_string(seen).expect("the script ran");
    for expected in [
        "GIT_CONFIG_NOSYSTEM=1",
        "GIT_CONFIG_GLOBAL=/dev/null",
        "GIT_TERMINAL_PROMPT=0",
        "GIT_ALLOW_PROTOCOL=https",
        "protocol.ext.allow=never",
        "core.hooksPath=/dev/null",
    ] {
        assert!(seen.lines().any(|line| line == expected), "{expected} in {seen}");
    }
    for foreign in ["CARGO", "USER=", "DATABASE_URL", "hunter2"] {
        assert!(!seen.contains(foreign), "{foreign} must not reach git init: {seen}");
    }
}

#[tokio::test]
async fn a_git_that_hangs_is_stopped_with_all_that_it_started() {
    let repository = Repository::new();
    let (fifo, pids) = (repository.folder.path().join("fifo"), repository.folder.path().join("pids"));
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs");
    assert!(made.success());
    // A child of git's, waiting for what never comes, as git-remote-https does for a silent server.
    let program =
        script(&repository, &format!("cat {} & echo \"$$ $!\" > {}; wait", fifo.display(), pids.display()));
    let time_limit = Duration::from_secs(1);
    let git = Git::new(GitSettings {
        program,
        time_limit,
        protocols: vec![Protocol::File],
        ..GitSettings::default()
    });
    let began = Instant::now();
    let error = git.check_out(&repository.asked(None, None)).await.expect_err("it hangs");
    assert_eq!(error, GitError::Timeout { url: repository.url(), limit_secs: 1 });
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(!repository.dest().exists());

    let pids = std::fs::read_to_string(pids).expect("both had started");
    for pid in pids.split_whitespace() {
        let gone = async {
            while is_running(pid) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), gone)
            .await
            .unwrap_or_else(|_| panic!("{pid} still runs"));
    }
}

/// Whether a process runs (one that is dead but not waited for does not).
fn is_running(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with(['Z', 'X']))
}

#[tokio::test]
async fn a_missing_git_is_the_machines_fault() {
    let repository = Repository::new();
    let git = Git::new(GitSettings {
        program: "/nonexistent/git".into(),
        protocols: vec![Protocol::File],
        ..GitSettings::default()
    });
    let error = git.check_out(&repository.asked(None, None)).await.expect_err("no git");
    assert!(error.is_infrastructure(), "{error:?}");
    assert!(error.to_string().contains("install git"), "{error}");
}

#[tokio::test]
async fn a_full_disk_is_the_machines_fault() {
    let repository = Repository::new();
    let noise: Vec<u8> = (0..6_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(repository.work().join("noise"), noise).expect("written");
    repository.commit("more", "x", "Six megabytes that do not shrink");
    let disk = SmallDisk::mount("2m");
    let asked = CheckOut { dest: disk.path().join("dest"), ..repository.asked(Some("main"), None) };
    let checked_out = local_git().check_out(&asked).await;
    let error = checked_out.expect_err("the disk has 2 MiB");
    assert!(matches!(error, GitError::DiskFull { .. }), "{error:?}");
}

fn script(repository: &Repository, body: &str) -> std::path::PathBuf {
    let path = repository.folder.path().join("git-script");
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("made executable");
    path
}
