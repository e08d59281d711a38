//! Removing what an attempt made on the engine, whatever became of it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::container::{ContainerError, Containers, Labels, Owned};

/// How long the clean-up of one attempt may take; what is left then is the janitor's.
const CLEANUP_LIMIT: Duration = Duration::from_secs(60);
/// Passes over what is listed: a network can be removed only when its containers are gone.
const PASSES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// The same when the worker shuts down: the run must still be given back.
pub(super) const HURRIED_LIMIT: Duration = Duration::from_secs(10);

/// Cleans up, but not for long once the worker shuts down: what is left then is the janitor's.
pub(super) async fn remove_attempt_unless_late(
    engine: &dyn Containers,
    labels: &Labels,
    shutdown: &CancellationToken,
) {
    let late = async {
        shutdown.cancelled().await;
        tokio::time::sleep(HURRIED_LIMIT).await;
    };
    tokio::select! {
        () = remove_attempt(engine, labels) => {}
        () = late => {
            tracing::warn!(run_id = %labels.run_id, "the worker shuts down and cannot wait for the clean-up of the run");
        }
    }
}

/// Removes everything that carries the labels of this attempt. Failures are logged: the janitor comes
/// by every minute, and a run is not failed for its leftovers.
async fn remove_attempt(engine: &dyn Containers, labels: &Labels) {
    match tokio::time::timeout(CLEANUP_LIMIT, sweep(engine, labels)).await {
        Ok(Ok(0)) => {}
        Ok(Ok(left)) => {
            tracing::warn!(run_id = %labels.run_id, left, "not everything of the run could be removed; the janitor will try again");
        }
        Ok(Err(error)) => {
            tracing::warn!(run_id = %labels.run_id, %error, "the run cannot be cleaned up now; the janitor will try again");
        }
        Err(_elapsed) => {
            tracing::warn!(run_id = %labels.run_id, "the clean-up of the run takes too long; the janitor will go on");
        }
    }
}

/// Several passes in the order of kinds (containers first); returns how much is left.
async fn sweep(engine: &dyn Containers, labels: &Labels) -> Result<usize, ContainerError> {
    let mut left = 0;
    for pass in 0..PASSES {
        if pass > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let mut owned = engine.list_owned(labels.instance).await?;
        owned.retain(|owned| of_attempt(owned, labels));
        owned.sort_by_key(|owned| owned.kind);
        left = 0;
        for thing in &owned {
            if let Err(error) = engine.remove_owned(thing).await {
                tracing::debug!(kind = ?thing.kind, id = thing.id, %error, "cannot be removed yet");
                left += 1;
            }
        }
        if left == 0 {
            break;
        }
    }
    Ok(left)
}

fn of_attempt(owned: &Owned, labels: &Labels) -> bool {
    owned.labels.as_ref().is_some_and(|found| {
        found.instance == labels.instance && found.run_id == labels.run_id && found.attempt == labels.attempt
    })
}
