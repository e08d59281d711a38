//! Where the tests of this folder work: an engine, labels of an instance of their own, and a cleaning
//! up at the end that happens also when a test fails.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{FutureExt, StreamExt};
use odooops::container::docker::{Docker, DockerSettings, TimeLimits};
use odooops::container::{
    ByteReader, ByteStream, ContainerError, ContainerExit, ContainerSpec, Containers, Labels, Limits,
    NetworkMode, Output, OutputStream,
};
use uuid::Uuid;

/// Longest time that any single test may take.
const TEST_LIMIT: Duration = Duration::from_secs(120);

/// An engine and a name space of its own on it.
pub(super) struct Lab {
    pub(super) docker: Docker,
    pub(super) instance: Uuid,
    pub(super) run_id: Uuid,
}

/// What a container did.
pub(super) struct Ran {
    pub(super) exit: ContainerExit,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

impl Ran {
    /// Both streams as text, for messages and for looking things up.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&[self.stdout.as_slice(), &self.stderr].concat()).into_owned()
    }
}

/// Runs a test body in a lab of its own and removes what it left, whether it passed or not.
pub(super) async fn in_lab(body: impl AsyncFnOnce(&Lab)) {
    let lab = Lab::open(None);
    lab.docker.engine().await.expect("these tests need Docker: start it, or set DOCKER_HOST");
    let image = lab.docker.find_image(&base_image()).await.expect("image");
    assert!(image.is_some(), "the test image is missing: run tests/fixtures/images/base.sh");
    let body = AssertUnwindSafe(body(&lab)).catch_unwind();
    let outcome = tokio::time::timeout(TEST_LIMIT, body).await;
    lab.clear().await;
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(_) => panic!("the test did not end within {TEST_LIMIT:?}"),
    }
}

/// The image made by `tests/fixtures/images/base.sh`.
pub(super) fn base_image() -> String {
    std::env::var("ODOOOPS_TEST_BASE_IMAGE").unwrap_or_else(|_| "odooops-test/base:bookworm".to_owned())
}

/// The engine's address for those who need to stand in between.
pub(super) fn engine_host() -> Option<String> {
    std::env::var("DOCKER_HOST").ok()
}

/// Limits under which an engine that is gone is noticed within seconds.
pub(super) fn short_limits() -> TimeLimits {
    TimeLimits {
        call: Duration::from_secs(2),
        patience: Duration::from_secs(2),
        poll: Duration::from_millis(200),
        drain: Duration::from_secs(1),
        ..TimeLimits::default()
    }
}

impl Lab {
    /// A lab on the engine at `host`, or on the usual one.
    pub(super) fn open(host: Option<(String, TimeLimits)>) -> Self {
        let settings = match host {
            Some((host, limits)) => DockerSettings { host: Some(host), cert_dir: None, limits },
            None => DockerSettings { host: engine_host(), ..DockerSettings::default() },
        };
        let docker = Docker::new(&settings).expect("DOCKER_HOST");
        Self { docker, instance: Uuid::new_v4(), run_id: Uuid::new_v4() }
    }

    pub(super) fn labels(&self) -> Labels {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("clock").as_secs();
        Labels {
            instance: self.instance,
            run_id: self.run_id,
            attempt: 1,
            worker: "test".to_owned(),
            expires_unix_secs: i64::try_from(now).expect("seconds") + 600,
        }
    }

    /// A name that nobody else uses.
    pub(super) fn name(&self, part: &str) -> String {
        format!("odooops-test-{}-{part}", self.run_id.simple())
    }

    /// A container of the base image that runs a shell script.
    pub(super) fn shell(&self, script: &str) -> ContainerSpec {
        ContainerSpec {
            name: self.name(&Uuid::new_v4().simple().to_string()[..8]),
            image: base_image(),
            entrypoint: None,
            command: Some(["/bin/sh", "-c", script].map(str::to_owned).to_vec()),
            env: BTreeMap::new(),
            workdir: None,
            user: None,
            mounts: Vec::new(),
            network: NetworkMode::None,
            network_aliases: Vec::new(),
            limits: Limits::default(),
            labels: self.labels(),
        }
    }

    /// Runs a container to its end and removes it.
    pub(super) async fn run(&self, spec: &ContainerSpec) -> Ran {
        let id = self.docker.create(spec).await.expect("create");
        let output = self.docker.start(&id).await.expect("start");
        let (stdout, stderr) = collect(output).await.expect("output");
        let exit = self.docker.wait(&id).await.expect("wait");
        self.docker.remove(&id).await.expect("remove");
        Ran { exit, stdout, stderr }
    }

    /// Runs a shell script with the default spec.
    pub(super) async fn sh(&self, script: &str) -> Ran {
        self.run(&self.shell(script)).await
    }

    /// Removes whatever this lab's instance has on the engine.
    pub(super) async fn clear(&self) {
        for owned in self.docker.list_owned(self.instance).await.expect("list") {
            self.docker.remove_owned(&owned).await.expect("remove what the test left");
        }
    }
}

/// Reads an output to its end, each stream by itself.
pub(super) async fn collect(mut output: Output) -> Result<(Vec<u8>, Vec<u8>), ContainerError> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(chunk) = output.next().await {
        let chunk = chunk?;
        match chunk.stream {
            OutputStream::Stdout => stdout.extend_from_slice(&chunk.bytes),
            OutputStream::Stderr => stderr.extend_from_slice(&chunk.bytes),
        }
    }
    Ok((stdout, stderr))
}

/// The content of one file inside a container.
pub(super) async fn only_file(lab: &Lab, id: &str, path: &str) -> Vec<u8> {
    let archive = whole(lab.docker.download(id, path).await.expect("download")).await;
    let mut content = Vec::new();
    let mut archive = tar::Archive::new(archive.as_slice());
    let mut entries = archive.entries().expect("tar");
    let mut entry = entries.next().expect("one file").expect("entry");
    std::io::Read::read_to_end(&mut entry, &mut content).expect("content");
    content
}

/// Reads a byte stream to its end.
pub(super) async fn whole(mut stream: ByteStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(part) = stream.next().await {
        bytes.extend_from_slice(&part.expect("bytes"));
    }
    bytes
}

/// A tar archive of these (path, mode, content); a path that ends with `/` is a folder.
pub(super) fn tar_of(entries: &[(&str, u32, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, mode, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_size(content.len() as u64);
        if path.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        archive.append_data(&mut header, path, content.as_bytes()).expect("entry");
    }
    archive.into_inner().expect("tar")
}

/// Bytes as a reader that the engine can take.
pub(super) fn reader(bytes: Vec<u8>) -> ByteReader {
    Box::pin(std::io::Cursor::new(bytes))
}
