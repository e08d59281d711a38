//! `odooops config`: what the settings are.

mod example;
mod show;

use clap::Subcommand;

use super::{Cli, Exit};

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every setting with its value and where that comes from; passwords are hidden.
    Show,
    /// Print a configuration file with every setting, switched off.
    Example,
}

pub(super) fn execute(command: &ConfigCommand, cli: &Cli) -> anyhow::Result<Exit> {
    match command {
        ConfigCommand::Show => show::execute(cli),
        ConfigCommand::Example => example::execute(cli),
    }
}
