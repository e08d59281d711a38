//! The addons of a check-out: which there are, which are asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use super::manifest::{Installable, MANIFEST_NAMES, Manifest, ManifestProblem};
use super::series::Series;

/// Technical name of a module: a Python package name, safe in command lines and lists.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleName(String);

/// The text is no module name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no module name: letters, digits and underscores, at most 63")]
pub struct NoModuleName(pub String);

impl ModuleName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ModuleName {
    type Err = NoModuleName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let letters = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if letters && starts && text.len() <= 63 {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoModuleName(text.to_owned()))
        }
    }
}

/// A module of the check-out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Technical name: the name of its folder.
    pub name: ModuleName,
    /// Its folder, relative to the check-out, `/` between the parts; empty for the check-out itself.
    pub folder: String,
    /// What its manifest says.
    pub manifest: Manifest,
}

/// The modules of a check-out, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Modules(BTreeMap<ModuleName, Module>);

/// Which modules a run is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModulesAsked {
    /// All installable modules of the check-out.
    All,
    /// These, the check-out's own or Odoo's.
    Named(Vec<ModuleName>),
}

impl Modules {
    /// Reads manifests, given as (path relative to the check-out, text).
    ///
    /// # Errors
    /// Every problem found: wrong manifests, folder names that are no module names, names used twice.
    pub fn from_manifests(
        manifests: &[(String, String)],
        series: Series,
    ) -> Result<Self, Vec<ManifestProblem>> {
        let mut found: BTreeMap<ModuleName, Module> = BTreeMap::new();
        let mut problems = Vec::new();
        for (path, text) in manifests {
            match read_module(path, text, series) {
                Err(problem) => problems.push(problem),
                Ok(module) => {
                    if let Some(other) = found.get(&module.name) {
                        let problem = format!("module {} is in {} too", module.name, other.folder);
                        problems.push(ManifestProblem { path: path.clone(), line: 1, problem });
                    } else {
                        found.insert(module.name.clone(), module);
                    }
                }
            }
        }
        if problems.is_empty() { Ok(Self(found)) } else { Err(problems) }
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Module> {
        self.0.values()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, name: &ModuleName) -> Option<&Module> {
        self.0.get(name)
    }

    /// Those that Odoo may install.
    pub fn installable(&self) -> impl Iterator<Item = &Module> {
        self.iter().filter(|module| module.manifest.installable == Installable::Yes)
    }

    /// The folders in which modules stand (`addons`, or empty for the check-out itself).
    #[must_use]
    pub fn addons_folders(&self) -> BTreeSet<&str> {
        self.iter().map(|module| parent(&module.folder)).collect()
    }
}

/// Whether a file name is that of a manifest.
#[must_use]
pub fn is_manifest(file_name: &str) -> bool {
    MANIFEST_NAMES.contains(&file_name)
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn read_module(path: &str, text: &str, series: Series) -> Result<Module, ManifestProblem> {
    let folder = parent(path);
    let last = folder.rsplit('/').next().unwrap_or(folder);
    let name: ModuleName = last.parse().map_err(|problem: NoModuleName| ManifestProblem {
        path: path.to_owned(),
        line: 1,
        problem: match folder {
            "" => "the repository itself is a module; put it into a folder of its name".to_owned(),
            _ => problem.to_string(),
        },
    })?;
    let manifest = Manifest::parse(path, text, series)?;
    Ok(Module { name, folder: folder.to_owned(), manifest })
}

#[cfg(test)]
mod tests {
    use super::{ModuleName, Modules};
    use crate::odoo::series::Series;

    fn read(files: &[(&str, &str)]) -> Result<Modules, Vec<String>> {
        let files: Vec<(String, String)> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Modules::from_manifests(&files, Series::V18)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn modules_are_named_by_their_folder() {
        let modules = read(&[
            ("addons/b/__manifest__.py", "{}"),
            ("a/__manifest__.py", "{'installable': False}"),
            ("vendor/web/c/__openerp__.py", "{}"),
        ])
        .expect("good manifests");
        let names: Vec<&str> = modules.iter().map(|module| module.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        let names: Vec<&str> = modules.installable().map(|module| module.name.as_str()).collect();
        assert_eq!(names, ["b", "c"]);
        assert_eq!(modules.addons_folders().into_iter().collect::<Vec<_>>(), ["", "addons", "vendor/web"]);
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let problems = read(&[
            ("x/a/__manifest__.py", "{}"),
            ("y/a/__manifest__.py", "{}"),
            ("z/b-c/__manifest__.py", "{}"),
            ("d/__manifest__.py", "{'a'}"),
            ("__manifest__.py", "{}"),
        ])
        .expect_err("all but the first are wrong");
        assert_eq!(
            problems,
            [
                "y/a/__manifest__.py:1: module a is in x/a too",
                "z/b-c/__manifest__.py:1: \"b-c\" is no module name: letters, digits and underscores, at most 63",
                "d/__manifest__.py:1: a manifest is a dict: { 'name': … }",
                "__manifest__.py:1: the repository itself is a module; put it into a folder of its name",
            ]
        );
    }

    #[test]
    fn names_that_could_be_options_or_lists_are_refused() {
        for text in ["", "-i", "a,b", "a b", "a/b", "é", "1a", &"x".repeat(64)] {
            assert!(text.parse::<ModuleName>().is_err(), "{text}");
        }
    }
}
