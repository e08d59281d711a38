//! Databases with older generations in them, from `tests/fixtures/older/`.

use crate::support::postgres::TestDatabase;

/// SQL files of `tests/fixtures/older/`, with their names.
macro_rules! files {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../fixtures/older/", $name, ".sql")))),*]
    };
}

/// Generations over one another, as `create table if not exists` left them, with rows.
pub(super) struct Combination {
    /// Applied in this order.
    files: &'static [(&'static str, &'static str)],
}

/// A1 alone.
pub(super) const A1: Combination = Combination { files: files!["a1" "exposed" "rows/a1"] };
/// A2 alone.
pub(super) const A2: Combination =
    Combination { files: files!["a2" "a2_alone" "exposed" "rows/a2" "rows/a2_events"] };
/// A3 alone.
pub(super) const A3: Combination =
    Combination { files: files!["a3" "a3_alone" "exposed" "rows/a3" "rows/a3_events"] };
/// A1's `run_events` with A3's runs and artifacts.
pub(super) const A1_A3: Combination = Combination { files: files!["a1" "a3" "exposed" "rows/a1" "rows/a3"] };
/// A1's `run_events` with A2's runs and artifacts.
pub(super) const A1_A2: Combination = Combination { files: files!["a1" "a2" "exposed" "rows/a1" "rows/a2"] };
/// B alone.
pub(super) const B: Combination =
    Combination { files: files!["b_tables" "b_functions" "b_alone" "exposed" "rows/b" "rows/b_artifacts"] };
/// C alone.
pub(super) const C: Combination = Combination {
    files: files![
        "c_tables" "c_functions" "c_own_runs" "c_own_agent_events" "exposed" "rows/c" "rows/c_runs"
        "rows/c_agent_events"
    ],
};
/// B, for which A3's artifacts are its own.
pub(super) const A1_A3_B: Combination = Combination {
    files: files![
        "a1" "a3" "b_tables" "b_functions" "b_over_a3" "exposed" "rows/a1" "rows/a3" "rows/b"
    ],
};
/// C, for which A1's and A3's tables are its own.
pub(super) const A1_A3_C: Combination = Combination {
    files: files![
        "a1" "a3" "c_tables" "c_functions" "c_own_agent_events" "exposed" "rows/a1" "rows/a3"
        "rows/c" "rows/c_agent_events"
    ],
};
/// The rename by hand over A3, then C, which finds an `agent_events` already.
pub(super) const RENAMED_C: Combination = Combination {
    files: files![
        "a3" "a3_alone" "rows/a3" "rows/a3_events" "renamed" "renamed_own_events" "c_tables"
        "c_functions" "c_own_runs" "exposed" "rows/c" "rows/c_runs"
    ],
};
/// The same where `run_events` was A1's.
pub(super) const A1_RENAMED_C: Combination = Combination {
    files: files![
        "a1" "a3" "rows/a1" "rows/a3" "renamed" "c_tables" "c_functions" "c_own_runs" "exposed"
        "rows/c" "rows/c_runs"
    ],
};

/// A database of one's own with a combination in it.
pub(super) async fn load(combination: &Combination) -> TestDatabase {
    let database = TestDatabase::empty().await;
    let client = database.superuser().await;
    let platform = ("platform", include_str!("../../fixtures/older/platform.sql"));
    for (name, sql) in [&platform].into_iter().chain(combination.files) {
        if let Err(error) = client.batch_execute(sql).await {
            panic!("tests/fixtures/older/{name}.sql: {error:?}");
        }
    }
    database
}
