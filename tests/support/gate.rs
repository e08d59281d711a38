//! A door between a program and its database: shut, nobody gets in and whoever is in is thrown out; slow,
//! every answer takes its time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

/// Whether the door is open; a number per opening, so that those inside learn of every closing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Open,
    Shut,
}

/// A TCP proxy under a test's control.
pub(crate) struct Gate {
    address: SocketAddr,
    door: watch::Sender<Door>,
    answer_millis: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

impl Gate {
    /// In front of the server of this URL, open.
    pub(crate) async fn before(url: &str) -> Self {
        let url: Url = url.parse().expect("a URL");
        let target = format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its number");
        let (door, answer_millis) = (watch::Sender::new(Door::Open), Arc::new(AtomicU64::new(0)));
        let serving = tokio::spawn(serve(listener, target, door.clone(), Arc::clone(&answer_millis)));
        Self { address, door, answer_millis, serving }
    }

    /// The same URL by way of the gate.
    pub(crate) fn url(&self, url: &str) -> String {
        let mut url: Url = url.parse().expect("a URL");
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(self.address.port())).expect("a port");
        url.into()
    }

    /// Throws everybody out and lets nobody in.
    pub(crate) fn shut(&self) {
        self.door.send_replace(Door::Shut);
    }

    /// Lets everybody in.
    pub(crate) fn open(&self) {
        self.door.send_replace(Door::Open);
    }

    /// From now on every answer of the server takes this long.
    pub(crate) fn slow(&self, answer: Duration) {
        self.answer_millis.store(u64::try_from(answer.as_millis()).expect("millis"), Ordering::Relaxed);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, target: String, door: watch::Sender<Door>, millis: Arc<AtomicU64>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { return };
        if *door.borrow() == Door::Shut {
            continue;
        }
        let (mut door, target, millis) = (door.subscribe(), target.clone(), Arc::clone(&millis));
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(target).await else { return };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            let at_once = AtomicU64::new(0);
            let shut = door.wait_for(|door| *door == Door::Shut);
            tokio::select! {
                _shut = shut => {}
                () = pass(from_client, to_server, &at_once) => {}
                () = pass(from_server, to_client, &millis) => {}
            }
        });
    }
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, millis: &AtomicU64) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count) = from.read(&mut bytes).await {
        let pause = millis.load(Ordering::Relaxed);
        if pause > 0 {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        if count == 0 || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
