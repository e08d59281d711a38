//! Images: looked up, pulled, built, removed.

use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::models::ImageInspect;
use bollard::query_parameters::{
    BuildImageOptionsBuilder, CreateImageOptionsBuilder, RemoveImageOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt;
use secrecy::ExposeSecret;
use tokio::sync::mpsc;

use super::archive::Source;
use super::errors::{Doing, classify};
use super::{Docker, Link};
use crate::container::{ContainerError, ImageBuild, ImageInfo, RegistryAuth};

impl Docker {
    pub(super) async fn inspect_image(&self, image: &str) -> Result<Option<ImageInfo>, ContainerError> {
        self.link().await?.image(image).await
    }

    pub(super) async fn pull_if_missing(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
    ) -> Result<ImageInfo, ContainerError> {
        let link = self.link().await?;
        if let Some(info) = link.image(image).await? {
            return Ok(info);
        }
        let missing = |reason: &str| ContainerError::ImageMissing {
            image: image.to_owned(),
            reason: reason.to_owned(),
        };
        let Some(reference) = pullable(image) else {
            return Err(missing("there is no such image on the engine, and an image id cannot be pulled"));
        };
        link.pull(image, &reference, auth).await?;
        link.image(image).await?.ok_or_else(|| missing("pulled, yet the engine does not have it"))
    }

    pub(super) async fn build(
        &self,
        build: ImageBuild,
        progress: mpsc::Sender<Bytes>,
    ) -> Result<ImageInfo, ContainerError> {
        let link = self.link().await?;
        let mut options = BuildImageOptionsBuilder::new()
            .dockerfile("Dockerfile")
            .t(&build.tag)
            .rm(true)
            .forcerm(true)
            .labels(&build.labels.into_iter().collect())
            .buildargs(&build.build_args.into_iter().collect());
        if let Some(network) = &build.network {
            options = options.networkmode(network);
        }
        let (context, source) = Source::open(build.context);
        let client = link.patient();
        let mut answers =
            client.build_image(options.build(), None, Some(bollard::body_try_stream(context))).boxed();
        link.while_alive(async {
            while let Some(answer) = answers.next().await {
                let answer = answer.map_err(|error| source.blame(classify(error, Doing::Build)))?;
                if let Some(text) = answer.stream.or(answer.status).filter(|text| !text.is_empty()) {
                    // A reader that went away does not stop the build: its caller still waits for it.
                    progress.send(Bytes::from(text)).await.ok();
                }
            }
            Ok(())
        })
        .await?;
        link.image(&build.tag).await?.ok_or_else(|| {
            ContainerError::BuildFailed(format!("the engine ended without an image {}", build.tag))
        })
    }

    pub(super) async fn delete_image(&self, image: &str) -> Result<(), ContainerError> {
        let link = self.link().await?;
        let options = RemoveImageOptionsBuilder::new().force(true).build();
        let remove = link.client.remove_image(image, Some(options), None);
        match link.call(Doing::Call, "DELETE /images", remove).await {
            Ok(_) | Err(ContainerError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Link {
    async fn image(&self, image: &str) -> Result<Option<ImageInfo>, ContainerError> {
        if !is_reference(image) {
            return Err(ContainerError::ImageMissing {
                image: image.to_owned(),
                reason: "this is no image reference (name[:tag], name@sha256:… or an image id)".to_owned(),
            });
        }
        let inspect = self.client.inspect_image(image);
        match self.call(Doing::Look(image), "GET /images/json", inspect).await {
            Ok(found) => Ok(Some(info(found))),
            Err(ContainerError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn pull(
        &self,
        image: &str,
        reference: &str,
        auth: Option<&RegistryAuth>,
    ) -> Result<(), ContainerError> {
        let credentials = auth.map(|auth| DockerCredentials {
            username: Some(auth.username.clone()),
            password: Some(auth.password.expose_secret().to_owned()),
            serveraddress: registry_of(image).map(str::to_owned),
            ..DockerCredentials::default()
        });
        let options = CreateImageOptionsBuilder::new().from_image(reference).build();
        let client = self.patient();
        let mut answers = client.create_image(Some(options), None, credentials).boxed();
        let too_slow = |limit: Duration, what: &str| ContainerError::RegistryUnreachable {
            image: image.to_owned(),
            reason: format!("the pull was given up: {what} within {limit:?}"),
        };
        let (silence, whole) = (self.limits.pull_silence, self.limits.pull);
        let pull = async {
            loop {
                match tokio::time::timeout(silence, answers.next()).await {
                    Err(_) => return Err(too_slow(silence, "no progress")),
                    Ok(None) => return Ok(()),
                    Ok(Some(answer)) => answer.map_err(|error| classify(error, Doing::Pull(image)))?,
                };
            }
        };
        self.while_alive(async {
            tokio::time::timeout(whole, pull).await.unwrap_or_else(|_| Err(too_slow(whole, "not done")))
        })
        .await
    }
}

fn info(image: ImageInspect) -> ImageInfo {
    let config = image.config.unwrap_or_default();
    ImageInfo {
        id: image.id.unwrap_or_default(),
        repo_digest: image.repo_digests.unwrap_or_default().into_iter().next(),
        user: config.user.unwrap_or_default(),
        has_healthcheck: config
            .healthcheck
            .and_then(|check| check.test)
            .is_some_and(|test| test.first().is_some_and(|word| word != "NONE")),
        size_bytes: u64::try_from(image.size.unwrap_or(0)).unwrap_or(0),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
    }
}

/// Whether the text can be part of an engine's URL as an image reference.
fn is_reference(image: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@');
    image.starts_with(|c: char| c.is_ascii_alphanumeric())
        && image.chars().all(allowed)
        && !image.contains("..")
}

/// The reference to pull: as given, `:latest` where neither tag nor digest is said (the engine would
/// pull every tag); `None` for an image id, which no registry knows.
fn pullable(image: &str) -> Option<String> {
    if image.starts_with("sha256:") {
        return None;
    }
    let name = image.rsplit('/').next().unwrap_or(image);
    Some(if name.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") })
}

/// The registry named in a reference; `None` is Docker Hub.
fn registry_of(image: &str) -> Option<&str> {
    let (first, _) = image.split_once('/')?;
    (first.contains(['.', ':']) || first == "localhost").then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_or_digest_is_pulled_as_given_and_nothing_means_latest() {
        let digest = format!("r.example:5000/a/b@sha256:{}", "a".repeat(64));
        for (image, expected) in [
            ("odoo:18.0", Some("odoo:18.0")),
            ("odoo", Some("odoo:latest")),
            ("r.example:5000/a/b", Some("r.example:5000/a/b:latest")),
            ("r.example:5000/a/b:1", Some("r.example:5000/a/b:1")),
            (digest.as_str(), Some(digest.as_str())),
            ("sha256:abcdef", None),
        ] {
            assert_eq!(pullable(image).as_deref(), expected, "{image}");
        }
    }

    #[test]
    fn credentials_go_to_the_registry_of_the_reference() {
        for (image, expected) in [
            ("odoo:18.0", None),
            ("library/odoo", None),
            ("ghcr.io/a/b:1", Some("ghcr.io")),
            ("localhost/a", Some("localhost")),
            ("127.0.0.1:1/x", Some("127.0.0.1:1")),
        ] {
            assert_eq!(registry_of(image), expected, "{image}");
        }
    }

    #[test]
    fn text_that_is_no_reference_never_reaches_the_engine() {
        for image in ["", "a b", "../x", "a?b", "-x", "a\nb", "a/../b", "ü"] {
            assert!(!is_reference(image), "{image:?}");
        }
        assert!(is_reference("r.example:5000/a/b@sha256:00"));
    }
}
