//! Images: found, missing, refused, out of reach; built, and failed to build. The registry is one of
//! our own on the loopback, which engines reach without TLS, so no test needs the network.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use odooops::container::docker::{Docker, DockerSettings, TimeLimits};
use odooops::container::{ContainerError, Containers, ImageBuild, ImageInfo, RegistryAuth};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::lab::{Lab, base_image, engine_host, in_lab, reader, tar_of};

/// A registry that gives one answer to everything and notes what it was asked.
struct Registry {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Registry {
    /// `answer` is everything after the protocol version; `None` never answers.
    async fn start(answer: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let address = listener.local_addr().expect("address").to_string();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let notes = asked.clone();
        tokio::spawn(async move {
            let mut silent = Vec::new();
            loop {
                let (mut connection, _) = listener.accept().await.expect("accept");
                let Some(answer) = answer else {
                    silent.push(connection);
                    continue;
                };
                let mut request = vec![0; 16 << 10];
                let size = connection.read(&mut request).await.unwrap_or(0);
                notes.lock().expect("notes").push(String::from_utf8_lossy(&request[..size]).into_owned());
                connection.write_all(format!("HTTP/1.1 {answer}").as_bytes()).await.ok();
            }
        });
        Self { address, asked }
    }

    fn image(&self) -> String {
        format!("{}/team/app:1", self.address)
    }
}

const UNKNOWN: &str = "404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 74\r\nConnection: close\r\n\r\n{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown here\"}]}";
const UNAUTHORIZED: &str = "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const OVERLOADED: &str = "503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn an_image_that_is_there_is_described_and_not_pulled() {
    in_lab(async |lab| {
        let by_name = lab.docker.ensure_image(&base_image(), None).await.expect("image");
        assert!(by_name.id.starts_with("sha256:") && by_name.size_bytes > 10_000_000, "{by_name:?}");
        assert_eq!((by_name.user.as_str(), by_name.has_healthcheck), ("", false));
        let by_id = lab.docker.ensure_image(&by_name.id, None).await.expect("by its id");
        assert_eq!(by_id, by_name);
    })
    .await;
}

#[tokio::test]
async fn an_image_that_no_registry_has_is_the_workflows_fault() {
    in_lab(async |lab| {
        for (answer, said) in [(UNKNOWN, "not found"), (UNAUTHORIZED, "auth")] {
            let registry = Registry::start(Some(answer)).await;
            let digest = format!("{}/team/app@sha256:{}", registry.address, "a".repeat(64));
            for image in [registry.image(), digest] {
                let error = lab.docker.ensure_image(&image, None).await.expect_err("missing");
                let ContainerError::ImageMissing { image: named, reason } = &error else { panic!("{error}") };
                assert_eq!(*named, image);
                assert!(reason.contains(said), "{reason}");
                assert!(!error.is_infrastructure());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_reference_that_is_none_and_an_id_that_is_unknown_are_missing_images() {
    in_lab(async |lab| {
        let unknown = format!("sha256:{}", "0".repeat(64));
        for image in ["no such reference", "UPPER/case:1", "", unknown.as_str()] {
            let error = lab.docker.ensure_image(image, None).await.expect_err("missing");
            assert!(matches!(error, ContainerError::ImageMissing { .. }), "{image}: {error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_registry_out_of_reach_is_infrastructure() {
    in_lab(async |lab| {
        let overloaded = Registry::start(Some(OVERLOADED)).await;
        for image in ["127.0.0.1:1/x".to_owned(), overloaded.image()] {
            let error = lab.docker.ensure_image(&image, None).await.expect_err("unreachable");
            assert!(matches!(error, ContainerError::RegistryUnreachable { .. }), "{image}: {error}");
            assert!(error.is_infrastructure());
        }
    })
    .await;
}

#[tokio::test]
async fn a_registry_that_never_answers_is_given_up() {
    in_lab(async |_| {
        let registry = Registry::start(None).await;
        let limits = TimeLimits { pull: Duration::from_secs(2), ..TimeLimits::default() };
        let settings = DockerSettings { host: engine_host(), limits, ..DockerSettings::default() };
        let docker = Docker::new(&settings).expect("settings");
        let error = docker.ensure_image(&registry.image(), None).await.expect_err("silence");
        assert!(matches!(error, ContainerError::RegistryUnreachable { .. }), "{error}");
        assert!(error.to_string().contains("given up"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn credentials_reach_the_registry_and_no_message() {
    in_lab(async |lab| {
        let registry = Registry::start(Some(UNAUTHORIZED)).await;
        let auth =
            RegistryAuth { username: "robot".to_owned(), password: "s3cret-password".to_owned().into() };
        let error = lab.docker.ensure_image(&registry.image(), Some(&auth)).await.expect_err("refused");
        assert!(!error.to_string().contains("s3cret"), "{error}");
        let expected = base64::engine::general_purpose::STANDARD.encode("robot:s3cret-password");
        let asked = registry.asked.lock().expect("notes").join("\n");
        assert!(asked.contains(&expected), "{asked}");
    })
    .await;
}

/// Builds from a Dockerfile; the result and all progress as text.
async fn build(lab: &Lab, dockerfile: &str) -> (Result<ImageInfo, ContainerError>, String) {
    let (progress, mut lines) = mpsc::channel::<bytes::Bytes>(1);
    let build = ImageBuild {
        context: reader(tar_of(&[("Dockerfile", 0o644, dockerfile), ("file", 0o644, "content")])),
        tag: format!("odooops-test/{}:built", lab.run_id.simple()),
        labels: lab.labels().to_map(),
        build_args: [("WHO".to_owned(), "arg".to_owned())].into(),
        network: Some("none".to_owned()),
    };
    let read = async {
        let mut text = String::new();
        while let Some(line) = lines.recv().await {
            text.push_str(&String::from_utf8_lossy(&line));
        }
        text
    };
    tokio::join!(lab.docker.build_image(build, progress), read)
}

#[tokio::test]
async fn a_build_gives_an_image_with_labels_and_shows_its_progress() {
    in_lab(async |lab| {
        let dockerfile = format!(
            "FROM {}\nARG WHO\nCOPY file /file\nRUN echo \"progress for $WHO\"; ls /sys/class/net\n\
             USER 65534\nHEALTHCHECK CMD true\n",
            base_image()
        );
        let (built, progress) = build(lab, &dockerfile).await;
        let image = built.expect(&progress);
        assert!(image.id.starts_with("sha256:"));
        assert_eq!((image.user.as_str(), image.has_healthcheck), ("65534", true));
        assert_eq!(image.labels["dev.odooops.run"], lab.run_id.to_string());
        assert!(progress.contains("progress for arg\nlo\n"), "no network was asked for: {progress}");

        let mut spec = lab.shell("cat /file");
        spec.image = image.id.clone();
        assert_eq!(lab.run(&spec).await.text(), "content");
        lab.docker.remove_image(&image.id).await.expect("remove");
        lab.docker.remove_image(&image.id).await.expect("a missing image is no error");
        assert_eq!(lab.docker.find_image(&image.id).await.expect("look"), None);
    })
    .await;
}

#[tokio::test]
async fn a_line_that_fails_is_the_users_fault_with_what_it_printed() {
    in_lab(async |lab| {
        for (line, said) in [
            ("RUN echo the reason; exit 9", "returned a non-zero code: 9"),
            ("COPY nowhere /x", "nowhere"),
            ("NONSENSE x", "nknown instruction"),
        ] {
            let (built, progress) = build(lab, &format!("FROM {}\n{line}\n", base_image())).await;
            let error = built.expect_err(line);
            assert!(matches!(error, ContainerError::BuildFailed(_)), "{line}: {error}");
            assert!(error.to_string().contains(said), "{line}: {error}");
            assert!(!line.starts_with("RUN") || progress.contains("the reason\n"), "{progress}");
        }
        assert_eq!(lab.docker.list_owned(lab.instance).await.expect("list"), Vec::new());
    })
    .await;
}

#[tokio::test]
async fn a_base_out_of_reach_is_infrastructure_and_one_that_is_missing_is_not() {
    in_lab(async |lab| {
        let (built, _) = build(lab, "FROM 127.0.0.1:1/x\n").await;
        let error = built.expect_err("unreachable");
        assert!(matches!(error, ContainerError::RegistryUnreachable { .. }), "{error}");
        let registry = Registry::start(Some(UNKNOWN)).await;
        let (built, _) = build(lab, &format!("FROM {}\n", registry.image())).await;
        let error = built.expect_err("missing");
        assert!(matches!(error, ContainerError::BuildFailed(_)), "{error}");
    })
    .await;
}
