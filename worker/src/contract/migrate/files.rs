//! The embedded files and the order in which they are applied.

use std::borrow::Cow;

use tokio_postgres::Client;
use tokio_postgres::error::{ErrorPosition, SqlState};

use super::MigrateError;
use crate::contract::error::{Refusal, describe};

include!(concat!(env!("OUT_DIR"), "/schema_files.rs"));

/// A file of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlFile {
    /// Path within the repository, `sql/runs/claim_next_run.sql`.
    pub path: Cow<'static, str>,
    /// Its text.
    pub sql: Cow<'static, str>,
}

impl SqlFile {
    /// A file made in a test or a tool.
    #[must_use]
    pub fn new(path: impl Into<Cow<'static, str>>, sql: impl Into<Cow<'static, str>>) -> Self {
        Self { path: path.into(), sql: sql.into() }
    }

    /// The file's name without folder and extension: the name of the object in it.
    pub(super) fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.strip_suffix(".sql").unwrap_or(name)
    }
}

/// What kind of objects a file of `sql/` makes, in the order in which the kinds are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// `sql/<noun>/`.
    Functions,
    /// `sql/views/`.
    Views,
    /// `sql/triggers/`.
    Triggers,
    /// `sql/policies/`.
    Policies,
    /// `sql/grants/`.
    Grants,
    /// `sql/seed/`: rows that every installation has.
    Seed,
}

impl Phase {
    fn of(path: &str) -> Self {
        let inside = path.strip_prefix("sql/").unwrap_or(path);
        // Below `older/` a folder is a topic, and the file's name says what it makes.
        let folder = match inside.strip_prefix("older/") {
            Some(older) => older.rsplit('/').next().unwrap_or(older),
            None => inside,
        };
        let folder = folder.split(['/', '.']).next().unwrap_or_default();
        match folder {
            "views" => Self::Views,
            "triggers" => Self::Triggers,
            "policies" => Self::Policies,
            "grants" => Self::Grants,
            "seed" => Self::Seed,
            _ => Self::Functions,
        }
    }
}

/// Everything that makes a database an odooops database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// `sql/roles.sql`: cluster-wide, as the migrating role.
    pub(super) roles: Vec<SqlFile>,
    /// `migrations/`, by version.
    pub(super) migrations: Vec<SqlFile>,
    /// The rest of `sql/`, in the order in which it is applied.
    pub(super) objects: Vec<SqlFile>,
    /// `sql/older/`: for databases that had an older generation, each as far as it needs it.
    older: Vec<SqlFile>,
}

/// Where the roles are made.
const ROLES: &str = "sql/roles.sql";
/// Where compatibility with older generations is.
const OLDER: &str = "sql/older/";

impl Schema {
    /// What this binary was built with.
    #[must_use]
    pub fn embedded() -> Self {
        let files = |list: &'static [(&str, &str)]| list.iter().map(|(path, sql)| SqlFile::new(*path, *sql));
        Self::new(files(MIGRATIONS).collect(), files(OBJECTS).collect())
    }

    /// A schema out of the files of `migrations/` and `sql/`.
    #[must_use]
    pub fn new(mut migrations: Vec<SqlFile>, objects: Vec<SqlFile>) -> Self {
        let (roles, mut objects): (Vec<_>, Vec<_>) = objects.into_iter().partition(|file| file.path == ROLES);
        let older = objects.extract_if(.., |file| file.path.starts_with(OLDER)).collect();
        objects.sort_by_cached_key(|file| (Phase::of(&file.path), file.path.clone()));
        migrations.sort_by_cached_key(|file| version(file.stem()));
        Self { roles, migrations, objects, older }
    }

    /// The same schema with some files of `sql/older/`, which come after all others of their phase.
    pub(super) fn with_older(&self, is_needed: impl Fn(&str) -> bool) -> Self {
        let mut schema = self.clone();
        schema.objects.extend(self.older.iter().filter(|file| is_needed(&file.path)).cloned());
        schema
    }

