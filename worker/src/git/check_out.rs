//! One check-out from start to end: resolve, fetch as little as the server allows, check out, submodules.

use std::path::{Path, PathBuf};

use super::address::Address;
use super::command::{ASKPASS_FILE, GitCommand};
use super::revision::{self, Revision};
use super::{CheckOut, Commit, Credentials, GitError, GitSettings, Protocol};

/// Fetches every branch and tag.
const EVERYTHING: [&str; 2] = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"];

pub(super) async fn run(settings: &GitSettings, asked: &CheckOut) -> Result<Commit, GitError> {
    let mut address = Address::parse(&asked.url, &settings.protocols)?;
    let revision = Revision::of(asked.git_ref.as_deref(), asked.commit_sha.as_deref())?;
    let dest = Dest::make(&asked.dest, &address.url).await?;
    let credentials = asked.credentials.clone().or(address.credentials.take());
    let url = address.url.clone();
    let work = async {
        let git = GitCommand::new(settings).in_folder(&dest.path).allowing(vec![address.protocol]);
        git.output(&["init", "--quiet", "--template=", "--initial-branch=odooops"], &address.url).await?;
        let git = answering(git, &address, credentials.as_ref(), &dest).await?;
        Work { settings, git, address, credentials, asked, dest: &dest }.check_out(&revision).await
    };
    let done = tokio::time::timeout(settings.time_limit, work).await;
    let limit_secs = settings.time_limit.as_secs();
    let commit = done.map_err(|_| GitError::Timeout { url, limit_secs })??;
    dest.keep();
    Ok(commit)
}

/// A git that answers the server's questions, where there is something to answer.
async fn answering<'a>(
    git: GitCommand<'a>,
    address: &Address,
    credentials: Option<&Credentials>,
    dest: &Dest,
) -> Result<GitCommand<'a>, GitError> {
    match credentials {
        Some(credentials) => git.answering(&address.origin, credentials, &dest.git_folder()).await,
        None => Ok(git),
    }
}

struct Work<'a> {
    settings: &'a GitSettings,
    git: GitCommand<'a>,
    address: Address,
    credentials: Option<Credentials>,
    asked: &'a CheckOut,
    dest: &'a Dest,
}

