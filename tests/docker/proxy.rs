//! A socket between a test and the engine that can be cut or can fall silent, as engines do.

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::lab::engine_host;

/// What the proxy does with connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// Passes bytes on.
    Pass,
    /// Passes bytes on, but the engine hears of no pause: as with engines that cannot pause.
    NoPause,
    /// Keeps connections open and passes nothing on.
    Silent,
    /// Closes connections, present and new.
    Cut,
}

/// A proxy in front of the engine's socket.
pub(super) struct Proxy {
    folder: TempDir,
    mood: Arc<watch::Sender<Mood>>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let listener = UnixListener::bind(folder.path().join("engine.sock")).expect("listen");
        let mood = Arc::new(watch::Sender::new(Mood::Pass));
        let task = tokio::spawn(serve(listener, mood.clone()));
        Self { folder, mood, task }
    }

    /// `DOCKER_HOST` for whoever shall go through it.
    pub(super) fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("engine.sock").display())
    }

    pub(super) fn be(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn engine_socket() -> PathBuf {
    let host = engine_host().unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned());
    PathBuf::from(host.strip_prefix("unix://").expect("this test needs an engine on a unix socket"))
}

async fn serve(listener: UnixListener, mood: Arc<watch::Sender<Mood>>) {
    loop {
        let (near, _) = listener.accept().await.expect("accept");
        let far = UnixStream::connect(engine_socket()).await.expect("the engine's socket");
        let (near_read, near_write) = near.into_split();
        let (far_read, far_write) = far.into_split();
        tokio::spawn(pass(near_read, far_write, mood.subscribe()));
        tokio::spawn(pass(far_read, near_write, mood.subscribe()));
    }
}

/// Copies one direction as long as the mood allows.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut mood: watch::Receiver<Mood>,
) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let now = *mood.borrow_and_update();
        tokio::select! {
            changed = mood.changed() => if changed.is_err() { return },
            read = from.read(&mut buffer), if matches!(now, Mood::Pass | Mood::NoPause) => {
                let size = read.unwrap_or(0);
                if now == Mood::NoPause {
                    garble(&mut buffer[..size], b"/pause HTTP");
                }
                if size == 0 || to.write_all(&buffer[..size]).await.is_err() {
                    to.shutdown().await.ok();
                    return;
                }
            }
            () = std::future::ready(()), if now == Mood::Cut => return,
        }
    }
}

/// Changes the first letter of what is looked for, so that the engine does not know it.
fn garble(bytes: &mut [u8], what: &[u8]) {
    if let Some(at) = bytes.windows(what.len()).position(|window| window == what) {
        bytes[at + 1] = b'x';
    }
}
