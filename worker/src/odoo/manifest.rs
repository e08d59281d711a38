//! `__manifest__.py`: the few keys that a build and its verdict need, read and never executed.

use super::literal::{self, Literal};
use super::series::Series;

/// File names of a manifest, newest first (`odoo/modules/module.py`, `MANIFEST_NAMES`).
pub const MANIFEST_NAMES: [&str; 2] = ["__manifest__.py", "__openerp__.py"];

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Version as the database will keep it: `18.0.1.0.0`.
    pub version: String,
    /// Modules that must be installed before.
    pub depends: Vec<String>,
    /// Python packages that must be there, as requirement texts.
    pub python: Vec<String>,
    /// Whether Odoo may install it.
    pub installable: Installable,
}

/// Whether Odoo may install a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Installable {
    /// It may.
    Yes,
    /// The manifest says `'installable': False`.
    No,
}

/// Why a manifest cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}: {problem}")]
pub struct ManifestProblem {
    /// File, relative to the check-out.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

impl Manifest {
    /// Reads the text of the manifest at `path` (which only serves messages).
    ///
    /// # Errors
    /// [`ManifestProblem`] where Odoo of this series would refuse or misread the file.
    pub fn parse(path: &str, text: &str, series: Series) -> Result<Self, ManifestProblem> {
        let at = |line: usize, problem: String| ManifestProblem { path: path.to_owned(), line, problem };
        let value = literal::parse(text).map_err(|error| at(error.line, error.problem))?;
        if !matches!(value, Literal::Dict(_)) {
            return Err(at(1, "a manifest is a dict: { 'name': … }".to_owned()));
        }
        let on_key = |key: &str, problem: String| at(line_of_key(text, key), problem);
        let installable = match value.get("installable") {
            Some(said) if !is_true(said) => Installable::No,
            Some(_) | None => Installable::Yes,
        };
        let version = match value.get("version") {
            None => "1.0".to_owned(),
            Some(Literal::Text(version)) => version.clone(),
            Some(_) => return Err(on_key("version", "'version' must be a string".to_owned())),
        };
        let version = match (series.full_version(&version), installable) {
            (Some(full), Installable::Yes | Installable::No) => full,
            (None, Installable::No) => version,
            (None, Installable::Yes) => {
                return Err(on_key(
                    "version",
                    format!(
                        "version '{version}' is not for Odoo {series}: use x.y, x.y.z, {series}.x.y or {series}.x.y.z"
                    ),
                ));
            }
        };
        let depends = texts(value.get("depends"))
            .ok_or_else(|| on_key("depends", "'depends' must be a list of module names".to_owned()))?;
        let external = value.get("external_dependencies");
        let python = texts(external.and_then(|external| external.get("python"))).ok_or_else(|| {
            on_key("external_dependencies", "'python' must be a list of package names".to_owned())
        })?;
        Ok(Self { version, depends, python, installable })
    }
}

/// A list of strings; absent means empty, anything else is `None`.
fn texts(value: Option<&Literal>) -> Option<Vec<String>> {
    match value {
        None => Some(Vec::new()),
        Some(Literal::Items(items)) => items
            .iter()
            .map(|item| match item {
                Literal::Text(text) => Some(text.clone()),
                Literal::None
                | Literal::Bool(_)
                | Literal::Number(_)
                | Literal::Items(_)
                | Literal::Dict(_) => None,
            })
            .collect(),
        Some(_) => None,
    }
}

/// Python's idea of truth.
fn is_true(value: &Literal) -> bool {
    match value {
        Literal::None => false,
        Literal::Bool(said) => *said,
        Literal::Number(text) => text.chars().any(|c| c.is_ascii_digit() && c != '0'),
        Literal::Text(text) => !text.is_empty(),
        Literal::Items(items) => !items.is_empty(),
        Literal::Dict(pairs) => !pairs.is_empty(),
    }
}

/// The first line on which the key stands quoted, else 1.
fn line_of_key(text: &str, key: &str) -> usize {
    let quoted = [format!("'{key}'"), format!("\"{key}\"")];
    text.lines()
        .position(|line| quoted.iter().any(|quoted| line.contains(quoted.as_str())))
        .map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::{Installable, Manifest};
    use crate::odoo::series::Series;

    fn parse(text: &str) -> Result<Manifest, String> {
        Manifest::parse("addons/m/__manifest__.py", text, Series::V18).map_err(|e| e.to_string())
    }

    #[test]
    fn a_manifest_with_nothing_has_odoos_defaults() {
        let manifest = parse("{}").expect("an empty manifest is allowed");
        assert_eq!(manifest.version, "18.0.1.0");
        assert_eq!(manifest.installable, Installable::Yes);
        assert!(manifest.depends.is_empty() && manifest.python.is_empty());
    }

    #[test]
    fn what_it_says_is_read() {
        let manifest = parse(
            "# -*- coding: utf-8 -*-\n{'name': 'M', 'version': '18.0.2.0.1', 'depends': ('sale', 'crm',),\n\
             'external_dependencies': {'python': ['requests>=2'], 'bin': ['wkhtmltopdf']}, 'installable': False}",
        )
        .expect("a good manifest");
        assert_eq!(manifest.version, "18.0.2.0.1");
        assert_eq!(manifest.depends, ["sale", "crm"]);
        assert_eq!(manifest.python, ["requests>=2"]);
        assert_eq!(manifest.installable, Installable::No);
    }

    #[test]
    fn a_wrong_manifest_is_named_with_file_and_line() {
        for (text, message) in [
            ("{\n  'name': 'x'\n  'depends': []}", "addons/m/__manifest__.py:3: ',' or '}' is missing"),
            ("['base']", "addons/m/__manifest__.py:1: a manifest is a dict: { 'name': … }"),
            (
                "{\n\n'version': '17.0.1.0.0'}",
                "addons/m/__manifest__.py:3: version '17.0.1.0.0' is not for Odoo 18.0: \
                 use x.y, x.y.z, 18.0.x.y or 18.0.x.y.z",
            ),
            ("{'version': 18.0}", "addons/m/__manifest__.py:1: 'version' must be a string"),
            (
                "{'a': 1,\n\"depends\": 'base'}",
                "addons/m/__manifest__.py:2: 'depends' must be a list of module names",
            ),
            (
                "{'external_dependencies': {'python': [1]}}",
                "addons/m/__manifest__.py:1: 'python' must be a list of package names",
            ),
            (
                "{'name': __import__('os')}",
                "addons/m/__manifest__.py:1: \"__import__\" is a name or call; only plain values are allowed",
            ),
        ] {
            assert_eq!(parse(text), Err(message.to_owned()), "{text}");
        }
    }

    #[test]
    fn an_uninstallable_module_may_have_any_version() {
        let manifest = parse("{'version': '13.0.1.0.0', 'installable': False}").expect("allowed");
        assert_eq!(manifest.version, "13.0.1.0.0");
    }
}
