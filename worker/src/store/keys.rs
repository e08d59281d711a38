//! Where objects lie below the store's prefix. Pure.

use uuid::Uuid;

use super::StoreError;

/// The longest artifact key, in bytes.
pub const MAX_ARTIFACT_KEY_BYTES: usize = 512;

/// The longest name between two slashes, in bytes: what file systems take.
const MAX_NAME_BYTES: usize = 255;

/// The longest project slug in a key, in bytes.
const MAX_SLUG_BYTES: usize = 63;

/// A checked key relative to the store's prefix.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// `<project slug>/runs/<run id>/<attempt>/<artifact key>`, so that no two attempts ever write the same object.
    pub fn artifact(
        project_slug: &str,
        run_id: Uuid,
        attempt: i32,
        artifact_key: &str,
    ) -> Result<Self, StoreError> {
        check_artifact_key(artifact_key)?;
        let slug_is_plain = !project_slug.is_empty()
            && project_slug.len() <= MAX_SLUG_BYTES
            && project_slug.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !slug_is_plain {
            return Err(StoreError::invalid(
                project_slug,
                "a project slug has letters, digits, - and _ only",
            ));
        }
        Ok(Self(format!("{project_slug}/runs/{run_id}/{attempt}/{artifact_key}")))
    }

    /// A key that nothing else uses, for [`Store::check`](super::Store::check).
    pub(super) fn probe() -> Self {
        Self(format!(".odooops-probe/{}", Uuid::now_v7()))
    }

    /// The key below the store's prefix, without a leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Refuses artifact keys that are empty, too long, or could leave their folder: no leading or double
/// slash, no `.` or `..`, no backslash, no control character, no edge blank.
pub fn check_artifact_key(key: &str) -> Result<(), StoreError> {
    if key.len() > MAX_ARTIFACT_KEY_BYTES {
        let shown: String = key.chars().take(40).collect();
        let rule = format!("an artifact key has at most {MAX_ARTIFACT_KEY_BYTES} bytes, not {}", key.len());
        return Err(StoreError::invalid(&format!("{shown}…"), rule));
    }
    match path_problem(key) {
        Some(rule) => Err(StoreError::invalid(&format!("artifact key {key:?}"), rule)),
        None => Ok(()),
    }
}

/// The rule that a relative path breaks, if any.
pub(super) fn path_problem(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("it is empty");
    }
    if path.starts_with('/') {
        return Some("it starts with a slash");
    }
    if path.chars().any(char::is_control) {
        return Some("it has a control character");
    }
    if path.contains('\\') {
        return Some("it has a backslash");
    }
    path.split('/').find_map(|name| match name {
        "" => Some("it has an empty name between slashes or at its end"),
        "." | ".." => Some("it has . or .. as a name"),
        name if name.len() > MAX_NAME_BYTES => Some("a name between slashes has more than 255 bytes"),
        name if name.trim() != name => Some("a name starts or ends with a blank"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn artifact_keys_lie_under_project_run_and_attempt() {
        let key =
            ObjectKey::artifact("shop", Uuid::nil(), 2, "backup/manifest.json").expect("a good key is taken");
        assert_eq!(key.as_str(), "shop/runs/00000000-0000-0000-0000-000000000000/2/backup/manifest.json");
    }

    #[test]
    fn keys_that_could_leave_their_folder_are_refused() {
        let long = "x".repeat(513);
        let long_name = format!("a/{}", "x".repeat(256));
        for bad in [
            "",
            "/etc/passwd",
            "..",
            "../x",
            "a/../b",
            "a/..",
            "a//b",
            "a/",
            "./a",
            "a/.",
            "a\\b",
            "a\nb",
            "a\0b",
            " a",
            "a/b ",
            "\u{85}x",
            &long,
            &long_name,
        ] {
            let refused = check_artifact_key(bad);
            assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{bad:?} must be refused");
        }
    }

    #[test]
    fn ordinary_keys_are_taken() {
        for good in ["a", "a/b.txt", "…/ü.txt", "..a/b..", "a b/c d", "%2e%2e/x", "#?&", ".hidden"] {
            assert!(check_artifact_key(good).is_ok(), "{good:?} must be taken");
        }
    }

    #[test]
    fn slugs_that_are_paths_are_refused() {
        for bad in ["", "a/b", "..", "a b", "ü"] {
            assert!(ObjectKey::artifact(bad, Uuid::nil(), 1, "x").is_err(), "{bad:?} must be refused");
        }
    }

    proptest! {
        #[test]
        fn a_taken_key_never_leaves_its_folder(key in "[a./\\\\ ]{0,12}") {
            if check_artifact_key(&key).is_ok() {
                let path = std::path::Path::new("/base").join(&key);
                let names: Vec<_> = path.components().collect();
                prop_assert!(path.starts_with("/base") && names.len() > 2);
                prop_assert!(!names.contains(&std::path::Component::ParentDir));
            }
        }
    }
}
