//! `odooops project create SLUG`.

use clap::Args;
use serde_json::Value;

use crate::cli::Exit;
use crate::cli::failure::Refused;
use crate::cli::key_value::{self, KeyValues};
use crate::cli::session::Session;
use crate::contract::NewProject;

/// The new project.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: odooops project create shop --repo https://github.com/me/shop.git --odoo-version 18.0"
)]
pub struct CreateArgs {
    /// Short name: a-z, 0-9 and -.
    slug: String,
    /// Name for people; the slug when unset.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Git repository with the addons.
    #[arg(long = "repo", alias = "repo-url", value_name = "URL")]
    repo_url: Option<String>,
    /// Branch that is built when none is named.
    #[arg(long, value_name = "BRANCH")]
    default_branch: Option<String>,
    /// Odoo version (18.0).
    #[arg(long, value_name = "VERSION")]
    odoo_version: Option<String>,
    /// How many of its runs may be executed at a time.
    #[arg(long, value_name = "N")]
    max_running: Option<i32>,
    /// Settings: KEY=TEXT, KEY:=JSON, or a JSON object. May be repeated.
    #[arg(long = "settings", alias = "setting", value_name = "KEY=VALUE")]
    settings: Vec<KeyValues>,
    /// A project of that name that is there already is left as it is.
    #[arg(long, conflicts_with = "update")]
    if_missing: bool,
    /// A project of that name that is there already is changed as the flags say.
    #[arg(long)]
    update: bool,
}

pub(super) async fn execute(args: &CreateArgs, session: &mut Session) -> anyhow::Result<Exit> {
    let projects = session.contract.project_overview().await?;
    if let Some(known) = projects.into_iter().find(|project| project.slug == args.slug) {
        if args.if_missing {
            session.output.answer(&known, |_| format!("project {} is there already", args.slug))?;
            return Ok(Exit::Done);
        }
        if !args.update {
            let next = "leave it as it is with --if-missing, or change it with --update";
            return Err(Refused::usage(format!("project {} exists already", args.slug), next).into());
        }
    }
    let project = session.contract.put_project(&new_project(args)).await?;
    session.output.answer(&project, |_| {
        format!("project {0} is ready; queue a run: odooops run enqueue {0} build", project.slug)
    })?;
    Ok(Exit::Done)
}

fn new_project(args: &CreateArgs) -> NewProject {
    NewProject {
        slug: args.slug.clone(),
        name: args.name.clone(),
        repo_url: args.repo_url.clone(),
        default_branch: args.default_branch.clone(),
        odoo_version: args.odoo_version.clone(),
        max_running: args.max_running,
        settings: (!args.settings.is_empty()).then(|| Value::Object(key_value::merge(&args.settings))),
    }
}
