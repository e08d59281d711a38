//! A stand-in for an engine, for tests of what is above this room. It is public because the tests
//! stand outside the crate; no program path makes one.
//!
//! It starts nothing: a test scripts what containers print and how they end ([`Script`]), lets calls
//! fail ([`FakeContainers::fail_next`], [`FakeContainers::break_engine`]), looks at the specs that
//! arrived and asks at the end what was left behind ([`FakeContainers::left_over`]).

mod engine;
mod script;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{ContainerError, ContainerExit, ContainerSpec, DiskSpace, ImageInfo, Labels, Owned, OwnedKind};
use script::Matcher;
pub use script::Script;

/// The calls of the trait, to let one fail or to see which were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Call {
    /// `engine`
    Engine,
    /// `ensure_image`
    EnsureImage,
    /// `find_image`
    FindImage,
    /// `build_image`
    BuildImage,
    /// `remove_image`
    RemoveImage,
    /// `create_network`
    CreateNetwork,
    /// `create_volume`
    CreateVolume,
    /// `create`
    Create,
    /// `start`
    Start,
    /// `wait`
    Wait,
    /// `healthy`
    Healthy,
    /// `stop`
    Stop,
    /// `remove`
    Remove,
    /// `upload`
    Upload,
    /// `download`
    Download,
    /// `list_owned`
    ListOwned,
    /// `remove_owned`
    RemoveOwned,
}

/// An archive that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Name of the container.
    pub container: String,
    /// Folder it was unpacked in.
    pub path: String,
    /// The tar archive.
    pub archive: Vec<u8>,
}

/// An engine in memory. Share it in an `Arc`, give a clone to the code under test.
pub struct FakeContainers {
    state: Mutex<State>,
    /// Raised with each change, for those who wait for something to happen.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    scripts: Vec<(Matcher, Script)>,
    failures: BTreeMap<Call, VecDeque<ContainerError>>,
    /// Canceled while the engine is gone; a new one is made when it is back.
    broken: CancellationToken,
    calls: Vec<Call>,
    specs: Vec<ContainerSpec>,
    containers: BTreeMap<String, FakeContainer>,
    networks: BTreeMap<String, Labels>,
    volumes: BTreeMap<String, Labels>,
    images: BTreeMap<String, ImageInfo>,
    missing_images: Vec<String>,
    uploads: Vec<Uploaded>,
    started: Vec<String>,
    stopped: Vec<String>,
    disk: Option<DiskSpace>,
    lists_hang: bool,
}

/// A container of the fake; its id is its name.
struct FakeContainer {
    labels: Labels,
    script: Script,
    started: bool,
    /// How it was killed, set before `killed` is canceled.
    killed_by: Option<ContainerExit>,
    killed: CancellationToken,
}

