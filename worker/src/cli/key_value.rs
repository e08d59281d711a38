//! `KEY=TEXT`, `KEY:=JSON` and whole JSON objects, as inputs and options are given on the command line.
//!
//! A plain `=` is always text: `odoo_version=18.0` must not become a number, nor a commit of digits.

use std::str::FromStr;

use serde_json::{Map, Value};

/// One `--input`, `--option` or `--setting`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeyValues(Map<String, Value>);

impl FromStr for KeyValues {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let given = given.trim();
        if given.starts_with('{') {
            return serde_json::from_str(given)
                .map(Self)
                .map_err(|problem| format!("no JSON object: {problem}"));
        }
        let (key, text) = given
            .split_once('=')
            .ok_or("write KEY=TEXT, KEY:=JSON, or a JSON object such as '{\"modules\": [\"sale\"]}'")?;
        let (key, value) = match key.strip_suffix(':') {
            Some(key) => {
                let value = serde_json::from_str(text).map_err(|problem| {
                    format!("{text:?} is no JSON ({problem}); quote it, or write {key}={text} for text")
                })?;
                (key, value)
            }
            None => (key, Value::String(text.to_owned())),
        };
        if key.is_empty() {
            return Err("the key before = is empty".to_owned());
        }
        Ok(Self(Map::from_iter([(key.to_owned(), value)])))
    }
}

/// All of them as one object; a later one wins.
pub(super) fn merge(given: &[KeyValues]) -> Map<String, Value> {
    given.iter().flat_map(|KeyValues(map)| map.clone()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parse(given: &[&str]) -> Value {
        Value::Object(merge(&given.iter().map(|text| text.parse().expect(text)).collect::<Vec<_>>()))
    }

    #[test]
    fn an_equals_sign_means_text_whatever_it_looks_like() {
        assert_eq!(
            parse(&["odoo_version=18.0", "sha=1234567", "url=https://x/?a=b"]),
            json!({"odoo_version": "18.0", "sha": "1234567", "url": "https://x/?a=b"})
        );
    }

    #[test]
    fn a_colon_before_it_means_json() {
        assert_eq!(
            parse(&["demo:=true", "modules:=[\"sale\", \"stock\"]", "n:=3"]),
            json!({"demo": true, "modules": ["sale", "stock"], "n": 3})
        );
    }

    #[test]
    fn objects_and_pairs_mix_and_the_later_one_wins() {
        assert_eq!(parse(&[r#"{"a": 1, "b": 2}"#, "b=x"]), json!({"a": 1, "b": "x"}));
    }

    #[test]
    fn wrong_ones_say_how_to_write_them() {
        for (given, way_out) in
            [("modules", "KEY=TEXT"), ("n:=three", "n=three"), ("=x", "empty"), ("{a}", "JSON")]
        {
            let problem = given.parse::<KeyValues>().expect_err(given);
            assert!(problem.contains(way_out), "{given}: {problem}");
        }
    }

    proptest! {
        #[test]
        fn any_text_survives(key in "[a-z][a-z_]{0,10}", text in "\\PC*") {
            let parsed = merge(&[format!("{key}={text}").parse().expect("a pair")]);
            prop_assert_eq!(parsed[&key].as_str().map(str::trim_end), Some(text.trim_end()));
        }
    }
}