    /// The paths of `sql/older/`.
    #[cfg(test)]
    pub(super) fn older_paths(&self) -> Vec<String> {
        self.older.iter().map(|file| file.path.to_string()).collect()
    }

    /// Changes with every byte of the embedded files.
    #[must_use]
    pub fn content_hash() -> &'static str {
        CONTENT_HASH
    }

    /// The committed catalog that [`check`](fn@super::check) compares with.
    pub(super) fn expected_catalog() -> &'static str {
        CATALOG
    }

    /// The files of all phases, in order.
    pub(super) fn files(&self) -> impl Iterator<Item = (Phase, &SqlFile)> {
        self.objects.iter().map(|file| (Phase::of(&file.path), file))
    }

    /// What `sql/older/` makes, all of it.
    pub(super) fn older_catalog() -> &'static str {
        OLDER_CATALOG
    }

    /// The files of one phase, in order.
    pub(super) fn phase(&self, phase: Phase) -> impl Iterator<Item = &SqlFile> {
        self.objects.iter().filter(move |file| Phase::of(&file.path) == phase)
    }

    /// The migrations in refinery's terms.
    pub(super) fn refinery_migrations(&self) -> Result<Vec<refinery::Migration>, MigrateError> {
        self.migrations
            .iter()
            .map(|file| {
                refinery::Migration::unapplied(file.stem(), &file.sql).map_err(|_| MigrateError::BadFile {
                    file: file.path.to_string(),
                    problem: "a migration is named V<number>__<topic>.sql".to_owned(),
                })
            })
            .collect()
    }
}

/// The number in `V12__topic`.
fn version(stem: &str) -> u64 {
    let digits: String = stem.chars().skip(1).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(u64::MAX)
}

/// Runs a file; a failure names it, with the line where the database says one.
pub(super) async fn run_file(client: &Client, file: &SqlFile) -> Result<(), MigrateError> {
    client.batch_execute(&file.sql).await.map_err(|error| file_failed(file, &error))
}

pub(super) fn file_failed(file: &SqlFile, error: &tokio_postgres::Error) -> MigrateError {
    let Some(db) = error.as_db_error() else {
        return MigrateError::File {
            file: file.path.to_string(),
            refusal: Refusal::unreadable(describe(error)),
        };
    };
    if db.code() == &SqlState::DEPENDENT_OBJECTS_STILL_EXIST {
        return MigrateError::Dependent {
            object: format!("what {} replaces", file.path),
            dependents: db.detail().unwrap_or_else(|| db.message()).replace('\n', "; "),
        };
    }
    let place = match db.position() {
        Some(ErrorPosition::Original(position)) => {
            let before = file.sql.chars().take(*position as usize);
            format!("{}:{}", file.path, 1 + before.filter(|c| *c == '\n').count())
        }
        Some(ErrorPosition::Internal { .. }) | None => file.path.to_string(),
    };
    MigrateError::File { file: place, refusal: Refusal::from(db) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_applied_by_phase_and_then_by_name() {
        let file = |path: &'static str| SqlFile::new(path, "");
        let schema = Schema::new(
            vec![file("migrations/V10__b.sql"), file("migrations/V2__a.sql")],
            vec![
                file("sql/grants/grants.sql"),
                file("sql/views/run_overview.sql"),
                file("sql/workers/b.sql"),
                file("sql/roles.sql"),
                file("sql/runs/a.sql"),
                file("sql/triggers/t.sql"),
                file("sql/seed/s.sql"),
                file("sql/policies/p.sql"),
            ],
        );
        let paths: Vec<_> = schema.objects.iter().map(|file| file.path.as_ref()).collect();
        assert_eq!(
            paths,
            [
                "sql/runs/a.sql",
                "sql/workers/b.sql",
                "sql/views/run_overview.sql",
                "sql/triggers/t.sql",
                "sql/policies/p.sql",
                "sql/grants/grants.sql",
                "sql/seed/s.sql",
            ]
        );
        assert_eq!(schema.roles.len(), 1);
        assert_eq!(schema.migrations[0].path, "migrations/V2__a.sql");
    }
}
