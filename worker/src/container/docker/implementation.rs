//! The [`Containers`] trait for [`Docker`]: names only, the work is in the topics' files.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::Docker;
use super::address::EngineAddress;
use super::errors::Doing;
use crate::container::disk::space_at;
use crate::container::{
    ByteReader, ByteStream, ContainerError, ContainerExit, ContainerSpec, Containers, EngineInfo, ImageBuild,
    ImageInfo, Labels, Output, Owned, RegistryAuth,
};

#[async_trait]
impl Containers for Docker {
    async fn engine(&self) -> Result<EngineInfo, ContainerError> {
        let link = self.link().await?;
        let version = link.call(Doing::Call, "GET /version", link.client.version()).await?;
        let disk = match self.address {
            EngineAddress::Unix(_) => {
                let info = link.call(Doing::Call, "GET /info", link.client.info()).await?;
                info.docker_root_dir.as_deref().and_then(space_at)
            }
            EngineAddress::Tcp(_) | EngineAddress::Tls(..) => None,
        };
        Ok(EngineInfo {
            version: version.version.unwrap_or_default(),
            api_version: link.client.client_version().to_string(),
            disk,
        })
    }

    async fn ensure_image(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
    ) -> Result<ImageInfo, ContainerError> {
        self.pull_if_missing(image, auth).await
    }

    async fn find_image(&self, image: &str) -> Result<Option<ImageInfo>, ContainerError> {
        self.inspect_image(image).await
    }

    async fn build_image(
        &self,
        build: ImageBuild,
        progress: mpsc::Sender<Bytes>,
    ) -> Result<ImageInfo, ContainerError> {
        self.build(build, progress).await
    }

    async fn remove_image(&self, image: &str) -> Result<(), ContainerError> {
        self.delete_image(image).await
    }

    async fn create_network(&self, name: &str, labels: &Labels) -> Result<(), ContainerError> {
        self.make_network(name, labels).await
    }

    async fn create_volume(&self, name: &str, labels: &Labels) -> Result<(), ContainerError> {
        self.make_volume(name, labels).await
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<String, ContainerError> {
        self.create_container(spec).await
    }

    async fn start(&self, id: &str) -> Result<Output, ContainerError> {
        self.start_container(id).await
    }

    async fn wait(&self, id: &str) -> Result<ContainerExit, ContainerError> {
        self.link().await?.wait_for_end(id).await
    }

    async fn healthy(&self, id: &str) -> Result<Option<bool>, ContainerError> {
        self.container_health(id).await
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<(), ContainerError> {
        self.stop_container(id, grace).await
    }

    async fn remove(&self, id: &str) -> Result<(), ContainerError> {
        self.remove_container(id).await
    }

    async fn upload(&self, id: &str, path: &str, archive: ByteReader) -> Result<(), ContainerError> {
        self.upload_archive(id, path, archive).await
    }

    async fn download(&self, id: &str, path: &str) -> Result<ByteStream, ContainerError> {
        self.download_archive(id, path).await
    }

    async fn list_owned(&self, instance: uuid::Uuid) -> Result<Vec<Owned>, ContainerError> {
        self.find_owned(instance).await
    }

    async fn remove_owned(&self, owned: &Owned) -> Result<(), ContainerError> {
        self.delete_owned(owned).await
    }
}
