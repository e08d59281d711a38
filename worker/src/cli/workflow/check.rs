//! `odooops workflow check FILE…`: offline, by the parser that the worker uses.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::output::{Look, Output};
use crate::cli::{Cli, Exit};

/// Which files.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// JSON files; `-` for stdin.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// The verdict on one file.
#[derive(Debug, Serialize)]
struct Checked {
    file: PathBuf,
    problem: Option<String>,
}

pub(super) fn execute(args: &CheckArgs, cli: &Cli) -> anyhow::Result<Exit> {
    let mut checked = Vec::with_capacity(args.files.len());
    for file in &args.files {
        let definition = super::read_definition(file)?;
        checked.push(Checked { file: file.clone(), problem: super::problem_of(&definition) });
    }
    Output::new(&cli.output).answer(&checked, |look| human(&checked, look))?;
    let all_good = checked.iter().all(|file| file.problem.is_none());
    Ok(if all_good { Exit::Done } else { Exit::RunFailed })
}

fn human(checked: &[Checked], look: Look) -> String {
    let row = |file: &Checked| {
        let verdict = file.problem.clone().unwrap_or_else(|| "good".to_owned());
        [file.file.display().to_string(), verdict]
    };
    look.table(&["FILE", "VERDICT"], checked.iter().map(row), "")
}
