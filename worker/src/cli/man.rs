//! `odooops man DIR`: the manual pages, for packages.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Command, CommandFactory as _};
use serde_json::json;

use super::output::Output;
use super::{Cli, Exit};

/// Where to.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Directory that gets one page per command; it must exist.
    dir: PathBuf,
}

pub(super) fn execute(args: &ManArgs, cli: &Cli) -> anyhow::Result<Exit> {
    let mut command = Cli::command();
    command.build();
    let mut pages = Vec::new();
    write_pages(&command, "odooops", &args.dir, &mut pages)?;
    Output::new(&cli.output).answer(&json!({"pages": pages}), |_| pages.join("\n"))?;
    Ok(Exit::Done)
}

fn write_pages(command: &Command, name: &str, dir: &Path, pages: &mut Vec<String>) -> anyhow::Result<()> {
    let path = dir.join(format!("{name}.1"));
    let mut page = Vec::new();
    let titled =
        command.clone().name(name.to_owned()).display_name(name.to_owned()).bin_name(name.replace('-', " "));
    clap_mangen::Man::new(titled)
        .source(format!("odooops {}", env!("CARGO_PKG_VERSION")))
        .render(&mut page)?;
    std::fs::write(&path, page).with_context(|| format!("writing {}", path.display()))?;
    pages.push(path.display().to_string());
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
    {
        write_pages(inner, &format!("{name}-{}", inner.get_name()), dir, pages)?;
    }
    Ok(())
}
