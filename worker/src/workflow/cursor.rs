//! Reads a JSON value piece by piece and knows the path to each, so that an error can say where.

use std::fmt;

use serde_json::{Map, Value};

use super::validate::is_plain_key;

/// Why a definition is refused: the first problem in reading order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct DefinitionError {
    /// `steps[1].command[0]`; `definition` for the whole.
    pub path: String,
    /// What is wrong there; never the value itself, which might be a secret in the wrong place.
    pub problem: String,
}

/// A value and the way to it.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { path: String::new(), value }
    }

    /// An error at this place.
    pub(super) fn error(&self, problem: impl fmt::Display) -> DefinitionError {
        let path = if self.path.is_empty() { "definition" } else { &self.path };
        DefinitionError { path: path.to_owned(), problem: problem.to_string() }
    }

    fn child_path(&self, key: &str) -> String {
        match (is_plain_key(key), self.path.is_empty()) {
            (true, true) => key.to_owned(),
            (true, false) => format!("{}.{key}", self.path),
            (false, _) => format!("{}[{}]", self.path, Value::from(key)),
        }
    }

    pub(super) fn object(&self) -> Result<&'a Map<String, Value>, DefinitionError> {
        self.value.as_object().ok_or_else(|| self.error("must be an object"))
    }

    /// An object with no keys but these.
    pub(super) fn record(self, keys: &[&str]) -> Result<Record<'a>, DefinitionError> {
        let map = self.object()?;
        match map.keys().filter(|key| !keys.contains(&key.as_str())).min() {
            Some(unknown) => Err(DefinitionError {
                path: self.child_path(unknown),
                problem: format!("unknown key; known here are {}", keys.join(", ")),
            }),
            None => Ok(Record { node: self, map }),
        }
    }

    /// The entries of an object with free keys, by key.
    pub(super) fn entries(&self, at_most: usize) -> Result<Vec<(&'a str, Node<'a>)>, DefinitionError> {
        let map = self.object()?;
        if map.len() > at_most {
            return Err(self.error(format!("must have at most {at_most} entries")));
        }
        let mut entries: Vec<_> = map
            .iter()
            .map(|(key, value)| (key.as_str(), Node { path: self.child_path(key), value }))
            .collect();
        entries.sort_by_key(|(key, _)| *key);
        Ok(entries)
    }

    /// The elements of an array of `least` to `most` elements.
    pub(super) fn list(&self, least: usize, most: usize) -> Result<Vec<Node<'a>>, DefinitionError> {
        let array = self.value.as_array().ok_or_else(|| self.error("must be an array"))?;
        if array.len() < least || array.len() > most {
            return Err(self.error(format!("must have {least} to {most} entries")));
        }
        Ok(array
            .iter()
            .enumerate()
            .map(|(index, value)| Node { path: format!("{}[{index}]", self.path), value })
            .collect())
    }

    /// A string; NUL is refused because neither Postgres nor a command line can carry it.
    pub(super) fn text(&self) -> Result<&'a str, DefinitionError> {
        let text = self.value.as_str().ok_or_else(|| self.error("must be a string"))?;
        if text.contains('\0') {
            return Err(self.error("must not contain NUL"));
        }
        Ok(text)
    }

    /// A string that keeps a rule; `says` tells the rule.
    pub(super) fn text_that(
        &self,
        keeps: impl Fn(&str) -> bool,
        says: &str,
    ) -> Result<String, DefinitionError> {
        let text = self.text()?;
        if keeps(text) { Ok(text.to_owned()) } else { Err(self.error(says)) }
    }

    pub(super) fn boolean(&self) -> Result<bool, DefinitionError> {
        self.value.as_bool().ok_or_else(|| self.error("must be true or false"))
    }

    /// A whole number (`60.0` is one) from `least` to `most`.
    pub(super) fn whole(&self, least: u32, most: u32) -> Result<u32, DefinitionError> {
        let number = self
            .value
            .as_f64()
            .filter(|number| number.fract() == 0.0 && (f64::from(least)..=f64::from(most)).contains(number));
        // In range and without a fraction, so the cast is exact.
        number
            .map(|number| number as u32)
            .ok_or_else(|| self.error(format!("must be a whole number from {least} to {most}")))
    }

    pub(super) fn number(&self, least: f64, most: f64) -> Result<f64, DefinitionError> {
        self.value
            .as_f64()
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.error(format!("must be a number from {least} to {most}")))
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, DefinitionError> {
        let found = self.value.as_str().and_then(|text| choices.iter().find(|(word, _)| *word == text));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.error(format!("must be one of {}", words.join(", ")))
        })
    }
}

/// An object whose keys are all known.
#[derive(Debug)]
pub(super) struct Record<'a> {
    node: Node<'a>,
    map: &'a Map<String, Value>,
}

impl<'a> Record<'a> {
    pub(super) fn optional(&self, key: &str) -> Option<Node<'a>> {
        let value = self.map.get(key)?;
        Some(Node { path: self.node.child_path(key), value })
    }

    pub(super) fn required(&self, key: &str) -> Result<Node<'a>, DefinitionError> {
        self.optional(key).ok_or_else(|| DefinitionError {
            path: self.node.child_path(key),
            problem: "is missing".to_owned(),
        })
    }

    /// Reads a key where it is there; its default otherwise.
    pub(super) fn read<T: Default>(
        &self,
        key: &str,
        read: impl FnOnce(Node<'a>) -> Result<T, DefinitionError>,
    ) -> Result<T, DefinitionError> {
        self.optional(key).map_or_else(|| Ok(T::default()), read)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// An error at the object as such.
    pub(super) fn error(&self, problem: impl fmt::Display) -> DefinitionError {
        self.node.error(problem)
    }

    /// The object as it was written.
    pub(super) fn map(&self) -> &'a Map<String, Value> {
        self.map
    }
}
