//! Repositories made for one test.

use std::path::{Path, PathBuf};
use std::process::Command;

use odooops::git::{CheckOut, Git, GitSettings, Protocol};
use tempfile::TempDir;

/// A bare repository and a working copy of it, in a temporary folder.
pub(crate) struct Repository {
    pub(crate) folder: TempDir,
}

impl Repository {
    /// One commit on `main`.
    pub(crate) fn new() -> Self {
        let repository = Self { folder: TempDir::new().expect("a temporary folder") };
        let path = repository.folder.path().display().to_string();
        run(Path::new("/"), &["init", "-q", "--bare", "-b", "main", &format!("{path}/bare.git")]);
        run(Path::new("/"), &["init", "-q", "-b", "main", &format!("{path}/work")]);
        repository.git(&["remote", "add", "origin", "../bare.git"]);
        repository.commit("README", "first\n", "First commit\n\nWith a body.");
        repository
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.folder.path().join("bare.git")
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.bare().display())
    }

    pub(crate) fn dest(&self) -> PathBuf {
        self.folder.path().join("dest")
    }

    /// Runs git in the working copy.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        run(&self.work(), args)
    }

    /// Commits a file and pushes everything; gives the commit.
    pub(crate) fn commit(&self, name: &str, text: &str, message: &str) -> String {
        std::fs::write(self.work().join(name), text).expect("written");
        self.git(&["add", "--all"]);
        self.git(&["commit", "-q", "-m", message]);
        self.push();
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn push(&self) {
        self.git(&["push", "-q", "origin", "--all"]);
        self.git(&["push", "-q", "origin", "--tags"]);
    }

    /// A check-out of this repository into [`dest`](Self::dest).
    pub(crate) fn asked(&self, git_ref: Option<&str>, commit_sha: Option<&str>) -> CheckOut {
        CheckOut {
            url: self.url(),
            git_ref: git_ref.map(str::to_owned),
            commit_sha: commit_sha.map(str::to_owned),
            dest: self.dest(),
            credentials: None,
        }
    }
}

/// A git that may also fetch from this machine's disk.
pub(crate) fn local_git() -> Git {
    Git::new(GitSettings {
        protocols: vec![Protocol::Https, Protocol::Http, Protocol::Ssh, Protocol::File],
        ..GitSettings::default()
    })
}

fn run(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "protocol.file.allow=always"]).args(args);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "Ada Lovelace")
            .env(format!("GIT_{who}_EMAIL"), "ada@example.org");
        command.env(format!("GIT_{who}_DATE"), "2026-02-14T12:00:00+02:00");
    }
    let done = command.output().expect("git runs");
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}
