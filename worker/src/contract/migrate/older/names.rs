//! The names that we need in schema `ops`: those of our committed catalog, of `sql/older`, and of partitions and
//! sequences that come with time.

use std::collections::BTreeSet;

/// Where a name must be free for us.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// Tables, views, sequences, indexes and types share one space, or nearly so.
    relations: BTreeSet<String>,
    functions: BTreeSet<String>,
}

impl Names {
    /// Of a catalog as in `sql/catalog.json`; keys read `table ops.runs`.
    pub(super) fn of_catalog<'a>(objects: impl Iterator<Item = &'a str>) -> Self {
        let mut names = Self::default();
        for object in objects {
            let Some((kind, name)) = object.split_once(" ops.") else { continue };
            match kind {
                "table" | "view" | "sequence" | "index" | "type" => names.relations.insert(name.to_owned()),
                "function" => names.functions.insert(name.split('(').next().unwrap_or(name).to_owned()),
                _ => false,
            };
        }
        names
    }

    /// Names of functions that are not in the catalog.
    pub(super) fn and_functions<'a>(mut self, functions: impl Iterator<Item = &'a str>) -> Self {
        self.functions.extend(functions.map(str::to_owned));
        self
    }

    /// Whether we need this name for a table, view, sequence, index or type.
    pub(super) fn take(&self, name: &str) -> bool {
        self.relations.contains(name) || is_partition(name) || is_project_sequence(name)
    }

    /// Whether we need this name for a function.
    pub(super) fn take_function(&self, name: &str) -> bool {
        self.functions.contains(name)
    }
}

fn is_partition(name: &str) -> bool {
    ["run_events_", "run_log_chunks_"].iter().any(|table| {
        name.strip_prefix(table).is_some_and(|part| {
            part == "older" || part.len() == 6 && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    })
}

fn is_project_sequence(name: &str) -> bool {
    ["run_number_", "turn_"].iter().any(|sequence| {
        name.strip_prefix(sequence)
            .is_some_and(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_in_the_way_of_a_type_and_of_a_partition() {
        let names = Names::of_catalog(
            ["table ops.runs", "type ops.run_row", "function ops.claim_next_run(p_worker_id text)"]
                .into_iter(),
        )
        .and_functions(["claim_run"].into_iter());
        for taken in ["runs", "run_row", "run_events_202611", "run_events_older", "run_log_chunks_203001"] {
            assert!(names.take(taken), "{taken}");
        }
        assert!(names.take(&format!("turn_{}", "0a".repeat(16))));
        for free in ["deployments", "run_events_v", "run_events_2026", "turn_1", "claim_next_run"] {
            assert!(!names.take(free), "{free}");
        }
        assert!(names.take_function("claim_next_run") && names.take_function("claim_run"));
        assert!(!names.take_function("get_deployment_summary"));
    }
}
