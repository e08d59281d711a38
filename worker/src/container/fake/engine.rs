//! The trait as the fake answers it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use super::script::Act;
use super::{Call, FakeContainer, FakeContainers, Script, State, Uploaded, gone};
use crate::container::{
    ByteReader, ByteStream, ContainerError, ContainerExit, ContainerSpec, Containers, EngineInfo, ImageBuild,
    ImageInfo, Labels, Output, OutputChunk, Owned, OwnedKind, RegistryAuth,
};

#[async_trait]
impl Containers for FakeContainers {
    async fn engine(&self) -> Result<EngineInfo, ContainerError> {
        let disk = self.enter(Call::Engine)?.disk;
        Ok(EngineInfo { version: "fake".to_owned(), api_version: "1.41".to_owned(), disk })
    }

    async fn ensure_image(
        &self,
        image: &str,
        _auth: Option<&RegistryAuth>,
    ) -> Result<ImageInfo, ContainerError> {
        let state = self.enter(Call::EnsureImage)?;
        state.image(image).ok_or_else(|| ContainerError::ImageMissing {
            image: image.to_owned(),
            reason: "manifest unknown".to_owned(),
        })
    }

    async fn find_image(&self, image: &str) -> Result<Option<ImageInfo>, ContainerError> {
        Ok(self.enter(Call::FindImage)?.image(image))
    }

    async fn build_image(
        &self,
        mut build: ImageBuild,
        progress: mpsc::Sender<Bytes>,
    ) -> Result<ImageInfo, ContainerError> {
        drop(self.enter(Call::BuildImage)?);
        let mut context = Vec::new();
        build.context.read_to_end(&mut context).await.map_err(read_failed)?;
        progress.send(Bytes::from(format!("Successfully tagged {}\n", build.tag))).await.ok();
        let info = ImageInfo { labels: build.labels, ..plain_image(&build.tag) };
        self.state().images.insert(build.tag, info.clone());
        Ok(info)
    }

    async fn remove_image(&self, image: &str) -> Result<(), ContainerError> {
        self.enter(Call::RemoveImage)?.images.remove(image);
        Ok(())
    }

    async fn create_network(&self, name: &str, labels: &Labels) -> Result<(), ContainerError> {
        self.enter(Call::CreateNetwork)?.networks.insert(name.to_owned(), labels.clone());
        Ok(())
    }

