//! `odooops run enqueue PROJECT WORKFLOW`.

use std::str::FromStr as _;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::cli::Exit;
use crate::cli::failure::Refused;
use crate::cli::follow;
use crate::cli::key_value::{self, KeyValues};
use crate::cli::session::Session;
use crate::cli::which::WhichRun;
use crate::contract::{ContractError, EnqueueOptions, NewRun};

/// What to queue.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  odooops run enqueue shop build --ref main --wait
  odooops run enqueue shop test --ref 18.0 --input 'modules:=[\"sale\"]' --input test_tags=/sale
  odooops run enqueue shop backup --priority 10 --option idempotency_key=nightly-2026-01-01")]
pub struct EnqueueArgs {
    /// Slug of the project.
    project: String,
    /// Name of the workflow, or a kind (`build` finds odoo-build).
    workflow: String,
    /// Branch or tag; the project's default branch when the workflow needs one.
    #[arg(long = "ref", value_name = "REF")]
    git_ref: Option<String>,
    /// Commit.
    #[arg(long = "sha", value_name = "COMMIT")]
    commit_sha: Option<String>,
    /// Input: KEY=TEXT, KEY:=JSON, or a JSON object. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    input: Vec<KeyValues>,
    /// Follow the log and end with the run's exit code.
    #[arg(long)]
    wait: bool,
    /// Further settings.
    #[command(flatten)]
    options: OptionFlags,
}

/// The options of `enqueue_run` as flags.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of the run")]
struct OptionFlags {
    /// Lower is first; 100 when unset.
    #[arg(long)]
    priority: Option<i32>,
    /// A label that the worker must have. May be repeated.
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// Runs of the project with the same key are executed one after another.
    #[arg(long, value_name = "KEY")]
    concurrency_key: Option<String>,
    /// The same key again gives the first run back.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Not before this time (2026-01-31T03:00:00Z).
    #[arg(long, value_name = "TIME")]
    not_before: Option<Timestamp>,
    /// Time limit of the run in seconds.
    #[arg(long, value_name = "SECS")]
    timeout_secs: Option<i32>,
    /// How often the run may be lost before it fails.
    #[arg(long, value_name = "N")]
    max_attempts: Option<i32>,
    /// Environment that the run is for.
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// A run that must succeed first. May be repeated.
    #[arg(long, value_name = "RUN")]
    depends_on: Vec<WhichRun>,
    /// The run that caused this one.
    #[arg(long, value_name = "RUN")]
    parent: Option<WhichRun>,
    /// Any option by its name in the contract: KEY=VALUE. May be repeated.
    #[arg(long = "option", value_name = "KEY=VALUE")]
    others: Vec<KeyValues>,
}

pub(super) async fn execute(args: &EnqueueArgs, session: &mut Session) -> anyhow::Result<Exit> {
    let run = NewRun {
        project: args.project.clone(),
        workflow: args.workflow.clone(),
        git_ref: args.git_ref.clone(),
        commit_sha: args.commit_sha.clone(),
        input: Value::Object(key_value::merge(&args.input)),
        options: options(&args.options, session).await?,
    };
    let queued = match session.contract.enqueue_run(&run).await {
        Ok(queued) => queued,
        Err(error) => return Err(what_is_missing(error, &run, session).await),
    };
    let overview = session.run(queued.id).await?;
    if args.wait {
        return follow::to_the_end(session, overview).await;
    }
    session.output.answer(&overview, |_| {
        let label = format!("{}#{}", overview.project, overview.run_number);
        format!("{label} {} {}\nfollow it: odooops run logs -f {label}", overview.id, overview.status)
    })?;
    Ok(Exit::Done)
}

