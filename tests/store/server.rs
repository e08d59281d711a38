//! An S3 server in this process: real HTTP, real signatures, objects as files in a temporary folder.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use odooops::store::{Store, StoreSettings};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

pub(crate) const BUCKET: &str = "artifacts";
pub(super) const ACCESS_KEY: &str = "AKIAODOOOPSTEST";
pub(super) const SECRET_KEY: &str = "a-secret-that-only-the-test-knows";

/// A running S3 server with one bucket.
pub(crate) struct S3Server {
    root: TempDir,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl S3Server {
    pub(crate) async fn start() -> Self {
        let root = TempDir::new().expect("a temporary folder");
        std::fs::create_dir(root.path().join(BUCKET)).expect("the bucket's folder");
        let files = s3s_fs::FileSystem::new(root.path()).expect("the folder can be served");
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the port's number");
        let serving = tokio::spawn(serve(listener, builder.build()));
        Self { root, address, serving }
    }

    /// The server and all its connections are gone when this returns.
    pub(super) async fn stop(&mut self) {
        self.serving.abort();
        let ended = (&mut self.serving).await;
        assert!(ended.is_err_and(|end| end.is_cancelled()), "the server was still serving");
    }

    pub(crate) async fn store(&self, url: &str) -> Store {
        open(url, self.address, SECRET_KEY).await
    }

    pub(super) async fn store_with_secret(&self, url: &str, secret: &str) -> Store {
        open(url, self.address, secret).await
    }

    /// Settings that fit this server.
    pub(super) fn settings(&self) -> StoreSettings {
        settings(self.address, SECRET_KEY)
    }

    /// Paths of all files that the server keeps, parts of uploads included, but without the notes on
    /// objects that s3s-fs keeps also when an object is deleted, and requests it is still reading.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = files_below(self.root.path());
        files.retain(|path| {
            let name = path.to_string_lossy();
            !(name.contains("/.tmp.")
                || name.ends_with(".internal.json")
                || (name.ends_with(".metadata.json") && !name.contains(".upload")))
        });
        files
    }

    pub(super) fn root(&self) -> &std::path::Path {
        self.root.path()
    }
}

/// Settings that reach `address` and give up soon.
pub(super) fn settings(address: SocketAddr, secret: &str) -> StoreSettings {
    StoreSettings {
        endpoint_url: Some(format!("http://{address}")),
        region: Some("eu-test-1".into()),
        keys: Some((ACCESS_KEY.into(), SecretString::from(secret))),
        idle_limit: Duration::from_secs(20),
        source_limit: None,
        connect_limit: Duration::from_secs(2),
        max_attempts: 2,
    }
}

async fn open(url: &str, address: SocketAddr, secret: &str) -> Store {
    Store::open_with(url, settings(address, secret)).await.expect("a store URL that can be used")
}

pub(super) async fn open_at(url: &str, address: SocketAddr, idle_limit: Duration) -> Store {
    let settings = StoreSettings { idle_limit, ..settings(address, SECRET_KEY) };
    Store::open_with(url, settings).await.expect("a store URL that can be used")
}

pub(super) async fn serve(listener: TcpListener, service: S3Service) {
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.expect("the listener lives as long as the server");
        let service = service.clone();
        connections.spawn(async move {
            let served =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service);
            // A client that goes away in the middle is what some tests are about.
            drop(served.await);
        });
    }
}

pub(super) fn files_below(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}
