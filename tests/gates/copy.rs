//! A copy of the repository that a test may break.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::shell::{Ended, command, ended, repository};

/// Installing from npm may take its time on a slow network.
const LIMIT: Duration = Duration::from_secs(300);
/// What is not of the repository, or is not needed by a gate.
const LEFT_OUT: &[&str] = &[".git", ".dev", "target"];

/// The files as they are, in a folder of their own; packages from npm are shared.
pub(super) struct Copy {
    folder: TempDir,
}

impl Copy {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        copy(&repository(), folder.path());
        let shared = repository().join(".dev");
        fs::create_dir_all(&shared).expect("the folder for what is installed");
        std::os::unix::fs::symlink(shared, folder.path().join(".dev")).expect("a link");
        Self { folder }
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub(super) fn text(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).expect("a file of the repository")
    }

    pub(super) fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).expect("the copy can be changed");
    }

    /// Replaces a part that must be there.
    pub(super) fn replace(&self, file: &str, old: &str, new: &str) {
        let text = self.text(file);
        assert!(text.contains(old), "{file} does not contain {old:?}");
        self.write(file, &text.replacen(old, new, 1));
    }

    pub(super) async fn run(&self, script: &str, arguments: &[&str]) -> Ended {
        let mut command = command(self.path(script).to_str().expect("UTF-8"));
        command.args(arguments).current_dir(self.folder.path());
        let output = tokio::time::timeout(LIMIT, command.output()).await;
        ended(output.expect("it must not hang").expect("it can be run"))
    }

    /// The script finds a fault in what `break_it` did, and says all of `said`; the file is put back.
    pub(super) async fn finds(&self, script: &str, file: &str, break_it: impl FnOnce(&Self), said: &[&str]) {
        let before = self.text(file);
        break_it(self);
        let found = self.run(script, &[]).await;
        assert_eq!(found.code, 1, "{file}: {found:?}");
        for part in said {
            assert!(found.stderr.contains(part), "{part:?} is not in {}", found.stderr);
        }
        self.write(file, &before);
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name();
        if LEFT_OUT.iter().any(|left_out| name == *left_out) {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type().expect("its type").is_dir() {
            fs::create_dir(&target).expect("a folder");
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}

/// Says how it is called, and refuses other calls.
pub(super) async fn explains_itself(script: &str) {
    let mut help = command(script);
    let help = ended(help.arg("--help").output().await.expect("it can be run"));
    assert!(help.code == 0 && help.stdout.contains("Exit codes:"), "{help:?}");
    let mut wrong = command(script);
    let wrong = ended(wrong.arg("--nonsense").output().await.expect("it can be run"));
    assert!(wrong.code == 2 && wrong.stderr.contains("usage:"), "{wrong:?}");
}
