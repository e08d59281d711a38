//! The shape of a workflow definition once it has been read: whoever holds a [`Workflow`] holds a
//! good one (`docs/workflow-format.md` describes every key).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A whole definition, `ops.workflows.definition`.
#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    /// The steps in the order in which they run, 1 to 100 of them, each with a name of its own.
    pub steps: Vec<Step>,
    /// Environment of every step; a step's own `env` wins.
    pub env: BTreeMap<String, String>,
    /// Time limit of an attempt, all steps together.
    pub timeout_secs: Option<u32>,
    /// Runs with the same key wait for each other (unless the run names a key itself).
    pub concurrency_key: Option<String>,
    /// How often the whole run is tried again; the database does that.
    pub retry: Retry,
    /// What a new run does to older ones with the same concurrency key.
    pub supersede: Supersede,
}

/// One step of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// `^[a-z0-9][a-z0-9_-]{0,62}$`, unique in the workflow.
    pub name: String,
    /// What runs.
    pub run: StepRun,
    /// Arguments of a built-in step; empty for a container.
    pub with: Map<String, Value>,
    /// Environment, over the workflow's.
    pub env: BTreeMap<String, String>,
    /// Names of secrets that the step gets as environment variables of the same names.
    pub secrets: Vec<String>,
    /// Containers that run beside the step; only with [`Network::Run`].
    pub services: Vec<Service>,
    /// Files below the workspace to keep, also when the step failed; none for a built-in step.
    pub artifacts: Vec<ArtifactGlob>,
    /// Resource limits.
    pub limits: Limits,
    /// Where the step may connect.
    pub network: Network,
    /// Time limit of one try of the step.
    pub timeout_secs: Option<u32>,
    /// Whether it runs, depending on what came before.
    pub when: When,
    /// How often the step is tried again within the attempt.
    pub retry: Retry,
}

/// What a step runs.
#[derive(Debug, Clone, PartialEq)]
pub enum StepRun {
    /// A container.
    Container {
        /// A tool's name (`ops.tools`) or an image reference, by tag or digest.
        image: String,
        /// What runs in it.
        command: Command,
    },
    /// A built-in step.
    Action {
        /// Which.
        uses: BuiltIn,
    },
}

/// What runs in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `command`: program and arguments, no shell; never empty.
    Argv(Vec<String>),
    /// `shell`: a script for `/bin/sh`.
    Shell(String),
    /// Neither: what the image declares.
    ImageDefault,
}

/// A built-in step, by its `uses`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BuiltIn {
    /// `odoo/build`: git ref → image with the addons.
    OdooBuild,
    /// `odoo/test`: installs the addons with their tests in a database of its own.
    OdooTest,
    /// `odoo/backup`: database and filestore → store.
    OdooBackup,
}

impl BuiltIn {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OdooBuild, Self::OdooTest, Self::OdooBackup];

    /// As it is written in `uses`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OdooBuild => "odoo/build",
            Self::OdooTest => "odoo/test",
            Self::OdooBackup => "odoo/backup",
        }
    }
}

/// A container beside a step: started before it, removed after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its host name on the run's network, unique in the step.
    pub name: String,
    /// A tool's name or an image reference.
    pub image: String,
    /// What the image's entrypoint gets instead of the image's own command.
    pub command: Option<Vec<String>>,
    /// Its environment; it does not get the step's or the workflow's.
    pub env: BTreeMap<String, String>,
    /// Names of secrets that it gets as environment variables.
    pub secrets: Vec<String>,
    /// Resource limits.
    pub limits: Limits,
}

/// A pattern for files below the workspace: `/` between segments, `*` and `?` within one, `**` for any number of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactGlob(pub(super) String);

impl ArtifactGlob {
    /// As it is written in the definition.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `path` (relative to the workspace, `/` between segments) is one of the files meant.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        globset::GlobBuilder::new(&self.0)
            .literal_separator(true)
            .backslash_escape(false)
            .build()
            .is_ok_and(|glob| glob.compile_matcher().is_match(path))
    }
}

/// Resource limits of a step or service; `None` leaves the worker's default.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// Processors, 0.01 to 256.
    pub cpus: Option<f64>,
    /// Memory in MiB, 6 (the engine's least) to 4,194,304.
    pub memory_mb: Option<u32>,
    /// Processes and threads, 1 to 1,000,000.
    pub pids: Option<u32>,
}

/// Where a step may connect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Network {
    /// `none`: loopback only.
    None,
    /// `run`: a network that belongs to this run alone; the default.
    #[default]
    Run,
    /// A network that exists on the worker's engine.
    Named(String),
}

/// Whether a step runs, depending on what came before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum When {
    /// No earlier step failed; the default.
    #[default]
    Success,
    /// An earlier step failed.
    Failure,
    /// Either way.
    Always,
}

/// How often something that failed by the user's fault is tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retry {
    /// Further tries after the first, 0 to 10.
    pub user: u32,
}

/// What a new run does to older ones with the same concurrency key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Supersede {
    /// Nothing; the default.
    #[default]
    Off,
    /// Cancels those that are still queued.
    Queued,
    /// Cancels those that are queued and asks those that run to stop.
    All,
}
