//! Repositories behind HTTP: git's own http-backend, with a password in front.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use odooops::git::{CheckOut, Credentials, Git, GitError, GitSettings, Protocol};
use secrecy::SecretString;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use super::repository::{Repository, local_git};

const USER: &str = "builder";
const PASSWORD: &str = "hunter2 with:signs@";

/// What a server speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaks {
    /// What the client asks for (version 2).
    Current,
    /// Version 0 only, which gives the tips of refs and no other commit.
    Old,
}

/// Serves the folder of a repository to those who know the password.
async fn serve(folder: PathBuf, speaks: Speaks) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the port's number");
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.expect("the listener lives");
            tokio::spawn(answer(socket, folder.clone(), speaks));
        }
    });
    address
}

/// One request through `git http-backend` (CGI), then the connection is closed.
async fn answer(socket: TcpStream, folder: PathBuf, speaks: Speaks) {
    let mut socket = BufReader::new(socket);
    let (mut request, mut headers) = (String::new(), Vec::new());
    socket.read_line(&mut request).await.expect("a request");
    loop {
        let mut line = String::new();
        socket.read_line(&mut line).await.expect("a header");
        match line.trim().split_once(": ") {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
            None => break,
        }
    }
    let header = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
    let expected = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    if header("authorization") != Some(format!("Basic {expected}")) {
        let refusal = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        socket.write_all(refusal.as_bytes()).await.expect("sent");
        return;
    }
    let mut words = request.split_whitespace();
    let (method, target) = (words.next().expect("a method"), words.next().expect("a target"));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let length = header("content-length").map_or(0, |text| text.parse().expect("a length"));
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.expect("the body");

    let mut backend = Command::new("git");
    backend.arg("http-backend").env("GIT_PROJECT_ROOT", folder).env("GIT_HTTP_EXPORT_ALL", "1");
    backend.env("REQUEST_METHOD", method).env("PATH_INFO", path).env("QUERY_STRING", query);
    backend.env("CONTENT_TYPE", header("content-type").unwrap_or_default());
    backend.env("CONTENT_LENGTH", length.to_string());
    backend.env("HTTP_CONTENT_ENCODING", header("content-encoding").unwrap_or_default());
    if speaks == Speaks::Current {
        backend.env("GIT_PROTOCOL", header("git-protocol").unwrap_or_default());
    }
    let mut backend =
        backend.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("http-backend runs");
    let mut stdin = backend.stdin.take().expect("piped");
    stdin.write_all(&body).await.expect("taken");
    drop(stdin);
    let said = backend.wait_with_output().await.expect("it ends").stdout;
    let status =
        String::from_utf8_lossy(&said).lines().find_map(|l| l.strip_prefix("Status: ").map(str::to_owned));
    let head = format!("HTTP/1.1 {}\r\nConnection: close\r\n", status.unwrap_or_else(|| "200 OK".into()));
    socket.write_all(head.as_bytes()).await.expect("sent");
    socket.write_all(&said).await.expect("sent");
    socket.shutdown().await.expect("closed");
}

fn credentials(password: &str) -> Option<Credentials> {
    Some(Credentials { username: USER.into(), password: SecretString::from(password) })
}

async fn served(repository: &Repository) -> CheckOut {
    served_by(repository, Speaks::Current).await
}

async fn served_by(repository: &Repository, speaks: Speaks) -> CheckOut {
    let address = serve(repository.folder.path().to_path_buf(), speaks).await;
    CheckOut { url: format!("http://{address}/bare.git"), ..repository.asked(Some("main"), None) }
}

#[tokio::test]
async fn a_password_opens_a_repository_and_stays_out_of_the_check_out() {
    let repository = Repository::new();
    let asked = CheckOut { credentials: credentials(PASSWORD), ..served(&repository).await };
    let commit = local_git().check_out(&asked).await.expect("checked out");
    assert_eq!(commit.sha, repository.git(&["rev-parse", "HEAD"]));
    let found =
        std::process::Command::new("grep").args(["-rlE", "hunter2|askpass"]).arg(repository.dest()).output();
    assert_eq!(String::from_utf8_lossy(&found.expect("grep runs").stdout), "");
    assert!(!repository.dest().join(".git/odooops-askpass").exists());
}

