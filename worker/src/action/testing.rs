//! A run's context for unit tests.

use std::collections::BTreeMap;

use serde_json::Map;

use crate::action::{OdooSettings, RunContext};
use crate::container::{Labels, Limits};

/// A context in which nothing but the names is set.
pub(crate) fn run_context() -> RunContext {
    RunContext {
        labels: Labels {
            instance: uuid::Uuid::from_u128(1),
            run_id: uuid::Uuid::from_u128(0x0192_0000_0000_7000_8000_abcd_ef01_2345),
            attempt: 1,
            worker: "worker-1".to_owned(),
            expires_unix_secs: 2_000_000_000,
        },
        project: "shop".to_owned(),
        repo_url: None,
        odoo_version: Some("18.0".to_owned()),
        settings: Map::new(),
        git_ref: None,
        commit_sha: None,
        input: Map::new(),
        outputs: Map::new(),
        step: "test".to_owned(),
        with: Map::new(),
        env: BTreeMap::new(),
        limits: Limits::default(),
        odoo: OdooSettings {
            database_url: None,
            image: None,
            data_dir: None,
            ca_bundle: None,
            pip_index_url: None,
        },
    }
}
