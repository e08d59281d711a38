//! Asks a worker on this machine for its health, so that a container image needs no HTTP client for it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A worker that answers later than this counts as one that does not answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// More is not read: the endpoints answer in a few lines.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// What a worker is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// `/healthz`: do its tasks turn?
    Alive,
    /// `/readyz`: would it claim a run now?
    Ready,
}

/// What a worker said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Whether the answer is yes.
    pub yes: bool,
    /// Its own words, a line per cause where it is no.
    pub text: String,
}

/// Asks the worker that listens on `addr`.
///
/// # Errors
/// When nobody answers there in time, or somebody who is no worker.
pub async fn ask(addr: SocketAddr, question: Question) -> anyhow::Result<Said> {
    let asked = tokio::time::timeout(ANSWER_LIMIT, exchange(reachable(addr), question)).await;
    let answer = asked
        .map_err(|_| anyhow::anyhow!("no answer within {} s", ANSWER_LIMIT.as_secs()))
        // Told in words: a worker that hangs up is not the reader of stdout who went away.
        .and_then(|answer| answer.map_err(|problem| anyhow::anyhow!("{problem}")))
        .with_context(|| format!("no worker answers on {addr}"))?;
    read(&answer).with_context(|| format!("what answers on {addr} is no worker: it sent no HTTP status"))
}

/// An address to listen on everywhere is reached by way of loopback.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let host = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(host, addr.port())
}

async fn exchange(addr: SocketAddr, question: Question) -> std::io::Result<String> {
    let path = match question {
        Question::Alive => "/healthz",
        Question::Ready => "/readyz",
    };
    let mut worker = TcpStream::connect(addr).await?;
    // HTTP/1.0: the answer ends where the connection does.
    worker.write_all(format!("GET {path} HTTP/1.0\r\nHost: {addr}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    worker.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn read(answer: &str) -> Option<Said> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status: u16 = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some(Said { yes: status == 200, text: body.trim_end().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_and_the_workers_own_words() {
        let said = |yes, text: &str| Some(Said { yes, text: text.to_owned() });
        let ready = "HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nready\n";
        assert_eq!(read(ready), said(true, "ready"));
        let drains = "HTTP/1.1 503 Service Unavailable\r\n\r\nthe worker drains\n";
        assert_eq!(read(drains), said(false, "the worker drains"));
        for other in ["", "SSH-2.0-x\r\n", "HTTP/1.1 OK\r\n\r\n", "HTTP/2 200\r\n\r\n"] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn who_listens_everywhere_is_asked_on_this_machine() {
        let at = |addr: &str| reachable(addr.parse().expect("an address")).to_string();
        assert_eq!(at("0.0.0.0:9187"), "127.0.0.1:9187");
        assert_eq!(at("[::]:9187"), "[::1]:9187");
        assert_eq!(at("10.1.2.3:9187"), "10.1.2.3:9187");
    }

    #[tokio::test]
    async fn where_nobody_listens_the_address_is_named() {
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = free.local_addr().expect("its number");
        drop(free);
        let problem = ask(addr, Question::Alive).await.expect_err("nobody").to_string();
        assert_eq!(problem, format!("no worker answers on {addr}"));
    }
}
