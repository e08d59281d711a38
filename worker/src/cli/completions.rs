//! `odooops completions SHELL`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use serde_json::json;

use super::output::Output;
use super::{Cli, Exit};

/// Which shell.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: odooops completions bash > ~/.local/share/bash-completion/completions/odooops"
)]
pub struct CompletionsArgs {
    /// The shell that is to complete.
    shell: Shell,
}

pub(super) fn execute(args: &CompletionsArgs, cli: &Cli) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "odooops", &mut script);
    let script = String::from_utf8(script)?;
    let json = json!({"shell": args.shell.to_string(), "script": script});
    Output::new(&cli.output).answer(&json, |_| script)?;
    Ok(Exit::Done)
}