impl Default for FakeContainers {
    fn default() -> Self {
        Self { state: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl FakeContainers {
    /// An engine on which every image is there and every container exits 0 in silence.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Scripts the containers whose name contains `part`; the newest script that fits is used.
    pub fn script(&self, part: &str, script: Script) {
        let part = part.to_owned();
        self.script_where(move |spec| spec.name.contains(&part), script);
    }

    /// Scripts the containers for which `fits` is true.
    pub fn script_where(
        &self,
        fits: impl Fn(&ContainerSpec) -> bool + Send + Sync + 'static,
        script: Script,
    ) {
        self.state().scripts.push((Box::new(fits), script));
    }

    /// Lets the next call of this kind fail; several are used up in order.
    pub fn fail_next(&self, call: Call, error: ContainerError) {
        self.state().failures.entry(call).or_default().push_back(error);
    }

    /// From now on [`list_owned`](crate::container::Containers::list_owned) never answers.
    pub fn hang_lists(&self) {
        self.state().lists_hang = true;
    }

    /// From now on every call answers [`ContainerError::EngineGone`], running waits and outputs too.
    pub fn break_engine(&self) {
        self.state().broken.cancel();
        self.changed();
    }

    /// The engine is back, with everything that was there.
    pub fn mend_engine(&self) {
        self.state().broken = CancellationToken::new();
        self.changed();
    }

    /// The engine's disk has so much room from now on.
    pub fn has_room(&self, disk: DiskSpace) {
        self.state().disk = Some(disk);
    }

    /// This image cannot be had.
    pub fn without_image(&self, image: &str) {
        self.state().missing_images.push(image.to_owned());
    }

    /// This image is there and looks so.
    pub fn with_image(&self, image: &str, info: ImageInfo) {
        self.state().images.insert(image.to_owned(), info);
    }

    /// Puts a container on the engine that somebody else made, with these labels.
    pub fn leave_container(&self, name: &str, labels: Labels) {
        let container = FakeContainer::new(labels, Script::new().forever());
        self.state().containers.insert(name.to_owned(), container);
    }

    /// Every spec that a container was made from, in order.
    #[must_use]
    pub fn specs(&self) -> Vec<ContainerSpec> {
        self.state().specs.clone()
    }

    /// The spec of the newest container whose name contains `part`.
    #[must_use]
    pub fn spec_of(&self, part: &str) -> Option<ContainerSpec> {
        self.state().specs.iter().rev().find(|spec| spec.name.contains(part)).cloned()
    }

    /// Every archive that was uploaded, in order.
    #[must_use]
    pub fn uploads(&self) -> Vec<Uploaded> {
        self.state().uploads.clone()
    }

    /// Every call that was made, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// Names of the containers that were stopped, in order.
    #[must_use]
    pub fn stopped(&self) -> Vec<String> {
        self.state().stopped.clone()
    }

    /// Names of the containers that were started, in order.
    #[must_use]
    pub fn started(&self) -> Vec<String> {
        self.state().started.clone()
    }

    /// What carries labels and has not been removed: empty after a clean run (images that were built
    /// to be kept are not counted).
    #[must_use]
    pub fn left_over(&self) -> Vec<(OwnedKind, String)> {
        self.state().owned().into_iter().map(|owned| (owned.kind, owned.id)).collect()
    }

    /// Resolves when a container whose name contains `part` has been started.
    pub async fn until_started(&self, part: &str) {
        self.until(|state| state.started.iter().any(|name| name.contains(part))).await;
    }

    /// Resolves when a container whose name contains `part` has been removed after its start.
    pub async fn until_removed(&self, part: &str) {
        self.until(|state| {
            state.started.iter().any(|name| name.contains(part))
                && !state.containers.keys().any(|name| name.contains(part))
        })
        .await;
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        let mut changes = self.changes.subscribe();
        while !holds(&self.state()) {
            // The sender lives as long as we do, so this cannot fail.
            changes.changed().await.ok();
        }
    }

    /// Notes a call and gives its scripted failure, if there is one.
    fn enter(&self, call: Call) -> Result<MutexGuard<'_, State>, ContainerError> {
        let mut state = self.state();
        state.calls.push(call);
        if state.broken.is_cancelled() {
            return Err(gone());
        }
        match state.failures.get_mut(&call).and_then(VecDeque::pop_front) {
            Some(error) => Err(error),
            None => Ok(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

impl State {
    fn container(&mut self, id: &str) -> Result<&mut FakeContainer, ContainerError> {
        self.containers
            .get_mut(id)
            .ok_or_else(|| ContainerError::NotFound(format!("No such container: {id}")))
    }

    fn owned(&self) -> Vec<Owned> {
        let owned =
            |kind, id: &String, labels: &Labels| Owned { kind, id: id.clone(), labels: Some(labels.clone()) };
        let containers = self.containers.iter().map(|(id, it)| owned(OwnedKind::Container, id, &it.labels));
        let networks = self.networks.iter().map(|(id, labels)| owned(OwnedKind::Network, id, labels));
        let volumes = self.volumes.iter().map(|(id, labels)| owned(OwnedKind::Volume, id, labels));
        containers.chain(networks).chain(volumes).collect()
    }
}

impl FakeContainer {
    fn new(labels: Labels, script: Script) -> Self {
        Self { labels, script, started: false, killed_by: None, killed: CancellationToken::new() }
    }

    fn kill(&mut self, code: i64) {
        self.killed_by.get_or_insert(ContainerExit { code, oom_killed: false });
        self.killed.cancel();
    }
}

fn gone() -> ContainerError {
    ContainerError::EngineGone("the test broke it".to_owned())
}
