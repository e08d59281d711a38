//! What a test tells a fake container to do.

use std::collections::BTreeMap;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::container::{ContainerExit, ContainerSpec, OutputStream};

/// One thing that a scripted container does.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Writes these bytes to one of its streams.
    Print(OutputStream, Bytes),
    /// Loses what comes after it on its way.
    Tear,
    /// Goes on running until the test says so.
    Until(CancellationToken),
}

/// What a container does when it is started; made step by step, in the order in which it happens.
#[derive(Debug, Clone)]
pub struct Script {
    pub(super) acts: Vec<Act>,
    pub(super) exit: ContainerExit,
    pub(super) obeys_sigterm: bool,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) healthy: Option<bool>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            acts: Vec::new(),
            exit: ContainerExit { code: 0, oom_killed: false },
            obeys_sigterm: true,
            files: BTreeMap::new(),
            healthy: None,
        }
    }
}

impl Script {
    /// Says nothing and exits 0 at once.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes to stdout.
    #[must_use]
    pub fn stdout(self, bytes: impl Into<Bytes>) -> Self {
        self.act(Act::Print(OutputStream::Stdout, bytes.into()))
    }

    /// Writes to stderr.
    #[must_use]
    pub fn stderr(self, bytes: impl Into<Bytes>) -> Self {
        self.act(Act::Print(OutputStream::Stderr, bytes.into()))
    }

    /// From here on nothing that it writes arrives, and the output says so.
    #[must_use]
    pub fn tears_its_output(self) -> Self {
        self.act(Act::Tear)
    }

    /// Runs on until the token is canceled by the test (or it is stopped or removed).
    #[must_use]
    pub fn until(self, told: &CancellationToken) -> Self {
        self.act(Act::Until(told.clone()))
    }

    /// Runs until it is stopped or removed.
    #[must_use]
    pub fn forever(self) -> Self {
        self.until(&CancellationToken::new())
    }

    /// Ends with this code.
    #[must_use]
    pub fn exits(mut self, code: i64) -> Self {
        self.exit.code = code;
        self
    }

    /// Ends killed by the kernel for its memory: 137.
    #[must_use]
    pub fn runs_out_of_memory(mut self) -> Self {
        self.exit = ContainerExit { code: 137, oom_killed: true };
        self
    }

    /// Takes no notice of SIGTERM: a stop takes the whole grace and ends with 137 instead of 143.
    #[must_use]
    pub fn ignores_sigterm(mut self) -> Self {
        self.obeys_sigterm = false;
        self
    }

    /// Leaves a file that [`download`](crate::container::Containers::download) finds at this path,
    /// alone or with all others below one of its folders.
    #[must_use]
    pub fn leaves(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.to_owned(), content.into());
        self
    }

    /// Has a health check with this answer.
    #[must_use]
    pub fn healthy(mut self, healthy: bool) -> Self {
        self.healthy = Some(healthy);
        self
    }

    fn act(mut self, act: Act) -> Self {
        self.acts.push(act);
        self
    }
}

/// Which containers a script is for.
pub(super) type Matcher = Box<dyn Fn(&ContainerSpec) -> bool + Send + Sync>;
