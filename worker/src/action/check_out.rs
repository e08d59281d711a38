//! The project's sources on the worker: checked out through git, then read for its addons.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::scratch::Scratch;
use crate::action::{Fault, Host, Level, RunContext};
use crate::git::{CheckOut, Commit, Credentials};
use crate::odoo::{Modules, Series, modules};

/// Secrets of these names, listed in the step's `secrets`, are what git shows the server.
const GIT_TOKEN: &str = "GIT_TOKEN";
const GIT_USERNAME: &str = "GIT_USERNAME";
/// The user name that hosts take with a token when none is given.
const TOKEN_USERNAME: &str = "x-access-token";
/// Addons deeper in the repository than this are not looked for.
const MAX_DEPTH: usize = 6;
/// No manifest is longer.
const MAX_MANIFEST_BYTES: u64 = 1024 * 1024;

/// A check-out with its addons.
#[derive(Debug)]
pub(super) struct Sources {
    /// The commit.
    pub(super) commit: Commit,
    /// Its addons.
    pub(super) modules: Modules,
    /// Where the files are, for as long as this value lives.
    pub(super) folder: PathBuf,
    _scratch: Scratch,
}

/// Environment of the step without what is for git alone.
pub(super) fn env_without_git_secrets(run: &RunContext) -> std::collections::BTreeMap<String, String> {
    run.env
        .iter()
        .filter(|(name, _)| ![GIT_TOKEN, GIT_USERNAME].contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Checks the run's commit out and reads its manifests; wrong ones end the run with file and line.
pub(super) async fn fetch_sources(host: &dyn Host, series: Series) -> Result<Sources, Fault> {
    let run = host.run();
    let url = run.repository()?.ok_or_else(|| {
        Fault::Invalid(format!("project {} has no repo_url; set it, or give repo_url as input", run.project))
    })?;
    let scratch = Scratch::create(run).await?;
    let folder = scratch.path().join("repository");
    let check_out = CheckOut {
        url: url.to_owned(),
        git_ref: run.git_ref.clone(),
        commit_sha: run.commit_sha.clone(),
        dest: folder.clone(),
        credentials: credentials(run),
    };
    let commit = host.git().check_out(&check_out).await?;
    let subject = commit.message.lines().next().unwrap_or_default();
    host.log(Level::Info, &format!("checked out {}: {subject}", commit.sha)).await?;
    let modules = read_modules(&folder, series).await?;
    let names: Vec<&str> = modules.iter().map(|module| module.name.as_str()).collect();
    host.log(Level::Info, &format!("addons: {}", names.join(", "))).await?;
    Ok(Sources { commit, modules, folder, _scratch: scratch })
}

fn credentials(run: &RunContext) -> Option<Credentials> {
    let password = SecretString::from(run.env.get(GIT_TOKEN)?.clone());
    let username = run.env.get(GIT_USERNAME).map_or(TOKEN_USERNAME, String::as_str).to_owned();
    Some(Credentials { username, password })
}

async fn read_modules(folder: &Path, series: Series) -> Result<Modules, Fault> {
    let root = folder.to_path_buf();
    let manifests = tokio::task::spawn_blocking(move || {
        let mut found = Vec::new();
        find_manifests(&root, "", MAX_DEPTH, &mut found).map(|()| found)
    })
    .await
    .map_err(|error| Fault::Infra(format!("reading the check-out broke off: {error}")))?
    .map_err(|error| Fault::Infra(format!("the check-out cannot be read: {error}")))?;
    let modules = Modules::from_manifests(&manifests, series).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Fault::user(1, format!("wrong manifest: {}", problems.join("; ")))
    })?;
    if modules.iter().next().is_none() {
        return Err(Fault::user(
            1,
            "the repository has no addons: no folder with a __manifest__.py was found",
        ));
    }
    Ok(modules)
}

/// Manifests below a folder, not those inside modules, hidden folders or behind symbolic links.
fn find_manifests(
    root: &Path,
    folder: &str,
    depth: usize,
    found: &mut Vec<(String, String)>,
) -> std::io::Result<()> {
    let mut folders = BTreeSet::new();
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() && !name.starts_with('.') {
            folders.insert(path);
        } else if kind.is_file() && modules::is_manifest(&name) {
            files.insert(path);
        }
    }
    if let Some(path) = files.into_iter().next_back().filter(|_| !folder.is_empty()) {
        found.push((path.clone(), read_text(&root.join(path))?));
        return Ok(());
    }
    if depth > 0 {
        for folder in folders {
            find_manifests(root, &folder, depth - 1, found)?;
        }
    }
    Ok(())
}

fn read_text(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_MANIFEST_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    #[tokio::test]
    async fn addons_are_found_wherever_they_stand_but_not_inside_each_other() {
        let root = tempfile::tempdir().expect("a folder");
        for path in [
            "a/__manifest__.py",
            "addons/b/__manifest__.py",
            "addons/b/tests/addons/inner/__manifest__.py",
            "vendor/web/c/__manifest__.py",
            ".hidden/d/__manifest__.py",
        ] {
            write(root.path(), path, "{}");
        }
        std::os::unix::fs::symlink("../a", root.path().join("addons/linked")).expect("a link");
        let modules = read_modules(root.path(), Series::V18).await.expect("good addons");
        let names: Vec<&str> = modules.iter().map(|module| module.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[tokio::test]
    async fn a_wrong_manifest_is_the_users_fault_and_named() {
        let root = tempfile::tempdir().expect("a folder");
        write(root.path(), "addons/b/__manifest__.py", "{\n'name': 'x'\n'depends': []}");
        let fault = read_modules(root.path(), Series::V18).await.expect_err("a wrong manifest");
        let Fault::User { exit_code: 1, message } = fault else { panic!("{fault:?}") };
        assert_eq!(message, "wrong manifest: addons/b/__manifest__.py:3: ',' or '}' is missing");
    }

    #[tokio::test]
    async fn a_repository_without_addons_is_the_users_fault() {
        let root = tempfile::tempdir().expect("a folder");
        let fault = read_modules(root.path(), Series::V18).await.expect_err("no addons");
        assert!(matches!(fault, Fault::User { .. }));
    }
}
