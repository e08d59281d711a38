//! The build context: Dockerfile, requirements and addons as one tar stream, never held in memory.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use tokio_util::io::SyncIoBridge;

use crate::action::Fault;
use crate::container::ByteReader;
use crate::odoo::{Modules, requirements};

/// Bytes between the thread that reads files and the engine.
const PIPE_BYTES: usize = 256 * 1024;
/// Requirements files that include others in a chain longer than this are refused.
const MAX_INCLUDES: usize = 100;
/// Name of the CA bundle in the context.
const CA_BUNDLE: &str = "ca-bundle.crt";
/// Where requirements stand in the first stage.
const REQUIREMENTS: &str = "/odooops/requirements";
/// Where python packages of the project are installed; on `PYTHONPATH`.
const PYTHON: &str = "/opt/odooops/python";
/// Where the addons are: on the addons path of the public image.
const ADDONS: &str = "/mnt/extra-addons";

/// What goes into an image.
#[derive(Debug, Clone)]
pub(super) struct ImagePlan {
    /// Image with plain Odoo.
    pub(super) base: String,
    /// The check-out.
    pub(super) folder: PathBuf,
    /// Addon folders, relative to the check-out, by module name.
    pub(super) addons: BTreeMap<String, String>,
    /// Requirements to be installed, relative to the check-out.
    pub(super) requirements: Vec<String>,
    /// All requirements files, those included by others too.
    pub(super) requirements_files: Vec<String>,
    /// CA certificates for pip.
    pub(super) ca_bundle: Option<PathBuf>,
    /// Package index for pip.
    pub(super) pip_index_url: Option<String>,
}

impl ImagePlan {
    /// Reads which requirements a check-out has: at its root and beside its addons.
    pub(super) fn find_requirements(
        folder: &Path,
        modules: &Modules,
    ) -> Result<(Vec<String>, Vec<String>), Fault> {
        let mut candidates = vec![String::new()];
        candidates.extend(modules.addons_folders().into_iter().map(str::to_owned));
        candidates.dedup();
        let installed: Vec<String> = candidates
            .iter()
            .filter_map(|base| requirements::join_inside(base, "requirements.txt"))
            .filter(|path| folder.join(path).is_file())
            .collect();
        let mut files = Vec::new();
        let mut waiting = installed.clone();
        while let Some(path) = waiting.pop() {
            if files.contains(&path) {
                continue;
            }
            if files.len() == MAX_INCLUDES {
                return Err(Fault::user(1, format!("more than {MAX_INCLUDES} requirements files")));
            }
            let text = read_inside(folder, &path).map_err(|problem| Fault::user(1, problem))?;
            let base = path.rsplit_once('/').map_or("", |(base, _)| base);
            for included in requirements::included_files(&text) {
                let included = requirements::join_inside(base, included).ok_or_else(|| {
                    Fault::user(1, format!("{path}: {included:?} leads outside the repository"))
                })?;
                waiting.push(included);
            }
            files.push(path);
        }
        files.sort();
        Ok((installed, files))
    }

    /// The Dockerfile. The CA bundle and the index are in the first stage only.
    pub(super) fn dockerfile(&self) -> String {
        let mut lines = Vec::new();
        if !self.requirements.is_empty() {
            lines.push(format!("FROM {} AS requirements", self.base));
            lines.push("USER 0".to_owned());
            lines.push(format!("COPY requirements {REQUIREMENTS}"));
            let mut pip = vec!["python3", "-m", "pip", "install", "--no-cache-dir", "--no-input"];
            pip.extend(["--disable-pip-version-check", "--root-user-action=ignore", "--target", PYTHON]);
            let mut pip: Vec<String> = pip.into_iter().map(str::to_owned).collect();
            if self.ca_bundle.is_some() {
                lines.push(format!("COPY {CA_BUNDLE} /odooops/{CA_BUNDLE}"));
                pip.push(format!("--cert=/odooops/{CA_BUNDLE}"));
            }
            if let Some(index) = &self.pip_index_url {
                pip.push(format!("--index-url={index}"));
            }
            for path in &self.requirements {
                pip.extend(["-r".to_owned(), format!("{REQUIREMENTS}/{path}")]);
            }
            let pip = serde_json::Value::from(pip);
            lines.push(format!("RUN {pip}"));
        }
        lines.push(format!("FROM {}", self.base));
        if !self.requirements.is_empty() {
            lines.push(format!("COPY --from=requirements {PYTHON} {PYTHON}"));
            lines.push(format!("ENV PYTHONPATH={PYTHON}"));
        }
        lines.push(format!("COPY addons {ADDONS}"));
        lines.join("\n") + "\n"
    }

