//! What a step was asked for: its `with`, the run's input, the project's settings, in this order.

use std::str::FromStr;

use serde_json::Value;

use crate::action::{Fault, RunContext};
use crate::odoo::{Demo, ModuleName, ModulesAsked, Series, Tests};

/// The image that plain Odoo is taken from when neither worker nor project names one.
const DEFAULT_IMAGE: &str = "odoo:18.0";

impl RunContext {
    /// The value under a key; JSON `null` counts as absent.
    fn value(&self, key: &str) -> Option<&Value> {
        [&self.with, &self.input, &self.settings]
            .into_iter()
            .filter_map(|map| map.get(key))
            .find(|value| !value.is_null())
    }

    /// A text under a key; an empty one counts as absent.
    pub(super) fn text(&self, key: &str) -> Result<Option<&str>, Fault> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(other) => Err(Fault::Invalid(format!("{key}: a text is needed, not {other}"))),
        }
    }

    /// A text that only the step or the run may give, never the project's settings; an empty one counts as absent.
    pub(super) fn text_of_run(&self, key: &str) -> Result<Option<&str>, Fault> {
        let given = [&self.with, &self.input].into_iter().filter_map(|map| map.get(key));
        match given.into_iter().find(|value| !value.is_null()) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(other) => Err(Fault::Invalid(format!("{key}: a text is needed, not {other}"))),
        }
    }

    /// `modules`: `"all"`, `"a,b"` or a list of names; all of the check-out's own without it.
    pub(super) fn modules_asked(&self) -> Result<ModulesAsked, Fault> {
        let names: Vec<&str> = match self.value("modules") {
            None => return Ok(ModulesAsked::All),
            Some(Value::String(text)) if text == "all" => return Ok(ModulesAsked::All),
            Some(Value::String(text)) => text.split(',').map(str::trim).collect(),
            Some(Value::Array(items)) => items.iter().map(|item| item.as_str().unwrap_or_default()).collect(),
            Some(other) => {
                return Err(Fault::Invalid(format!(
                    "modules: \"all\" or a list of names is needed, not {other}"
                )));
            }
        };
        let parsed: Result<Vec<ModuleName>, _> = names.into_iter().map(ModuleName::from_str).collect();
        match parsed {
            Err(problem) => Err(Fault::Invalid(format!("modules: {problem}"))),
            Ok(names) if names.is_empty() => {
                Err(Fault::Invalid("modules: the list is empty; leave it out for all".to_owned()))
            }
            Ok(names) => Ok(ModulesAsked::Named(names)),
        }
    }

    /// `test_tags`, or the tests of the modules asked for.
    pub(super) fn tests(&self) -> Result<Tests, Fault> {
        Ok(self.text("test_tags")?.map_or(Tests::OfModules, |tags| Tests::Tagged(tags.to_owned())))
    }

    /// `demo`: true or false; false without it.
    pub(super) fn demo(&self) -> Result<Demo, Fault> {
        match self.value("demo") {
            None | Some(Value::Bool(false)) => Ok(Demo::Without),
            Some(Value::Bool(true)) => Ok(Demo::With),
            Some(other) => Err(Fault::Invalid(format!("demo: true or false is needed, not {other}"))),
        }
    }

    /// The image with Odoo: `image`, the worker's, else the public one of the project's version.
    pub(super) fn odoo_image(&self) -> Result<String, Fault> {
        if let Some(image) = self.text("image")?.or(self.odoo.image.as_deref()) {
            return Ok(image.to_owned());
        }
        Ok(self.odoo_version.as_deref().map_or(DEFAULT_IMAGE.to_owned(), |version| format!("odoo:{version}")))
    }

    /// The repository: `repo_url`, else the project's.
    pub(super) fn repository(&self) -> Result<Option<&str>, Fault> {
        Ok(self.text("repo_url")?.or(self.repo_url.as_deref()))
    }

    /// The series of Odoo in `image`: the project's version, else what the image says of itself.
    pub(super) fn series(&self, image: &str, said: Option<&str>) -> Result<Series, Fault> {
        let of_image = match said {
            Some(said) => said.parse().ok(),
            None => Series::of_image(image),
        };
        let of_project = match self.odoo_version.as_deref() {
            Some(version) => {
                Some(version.parse::<Series>().map_err(|problem| Fault::Invalid(problem.to_string()))?)
            }
            None => None,
        };
        match (of_project, of_image) {
            (Some(project), Some(image_series)) if project != image_series => Err(Fault::Invalid(format!(
                "the project is for Odoo {project}, but image {image} has {image_series}; \
                 set image, or the project's odoo_version"
            ))),
            (Some(series), _) | (None, Some(series)) => Ok(series),
            (None, None) => Err(Fault::Invalid(format!(
                "image {image} does not say which Odoo it has; set the project's odoo_version"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::action::testing::run_context;

    fn with_input(input: Value) -> RunContext {
        let Value::Object(input) = input else { panic!("an object") };
        RunContext { input, ..run_context() }
    }

    fn names(asked: ModulesAsked) -> Vec<String> {
        match asked {
            ModulesAsked::All => vec!["*".to_owned()],
            ModulesAsked::Named(names) => names.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn modules_are_all_or_a_list() {
        for (input, expected) in [
            (json!({}), vec!["*"]),
            (json!({"modules": null}), vec!["*"]),
            (json!({"modules": "all"}), vec!["*"]),
            (json!({"modules": ["a", "b"]}), vec!["a", "b"]),
            (json!({"modules": "a, b"}), vec!["a", "b"]),
        ] {
            let asked = with_input(input.clone()).modules_asked().expect("good input");
            assert_eq!(names(asked), expected, "{input}");
        }
    }

    #[test]
    fn wrong_input_is_invalid_and_names_the_key() {
        for input in [
            json!({"modules": []}),
            json!({"modules": ["a", 1]}),
            json!({"modules": ["a,b"]}),
            json!({"modules": ["--help"]}),
            json!({"modules": 5}),
            json!({"modules": ""}),
        ] {
            let fault = with_input(input.clone()).modules_asked().expect_err("wrong");
            assert!(matches!(&fault, Fault::Invalid(text) if text.starts_with("modules: ")), "{fault:?}");
        }
        assert!(with_input(json!({"demo": "yes"})).demo().is_err());
        assert!(with_input(json!({"test_tags": ["a"]})).tests().is_err());
    }

    #[test]
    fn a_step_wins_over_the_input_and_the_input_over_the_project() {
        let mut context = with_input(json!({"database": "input"}));
        context.settings = Map::from_iter([("database".to_owned(), json!("project"))]);
        assert_eq!(context.text("database"), Ok(Some("input")));
        context.with = Map::from_iter([("database".to_owned(), json!("step"))]);
        assert_eq!(context.text("database"), Ok(Some("step")));
        context.input.clear();
        context.with.clear();
        assert_eq!(context.text("database"), Ok(Some("project")));
    }

    #[test]
    fn what_is_tested_is_never_named_by_the_project() {
        let mut context = run_context();
        context.settings = Map::from_iter([("image".to_owned(), json!("project"))]);
        assert_eq!(context.text_of_run("image"), Ok(None));
        context.input = Map::from_iter([("image".to_owned(), json!("input"))]);
        assert_eq!(context.text_of_run("image"), Ok(Some("input")));
        context.with = Map::from_iter([("image".to_owned(), json!("step"))]);
        assert_eq!(context.text_of_run("image"), Ok(Some("step")));
    }

    #[test]
    fn the_image_is_the_workers_or_the_public_one() {
        let mut context = run_context();
        context.odoo_version = None;
        assert_eq!(context.odoo_image(), Ok("odoo:18.0".to_owned()));
        context.odoo_version = Some("17.0".to_owned());
        assert_eq!(context.odoo_image(), Ok("odoo:17.0".to_owned()));
        context.odoo.image = Some("mine:1".to_owned());
        assert_eq!(context.odoo_image(), Ok("mine:1".to_owned()));
    }

    #[test]
    fn a_series_that_contradicts_the_image_is_refused() {
        let mut context = run_context();
        context.odoo_version = Some("17.0".to_owned());
        assert!(matches!(context.series("odoo:18.0", None), Err(Fault::Invalid(_))));
        assert_eq!(context.series("mine:1", None), Ok(Series::V17));
        context.odoo_version = None;
        assert_eq!(context.series("mine:1", Some("19.0")), Ok(Series::V19));
        assert!(matches!(context.series("mine:1", None), Err(Fault::Invalid(_))));
    }
}
