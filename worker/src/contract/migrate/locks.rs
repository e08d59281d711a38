//! Locks on tables that are in use: short tries, so that nobody's call queues behind ours for long.
//!
//! A transaction that waits for ACCESS EXCLUSIVE makes everybody after it wait too, and one that holds such a
//! lock while it waits for the next is one half of a deadlock with any call that came the other way round. So
//! the first table is waited for with nothing held; all others must be had within half of Postgres's
//! `deadlock_timeout`, or everything is let go: no call of others is ever chosen as a deadlock's victim.

use std::time::{Duration, Instant};

use rand::RngExt;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::{MigrateError, tables};
use crate::contract::DatabaseSettings;

/// Who holds a lock in schema ops that may be in the way.
const HOLDERS: &str = include_str!("holders.sql");

/// How long one try may make others wait, and how often it is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Longest wait for the first table.
    pub(super) one_try: Duration,
    /// After so long without success it is given up.
    pub(super) total: Duration,
}

/// Others queue behind a try of ours no longer than this.
const ONE_TRY: Duration = Duration::from_millis(2500);
/// Tried for as long as so many calls may take: two minutes by default.
const TOTAL_CALLS: u32 = 4;
/// Wait after the first failed try; doubled after each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest wait between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Tables in the order in which calls meet them (sql/README.md): project, slot, run, children.
const ORDER: [&str; 12] = [
    "ops.workers",
    "ops.projects",
    "ops.workflows",
    "ops.concurrency_keys",
    "ops.runs",
    "ops.run_dependencies",
    "ops.run_attempts",
    "ops.run_steps",
    "ops.run_artifacts",
    "ops.run_events",
    "ops.run_log_chunks",
    "ops.worker_heartbeats",
];

/// Sorts tables into the order in which they are locked, each once.
fn in_order(tables: &[String]) -> Vec<String> {
    let mut sorted = tables.to_vec();
    let place = |table: &String| ORDER.iter().position(|known| known == table).unwrap_or(ORDER.len());
    sorted.sort_by(|one, other| place(one).cmp(&place(other)).then_with(|| one.cmp(other)));
    sorted.dedup();
    sorted
}

/// A relation to be had alone.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Lock {
    Table(String),
    View(String),
}

impl Lock {
    fn statement(&self) -> String {
        match self {
            Self::Table(name) => format!("lock table {name} in access exclusive mode"),
            // LOCK TABLE would take every table below the view too; this changes nothing.
            Self::View(name) => format!("alter view {name} owner to current_role"),
        }
    }
}

impl Patience {
    /// The patience of a migration with these settings.
    pub(super) fn new(settings: &DatabaseSettings) -> Self {
        let total = settings.call_timeout * TOTAL_CALLS;
        Self { one_try: ONE_TRY.min(total), total }
    }

    /// Runs `work` in a transaction that holds ACCESS EXCLUSIVE on `tables` (with their partitions; views are
    /// possible too, if they are the session's) from the start, and commits. Where a lock is not to be had, of these or inside `work`, everything is rolled
    /// back and tried again, so `work` must start from nothing each time.
    ///
    /// Names in `tables` are quoted where they must be, as `regclass` prints them.
    ///
    /// # Errors
    /// [`MigrateError::Locked`] with the sessions in the way; else what `work` says.
    pub(super) async fn transaction<T>(
        &self,
        client: &Client,
        tables: &[String],
        work: impl AsyncFn(&Client) -> Result<T, MigrateError>,
    ) -> Result<T, MigrateError> {
        let mut locks: Vec<Lock> = in_order(tables).into_iter().map(Lock::Table).collect();
        let views = tables::views(client).await?;
        for lock in &mut locks {
            if let Lock::Table(name) = lock
                && views.contains(name)
            {
                *lock = Lock::View(std::mem::take(name));
            }
        }
        // Readers of a view have locked it before its tables.
        locks.sort_by_key(|lock| matches!(lock, Lock::Table(_)));
        self.retry(client, async |client| {
            client.batch_execute("begin").await?;
            if let Err((place, error)) = self.lock(client, &locks).await {
                // Asked for first next time, with all the time there is for one table.
                if let Some(tried) = locks.get_mut(..=place) {
                    tried.rotate_right(1);
                }
                return Err(error);
            }
            let done = work(client).await?;
            client.batch_execute("commit").await?;
            Ok(done)
        })
        .await
    }

