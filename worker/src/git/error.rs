//! What can go wrong with a check-out, told apart by who can mend it.

/// Why a check-out was not made. URLs in messages have no passwords.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// The repository has no such branch, tag or commit.
    #[error("{url} has no branch, tag or commit {git_ref:?}; check the name, and that it was pushed")]
    RefNotFound {
        /// The repository.
        url: String,
        /// What was asked for.
        git_ref: String,
    },
    /// The server has no such repository (or hides it).
    #[error(
        "there is no repository {url} (or it is not shown to us): {reason}; check the project's repo_url"
    )]
    RepositoryNotFound {
        /// The repository.
        url: String,
        /// What git said.
        reason: String,
    },
    /// The server wants other credentials.
    #[error("access to {url} was denied: {reason}; check that the repository exists, and its credentials")]
    AccessDenied {
        /// The repository.
        url: String,
        /// What git said.
        reason: String,
    },
    /// Nobody answered, or the connection broke.
    #[error("{url} cannot be reached: {reason}; check the network, or try again")]
    Unreachable {
        /// The repository.
        url: String,
        /// What git said.
        reason: String,
    },
    /// A URL, ref or submodule that breaks our rules.
    #[error("refused: {0}")]
    Refused(String),
    /// The check-out took longer than it may.
    #[error("checking {url} out took longer than {limit_secs} s and was stopped")]
    Timeout {
        /// The repository.
        url: String,
        /// The limit.
        limit_secs: u64,
    },
    /// The worker's disk is full.
    #[error("the worker's disk is full, checking {url} out; free room")]
    DiskFull {
        /// The repository.
        url: String,
    },
    /// git is missing, or failed in a way we do not know.
    #[error("git failed on {url}: {reason}")]
    Failed {
        /// The repository.
        url: String,
        /// What git, or the system, said.
        reason: String,
    },
}