#[tokio::test]
async fn a_password_in_the_url_works_and_is_not_kept() {
    let repository = Repository::new();
    let asked = served(&repository).await;
    let url = asked.url.replace("http://", "http://builder:hunter2%20with%3Asigns%40@");
    local_git().check_out(&CheckOut { url, ..asked }).await.expect("checked out");
    let config = std::fs::read_to_string(repository.dest().join(".git/config")).expect("there");
    assert!(!config.contains("hunter2"), "{config}");
}

#[tokio::test]
async fn a_wrong_or_missing_password_is_access_denied_and_not_printed() {
    let repository = Repository::new();
    let asked = served(&repository).await;
    for credentials in [None, credentials("wrong-hunter2")] {
        let asked = CheckOut { credentials, ..asked.clone() };
        let error = local_git().check_out(&asked).await.expect_err("the password is wrong");
        assert!(matches!(error, GitError::AccessDenied { .. }), "{error:?}");
        assert!(!error.is_infrastructure());
        assert!(!format!("{error:?}").contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_password_is_not_given_to_a_submodule_of_another_server() {
    let (outer, inner) = (Repository::new(), Repository::new());
    let elsewhere = served(&inner).await.url;
    let modules = format!("[submodule \"x\"]\n\tpath = x\n\turl = {elsewhere}\n");
    let commit = inner.git(&["rev-parse", "HEAD"]);
    std::fs::write(outer.work().join(".gitmodules"), modules).expect("written");
    outer.git(&["add", ".gitmodules"]);
    outer.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},x")]);
    outer.git(&["commit", "-q", "-m", "A submodule elsewhere"]);
    outer.push();
    let asked = CheckOut { credentials: credentials(PASSWORD), ..served(&outer).await };
    let error = local_git().check_out(&asked).await.expect_err("the other server gets no password");
    assert!(matches!(error, GitError::AccessDenied { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_gives_no_single_commits_is_asked_for_more() {
    let repository = Repository::new();
    let first = repository.git(&["rev-parse", "HEAD"]);
    let second = repository.commit("README", "second\n", "Second");
    let old = CheckOut { credentials: credentials(PASSWORD), ..served_by(&repository, Speaks::Old).await };
    for (git_ref, sha, expected) in
        [(None, Some(&first), &first), (Some("main"), Some(&first), &first), (None, None, &second)]
    {
        let asked = CheckOut { git_ref: git_ref.map(str::to_owned), commit_sha: sha.cloned(), ..old.clone() };
        let commit = local_git().check_out(&asked).await.expect("checked out");
        assert_eq!(&commit.sha, expected);
        std::fs::remove_dir_all(repository.dest()).expect("removed");
    }
    let none = "0123456789abcdef0123456789abcdef01234567".to_owned();
    let error =
        local_git().check_out(&CheckOut { commit_sha: Some(none), ..old }).await.expect_err("none such");
    assert!(matches!(error, GitError::RefNotFound { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let repository = Repository::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/a.git", listener.local_addr().expect("the port's number"));
    drop(listener);
    let error =
        local_git().check_out(&CheckOut { url, ..repository.asked(None, None) }).await.expect_err("nobody");
    assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
    assert!(error.is_infrastructure());
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let repository = Repository::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/a.git", listener.local_addr().expect("the port's number"));
    let git = Git::new(GitSettings {
        protocols: vec![Protocol::Http],
        idle_limit: Duration::from_secs(1),
        ..GitSettings::default()
    });
    let asked = CheckOut { url, ..repository.asked(None, None) };
    let error = tokio::time::timeout(Duration::from_secs(60), git.check_out(&asked)).await;
    let error = error.expect("it must not hang").expect_err("no answer");
    assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
    drop(listener);
}