    /// Starts writing the context; the thread's own fault is in the handle.
    pub(super) fn stream(self) -> (ByteReader, tokio::task::JoinHandle<Result<(), Fault>>) {
        let (reader, writer) = tokio::io::duplex(PIPE_BYTES);
        let writer = SyncIoBridge::new(writer);
        let task = tokio::task::spawn_blocking(move || self.write(writer));
        (Box::pin(reader), task)
    }

    /// Files in one order with one owner and no time, so that equal sources give equal layers.
    fn write(&self, writer: impl Write) -> Result<(), Fault> {
        let broken = |error: std::io::Error| Fault::Infra(format!("the build context broke off: {error}"));
        let mut tar = tar::Builder::new(writer);
        let dockerfile = self.dockerfile();
        append(&mut tar, "Dockerfile", dockerfile.len() as u64, dockerfile.as_bytes()).map_err(broken)?;
        if let Some(bundle) = self.ca_bundle.as_ref().filter(|_| !self.requirements.is_empty()) {
            append_file(&mut tar, bundle, CA_BUNDLE).map_err(|error| {
                Fault::Infra(format!("CA bundle {}: cannot be read: {error}", bundle.display()))
            })?;
        }
        for path in &self.requirements_files {
            let text = read_inside(&self.folder, path).map_err(|problem| Fault::user(1, problem))?;
            let name = format!("requirements/{path}");
            append(&mut tar, &name, text.len() as u64, text.as_bytes()).map_err(broken)?;
        }
        for (name, folder) in &self.addons {
            append_folder(&mut tar, &self.folder.join(folder), &format!("addons/{name}"), 0)?;
        }
        tar.into_inner().and_then(|mut writer| writer.flush()).map_err(broken)
    }
}

/// A file of the check-out; a symbolic link to elsewhere would hand out the worker's own files.
fn read_inside(folder: &Path, path: &str) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("{path}: cannot be read: {error}");
    let whole = folder.join(path).canonicalize().map_err(unreadable)?;
    if !whole.starts_with(folder.canonicalize().map_err(unreadable)?) {
        return Err(format!("{path}: a symbolic link leads outside the repository"));
    }
    std::fs::read_to_string(whole).map_err(unreadable)
}

fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn append(
    tar: &mut tar::Builder<impl Write>,
    name: &str,
    size: u64,
    bytes: impl Read,
) -> std::io::Result<()> {
    tar.append_data(&mut header(tar::EntryType::Regular, 0o644, size), name, bytes)
}

fn append_file(tar: &mut tar::Builder<impl Write>, path: &Path, name: &str) -> std::io::Result<()> {
    let file = std::fs::File::open(path)?;
    let size = file.metadata()?.len();
    append(tar, name, size, file.take(size))
}

/// A module's files. Links may point within the module only; devices and pipes cannot be in git.
fn append_folder(
    tar: &mut tar::Builder<impl Write>,
    path: &Path,
    name: &str,
    depth: usize,
) -> Result<(), Fault> {
    let broken =
        |error: std::io::Error| Fault::Infra(format!("{name}: the build context broke off: {error}"));
    tar.append_data(&mut header(tar::EntryType::Directory, 0o755, 0), name, std::io::empty())
        .map_err(broken)?;
    let mut entries: Vec<std::fs::DirEntry> =
        std::fs::read_dir(path).and_then(Iterator::collect).map_err(broken)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let Ok(file_name) = entry.file_name().into_string() else {
            return Err(Fault::user(1, format!("{name}: a file name is not UTF-8")));
        };
        let inner = format!("{name}/{file_name}");
        let kind = entry.file_type().map_err(broken)?;
        if kind.is_dir() {
            append_folder(tar, &entry.path(), &inner, depth + 1)?;
        } else if kind.is_symlink() {
            let target = std::fs::read_link(entry.path()).map_err(broken)?;
            append_link(tar, &target, &inner, depth).map_err(|problem| Fault::user(1, problem))?;
        } else if kind.is_file() {
            append_file(tar, &entry.path(), &inner).map_err(broken)?;
        }
    }
    Ok(())
}

/// `depth` is how many folders stand between the link and its module.
fn append_link(
    tar: &mut tar::Builder<impl Write>,
    target: &Path,
    name: &str,
    depth: usize,
) -> Result<(), String> {
    let inside = vec!["x"; depth].join("/");
    let target = target.to_str().filter(|target| requirements::join_inside(&inside, target).is_some());
    let Some(target) = target else {
        return Err(format!("{name}: a symbolic link leads outside its module"));
    };
    tar.append_link(&mut header(tar::EntryType::Symlink, 0o777, 0), name, target)
        .map_err(|error| format!("{name}: {error}"))
}

#[cfg(test)]
mod tests;
