//! The environment of a step's container: what the definition says, the run's facts, its input, secrets.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::contract::ClaimedRun;

/// Facts of the run and the step, `ODOOOPS_*`; unknown ones are left out.
pub(super) fn run_facts(run: &ClaimedRun, step: &str) -> BTreeMap<String, String> {
    let facts = [
        ("ODOOOPS_RUN_ID", Some(run.id.to_string())),
        ("ODOOOPS_RUN_NUMBER", Some(run.run_number.to_string())),
        ("ODOOOPS_ATTEMPT", Some(run.attempt.to_string())),
        ("ODOOOPS_PROJECT", Some(run.project_slug.clone())),
        ("ODOOOPS_GIT_REF", run.git_ref.clone()),
        ("ODOOOPS_COMMIT_SHA", run.commit_sha.clone()),
        ("ODOOOPS_STEP", Some(step.to_owned())),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// `ODOOOPS_INPUT_<KEY>` for each key: text as it is, everything else as JSON, null not at all.
pub(super) fn input_variables(input: &Map<String, Value>) -> BTreeMap<String, String> {
    let variable = |(key, value): (&String, &Value)| {
        let text = match value {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
        };
        // A NUL cannot be passed in an environment; input.json has the value as it is.
        (!text.contains('\0')).then(|| (format!("ODOOOPS_INPUT_{}", variable_name(key)), text))
    };
    input.iter().filter_map(variable).collect()
}

/// Upper case; what is no letter, digit or underscore becomes an underscore.
fn variable_name(key: &str) -> String {
    key.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_become_variables() {
        let input = serde_json::json!({
            "modules": ["sale", "crm"], "test_tags": "/sale", "demo": false, "dot.ted-key": 1, "gone": null,
        });
        let variables = input_variables(input.as_object().expect("an object"));
        let expected = [
            ("ODOOOPS_INPUT_DEMO", "false"),
            ("ODOOOPS_INPUT_DOT_TED_KEY", "1"),
            ("ODOOOPS_INPUT_MODULES", "[\"sale\",\"crm\"]"),
            ("ODOOOPS_INPUT_TEST_TAGS", "/sale"),
        ];
        let expected: BTreeMap<_, _> =
            expected.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(variables, expected);
    }
}
