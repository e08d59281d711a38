//! Which generation a table is of. Its columns decide: three generations have a table `ops.runs`, and a name that
//! somebody else chose too proves nothing.

use serde::{Deserialize, Serialize};

use super::found::Relation;

/// The generations of `ops` that were there before this product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Generation {
    /// Deployments, incidents and the events of their intake.
    A1,
    /// Runs of executors, with claims.
    A2,
    /// Runs of agents.
    A3,
    /// A console with branches and builds.
    B,
    /// A control plane with text ids.
    C,
}

impl Generation {
    /// What it is, for people.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::A1 => "A1: intake of deployments and incidents",
            Self::A2 => "A2: runs of executors",
            Self::A3 => "A3: runs of agents",
            Self::B => "B: console with branches and builds",
            Self::C => "C: control plane with text ids",
        }
    }
}

/// Columns with their types that tell a table; `*` is any type.
struct Shape {
    table: &'static str,
    generation: Generation,
    has: &'static [(&'static str, &'static str)],
    has_not: &'static [&'static str],
}

const fn shape(
    table: &'static str,
    generation: Generation,
    has: &'static [(&'static str, &'static str)],
    has_not: &'static [&'static str],
) -> Shape {
    Shape { table, generation, has, has_not }
}

const SHAPES: &[Shape] = &[
    shape(
        "runs",
        Generation::A2,
        &[("id", "uuid"), ("kind", "text"), ("spec", "jsonb"), ("claimed_by", "uuid"), ("heartbeat_at", "*")],
        &[],
    ),
    shape(
        "runs",
        Generation::A3,
        &[("id", "uuid"), ("status", "*"), ("actor", "text"), ("repo", "text"), ("pack_id", "text")],
        &["heartbeat_at", "env_id"],
    ),
    shape("runs", Generation::C, &[("run_id", "text"), ("project_id", "text"), ("env_id", "text")], &[]),
    shape(
        "run_events",
        Generation::A1,
        &[("id", "uuid"), ("event_id", "text"), ("level", "*"), ("message", "text"), ("context", "jsonb")],
        &["run_id", "payload"],
    ),
    shape(
        "run_events",
        Generation::A2,
        &[("id", "bigint"), ("run_id", "uuid"), ("ts", "*"), ("phase", "text"), ("message", "text")],
        &[],
    ),
    shape(
        "run_events",
        Generation::A3,
        &[("id", "uuid"), ("run_id", "uuid"), ("level", "*"), ("message", "text"), ("data", "jsonb")],
        &["payload"],
    ),
    shape(
        "run_events",
        Generation::C,
        &[("event_id", "text"), ("run_id", "text"), ("payload", "jsonb")],
        &[],
    ),
    shape(
        "run_artifacts",
        Generation::A2,
        &[("run_id", "uuid"), ("kind", "text"), ("uri", "text"), ("sha256", "text"), ("meta", "jsonb")],
        &[],
    ),
    shape(
        "artifacts",
        Generation::A3,
        &[("id", "uuid"), ("run_id", "uuid"), ("kind", "text"), ("uri", "text"), ("meta", "jsonb")],
        &["build_id"],
    ),
    shape("artifacts", Generation::B, &[("build_id", "uuid"), ("storage_path", "text")], &[]),
    shape("artifacts", Generation::C, &[("artifact_id", "text"), ("artifact_type", "text")], &[]),
    shape("projects", Generation::B, &[("id", "uuid"), ("org_id", "uuid"), ("slug", "text")], &[]),
    shape("projects", Generation::C, &[("project_id", "text"), ("repo_slug", "text")], &[]),
    shape(
        "agent_events",
        Generation::C,
        &[("event_id", "text"), ("agent_id", "text"), ("team_id", "text"), ("task_id", "text")],
        &[],
    ),
    shape("executors", Generation::A2, &[("id", "uuid"), ("last_seen_at", "*"), ("is_active", "*")], &[]),
    shape("deployments", Generation::A1, &[("system", "text"), ("artifact_ref", "text")], &[]),
    shape("builds", Generation::B, &[("branch_id", "uuid"), ("build_number", "*")], &[]),
    shape("environments", Generation::C, &[("env_id", "text"), ("env_type", "*")], &[]),
];

/// The generation of a table, by its name and columns.
pub(super) fn of(relation: &Relation) -> Option<Generation> {
    if !matches!(relation.kind.as_str(), "r" | "p") {
        return None;
    }
    // Renamed by hand already: judged by the name that it had.
    let asked = match relation.name.as_str() {
        "agent_runs" => "runs",
        "agent_events" => "run_events",
        "agent_artifacts" => "artifacts",
        name => name,
    };
    let fits = |shape: &&Shape| {
        (shape.table == relation.name
            || shape.table == asked
            || asked == "artifacts" && shape.table == "run_artifacts" && relation.name == "agent_artifacts")
            && shape.has.iter().all(|(column, wanted)| {
                relation.columns.get(*column).is_some_and(|found| *wanted == "*" || found == wanted)
            })
            && shape.has_not.iter().all(|column| !relation.columns.contains_key(*column))
    };
    SHAPES.iter().find(fits).map(|shape| shape.generation)
}

/// Where the rows of a recognised table go on living, if that is an agent table.
pub(super) fn agent_table(relation: &Relation, generation: Generation) -> Option<&'static str> {
    use Generation::{A1, A2, A3, B, C};
    match (relation.name.as_str(), generation) {
        ("runs" | "agent_runs", A2 | A3) => Some("agent_runs"),
        ("run_events" | "agent_events", A1 | A2 | A3) => Some("agent_events"),
        ("artifacts" | "agent_artifacts", A3) | ("run_artifacts" | "agent_artifacts", A2) => {
            Some("agent_artifacts")
        }
        (_, A1 | A2 | A3 | B | C) => None,
    }
}
