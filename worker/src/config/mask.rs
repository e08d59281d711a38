//! Values as they may be shown: a password never, the rest of its URL always.

use url::Url;

/// What stands for something that is not shown.
const HIDDEN: &str = "(hidden)";
/// What stands for a password inside a URL.
const STARS: &str = "***";

/// Whether a value of a setting that may be secret is one: all but a URL without a password.
pub(super) fn holds_secret(value: &str) -> bool {
    if value.trim().is_empty() {
        return false;
    }
    parsed(value).is_none_or(|url| password_of(&url))
}

/// The value for people: passwords in URLs starred out; hidden where it is a secret and no URL.
pub(super) fn shown(value: &str, may_be_secret: bool) -> String {
    let Some(mut url) = parsed(value) else {
        let hide = may_be_secret && holds_secret(value);
        return if hide { HIDDEN.to_owned() } else { value.to_owned() };
    };
    if !password_of(&url) {
        return value.to_owned();
    }
    if url.password().is_some() && url.set_password(Some(STARS)).is_err() {
        return HIDDEN.to_owned();
    }
    if url.query().is_some() {
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| {
                let value = if is_password(&name) { STARS.to_owned() } else { value.into_owned() };
                (name.into_owned(), value)
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
    }
    url.into()
}

/// A URL with a place in it; `me:password@host` reads as one of the scheme `me` and is none.
fn parsed(value: &str) -> Option<Url> {
    Url::parse(value).ok().filter(|url| !url.cannot_be_a_base())
}

fn password_of(url: &Url) -> bool {
    url.password().is_some() || url.query_pairs().any(|(name, _)| is_password(&name))
}

fn is_password(name: &str) -> bool {
    matches!(name, "password" | "sslpassword" | "passfile")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_hidden_and_the_host_is_shown() {
        for (value, expected) in [
            ("postgres://me:hunter22@db.example:6432/ops", "postgres://me:***@db.example:6432/ops"),
            ("postgres://me@db/ops?password=hunter22&a=b", "postgres://me@db/ops?password=***&a=b"),
            (
                "postgres:///ops?host=/run/pg&password=hunter22",
                "postgres:///ops?host=%2Frun%2Fpg&password=***",
            ),
            ("https://bot:hunter22@pip.example/simple", "https://bot:***@pip.example/simple"),
            ("postgres://me@db/ops", "postgres://me@db/ops"),
            ("s3://bucket/prefix", "s3://bucket/prefix"),
            ("hunter22", "(hidden)"),
            ("me:hunter22@db/x", "(hidden)"),
            ("", ""),
        ] {
            assert_eq!(shown(value, true), expected);
        }
        assert_eq!(shown("odooops=debug,tokio=warn", false), "odooops=debug,tokio=warn");
    }

    #[test]
    fn a_url_without_a_password_is_no_secret() {
        assert!(!holds_secret("postgres://me@db/ops") && !holds_secret(" "));
        assert!(holds_secret("postgres://me:hunter22@db/ops") && holds_secret("hunter22"));
    }
}