async fn options(flags: &OptionFlags, session: &Session) -> anyhow::Result<EnqueueOptions> {
    let mut options = typed(key_value::merge(&flags.others))?;
    options.priority = flags.priority.or(options.priority);
    options.timeout_secs = flags.timeout_secs.or(options.timeout_secs);
    options.max_attempts = flags.max_attempts.or(options.max_attempts);
    options.not_before = flags.not_before.or(options.not_before);
    options.concurrency_key = flags.concurrency_key.clone().or(options.concurrency_key);
    options.idempotency_key = flags.idempotency_key.clone().or(options.idempotency_key);
    options.environment = flags.environment.clone().or(options.environment);
    if !flags.labels.is_empty() {
        options.required_labels = Some(flags.labels.clone());
    }
    for which in &flags.depends_on {
        let id = session.find_run(which).await?;
        options.depends_on.get_or_insert_default().push(id);
    }
    if let Some(parent) = &flags.parent {
        options.parent_run_id = Some(session.find_run(parent).await?);
    }
    Ok(options)
}

/// `--option priority=5` is text on the command line and a number in the contract; lists are separated by commas.
fn typed(given: Map<String, Value>) -> Result<EnqueueOptions, Refused> {
    let typed: Map<String, Value> =
        given.into_iter().map(|(key, value)| (key.clone(), of_option(&key, value))).collect();
    serde_json::from_value(Value::Object(typed)).map_err(|problem| {
        Refused::usage(
            format!("--option: {problem}"),
            "see odooops run enqueue --help for the options and their kinds",
        )
    })
}

fn of_option(key: &str, value: Value) -> Value {
    let Value::String(text) = &value else { return value };
    match key {
        "priority" | "timeout_secs" | "max_attempts" => Value::from_str(text).unwrap_or(value),
        "required_labels" | "depends_on" => {
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(Value::from).collect()
        }
        _ => value,
    }
}

/// "Not found" says which of the two, and what there is instead.
async fn what_is_missing(error: ContractError, run: &NewRun, session: &Session) -> anyhow::Error {
    let ContractError::NotFound(_) = &error else { return error.into() };
    match explain_missing(run, session).await {
        Ok(Some(refused)) => refused.into(),
        Ok(None) | Err(_) => error.into(),
    }
}

async fn explain_missing(run: &NewRun, session: &Session) -> anyhow::Result<Option<Refused>> {
    if let Some(refused) = session.unknown_project(&run.project).await? {
        return Ok(Some(refused));
    }
    let workflows = session.contract.workflows(Some(&run.project)).await.context("looking for workflows")?;
    if workflows.iter().any(|workflow| [&workflow.name, &workflow.kind].contains(&&run.workflow)) {
        return Ok(None);
    }
    let known: Vec<String> =
        workflows.iter().map(|workflow| format!("{} ({})", workflow.name, workflow.kind)).collect();
    Ok(Some(Refused::usage(
        format!("project {} has no workflow {}", run.project, run.workflow),
        format!(
            "it has {}; define it with: odooops workflow put {} {} FILE",
            known.join(", "),
            run.project,
            run.workflow
        ),
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(pairs: &[&str]) -> Result<Value, Refused> {
        let given: Vec<KeyValues> = pairs.iter().map(|pair| pair.parse().expect(pair)).collect();
        typed(key_value::merge(&given)).map(|options| json!(options))
    }

    #[test]
    fn options_get_the_kind_that_the_contract_wants() {
        assert_eq!(
            parse(&["priority=5", "required_labels=big, gpu", "idempotency_key=2026", "timeout_secs:=60"]),
            Ok(
                json!({"priority": 5, "required_labels": ["big", "gpu"], "idempotency_key": "2026", "timeout_secs": 60})
            )
        );
    }

    #[test]
    fn an_unknown_option_lists_the_known_ones() {
        let problem = parse(&["prio=5"]).expect_err("unknown").to_string();
        assert!(problem.contains("prio") && problem.contains("required_labels"), "{problem}");
    }

    #[test]
    fn a_number_that_is_none_is_refused() {
        parse(&["priority=high"]).expect_err("no number");
    }
}