    async fn create_volume(&self, name: &str, labels: &Labels) -> Result<(), ContainerError> {
        self.enter(Call::CreateVolume)?.volumes.insert(name.to_owned(), labels.clone());
        Ok(())
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<String, ContainerError> {
        let mut state = self.enter(Call::Create)?;
        if state.containers.contains_key(&spec.name) {
            return Err(ContainerError::Engine(format!("the name {} is in use", spec.name)));
        }
        let script = state.scripts.iter().rev().find(|(fits, _)| fits(spec)).map(|(_, it)| it.clone());
        let container = FakeContainer::new(spec.labels.clone(), script.unwrap_or_default());
        state.specs.push(spec.clone());
        state.containers.insert(spec.name.clone(), container);
        Ok(spec.name.clone())
    }

    async fn start(&self, id: &str) -> Result<Output, ContainerError> {
        let (script, killed, broken) = {
            let mut state = self.enter(Call::Start)?;
            state.started.push(id.to_owned());
            let broken = state.broken.clone();
            let container = state.container(id)?;
            container.started = true;
            (container.script.clone(), container.killed.clone(), broken)
        };
        self.changed();
        let told = stream::iter(script.acts).then(move |act| {
            let (killed, broken) = (killed.clone(), broken.clone());
            async move {
                match act {
                    _ if killed.is_cancelled() => Told::End,
                    _ if broken.is_cancelled() => Told::Chunk(Err(gone())),
                    Act::Print(stream, bytes) => Told::Chunk(Ok(OutputChunk { stream, bytes })),
                    Act::Tear => Told::Chunk(Err(ContainerError::OutputTorn("the test tore it".to_owned()))),
                    Act::Until(told) => tokio::select! {
                        () = told.cancelled() => Told::Nothing,
                        () = killed.cancelled() => Told::End,
                        () = broken.cancelled() => Told::Chunk(Err(gone())),
                    },
                }
            }
        });
        let told = told.take_while(|told| std::future::ready(!matches!(told, Told::End)));
        Ok(Box::pin(told.filter_map(|told| {
            std::future::ready(match told {
                Told::Chunk(chunk) => Some(chunk),
                Told::Nothing | Told::End => None,
            })
        })))
    }

    async fn wait(&self, id: &str) -> Result<ContainerExit, ContainerError> {
        let (script, killed, broken) = {
            let mut state = self.enter(Call::Wait)?;
            let broken = state.broken.clone();
            let container = state.container(id)?;
            if !container.started {
                return Err(ContainerError::Engine(format!("container {id} was never started")));
            }
            (container.script.clone(), container.killed.clone(), broken)
        };
        let ended = async {
            for act in &script.acts {
                if let Act::Until(told) = act {
                    told.cancelled().await;
                }
            }
        };
        tokio::select! {
            biased;
            () = killed.cancelled() => {}
            () = broken.cancelled() => return Err(gone()),
            () = ended => return Ok(script.exit),
        }
        // Removed while we waited: it is not found, as on the real engine.
        Ok(self.state().container(id)?.killed_by.unwrap_or(script.exit))
    }

    async fn healthy(&self, id: &str) -> Result<Option<bool>, ContainerError> {
        Ok(self.enter(Call::Healthy)?.container(id)?.script.healthy)
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<(), ContainerError> {
        let obeys = {
            let mut state = self.enter(Call::Stop)?;
            let Ok(container) = state.container(id) else { return Ok(()) };
            let obeys = container.script.obeys_sigterm;
            state.stopped.push(id.to_owned());
            obeys
        };
        if !obeys {
            tokio::time::sleep(grace).await;
        }
        if let Ok(container) = self.state().container(id) {
            container.kill(if obeys { 143 } else { 137 });
        }
        self.changed();
        Ok(())
    }

    async fn remove(&self, id: &str) -> Result<(), ContainerError> {
        if let Some(mut container) = self.enter(Call::Remove)?.containers.remove(id) {
            container.kill(137);
        }
        self.changed();
        Ok(())
    }

    async fn upload(&self, id: &str, path: &str, mut archive: ByteReader) -> Result<(), ContainerError> {
        self.enter(Call::Upload)?.container(id)?;
        let mut bytes = Vec::new();
        archive.read_to_end(&mut bytes).await.map_err(read_failed)?;
        let (container, path) = (id.to_owned(), path.to_owned());
        self.state().uploads.push(Uploaded { container, path, archive: bytes });
        Ok(())
    }

    async fn download(&self, id: &str, path: &str) -> Result<ByteStream, ContainerError> {
        let archive = archive_of(&self.enter(Call::Download)?.container(id)?.script, path)?;
        Ok(Box::pin(stream::iter([Ok(archive)])))
    }

    async fn list_owned(&self, instance: uuid::Uuid) -> Result<Vec<Owned>, ContainerError> {
        let (hang, mut owned) = {
            let state = self.enter(Call::ListOwned)?;
            (state.lists_hang, state.owned())
        };
        if hang {
            std::future::pending::<()>().await;
        }
        owned.retain(|it| it.labels.as_ref().is_some_and(|labels| labels.instance == instance));
        Ok(owned)
    }

    async fn remove_owned(&self, owned: &Owned) -> Result<(), ContainerError> {
        {
            let mut state = self.enter(Call::RemoveOwned)?;
            match owned.kind {
                OwnedKind::Container => {
                    if let Some(mut container) = state.containers.remove(&owned.id) {
                        container.kill(137);
                    }
                }
                OwnedKind::Network => drop(state.networks.remove(&owned.id)),
                OwnedKind::Volume => drop(state.volumes.remove(&owned.id)),
                OwnedKind::Image => drop(state.images.remove(&owned.id)),
            }
        }
        self.changed();
        Ok(())
    }
}

/// What an act brings to the reader of the output.
enum Told {
    Chunk(Result<OutputChunk, ContainerError>),
    Nothing,
    End,
}

impl State {
    fn image(&self, image: &str) -> Option<ImageInfo> {
        if self.missing_images.iter().any(|missing| missing == image) {
            return None;
        }
        Some(self.images.get(image).cloned().unwrap_or_else(|| plain_image(image)))
    }
}

fn plain_image(image: &str) -> ImageInfo {
    ImageInfo {
        id: format!("sha256:fake-{image}"),
        repo_digest: None,
        user: String::new(),
        has_healthcheck: false,
        size_bytes: 1,
        labels: BTreeMap::new(),
    }
}

/// The files at or below `path` as an engine packs them: named from the last part of `path` on.
fn archive_of(script: &Script, path: &str) -> Result<Bytes, ContainerError> {
    let path = path.trim_end_matches('/');
    let base = path.rfind('/').map_or(0, |at| at + 1);
    let mut archive = tar::Builder::new(Vec::new());
    let mut found = false;
    for (name, content) in &script.files {
        let below = name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if below {
            found = true;
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, &name[base..], content.as_slice()).map_err(read_failed)?;
        }
    }
    if !found {
        return Err(ContainerError::NotFound(format!("Could not find the file {path}")));
    }
    archive.into_inner().map(Bytes::from).map_err(read_failed)
}

fn read_failed(error: std::io::Error) -> ContainerError {
    ContainerError::Engine(format!("reading the archive: {error}"))
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::container::{Limits, NetworkMode, OutputStream};

    fn spec(name: &str) -> ContainerSpec {
        ContainerSpec {
            name: name.to_owned(),
            image: "x".to_owned(),
            entrypoint: None,
            command: None,
            env: BTreeMap::new(),
            workdir: None,
            user: None,
            mounts: Vec::new(),
            network: NetworkMode::None,
            network_aliases: Vec::new(),
            limits: Limits::default(),
            labels: Labels {
                instance: uuid::Uuid::nil(),
                run_id: uuid::Uuid::nil(),
                attempt: 1,
                worker: "w".to_owned(),
                expires_unix_secs: 0,
            },
        }
    }

    #[tokio::test]
    async fn a_scripted_container_prints_waits_and_exits_as_told() {
        let (fake, told) = (FakeContainers::new(), CancellationToken::new());
        fake.script("step", Script::new().stdout("a").until(&told).stderr("b").exits(3));
        let id = fake.create(&spec("x-step")).await.expect("create");
        let mut output = fake.start(&id).await.expect("start");
        assert_eq!(output.next().await.expect("chunk").expect("bytes").bytes, "a");
        told.cancel();
        let last = output.next().await.expect("chunk").expect("bytes");
        assert_eq!((last.stream, last.bytes), (OutputStream::Stderr, Bytes::from("b")));
        assert!(output.next().await.is_none());
        assert_eq!(fake.wait(&id).await.expect("exit").code, 3);
        assert_eq!(fake.left_over().len(), 1);
        fake.remove(&id).await.expect("remove");
        assert!(fake.left_over().is_empty());
    }

    #[tokio::test]
    async fn a_stop_ends_output_and_wait() {
        let fake = FakeContainers::new();
        fake.script("step", Script::new().forever().stdout("never"));
        let id = fake.create(&spec("step")).await.expect("create");
        let mut output = fake.start(&id).await.expect("start");
        fake.stop(&id, Duration::from_secs(1)).await.expect("stop");
        assert!(output.next().await.is_none());
        assert_eq!(fake.wait(&id).await.expect("exit").code, 143);
    }

    #[tokio::test]
    async fn failures_are_used_up_and_a_broken_engine_stays_broken() {
        let fake = FakeContainers::new();
        fake.fail_next(Call::Create, ContainerError::DiskFull("full".to_owned()));
        assert!(matches!(fake.create(&spec("a")).await, Err(ContainerError::DiskFull(_))));
        assert!(fake.create(&spec("a")).await.is_ok());
        fake.script("b", Script::new().forever());
        fake.create(&spec("b")).await.expect("create");
        let mut output = fake.start("b").await.expect("start");
        fake.break_engine();
        assert!(matches!(fake.engine().await, Err(ContainerError::EngineGone(_))));
        assert!(matches!(output.next().await, Some(Err(ContainerError::EngineGone(_)))));
        fake.mend_engine();
        assert!(fake.engine().await.is_ok());
    }
}
