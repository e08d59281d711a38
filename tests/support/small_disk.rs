//! Disks that are full soon. They are mounted, so the tests that use them run as root, as CI does.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A file system in memory, unmounted when dropped.
pub(crate) struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one of `size` (`4m`).
    pub(crate) fn mount(size: &str) -> Self {
        let disk = Self { folder: TempDir::new().expect("a temporary folder") };
        disk.run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
        disk
    }

    /// Changes it (`ro`, `size=8m`).
    pub(crate) fn remount(&self, options: &str) {
        self.run("mount", &["-o", &format!("remount,{options}")]);
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, program: &str, args: &[&str]) {
        let done = Command::new(program).args(args).arg(self.folder.path()).status();
        assert!(
            done.is_ok_and(|status| status.success()),
            "{program} {args:?} failed; run the tests as root: this one mounts a small disk"
        );
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a file that is still open must not keep it.
        let unmounted = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
        if !unmounted.is_ok_and(|status| status.success()) && !std::thread::panicking() {
            panic!("{} stays mounted", self.folder.path().display());
        }
    }
}
