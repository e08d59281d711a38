//! Installing over older generations of schema `ops`: what is found is judged by its columns, then adopted, moved or
//! left where it is, in one transaction and before our first migration (docs/adr/0009-older-generations.md).

mod advice;
mod bodies;
mod check;
mod compatibility;
mod decide;
mod found;
mod generation;
mod names;
mod rights;
mod room;
mod statements;

pub(super) use check::{Accepted, overlay_of};
pub(super) use compatibility::with_compatibility;
pub use generation::Generation;
pub(super) use room::make;

use serde::{Deserialize, Serialize};

use super::MigrateError;
use crate::contract::DatabaseSettings;
use found::Right;

/// What becomes of an older object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// A table that becomes an agent table, or the schema itself: `ops_owner` owns it from now on.
    Adopted,
    /// It goes on in schema `ops_older`, with its rows, keys and rights.
    Moved,
    /// A function that one of ours with the same call takes the place of.
    Replaced,
    /// A function that stood in the way or could not work any more; its definition is written down.
    Dropped,
    /// Not in the way: nothing happens to it.
    Kept,
}

/// One older object and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `table`, `view`, `sequence`, `type`, `function`, `schema`, or `trigger`, `policy` of an adopted table.
    pub kind: String,
    /// What it was called, `ops.runs`.
    pub older: String,
    /// What becomes of it.
    pub fate: Fate,
    /// What it is called afterwards; none where it is gone.
    pub now: Option<String>,
    /// Whose it is, where its columns say so.
    pub generation: Option<Generation>,
    /// What people should know: why, what else changes, the new call.
    pub note: Option<String>,
    /// Rights that others than the owner had.
    #[serde(default)]
    rights: Vec<Right>,
    /// How a function or view was defined.
    #[serde(default, skip_serializing)]
    definition: Option<String>,
    /// When it happened; none where it is still to happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<jiff::Timestamp>,
}

/// How far a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing stands where our schema goes.
    Empty,
    /// Older objects are there; the plan says what migrate will do with them.
    Older,
    /// Migrated, and nothing older was ever there.
    Migrated,
    /// Migrated over older objects; the plan says what was done with them.
    MigratedOver,
}

/// What migrate will do with what is there, or has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// How far the database is.
    pub state: State,
    /// The generations whose tables were recognised.
    pub generations: Vec<Generation>,
    /// Every older object.
    pub objects: Vec<Record>,
    /// What should be known and belongs to no single object.
    pub notes: Vec<String>,
    /// What cannot be decided; migrate refuses while there is one.
    pub problems: Vec<String>,
}

/// Says what [`apply`](super::apply) would do with older objects; changes nothing.
///
/// # Errors
/// When the database cannot be read.
pub async fn plan(settings: &DatabaseSettings) -> Result<Plan, MigrateError> {
    let client = super::check::open(settings).await?;
    let found = found::read(&client).await?;
    Ok(decide::decide(&found, &compatibility::names_in_the_way()?))
}

impl std::fmt::Display for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, older, now, fate, .. } = self;
        match (fate, now) {
            (Fate::Adopted | Fate::Moved, Some(now)) if now != older => write!(f, "{kind} {older} → {now}")?,
            (Fate::Adopted | Fate::Moved, _) => write!(f, "{kind} {older}")?,
            (Fate::Replaced, _) => write!(f, "{kind} {older}, replaced")?,
            (Fate::Dropped, _) => write!(f, "{kind} {older}, dropped")?,
            (Fate::Kept, _) => write!(f, "{kind} {older}, kept")?,
        }
        match &self.note {
            Some(note) => write!(f, ": {note}"),
            None => Ok(()),
        }
    }
}