impl Work<'_> {
    async fn check_out(&self, revision: &Revision) -> Result<Commit, GitError> {
        self.run(&["config", "remote.origin.url", &self.address.url]).await?;
        let (sha, branch) = self.fetch(revision).await?;
        self.run(&["checkout", "--quiet", "--detach", &sha, "--"]).await?;
        if self.has_submodules().await? {
            self.fetch_submodules().await?;
        }
        remove_if_there(&self.dest.git_folder().join(ASKPASS_FILE)).await;
        self.describe(&sha, branch).await
    }

    /// Fetches what was asked for; gives the commit, and the branch where one was named.
    async fn fetch(&self, revision: &Revision) -> Result<(String, Option<String>), GitError> {
        match revision {
            Revision::Head => {
                let (name, sha) = self.default_branch().await?;
                self.fetch_one(&sha, name.as_deref()).await?;
                Ok((sha, name.as_deref().and_then(branch_of).map(str::to_owned)))
            }
            Revision::Ref(name) => match self.find_ref(name).await? {
                Some((full, sha)) => {
                    self.fetch_one(&sha, Some(&full)).await?;
                    Ok((self.commit_of(&sha, name).await?, branch_of(&full).map(str::to_owned)))
                }
                None if revision::is_short_sha(name) => Ok((self.fetch_short(name).await?, None)),
                None => Err(self.not_found(name)),
            },
            Revision::Commit(sha) => {
                self.fetch_one(sha, None).await?;
                Ok((self.commit_of(sha, sha).await?, self.named_branch()))
            }
            Revision::ShortCommit(short) => Ok((self.fetch_short(short).await?, self.named_branch())),
        }
    }

    /// Fetches one commit without its history; where the server refuses that, the ref it is the tip of,
    /// else everything.
    async fn fetch_one(&self, sha: &str, full_ref: Option<&str>) -> Result<(), GitError> {
        match self.fetch_refs(&["--depth=1"], &[sha]).await {
            Ok(()) => return Ok(()),
            // The server knows of no such object.
            Err(GitError::RefNotFound { .. }) => return Err(self.not_found(sha)),
            Err(GitError::Failed { reason, .. }) => {
                tracing::debug!(url = %self.address.url, %reason, "the server gives no single commit; fetching more");
            }
            Err(error) => return Err(error),
        }
        if let Some(full_ref) = full_ref {
            self.fetch_refs(&[], &[full_ref]).await?;
            if self.has_commit(sha).await {
                return Ok(());
            }
        }
        self.fetch_refs(&[], &EVERYTHING).await?;
        if self.has_commit(sha).await { Ok(()) } else { Err(self.not_found(sha)) }
    }

    async fn fetch_short(&self, short: &str) -> Result<String, GitError> {
        self.fetch_refs(&[], &EVERYTHING).await?;
        let candidates = self.run(&["rev-parse", &format!("--disambiguate={short}")]).await?;
        let mut commits = Vec::new();
        for object in candidates.split_whitespace() {
            if self.run(&["cat-file", "-t", object]).await?.trim() == "commit" {
                commits.push(object.to_owned());
            }
        }
        match commits.as_slice() {
            [one] => Ok(one.clone()),
            [] => Err(self.not_found(short)),
            several => Err(GitError::Refused(format!(
                "commit {short:?} is the start of {} commits of {}; give more digits",
                several.len(),
                self.address.url
            ))),
        }
    }

    async fn fetch_refs(&self, options: &[&str], refs: &[&str]) -> Result<(), GitError> {
        let mut args =
            vec!["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"];
        args.extend(options);
        args.extend(["--", &self.address.url]);
        args.extend(refs);
        self.run(&args).await.map(drop)
    }

    /// The full name and tip of a branch, else a tag, else a ref of exactly this name.
    async fn find_ref(&self, name: &str) -> Result<Option<(String, String)>, GitError> {
        let wanted = if name.starts_with("refs/") {
            vec![name.to_owned()]
        } else {
            vec![format!("refs/heads/{name}"), format!("refs/tags/{name}"), format!("refs/{name}")]
        };
        let mut args = vec!["ls-remote", "--quiet", "--", self.address.url.as_str()];
        args.extend(wanted.iter().map(String::as_str));
        let listed = self.run(&args).await?;
        let tips: Vec<(&str, &str)> = listed.lines().filter_map(|line| line.split_once('\t')).collect();
        let found = wanted.iter().find_map(|full| tips.iter().find(|(_, listed)| listed == full));
        Ok(found.map(|(sha, full)| ((*full).to_owned(), (*sha).to_owned())))
    }

    /// The default branch (where the server names it) and its tip.
    async fn default_branch(&self) -> Result<(Option<String>, String), GitError> {
        let listed = self.run(&["ls-remote", "--symref", "--quiet", "--", &self.address.url, "HEAD"]).await?;
        let name = listed.lines().find_map(|line| line.strip_prefix("ref: ")?.strip_suffix("\tHEAD"));
        let sha = listed
            .lines()
            .find_map(|line| line.strip_suffix("\tHEAD").filter(|sha| !sha.starts_with("ref: ")));
        match sha {
            Some(sha) => Ok((name.map(str::to_owned), sha.to_owned())),
            None => Err(self.not_found("HEAD")),
        }
    }

    /// The commit that an object (a commit, or a tag of one) means.
    async fn commit_of(&self, sha: &str, asked: &str) -> Result<String, GitError> {
        let peeled = self
            .run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{sha}^{{commit}}")])
            .await;
        match peeled {
            Ok(commit) => Ok(commit.trim().to_owned()),
            Err(_) => Err(self.not_found(asked)),
        }
    }

    async fn has_commit(&self, sha: &str) -> bool {
        self.commit_of(sha, sha).await.is_ok()
    }

    async fn has_submodules(&self) -> Result<bool, GitError> {
        let listed = self.run(&["ls-files", "--stage", "--", ".gitmodules"]).await?;
        Ok(!listed.trim().is_empty())
    }

    async fn fetch_submodules(&self) -> Result<(), GitError> {
        // A repository from elsewhere must not read the worker's disk through a submodule.
        let from_disk = self.address.protocol == Protocol::File;
        let allowed = self.settings.protocols.iter().copied();
        let allowed = allowed.filter(|protocol| *protocol != Protocol::File || from_disk).collect();
        let git = GitCommand::new(self.settings).in_folder(&self.dest.path).allowing(allowed);
        let git = answering(git, &self.address, self.credentials.as_ref(), self.dest).await?;
        let update = ["submodule", "--quiet", "update", "--init", "--recursive", "--force"];
        let shallow = [&update[..], &["--depth=1"]].concat();
        match git.output(&shallow, &self.address.url).await {
            Ok(_) => Ok(()),
            Err(
                error @ (GitError::Refused(_) | GitError::Unreachable { .. } | GitError::DiskFull { .. }),
            ) => Err(error),
            Err(_) => git.output(&update, &self.address.url).await.map(drop),
        }
    }

    async fn describe(&self, sha: &str, branch: Option<String>) -> Result<Commit, GitError> {
        let format = "--format=%H%x00%an <%ae>%x00%ct%x00%B";
        let said = self
            .run(&["show", "--no-patch", "--no-show-signature", "--encoding=UTF-8", format, sha, "--"])
            .await?;
        let mut fields = said.splitn(4, '\0');
        let mut next = || fields.next().unwrap_or_default();
        let (sha, author, seconds, message) = (next(), next(), next(), next());
        let committed_at =
            seconds.parse().ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        let Some(committed_at) = committed_at else {
            let reason = format!("commit {sha} has no readable time ({seconds:?})");
            return Err(GitError::Failed { url: self.address.url.clone(), reason });
        };
        Ok(Commit {
            sha: sha.to_owned(),
            branch,
            author: author.to_owned(),
            message: message.trim_end().to_owned(),
            committed_at,
        })
    }

    /// The branch that was named beside a commit.
    fn named_branch(&self) -> Option<String> {
        let name = self.asked.git_ref.as_deref().filter(|name| !matches!(*name, "" | "HEAD"))?;
        match name.strip_prefix("refs/") {
            Some(_) => branch_of(name).map(str::to_owned),
            None if revision::is_whole_sha(name) => None,
            None => Some(name.to_owned()),
        }
    }

    fn not_found(&self, git_ref: &str) -> GitError {
        GitError::RefNotFound { url: self.address.url.clone(), git_ref: git_ref.to_owned() }
    }

    async fn run(&self, args: &[&str]) -> Result<String, GitError> {
        self.git.output(args, &self.address.url).await
    }
}

