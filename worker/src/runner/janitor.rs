//! Cleans up after workers that died: runs whose lease expired go back to the queue, and what their
//! attempts left on this engine is removed when the database says so. Never touches what it cannot read
//! or what belongs to another control plane.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::action::odoo_db;
use crate::container::{Labels, Owned};
use crate::contract::{RunId, Verdict};

use super::kit::Kit;

/// Runs put back in one call.
const REAP_LIMIT: i32 = 100;

/// Puts lost runs back until `stop` fires; any worker does it, there is no leader.
pub(super) async fn reap_lost_runs(kit: Arc<Kit>, stop: CancellationToken) {
    loop {
        let answer = tokio::select! {
            () = stop.cancelled() => return,
            answer = kit.contract.reap_lost_runs(REAP_LIMIT) => answer,
        };
        match answer {
            Ok(reaped) => {
                for run in &reaped {
                    tracing::info!(run_id = %run.id, attempt = run.attempt, status = %run.status, "took a run from a lost worker");
                }
                kit.metrics.runs_reaped.inc_by(reaped.len() as u64);
                if !reaped.is_empty() {
                    kit.worker_lost.notify_one();
                }
            }
            Err(error) => tracing::warn!(%error, "lost runs could not be looked for"),
        }
        if pause(&stop, kit.settings.sweeping.lost_runs).await == Pause::Stopped {
            return;
        }
    }
}

/// Removes leftovers, at once and then regularly, until `stop` fires.
pub(super) async fn remove_leftovers(kit: Arc<Kit>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = async { sweep(&kit).await; sweep_databases(&kit).await } => {}
        }
        tokio::select! {
            () = kit.worker_lost.notified() => {}
            pause = pause(&stop, kit.settings.sweeping.leftovers) => {
                if pause == Pause::Stopped {
                    return;
                }
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Pause {
    Over,
    Stopped,
}

/// Up to a third shorter than `longest`, so that workers do not all come at once.
async fn pause(stop: &CancellationToken, longest: Duration) -> Pause {
    use rand::RngExt as _;
    let length = longest.mul_f64(rand::rng().random_range(0.67..1.0));
    tokio::select! {
        () = stop.cancelled() => Pause::Stopped,
        () = tokio::time::sleep(length) => Pause::Over,
    }
}

async fn sweep(kit: &Kit) {
    let mut owned = match kit.engine.list_owned(kit.instance).await {
        Ok(owned) => owned,
        Err(error) => {
            tracing::warn!(%error, "leftovers on the engine cannot be listed");
            return;
        }
    };
    owned.sort_by_key(|owned| owned.kind);
    for thing in owned {
        if may_go(kit, &thing).await {
            match kit.engine.remove_owned(&thing).await {
                Ok(()) => {
                    tracing::info!(kind = ?thing.kind, id = thing.id, "removed a leftover");
                    kit.metrics.leftovers_removed.inc();
                }
                Err(error) => {
                    tracing::warn!(kind = ?thing.kind, id = thing.id, %error, "a leftover cannot be removed");
                }
            }
        }
    }
}

/// Test databases on the Odoo server, judged as everything else.
async fn sweep_databases(kit: &Kit) {
    let Some(url) = &kit.settings.odoo.database_url else { return };
    let databases = match odoo_db::list_test_databases(url, kit.instance).await {
        Ok(databases) => databases,
        Err(error) => {
            tracing::warn!(%error, "leftover test databases cannot be listed");
            return;
        }
    };
    for database in databases {
        if verdict(kit, &database.labels).await == Verdict::Keep {
            continue;
        }
        match odoo_db::drop_database(url, &database.name).await {
            Ok(()) => {
                tracing::info!(database = database.name, "dropped a leftover test database");
                kit.metrics.leftovers_removed.inc();
            }
            Err(error) => {
                tracing::warn!(database = database.name, %error, "a leftover test database cannot be dropped");
            }
        }
    }
}

/// Readable, ours, not in our own hands, and of no use to the database.
async fn may_go(kit: &Kit, thing: &Owned) -> bool {
    let Some(labels) = thing.labels.as_ref().filter(|labels| labels.instance == kit.instance) else {
        return false;
    };
    verdict(kit, labels).await == Verdict::Remove
}

/// What the database says of something with these labels; `keep` whenever it cannot be asked.
async fn verdict(kit: &Kit, labels: &Labels) -> Verdict {
    let run_id = RunId(labels.run_id);
    if kit.leases.holds(run_id, labels.attempt) {
        return Verdict::Keep;
    }
    match kit.contract.container_verdict(labels.instance, run_id, labels.attempt).await {
        Ok(verdict) => verdict,
        Err(error) => {
            tracing::warn!(%error, run_id = %run_id, "the database does not say whether a leftover may go; it stays");
            Verdict::Keep
        }
    }
}
