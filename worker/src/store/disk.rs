//! The store of one machine: a directory. Objects appear whole or not at all (temporary name, fsync, rename).

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use tokio::fs::{self, File};
use tokio::io::{AsyncRead, AsyncWriteExt};
use url::Url;
use uuid::Uuid;

use super::intake::Intake;
use super::location;
use super::reader::{Expected, ObjectReader};
use super::{Object, ObjectKey, StoreError, StoreSettings, Stored, keys};

/// How much is read before it is written.
const BLOCK_BYTES: usize = 1024 * 1024;

/// A directory of objects.
#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    idle_limit: Duration,
    source_limit: Option<Duration>,
}

impl Disk {
    pub(super) fn new(root: PathBuf, settings: &StoreSettings) -> Self {
        Self { root, idle_limit: settings.idle_limit, source_limit: settings.source_limit }
    }

    /// Fails where the directory is missing: the first put would make it.
    pub(super) async fn check_root(&self) -> Result<(), StoreError> {
        match fs::metadata(&self.root).await.map_err(|error| StoreError::from_disk(&self.root, error)) {
            Ok(_) => Ok(()),
            Err(StoreError::NotFound { url }) => Err(StoreError::NoSuchDirectory { url }),
            Err(error) => Err(error),
        }
    }

    pub(super) fn url_of(&self, key: &ObjectKey) -> Result<String, StoreError> {
        let path = self.root.join(key.as_str());
        match Url::from_file_path(&path) {
            Ok(url) => Ok(url.into()),
            Err(()) => Err(StoreError::invalid(key.as_str(), "it makes no file URL")),
        }
    }

    pub(super) async fn put<R: AsyncRead + Send>(
        &self,
        key: &ObjectKey,
        source: Pin<&mut R>,
    ) -> Result<Stored, StoreError> {
        let url = self.url_of(key)?;
        let path = self.root.join(key.as_str());
        let folder = path.parent().unwrap_or(&self.root).to_path_buf();
        fs::create_dir_all(&folder).await.map_err(|error| StoreError::from_disk(&folder, error))?;
        self.refuse_to_leave_the_root(&folder, &url).await?;

        let draft = Draft::new(folder.join(format!(".{}.part", Uuid::now_v7())));
        let mut intake = Intake::new(source, &url, self.source_limit);
        write_all(&draft.path, &mut intake).await?;
        draft.publish(&path, &folder).await.map_err(|error| StoreError::from_disk(&path, error))?;
        let (size_bytes, sha256) = intake.finish();
        Ok(Stored { url, size_bytes, sha256 })
    }

    pub(super) async fn get(&self, url: &str, sha256: Option<&str>) -> Result<Object, StoreError> {
        let path = self.path_of(url).await?;
        let on_path = |error| StoreError::from_disk(&path, error);
        let file = File::open(&path).await.map_err(on_path)?;
        let metadata = file.metadata().await.map_err(on_path)?;
        if !metadata.is_file() {
            return Err(StoreError::NotFound { url: url.to_owned() });
        }
        let size_bytes = metadata.len();
        let expected = Expected { url: url.to_owned(), size_bytes, sha256: sha256.map(str::to_owned) };
        Ok(Object { size_bytes, reader: ObjectReader::new(Box::pin(file), expected, self.idle_limit) })
    }

    pub(super) async fn presign(&self, url: &str) -> Result<String, StoreError> {
        let path = self.path_of(url).await?;
        match Url::from_file_path(path) {
            Ok(url) => Ok(url.into()),
            Err(()) => Err(StoreError::invalid(url, "it makes no file URL")),
        }
    }

    pub(super) async fn delete(&self, url: &str) -> Result<(), StoreError> {
        let path = match self.path_of(url).await {
            Err(StoreError::NotFound { .. }) => return Ok(()),
            found => found?,
        };
        fs::remove_file(&path).await.map_err(|error| StoreError::from_disk(&path, error))?;
        self.remove_empty_folders(&path).await;
        Ok(())
    }

    /// Removes folders that became empty, up to the root; one that is not empty simply stays.
    async fn remove_empty_folders(&self, path: &Path) {
        let Ok(root) = fs::canonicalize(&self.root).await else { return };
        for folder in
            path.ancestors().skip(1).take_while(|folder| **folder != *root && folder.starts_with(&root))
        {
            if fs::remove_dir(folder).await.is_err() {
                return;
            }
        }
    }

    /// The real path of an object that exists below the root, links resolved.
    async fn path_of(&self, url: &str) -> Result<PathBuf, StoreError> {
        let path = location::file_path(url)?;
        let outside = || StoreError::invalid(url, format!("it is not in the store {}", self.root.display()));
        let relative = path.strip_prefix(&self.root).map_err(|_| outside())?;
        if keys::path_problem(&relative.to_string_lossy()).is_some() {
            return Err(outside());
        }
        let real = fs::canonicalize(&path).await.map_err(|error| StoreError::from_disk(&path, error))?;
        self.refuse_to_leave_the_root(&real, url).await?;
        Ok(real)
    }

    async fn refuse_to_leave_the_root(&self, path: &Path, url: &str) -> Result<(), StoreError> {
        let real = |path: &Path| {
            let path = path.to_path_buf();
            async move { fs::canonicalize(&path).await.map_err(|error| StoreError::from_disk(&path, error)) }
        };
        if real(path).await?.starts_with(real(&self.root).await?) {
            return Ok(());
        }
        Err(StoreError::invalid(url, "a symbolic link leads out of the store"))
    }
}

async fn write_all<R: AsyncRead + Send + ?Sized>(
    path: &Path,
    intake: &mut Intake<'_, R>,
) -> Result<(), StoreError> {
    let on_path = |error| StoreError::from_disk(path, error);
    let mut file = File::options().write(true).create_new(true).open(path).await.map_err(on_path)?;
    loop {
        let block = intake.fill(BLOCK_BYTES).await?;
        file.write_all(&block).await.map_err(on_path)?;
        if block.len() < BLOCK_BYTES {
            break;
        }
    }
    file.flush().await.map_err(on_path)?;
    file.sync_all().await.map_err(on_path)
}

/// A file under its temporary name, removed when dropped unless it was published.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn new(path: PathBuf) -> Self {
        Self { path }
    }

    async fn publish(&self, path: &Path, folder: &Path) -> io::Result<()> {
        fs::rename(&self.path, path).await?;
        File::open(folder).await?.sync_all().await
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already when it was published.
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "a temporary file of the store stays behind");
        }
    }
}
