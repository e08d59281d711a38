//! The command line: one file per verb, wiring only. What a command means is said by its `///` text,
//! how it ends by [`Exit`].

mod artifact;
mod completions;
mod config;
mod exit;
mod failure;
mod follow;
mod human;
mod key_value;
mod man;
mod migrate;
mod output;
mod progress;
mod project;
mod read;
mod run;
mod schema;
mod session;
mod version;
mod which;
mod worker;
mod workflow;

use std::io::IsTerminal as _;

use clap::{Parser, Subcommand};

pub use exit::Exit;
pub use read::NotRead;

use crate::config::{ConfigFile, Configuration, DatabaseConfig, DatabaseUrl, OutputConfig, StoreConfig};
use crate::telemetry::{Color, TelemetryConfig};
use output::{Format, Screen};
use session::Session;

/// Runs Odoo builds, tests and backups from a queue that lives in Postgres.
#[derive(Debug, Parser)]
#[command(name = "odooops", version = version::version(), after_help = exit::EXIT_CODES, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// Where settings are read from.
    #[command(flatten)]
    pub config: ConfigFile,
    /// Every setting as it was found.
    #[arg(skip)]
    pub configuration: Configuration,
    /// What is logged.
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
    /// How answers are written.
    #[command(flatten)]
    pub output: OutputConfig,
    /// The control plane.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// The artifacts.
    #[command(flatten)]
    pub store: StoreConfig,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the database's schema and functions up to date (or compare, or print them).
    Migrate(migrate::MigrateArgs),
    /// Start a worker, or look at the workers there are.
    Worker(Box<worker::WorkerCommand>),
    /// Queue runs, follow them, end them.
    #[command(subcommand)]
    Run(run::RunCommand),
    /// Files that runs left behind.
    #[command(subcommand)]
    Artifact(artifact::ArtifactCommand),
    /// Definitions of what runs do.
    #[command(subcommand)]
    Workflow(workflow::WorkflowCommand),
    /// Projects.
    #[command(subcommand)]
    Project(project::ProjectCommand),
    /// The database's schema for other tools.
    #[command(subcommand)]
    Schema(schema::SchemaCommand),
    /// Settings.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print a completion script for a shell.
    Completions(completions::CompletionsArgs),
    /// Write the manual pages.
    #[command(hide = true)]
    Man(man::ManArgs),
}

impl Cli {
    /// What is logged when no filter is given: a worker tells its life, a question only what is wrong.
    #[must_use]
    pub fn default_log_filter(&self) -> &'static str {
        match &self.command {
            Command::Worker(worker) if worker.starts_one() => "info",
            _ => "warn",
        }
    }

    /// Whether the log may have colours.
    #[must_use]
    pub fn color_of_stderr(&self) -> Color {
        let is_terminal = std::io::stderr().is_terminal();
        output::color(&self.output, if is_terminal { Screen::Terminal } else { Screen::Pipe })
    }

    /// Tells an error on stderr, and how the program ends by it.
    #[must_use]
    pub fn refuse(&self, error: &anyhow::Error) -> Exit {
        let format = if self.output.json { Format::Json } else { Format::Human };
        failure::tell(error, self.database_in_use().as_ref(), &self.configuration, format)
    }

    /// An error in one line: what happened, and what to do next.
    fn explain(&self, error: &anyhow::Error) -> String {
        failure::explain(error, self.database_in_use().as_ref(), &self.configuration)
            .map_or_else(|| format!("{error:#}"), |failure| failure.line())
    }

    /// The database that this command talks to, for messages.
    fn database_in_use(&self) -> Option<DatabaseUrl> {
        match &self.command {
            Command::Worker(worker) if worker.starts_one() => worker.start.database_url(&self.database).ok(),
            _ => self.database.url().ok(),
        }
    }
}

/// Does what was asked for; an error is told on stderr and becomes an exit code.
pub async fn run(cli: Cli) -> Exit {
    match dispatch(&cli).await {
        Ok(exit) => exit,
        Err(error) => cli.refuse(&error),
    }
}

async fn dispatch(cli: &Cli) -> anyhow::Result<Exit> {
    match &cli.command {
        Command::Migrate(args) => migrate::execute(args, cli).await,
        Command::Worker(command) => worker::execute(command, cli).await,
        Command::Run(command) => run::execute(command, &mut Session::open(cli).await?).await,
        Command::Artifact(command) => artifact::execute(command, &mut Session::open(cli).await?).await,
        Command::Workflow(command) => workflow::execute(command, cli).await,
        Command::Project(command) => project::execute(command, &mut Session::open(cli).await?).await,
        Command::Schema(command) => schema::execute(command, cli).await,
        Command::Config(command) => config::execute(command, cli),
        Command::Completions(args) => completions::execute(args, cli),
        Command::Man(args) => man::execute(args, cli),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_tree_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn worker_without_a_verb_starts_one() {
        for (argv, starts) in [
            (vec!["odooops", "worker", "--slots", "4"], true),
            (vec!["odooops", "worker"], true),
            (vec!["odooops", "worker", "list", "--json"], false),
        ] {
            let cli = Cli::try_parse_from(&argv).expect("good flags");
            assert_eq!(cli.default_log_filter() == "info", starts, "{argv:?}");
        }
    }

    #[test]
    fn worker_flags_and_a_verb_do_not_mix() {
        Cli::try_parse_from(["odooops", "worker", "--slots", "4", "list"]).expect_err("slots means start");
    }
}
