//! `odooops migrate`.

mod plan;

use clap::Args;
use serde_json::json;

use super::output::Output;
use super::{Cli, Exit};
use crate::contract::DatabaseSettings;
use crate::contract::migrate::{self, Applied, Schema};

/// What to do instead of migrating.
#[derive(Debug, Args)]
#[command(
    after_help = "Needs a direct connection (no transaction pooler) and a role that may create roles and schemas."
)]
pub struct MigrateArgs {
    /// Change nothing; compare the database with this program's schema and end with 1 where they differ.
    #[arg(long)]
    check: bool,
    /// Change nothing; say what is in schema ops already and what becomes of it. Ends with 1 where that cannot be
    /// decided.
    #[arg(long, conflicts_with = "check")]
    plan: bool,
    /// Change nothing and connect to nothing; print all SQL.
    #[arg(long, conflicts_with_all = ["check", "plan"])]
    dump_sql: bool,
}

pub(super) async fn execute(args: &MigrateArgs, cli: &Cli) -> anyhow::Result<Exit> {
    let mut output = Output::new(&cli.output);
    if args.dump_sql {
        let sql = migrate::dump_sql(&Schema::embedded())?;
        output.answer(&json!({"sql": sql}), |_| sql.clone())?;
        return Ok(Exit::Done);
    }
    let settings = DatabaseSettings {
        application_name: "odooops-migrate".to_owned(),
        ..DatabaseSettings::new(cli.database.url()?.url)
    };
    if args.check {
        return check(&settings, &mut output).await;
    }
    if args.plan {
        return plan::execute(&settings, &mut output).await;
    }
    let applied = migrate::apply(&settings, &Schema::embedded()).await?;
    output.answer(&applied, |_| sentence(&applied))?;
    Ok(Exit::Done)
}

async fn check(settings: &DatabaseSettings, output: &mut Output) -> anyhow::Result<Exit> {
    let drifts = migrate::check(settings).await?;
    output.answer(&json!({"agrees": drifts.is_empty(), "drifts": drifts}), |_| {
        let lines: Vec<String> = drifts.iter().map(ToString::to_string).collect();
        match lines.as_slice() {
            [] => "the database is what this odooops wants it to be".to_owned(),
            [_, ..] => {
                format!("{}\nthe database differs; odooops migrate puts back what it owns", lines.join("\n"))
            }
        }
    })?;
    Ok(if drifts.is_empty() { Exit::Done } else { Exit::RunFailed })
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
    let older = match applied.older.as_slice() {
        [] => String::new(),
        older => format!("over an older schema:\n  {}\n", older.join("\n  ")),
    };
    format!(
        "{older}migrated: {new}; {} functions, views, triggers and policies in place{dropped}",
        applied.objects
    )
}
