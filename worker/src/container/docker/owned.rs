//! Networks and volumes, and the finding and removing of everything that carries our labels.

use std::collections::HashMap;

use bollard::models::{NetworkCreateRequest, NetworkDisconnectRequest, VolumeCreateRequest};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
    ListVolumesOptionsBuilder, RemoveVolumeOptionsBuilder,
};

use super::errors::Doing;
use super::{Docker, Link};
use crate::container::spec::LABEL_INSTANCE;
use crate::container::{ContainerError, Labels, Owned, OwnedKind};

impl Docker {
    pub(super) async fn make_network(&self, name: &str, labels: &Labels) -> Result<(), ContainerError> {
        let link = self.link().await?;
        // Old engines give out the same name twice, and then nothing can be reached by it.
        match link.call(Doing::Call, "GET /networks", link.client.inspect_network(name, None)).await {
            Ok(_) => {
                return Err(ContainerError::Engine(format!("a network {name} exists already")));
            }
            Err(ContainerError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            labels: Some(labels.to_map().into_iter().collect()),
            ..NetworkCreateRequest::default()
        };
        link.call(Doing::Call, "POST /networks/create", link.client.create_network(request)).await?;
        Ok(())
    }

    pub(super) async fn make_volume(&self, name: &str, labels: &Labels) -> Result<(), ContainerError> {
        let link = self.link().await?;
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(labels.to_map().into_iter().collect()),
            ..VolumeCreateRequest::default()
        };
        link.call(Doing::Call, "POST /volumes/create", link.client.create_volume(request)).await?;
        Ok(())
    }

    pub(super) async fn find_owned(&self, instance: uuid::Uuid) -> Result<Vec<Owned>, ContainerError> {
        let link = self.link().await?;
        let filters = HashMap::from([("label".to_owned(), vec![format!("{LABEL_INSTANCE}={instance}")])]);
        let mut found = Vec::new();
        let mut add = |kind, id: Option<String>, labels: Option<HashMap<String, String>>| {
            if let Some(id) = id {
                let labels = labels.unwrap_or_default();
                let labels = Labels::parse(|name| labels.get(name).map(String::as_str));
                found.push(Owned { kind, id, labels });
            }
        };

        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let list = link.client.list_containers(Some(options));
        for container in link.call(Doing::Call, "GET /containers/json", list).await? {
            add(OwnedKind::Container, container.id, container.labels);
        }
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let list = link.client.list_networks(Some(options));
        for network in link.call(Doing::Call, "GET /networks", list).await? {
            add(OwnedKind::Network, network.id, network.labels);
        }
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let list = link.client.list_volumes(Some(options));
        let volumes = link.call(Doing::Call, "GET /volumes", list).await?.volumes;
        for volume in volumes.unwrap_or_default() {
            add(OwnedKind::Volume, Some(volume.name), Some(volume.labels));
        }
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let list = link.client.list_images(Some(options));
        for image in link.call(Doing::Call, "GET /images/json", list).await? {
            add(OwnedKind::Image, Some(image.id), Some(image.labels));
        }
        Ok(found)
    }

    pub(super) async fn delete_owned(&self, owned: &Owned) -> Result<(), ContainerError> {
        let link = self.link().await?;
        let removed = match owned.kind {
            OwnedKind::Container => self.remove_container(&owned.id).await,
            OwnedKind::Network => link.delete_network(&owned.id).await,
            OwnedKind::Volume => {
                let options = RemoveVolumeOptionsBuilder::new().force(false).build();
                let remove = link.client.remove_volume(&owned.id, Some(options));
                link.call(Doing::Call, "DELETE /volumes", remove).await
            }
            OwnedKind::Image => self.delete_image(&owned.id).await,
        };
        match removed {
            Err(ContainerError::NotFound(_)) => Ok(()),
            other => other,
        }
    }
}

impl Link {
    /// Removes a network, cutting off whatever is still attached to it.
    async fn delete_network(&self, id: &str) -> Result<(), ContainerError> {
        let network = self.call(Doing::Call, "GET /networks", self.client.inspect_network(id, None)).await?;
        for container in network.containers.unwrap_or_default().into_keys() {
            let request = NetworkDisconnectRequest { container, force: Some(true) };
            let disconnect = self.client.disconnect_network(id, request);
            match self.call(Doing::Call, "POST /networks/disconnect", disconnect).await {
                Ok(()) | Err(ContainerError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.call(Doing::Call, "DELETE /networks", self.client.remove_network(id)).await
    }
}
