//! `odooops config show`.

use serde::Serialize;

use crate::cli::failure::Refused;
use crate::cli::output::Output;
use crate::cli::{Cli, Exit};
use crate::config::{FileState, Resolved};

/// The answer.
#[derive(Serialize)]
struct Shown {
    file: Option<String>,
    settings: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    key: String,
    value: Option<String>,
    source: &'static str,
    place: Option<String>,
    flag: String,
    variable: String,
    default: Option<String>,
}

impl From<&Resolved> for Row {
    fn from(resolved: &Resolved) -> Self {
        Self {
            key: resolved.setting.key(),
            value: resolved.value.clone(),
            source: resolved.source.kind(),
            place: resolved.place(),
            flag: resolved.setting.flag(),
            variable: resolved.setting.variable().to_owned(),
            default: resolved.setting.default(),
        }
    }
}

pub(super) fn execute(cli: &Cli) -> anyhow::Result<Exit> {
    let configuration = &cli.configuration;
    let wrong: Vec<String> = configuration
        .settings
        .iter()
        .filter_map(|resolved| {
            Some(format!("{}: {}", resolved.setting.variable(), resolved.problem.as_ref()?))
        })
        .collect();
    if !wrong.is_empty() {
        return Err(Refused::usage(wrong.join("\n"), "set it to a value that can be, or unset it").into());
    }
    let file = match &configuration.file {
        FileState::Read(path) => Some(path.display().to_string()),
        FileState::None | FileState::Forbidden(_) => None,
    };
    let shown = Shown { file, settings: configuration.settings.iter().map(Row::from).collect() };
    Output::new(&cli.output).answer(&shown, |look| {
        let table = look.table(&["SETTING", "VALUE", "SOURCE"], shown.settings.iter().map(row), "");
        format!("file: {}\n\n{table}", configuration.file)
    })?;
    Ok(Exit::Done)
}

fn row(row: &Row) -> [String; 3] {
    let source = match &row.place {
        Some(place) => format!("{} {place}", row.source),
        None => row.source.to_owned(),
    };
    [row.key.clone(), row.value.clone().unwrap_or_default(), source]
}
