//! A folder on the worker for as long as a step needs it; removed with everything in it.

use std::path::{Path, PathBuf};

use crate::action::{Fault, RunContext};
use crate::container::Labels;

/// A folder that is removed when this value is dropped.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// An empty folder for this step; what a dead worker left of the same attempt is removed first.
    pub(super) async fn create(run: &RunContext) -> Result<Self, Fault> {
        let Labels { run_id, attempt, .. } = &run.labels;
        let path = std::env::temp_dir().join(format!("odooops-{run_id}-{attempt}-{}", run.step));
        let made = async {
            match tokio::fs::remove_dir_all(&path).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
            tokio::fs::DirBuilder::new().mode(0o700).create(&path).await
        };
        match made.await {
            Ok(()) => Ok(Self(path)),
            Err(error) => {
                Err(Fault::Infra(format!("folder {} cannot be made on the worker: {error}", path.display())))
            }
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "a step's folder could not be removed");
        }
    }
}
