//! Can this machine execute runs? While the engine does not answer or its disk is full nothing is
//! claimed: a sick host that goes on claiming would burn the attempts of the whole queue.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::container::DiskSpace;

use super::kit::{Fitness, Kit};

/// Between two looks at a healthy engine.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Between two looks at a sick one.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Looks at the engine until `stop` fires; at once when a run has just seen it fail.
pub(super) async fn watch_fitness(kit: Arc<Kit>, stop: CancellationToken) {
    loop {
        let fitness = tokio::select! {
            () = stop.cancelled() => return,
            fitness = examine(&kit) => fitness,
        };
        let pause = match &fitness {
            Fitness::Fit => LOOK_EVERY,
            Fitness::Sick(_) => LOOK_AGAIN,
        };
        announce(&kit, fitness);
        tokio::select! {
            () = stop.cancelled() => return,
            () = kit.engine_suspect.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn examine(kit: &Kit) -> Fitness {
    match kit.engine.engine().await {
        Err(error) => Fitness::Sick(error.to_string()),
        Ok(engine) => match engine.disk {
            Some(space) if space.is_full() => Fitness::Sick(full_message(space)),
            Some(_) | None => Fitness::Fit,
        },
    }
}

/// What to say of a full disk.
pub(super) fn full_message(space: DiskSpace) -> String {
    format!(
        "the disk under the container engine is full ({} MiB of {} MiB free); free room there",
        space.free_bytes >> 20,
        space.total_bytes >> 20
    )
}

fn announce(kit: &Kit, fitness: Fitness) {
    let known = kit.fitness.borrow().clone();
    if known == fitness {
        return;
    }
    match &fitness {
        Fitness::Fit => {
            tracing::info!("the container engine answers");
            kit.status.set_engine(Ok(()));
        }
        Fitness::Sick(cause) => {
            tracing::warn!(cause, "no runs are claimed until this is mended");
            kit.status.set_engine(Err(cause.clone()));
        }
    }
    kit.fitness.send_replace(fitness);
    kit.control.notify_one();
}
