//! `odooops schema`: the database's schema for other tools.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::Cli;
use super::exit::Exit;
use super::output::Output;
use crate::contract::DatabaseSettings;
use crate::contract::diagram::{self, Notation};

/// What to do with the schema.
#[derive(Debug, Subcommand)]
pub enum SchemaCommand {
    /// Write a diagram of the migrated database, with all comments.
    Export(ExportArgs),
}

/// In which notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// Database Markup Language (dbdiagram.io).
    Dbml,
    /// Mermaid's entity relationship diagram.
    Mermaid,
    /// A schema of Prisma 7, for clients that read.
    Prisma,
}

/// What to write, and where to.
#[derive(Debug, Args)]
#[command(after_help = "Example: odooops schema export --format dbml --out ops.dbml")]
pub struct ExportArgs {
    /// The notation.
    // An id of its own: `format` is that of the log.
    #[arg(id = "export_format", long = "format", value_enum, value_name = "FORMAT")]
    format: ExportFormat,
    /// File to write, over one that is there; stdout when unset.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn execute(command: &SchemaCommand, cli: &Cli) -> anyhow::Result<Exit> {
    match command {
        SchemaCommand::Export(args) => export(args, cli).await,
    }
}

async fn export(args: &ExportArgs, cli: &Cli) -> anyhow::Result<Exit> {
    let settings = DatabaseSettings {
        application_name: "odooops-schema".to_owned(),
        ..DatabaseSettings::new(cli.database.url()?.url)
    };
    let (notation, format) = match args.format {
        ExportFormat::Dbml => (Notation::Dbml, "dbml"),
        ExportFormat::Mermaid => (Notation::Mermaid, "mermaid"),
        ExportFormat::Prisma => (Notation::Prisma, "prisma"),
    };
    let text = diagram::export(&settings, notation).await?;
    let mut output = Output::new(&cli.output);
    let Some(path) = &args.out else {
        output.answer(&json!({"format": format, "text": text}), |_| text.clone())?;
        return Ok(Exit::Done);
    };
    std::fs::write(path, &text).with_context(|| format!("writing {}", path.display()))?;
    output.answer(&json!({"format": format, "file": path}), |_| format!("{} written", path.display()))?;
    Ok(Exit::Done)
}
