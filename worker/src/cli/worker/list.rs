//! `odooops worker list`.

use crate::cli::Exit;
use crate::cli::human::{ago, value};
use crate::cli::session::Session;
use crate::contract::WorkerOverview;

pub(super) async fn execute(session: &mut Session) -> anyhow::Result<Exit> {
    let workers = session.contract.worker_overview().await?;
    session.output.answer(&workers, |look| {
        look.table(
            &["WORKER", "STATE", "RUNS", "SLOTS", "LABELS", "SEEN", "VERSION", "HOST", "WHY"],
            workers.iter().map(row),
            "no workers; start one with: odooops worker",
        )
    })?;
    Ok(Exit::Done)
}

fn row(worker: &WorkerOverview) -> [String; 9] {
    let more = |key: &str| worker.more.get(key).map(value).unwrap_or_default();
    let labels = worker.more.get("labels").and_then(|labels| labels.as_array());
    let labels: Vec<String> = labels.into_iter().flatten().map(value).collect();
    [
        worker.id.clone(),
        worker.state.to_string(),
        more("running"),
        more("slots"),
        labels.join(","),
        ago(more("last_seen_at").parse().ok()),
        more("version"),
        more("host"),
        more("reason"),
    ]
}
