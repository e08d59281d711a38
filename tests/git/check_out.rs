//! Which commit a check-out is, and what it says about it.

use odooops::git::{CheckOut, GitError, Protocol};

use super::repository::{Repository, local_git};

fn text(repository: &Repository, name: &str) -> String {
    std::fs::read_to_string(repository.dest().join(name)).expect(name)
}

#[tokio::test]
async fn git_says_its_version() {
    let version = local_git().version().await.expect("git is installed");
    assert!(version.starts_with("2."), "{version}");
}

#[tokio::test]
async fn a_branch_is_checked_out_and_its_commit_described() {
    let repository = Repository::new();
    let commit = local_git().check_out(&repository.asked(Some("main"), None)).await.expect("checked out");
    assert_eq!(commit.sha, repository.git(&["rev-parse", "HEAD"]));
    assert_eq!(commit.branch.as_deref(), Some("main"));
    assert_eq!(commit.author, "Ada Lovelace <ada@example.org>");
    assert_eq!(commit.message, "First commit\n\nWith a body.");
    assert_eq!(commit.committed_at.to_string(), "2026-02-14T10:00:00Z");
    assert_eq!(text(&repository, "README"), "first\n");
}

#[tokio::test]
async fn each_way_to_name_a_commit_finds_it() {
    let repository = Repository::new();
    let first = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["tag", "v1"]);
    repository.git(&["tag", "-a", "-m", "annotated", "v1-annotated"]);
    let second = repository.commit("README", "second\n", "Second");
    repository.git(&["push", "-q", "origin", "HEAD:refs/pull/7/head"]);
    repository.git(&["checkout", "-q", "-b", "feature/x", &first]);
    let third = repository.commit("README", "third\n", "Third");
    for (git_ref, sha, expected, branch) in [
        (None, None, &second, Some("main")),
        (Some("HEAD"), None, &second, Some("main")),
        (Some("main"), None, &second, Some("main")),
        (Some("refs/heads/main"), None, &second, Some("main")),
        (Some("feature/x"), None, &third, Some("feature/x")),
        (Some("v1"), None, &first, None),
        (Some("v1-annotated"), None, &first, None),
        (Some("refs/tags/v1"), None, &first, None),
        (Some("refs/pull/7/head"), None, &second, None),
        (Some("pull/7/head"), None, &second, None),
        (Some(first.as_str()), None, &first, None),
        (Some(&first[..9]), None, &first, None),
        (None, Some(first.as_str()), &first, None),
        (Some("main"), Some(first.as_str()), &first, Some("main")),
        (Some("feature/x"), Some(&first[..6]), &first, Some("feature/x")),
    ] {
        let asked = repository.asked(git_ref, sha);
        let commit =
            local_git().check_out(&asked).await.unwrap_or_else(|e| panic!("{git_ref:?} {sha:?}: {e}"));
        assert_eq!((&commit.sha, commit.branch.as_deref()), (expected, branch), "{git_ref:?} {sha:?}");
        std::fs::remove_dir_all(repository.dest()).expect("removed");
    }
}

#[tokio::test]
async fn a_branch_wins_over_a_tag_of_the_same_name() {
    let repository = Repository::new();
    repository.git(&["tag", "twice"]);
    repository.git(&["checkout", "-q", "-b", "twice"]);
    std::fs::write(repository.work().join("README"), "branch\n").expect("written");
    repository.git(&["commit", "-q", "-a", "-m", "On the branch"]);
    repository.git(&["push", "-q", "origin", "refs/heads/twice", "refs/tags/twice"]);
    let commit = local_git().check_out(&repository.asked(Some("twice"), None)).await.expect("checked out");
    assert_eq!(commit.message, "On the branch");
}

#[tokio::test]
async fn only_the_one_commit_is_fetched() {
    let repository = Repository::new();
    repository.commit("README", "second\n", "Second");
    local_git().check_out(&repository.asked(Some("main"), None)).await.expect("checked out");
    let shallow =
        std::fs::read_to_string(repository.dest().join(".git/shallow")).expect("a shallow repository");
    assert_eq!(shallow.lines().count(), 1);
}

#[tokio::test]
async fn refs_and_commits_that_do_not_exist_are_named() {
    let repository = Repository::new();
    let none = "0123456789abcdef0123456789abcdef01234567";
    for (git_ref, sha, named) in [
        (Some("nope"), None, "nope"),
        (Some("refs/heads/nope"), None, "refs/heads/nope"),
        (Some("abcdef1"), None, "abcdef1"),
        (None, Some(none), none),
        (Some("main"), Some("abc123"), "abc123"),
    ] {
        let error = local_git().check_out(&repository.asked(git_ref, sha)).await.expect_err(named);
        assert_eq!(error, GitError::RefNotFound { url: repository.url(), git_ref: named.to_owned() });
        assert!(!error.is_infrastructure());
        assert!(!repository.dest().exists(), "nothing stays behind");
    }
}

#[tokio::test]
async fn a_repository_without_commits_has_no_default_branch() {
    let repository = Repository::new();
    let empty = repository.folder.path().join("empty.git");
    repository.git(&["init", "-q", "--bare", &empty.display().to_string()]);
    let asked = CheckOut { url: format!("file://{}", empty.display()), ..repository.asked(None, None) };
    let error = local_git().check_out(&asked).await.expect_err("it is empty");
    assert!(matches!(error, GitError::RefNotFound { .. }), "{error}");
}

#[tokio::test]
async fn a_repository_that_does_not_exist_is_the_users_fault() {
    let repository = Repository::new();
    let url = format!("file://{}/nope.git", repository.folder.path().display());
    let error =
        local_git().check_out(&CheckOut { url, ..repository.asked(None, None) }).await.expect_err("none");
    assert!(matches!(error, GitError::RepositoryNotFound { .. }), "{error:?}");
    assert!(!error.is_infrastructure());
    assert!(error.to_string().contains("nope.git"), "{error}");
}

#[tokio::test]
async fn a_full_folder_is_left_alone() {
    let repository = Repository::new();
    std::fs::create_dir(repository.dest()).expect("made");
    std::fs::write(repository.dest().join("mine"), "x").expect("written");
    let error = local_git().check_out(&repository.asked(None, None)).await.expect_err("not empty");
    assert!(matches!(error, GitError::Refused(_)), "{error:?}");
    assert_eq!(text(&repository, "mine"), "x");
}

#[tokio::test]
async fn submodules_are_checked_out_too() {
    let (inner, outer) = (Repository::new(), Repository::new());
    outer.git(&["submodule", "--quiet", "add", "-b", "main", &inner.url(), "addons/inner"]);
    outer.git(&["commit", "-q", "-m", "With a submodule"]);
    outer.push();
    // A newer commit inside must not matter: the outer one names its own.
    inner.commit("README", "newer\n", "Newer");
    local_git().check_out(&outer.asked(Some("main"), None)).await.expect("checked out");
    assert_eq!(text(&outer, "addons/inner/README"), "first\n");
}

#[tokio::test]
async fn file_urls_are_refused_unless_allowed() {
    let repository = Repository::new();
    let git = odooops::git::Git::new(odooops::git::GitSettings::default());
    let error = git.check_out(&repository.asked(None, None)).await.expect_err("file is not allowed");
    assert!(matches!(&error, GitError::Refused(why) if why.contains(Protocol::File.as_str())), "{error}");
}
