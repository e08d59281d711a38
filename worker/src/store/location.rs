//! Reads `ODOOOPS_STORE_URL` and object URLs. Pure.

use std::path::PathBuf;

use url::Url;

use super::{StoreError, keys};

/// What a store URL points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// A bucket, and a prefix without slashes at its ends (maybe empty).
    S3 { bucket: String, prefix: String },
    /// An absolute directory.
    Disk { root: PathBuf },
}

impl Location {
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        if let Some(rest) = url.strip_prefix("s3://") {
            return parse_s3(url, rest);
        }
        if url.starts_with("file://") {
            return Ok(Self::Disk { root: file_path(url)? });
        }
        Err(refused(url, "a store URL is s3://bucket/prefix or file:///absolute/path"))
    }
}

fn parse_s3(url: &str, rest: &str) -> Result<Location, StoreError> {
    if rest.contains(['?', '#']) {
        return Err(refused(url, "it has no ? or # (region and keys are the AWS SDK's own variables)"));
    }
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.trim_end_matches('/');
    let bucket_is_plain = (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if !bucket_is_plain {
        return Err(refused(
            url,
            "a bucket has 3 to 63 letters, digits, dots and dashes (keys belong in AWS_ACCESS_KEY_ID, not in the URL)",
        ));
    }
    if prefix.len() > MAX_PREFIX_BYTES {
        return Err(refused(url, "the prefix has more than 256 bytes"));
    }
    if !prefix.is_empty()
        && let Some(rule) = keys::path_problem(prefix)
    {
        return Err(refused(url, &format!("its prefix is wrong: {rule}")));
    }
    Ok(Location::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
}

/// S3 keys have at most 1,024 bytes; an artifact key and the layout around it take up to 650 of them.
const MAX_PREFIX_BYTES: usize = 256;

/// The absolute path of a `file:///` URL, unescaped.
pub(super) fn file_path(url: &str) -> Result<PathBuf, StoreError> {
    let raw = url.strip_prefix("file://").unwrap_or(url);
    if raw.split('/').any(|name| name == ".." || name == ".") {
        return Err(refused(url, "it has . or .. as a name"));
    }
    let parsed = Url::parse(url).map_err(|error| refused(url, &error.to_string()))?;
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(refused(url, "a file URL has no ? or #; write %3F and %23"));
    }
    match parsed.to_file_path() {
        Ok(path) if path.is_absolute() && path.parent().is_some() => Ok(path),
        Ok(_) | Err(()) => Err(refused(url, "a file URL has three slashes and an absolute path")),
    }
}

/// An error that names `url`, or its scheme alone where somebody may have put keys into it.
fn refused(url: &str, rule: &str) -> StoreError {
    let may_hold_keys = url.contains(['@', '?', '#']) || url.contains("%40");
    let shown = match url.split_once("://") {
        Some((scheme, _)) if may_hold_keys => format!("{scheme}://***"),
        None if url.contains([':', '@', '?']) => "***".to_owned(),
        Some(_) | None => url.to_owned(),
    };
    StoreError::invalid(&format!("store URL {shown:?}"), rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_urls_are_read() {
        let s3 = |bucket: &str, prefix: &str| Location::S3 { bucket: bucket.into(), prefix: prefix.into() };
        for (url, expected) in [
            ("s3://bucket", s3("bucket", "")),
            ("s3://bucket/", s3("bucket", "")),
            ("s3://my-bucket/a/b", s3("my-bucket", "a/b")),
            ("s3://my-bucket/a/b/", s3("my-bucket", "a/b")),
            ("file:///var/lib/x", Location::Disk { root: "/var/lib/x".into() }),
            ("file:///var/with%20blank", Location::Disk { root: "/var/with blank".into() }),
        ] {
            assert_eq!(Location::parse(url).expect(url), expected);
        }
    }

    #[test]
    fn other_urls_are_refused() {
        for bad in [
            "",
            "bucket",
            "http://x/y",
            "s3://",
            "s3:///x",
            "s3://ab",
            "s3://bu cket",
            "s3://bucket//x",
            "s3://bucket/../x",
            "s3://bucket/x?region=eu",
            "file://",
            "file://host/x",
            "file:///",
            "file:///a/../b",
            "file:///a?b",
            "/var/x",
        ] {
            assert!(
                matches!(Location::parse(bad), Err(StoreError::Invalid { .. })),
                "{bad:?} must be refused"
            );
        }
    }

    #[test]
    fn keys_in_a_url_are_not_repeated_in_the_message() {
        for url in [
            "s3://AKIA:hunter2@bucket/x",
            "s3://bucket?secret=hunter2",
            "s3://bucket/x//@hunter2",
            "s3://AKIA%3Ahunter2%40bucket/x",
            "file:///store?key=hunter2",
            "AKIA:hunter2@bucket",
        ] {
            let error = Location::parse(url).expect_err("keys in the URL are refused");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
