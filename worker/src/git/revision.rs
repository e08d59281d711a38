//! Refs and commits as people name them: what may be asked for. Pure.

use super::GitError;

/// What to check out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// The default branch.
    Head,
    /// A branch, tag or full ref.
    Ref(String),
    /// A whole commit hash.
    Commit(String),
    /// A shortened commit hash.
    ShortCommit(String),
}

/// The longest ref name; more is nobody's branch.
const MAX_REF_BYTES: usize = 255;

impl Revision {
    /// The commit decides where it is given; a ref of 40 (or 64) hex digits is a commit.
    pub fn of(git_ref: Option<&str>, commit_sha: Option<&str>) -> Result<Self, GitError> {
        let git_ref = git_ref.filter(|text| !text.is_empty());
        if let Some(git_ref) = git_ref {
            check_ref(git_ref)?;
        }
        match (commit_sha.filter(|text| !text.is_empty()), git_ref) {
            (Some(sha), _) => Self::of_sha(sha),
            (None, None | Some("HEAD")) => Ok(Self::Head),
            (None, Some(git_ref)) if is_whole_sha(git_ref) => Ok(Self::Commit(git_ref.to_ascii_lowercase())),
            (None, Some(git_ref)) => Ok(Self::Ref(git_ref.to_owned())),
        }
    }

    fn of_sha(sha: &str) -> Result<Self, GitError> {
        if is_whole_sha(sha) {
            return Ok(Self::Commit(sha.to_ascii_lowercase()));
        }
        if is_short_sha(sha) {
            return Ok(Self::ShortCommit(sha.to_ascii_lowercase()));
        }
        Err(GitError::Refused(format!(
            "commit {:?}: a commit is 4 to 40 (or 64) hexadecimal digits",
            sha.chars().take(80).collect::<String>()
        )))
    }
}

/// Whether `text` is a whole SHA-1 or SHA-256.
pub(super) fn is_whole_sha(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether `text` could be a shortened hash (git's shortest is 4).
pub(super) fn is_short_sha(text: &str) -> bool {
    (4..40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The rules of `git check-ref-format`, and none that looks like an option.
fn check_ref(git_ref: &str) -> Result<(), GitError> {
    match ref_problem(git_ref) {
        None => Ok(()),
        Some(rule) => {
            let shown: String = git_ref.chars().take(80).collect();
            Err(GitError::Refused(format!("git ref {shown:?}: {rule}")))
        }
    }
}

fn ref_problem(git_ref: &str) -> Option<&'static str> {
    if git_ref.len() > MAX_REF_BYTES {
        return Some("it has more than 255 bytes");
    }
    if git_ref.starts_with('-') {
        return Some("it starts with -");
    }
    if git_ref.chars().any(|c| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c)) {
        return Some("blanks, control characters and any of ~ ^ : ? * [ \\ are not allowed in a ref");
    }
    if git_ref.contains("..") || git_ref.contains("@{") || git_ref == "@" {
        return Some("..  and @{ are not allowed in a ref, nor is a lone @");
    }
    if git_ref.ends_with('.') {
        return Some("it ends with a dot");
    }
    git_ref.split('/').find_map(|name| match name {
        "" => Some("it has an empty name between slashes or at an end"),
        name if name.starts_with('.') => Some("a name in it starts with a dot"),
        name if name.ends_with(".lock") => Some("a name in it ends with .lock"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn the_commit_decides() {
        for (git_ref, sha, expected) in [
            (None, None, Revision::Head),
            (Some(""), Some(""), Revision::Head),
            (Some("HEAD"), None, Revision::Head),
            (Some("main"), None, Revision::Ref("main".into())),
            (Some("main"), Some(SHA), Revision::Commit(SHA.into())),
            (Some(SHA), None, Revision::Commit(SHA.into())),
            (Some("main"), Some("ABC123"), Revision::ShortCommit("abc123".into())),
            (Some("abc123"), None, Revision::Ref("abc123".into())),
        ] {
            assert_eq!(Revision::of(git_ref, sha).expect("good names"), expected);
        }
    }

    #[test]
    fn refs_that_break_the_rules_are_refused() {
        for bad in [
            "-x",
            "--upload-pack=x",
            "a..b",
            "a b",
            "a\tb",
            "a\nb",
            "a\0b",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[",
            "a\\b",
            "@",
            "@{-1}",
            "/a",
            "a/",
            "a//b",
            ".a",
            "a/.b",
            "a.",
            "a.lock",
            "a.lock/b",
        ] {
            let refused = Revision::of(Some(bad), None);
            assert!(matches!(refused, Err(GitError::Refused(_))), "{bad:?} must be refused");
            assert!(
                Revision::of(Some(bad), Some(SHA)).is_err(),
                "{bad:?} must be refused beside a commit too"
            );
        }
    }

    #[test]
    fn commits_that_are_no_hash_are_refused() {
        let long = "a".repeat(41);
        for bad in ["abc", "main", "abcg123", "HEAD~1", "-abc", &long] {
            assert!(Revision::of(None, Some(bad)).is_err(), "{bad:?} must be refused");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_we_take_git_takes(name in "[a.@{/~lock-]{1,10}") {
            if ref_problem(&name).is_none() {
                let judged = Command::new("git").args(["check-ref-format", "--allow-onelevel", &name]).status();
                prop_assert!(judged.expect("git runs").success(), "git refuses {name:?}");
            }
        }
    }
}