    /// Calls `attempt` until it does not fail for want of a lock, rolling back in between.
    pub(super) async fn retry<T>(
        &self,
        client: &Client,
        mut attempt: impl AsyncFnMut(&Client) -> Result<T, MigrateError>,
    ) -> Result<T, MigrateError> {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut holders = String::new();
        let mut tries = 0_u32;
        loop {
            tries += 1;
            let error = match attempt(client).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let rolled_back = client.batch_execute("rollback").await;
            if rolled_back.is_err() || !lost_a_race(&error) {
                return Err(error);
            }
            let seen = self.holders(client).await?;
            if !seen.is_empty() {
                holders = seen;
            }
            if started.elapsed() + pause >= self.total {
                if holders.is_empty() {
                    holders = format!("no session holds one now; the last try said: {error}");
                }
                return Err(MigrateError::Locked {
                    waited_secs: started.elapsed().as_secs(),
                    tries,
                    holders,
                });
            }
            tokio::time::sleep(pause.mul_f64(rand::rng().random_range(0.5..1.0))).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Takes the locks; what it could not have is named by its place.
    async fn lock(&self, client: &Client, locks: &[Lock]) -> Result<(), (usize, MigrateError)> {
        let window = deadlock_timeout(client).await.map_err(|error| (0, error))? / 2;
        let mut since = None;
        for (place, lock) in locks.iter().enumerate() {
            let wait = since.map_or(self.one_try, |since: Instant| window.saturating_sub(since.elapsed()));
            let statement = lock.statement();
            client
                .batch_execute(&format!("{}; {statement}", lock_timeout(wait)))
                .await
                .map_err(|error| (place, error.into()))?;
            since.get_or_insert_with(Instant::now);
        }
        // What `work` needs beyond is waited for as briefly, since it may hold locks by then.
        client.batch_execute(&lock_timeout(window)).await.map_err(|error| (0, error.into()))
    }

    /// Sessions that have had a lock in schema ops for longer than a call takes, oldest first.
    async fn holders(&self, client: &Client) -> Result<String, MigrateError> {
        // As the role that logged in: ops_owner may not see what the sessions of others do.
        client.batch_execute("begin; set local role none").await?;
        let rows = client.query_typed(HOLDERS, &[]).await?;
        client.batch_execute("rollback").await?;
        let mut said = Vec::with_capacity(rows.len());
        for row in rows {
            said.push(row.try_get::<_, String>("holder")?);
        }
        Ok(said.join("; "))
    }
}

/// No limit is 0 in Postgres, so the least is 1 ms.
fn lock_timeout(wait: Duration) -> String {
    format!("set local lock_timeout = {}", wait.as_millis().max(1))
}

async fn deadlock_timeout(client: &Client) -> Result<Duration, MigrateError> {
    let row = client
        .query_typed_one(
            "select s.setting::bigint as ms from pg_catalog.pg_settings s where s.name = $1",
            &[(&"deadlock_timeout", Type::TEXT)],
        )
        .await?;
    let ms: i64 = row.try_get("ms")?;
    Ok(Duration::from_millis(ms.unsigned_abs()))
}

/// A lock that was not to be had, a deadlock, or a row of a system catalog that somebody changed just now.
fn lost_a_race(error: &MigrateError) -> bool {
    let refusal = match error {
        MigrateError::File { refusal, .. } => refusal,
        MigrateError::Contract(error) => match error.refusal() {
            Some(refusal) => refusal,
            None => return false,
        },
        _ => return false,
    };
    refusal.sqlstate == SqlState::LOCK_NOT_AVAILABLE.code()
        || refusal.sqlstate == SqlState::T_R_DEADLOCK_DETECTED.code()
        || super::bootstrap::is_changed_catalog(&refusal.sqlstate, &refusal.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::error::Refusal;

    #[test]
    fn tables_are_locked_in_the_order_of_the_contract_each_once() {
        let tables = ["ops.zebra", "ops.run_events", "ops.runs", "ops.apes", "ops.projects", "ops.runs"];
        assert_eq!(
            in_order(&tables.map(str::to_owned)),
            ["ops.projects", "ops.runs", "ops.run_events", "ops.apes", "ops.zebra"]
        );
    }

    #[test]
    fn only_lost_races_are_tried_again() {
        let failed = |sqlstate: &str, message: &str| MigrateError::File {
            file: "sql/a.sql".to_owned(),
            refusal: Refusal {
                sqlstate: sqlstate.to_owned(),
                message: message.to_owned(),
                ..Refusal::default()
            },
        };
        assert!(lost_a_race(&failed("55P03", "")));
        assert!(lost_a_race(&failed("40P01", "")));
        assert!(lost_a_race(&failed("XX000", "tuple concurrently updated")));
        assert!(!lost_a_race(&failed("XX000", "cache lookup failed")));
        assert!(!lost_a_race(&failed("42703", "")));
        assert!(!lost_a_race(&MigrateError::NewerSchema { found: 2, known: 1 }));
    }
}
