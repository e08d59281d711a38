//! `odooops project list`.

use crate::cli::Exit;
use crate::cli::human::value;
use crate::cli::session::Session;
use crate::contract::ProjectOverview;

pub(super) async fn execute(session: &mut Session) -> anyhow::Result<Exit> {
    let projects = session.contract.project_overview().await?;
    session.output.answer(&projects, |look| {
        look.table(
            &["PROJECT", "STATUS", "ODOO", "QUEUED", "RUNNING", "LAST RUN", "PAUSED"],
            projects.iter().map(row),
            "no projects; make one with: odooops project create SLUG --repo URL",
        )
    })?;
    Ok(Exit::Done)
}

fn row(project: &ProjectOverview) -> Vec<String> {
    let more = |key: &str| project.more.get(key).map(value).unwrap_or_default();
    let columns = ["status", "odoo_version", "queued", "running", "last_run_status", "paused_reason"];
    std::iter::once(project.slug.clone()).chain(columns.into_iter().map(more)).collect()
}
