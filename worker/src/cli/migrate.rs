//! `odooops migrate`.

use clap::Args;

use super::output::Output;
use super::{Cli, Exit};
use crate::contract::DatabaseSettings;
use crate::contract::migrate::{self, Applied, Schema};

/// No settings but the database.
#[derive(Debug, Args)]
#[command(
    after_help = "Needs a direct connection (no transaction pooler) and a role that may create roles and schemas."
)]
pub struct MigrateArgs {}

pub(super) async fn execute(_args: &MigrateArgs, cli: &Cli) -> anyhow::Result<Exit> {
    let settings = DatabaseSettings {
        application_name: "odooops-migrate".to_owned(),
        ..DatabaseSettings::new(cli.database.url()?.url)
    };
    let applied = migrate::apply(&settings, &Schema::embedded()).await?;
    Output::new(&cli.output).answer(&applied, |_| sentence(&applied))?;
    Ok(Exit::Done)
}

fn sentence(applied: &Applied) -> String {
    let new = match applied.migrations.as_slice() {
        [] => "no new migration".to_owned(),
        migrations => format!("new: {}", migrations.join(", ")),
    };
    let dropped = match applied.dropped.as_slice() {
        [] => String::new(),
        dropped => format!("; dropped: {}", dropped.join(", ")),
    };
    format!("migrated: {new}; {} functions, views, triggers and policies in place{dropped}", applied.objects)
}