fn branch_of(full_ref: &str) -> Option<&str> {
    full_ref.strip_prefix("refs/heads/")
}

async fn remove_if_there(path: &Path) {
    if let Err(error) = tokio::fs::remove_file(path).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a script (without secrets) stays in the check-out");
    }
}

/// The folder of a check-out, removed when dropped unless kept.
struct Dest {
    path: PathBuf,
    fate: Fate,
}

#[derive(PartialEq, Eq)]
enum Fate {
    Remove,
    Keep,
}

impl Dest {
    async fn make(path: &Path, url: &str) -> Result<Self, GitError> {
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::StorageFull => GitError::DiskFull { url: url.to_owned() },
            _ => GitError::Failed { url: url.to_owned(), reason: format!("{}: {error}", path.display()) },
        };
        tokio::fs::create_dir_all(path).await.map_err(failed)?;
        let mut entries = tokio::fs::read_dir(path).await.map_err(failed)?;
        if entries.next_entry().await.map_err(failed)?.is_some() {
            return Err(GitError::Refused(format!("the folder {} is not empty", path.display())));
        }
        let path = tokio::fs::canonicalize(path).await.map_err(failed)?;
        Ok(Self { path, fate: Fate::Remove })
    }

    fn git_folder(&self) -> PathBuf {
        self.path.join(".git")
    }

    fn keep(mut self) {
        self.fate = Fate::Keep;
    }
}

impl Drop for Dest {
    fn drop(&mut self) {
        if self.fate == Fate::Keep {
            return;
        }
        // A git that was killed a moment ago may still have made a file behind our back.
        let removed = std::fs::remove_dir_all(&self.path).or_else(|_| std::fs::remove_dir_all(&self.path));
        if let Err(error) = removed
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "a broken check-out stays behind");
        }
    }
}
