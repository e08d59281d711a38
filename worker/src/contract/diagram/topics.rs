//! Which tables are drawn together, in which order: pure.

use super::model::{Diagram, Relation, RelationKind};

/// A name for identifiers, a title for people, and the tables, the one that others point to first.
struct Plan {
    name: &'static str,
    title: &'static str,
    tables: &'static [&'static str],
}

const PLANS: &[Plan] = &[
    Plan {
        name: "projects",
        title: "Projects, their members and their limits",
        tables: &["projects", "project_memberships", "concurrency_keys"],
    },
    Plan {
        name: "workflows",
        title: "What can be run",
        tables: &["workflows", "workflow_versions", "tools", "upgrade_advisories"],
    },
    Plan {
        name: "runs",
        title: "The queue, and what each run left",
        tables: &["runs", "run_dependencies", "run_attempts", "run_steps", "run_artifacts"],
    },
    Plan {
        name: "history",
        title: "Events and logs, partitioned by the month of the run",
        tables: &["run_events", "run_log_chunks"],
    },
    Plan {
        name: "fleet",
        title: "Workers, and this control plane",
        tables: &["workers", "worker_heartbeats", "label_sets", "instance"],
    },
    Plan {
        name: "agents",
        title: "Agents, from an older generation of the schema",
        tables: &["agent_runs", "agent_events", "agent_artifacts"],
    },
];

/// Tables that belong together, at least one.
pub(super) struct Topic<'a> {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) relations: Vec<&'a Relation>,
}

/// Every table and view once; what no topic names comes last but for the views.
pub(super) fn topics(diagram: &Diagram) -> Vec<Topic<'_>> {
    let is_view = |relation: &Relation| relation.kind == RelationKind::View;
    let mut topics: Vec<Topic<'_>> = PLANS
        .iter()
        .map(|plan| Topic {
            name: plan.name,
            title: plan.title,
            relations: plan
                .tables
                .iter()
                .filter_map(|name| diagram.relations.iter().find(|known| known.name == *name))
                .filter(|relation| !is_view(relation))
                .collect(),
        })
        .collect();
    let is_planned = |relation: &Relation| PLANS.iter().any(|plan| plan.tables.contains(&&*relation.name));
    topics.push(Topic {
        name: "others",
        title: "Others",
        relations: diagram
            .relations
            .iter()
            .filter(|relation| !is_view(relation) && !is_planned(relation))
            .collect(),
    });
    topics.push(Topic {
        name: "views",
        title: "Views",
        relations: diagram.relations.iter().filter(|relation| is_view(relation)).collect(),
    });
    topics.retain(|topic| !topic.relations.is_empty());
    topics
}