impl GitError {
    /// True where the machine or network is at fault (`infra`: try elsewhere), false where the request is (`invalid`).
    /// [`Timeout`](Self::Timeout) is neither by itself: a step's own limit decides above; here it counts as `infra`.
    pub fn is_infrastructure(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::DiskFull { .. } | Self::Failed { .. } => {
                true
            }
            Self::RefNotFound { .. }
            | Self::RepositoryNotFound { .. }
            | Self::AccessDenied { .. }
            | Self::Refused(_) => false,
        }
    }

    /// Judges what git (in English, `LC_ALL=C`) wrote on stderr. git has one exit code for all of these,
    /// so its words are all there is; the texts are those of git 2.20 to 2.50 and its curl and ssh.
    pub(super) fn from_stderr(url: &str, stderr: &str) -> Self {
        let reason = last_words(stderr);
        let url = url.to_owned();
        let kind = KINDS.iter().find(|(_, texts)| texts.iter().any(|text| contains(stderr, text)));
        match kind.map(|(kind, _)| kind) {
            Some(Kind::DiskFull) => Self::DiskFull { url },
            Some(Kind::Refused) => Self::Refused(format!("{url}: {reason}")),
            Some(Kind::Unreachable) => Self::Unreachable { url, reason },
            Some(Kind::AccessDenied) => Self::AccessDenied { url, reason },
            Some(Kind::RepositoryNotFound) => Self::RepositoryNotFound { url, reason },
            Some(Kind::RefNotFound) => Self::RefNotFound { url, git_ref: reason },
            None => Self::Failed { url, reason },
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    DiskFull,
    Refused,
    Unreachable,
    AccessDenied,
    RepositoryNotFound,
    RefNotFound,
}

/// In the order of asking: an earlier text explains a later one.
const KINDS: [(Kind, &[&str]); 6] = [
    (Kind::DiskFull, &["No space left on device", "Out of diskspace", "Disk quota exceeded"]),
    (Kind::Refused, &["' not allowed", "disallowed submodule", "is not allowed in", "invalid path '"]),
    (
        Kind::Unreachable,
        &[
            "Could not resolve host",
            "Failed to connect",
            "Couldn't connect to server",
            "Connection refused",
            "Connection timed out",
            "Connection reset",
            "Connection closed by remote host",
            "Network is unreachable",
            "No route to host",
            "Operation timed out",
            "Operation too slow",
            "Temporary failure in name resolution",
            "Name or service not known",
            "SSL certificate problem",
            "certificate verification failed",
            "SSL connect error",
            "SSL_ERROR",
            "SSL routines",
            "TLS connection",
            "Empty reply from server",
            "Recv failure",
            "RPC failed",
            "early EOF",
            "returned error: 5",
            "returned error: 429",
            "hung up unexpectedly",
        ],
    ),
    (
        Kind::AccessDenied,
        &[
            "Authentication failed",
            "could not read Username",
            "could not read Password",
            "Permission denied",
            "returned error: 401",
            "returned error: 403",
            "Host key verification failed",
            "dubious ownership",
            "Access denied",
        ],
    ),
    (
        Kind::RepositoryNotFound,
        &[
            "does not appear to be a git repository",
            "Repository not found",
            "returned error: 404",
            "' not found",
            "not valid: is this a git repository",
        ],
    ),
    (
        Kind::RefNotFound,
        &["couldn't find remote ref", "not our ref", "did not contain", "Unable to find current revision"],
    ),
];

fn contains(text: &str, part: &str) -> bool {
    text.lines().any(|line| line.contains(part))
}

/// The line that explains best: the last `fatal:`/`error:`/`ERROR:` one, else the last; passwords removed.
fn last_words(stderr: &str) -> String {
    let lines = || stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_verdict =
        |line: &&str| ["fatal: ", "error: ", "ERROR: "].iter().any(|mark| line.starts_with(mark));
    let line = lines().rfind(is_verdict).or_else(|| lines().next_back()).unwrap_or("it said nothing");
    let line = line.trim_start_matches("fatal: ").trim_start_matches("error: ").trim_start_matches("ERROR: ");
    let words: Vec<String> = line.chars().take(500).collect::<String>().split(' ').map(clean_word).collect();
    words.join(" ")
}

/// A word without the password of a URL in it.
fn clean_word(word: &str) -> String {
    match (word.find("://"), word.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}://***{}", &word[..scheme], &word[at..]),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gits_words_are_told_apart() {
        for (stderr, expected) in [
            ("fatal: unable to access 'https://x/': Could not resolve host: x", "Unreachable"),
            ("fatal: unable to access 'https://x/': The requested URL returned error: 503", "Unreachable"),
            ("fatal: unable to access 'https://x/': The requested URL returned error: 403", "AccessDenied"),
            (
                "fatal: unable to access 'https://x/': SSL certificate problem: unable to get local issuer",
                "Unreachable",
            ),
            (
                "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
                "AccessDenied",
            ),
            (
                "remote: Repository not found.\nfatal: repository 'https://github.com/a/b/' not found",
                "RepositoryNotFound",
            ),
            (
                "fatal: '/x' does not appear to be a git repository\nfatal: Could not read from remote repository.",
                "RepositoryNotFound",
            ),
            (
                "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
                "AccessDenied",
            ),
            ("fatal: transport 'ext' not allowed", "Refused"),
            ("fatal: couldn't find remote ref nope", "RefNotFound"),
            ("fatal: write error: No space left on device", "DiskFull"),
            ("fatal: something new", "Failed"),
            ("", "Failed"),
        ] {
            let error = GitError::from_stderr("https://x/", stderr);
            let text = format!("{error:?}");
            assert_eq!(text.split([' ', '(']).next(), Some(expected), "{stderr}");
        }
    }

    #[test]
    fn passwords_in_gits_words_are_removed() {
        let error =
            GitError::from_stderr("https://x/", "fatal: unable to access 'https://me:hunter2@x/': odd");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
