//! The rules for names and patterns, each with the sentence that tells it. SQL has the same as regular
//! expressions in `sql/workflows/definition_value_problem.sql`; change both or the corpus test fails.

/// Longest command argument, shell script or environment value, in characters.
pub(super) const MAX_TEXT_CHARS: usize = 32_768;

pub(super) const NAME_RULE: &str = "must be 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit";
pub(super) const IMAGE_RULE: &str =
    "must be a tool name or an image reference: 1 to 500 of letters, digits and ._/:@-";
pub(super) const ENV_NAME_RULE: &str =
    "the name must be 1 to 128 of letters, digits and _, not beginning with a digit";
pub(super) const RESERVED_RULE: &str = "names that begin with ODOOOPS_ are set by the worker";
pub(super) const SECRET_RULE: &str =
    "must be a secret's name: 1 to 128 of A-Z, 0-9 and _, beginning with a letter";
pub(super) const CONCURRENCY_KEY_RULE: &str =
    "must be 1 to 200 of letters, digits and ._:/-, beginning with a letter or digit";
pub(super) const GLOB_RULE: &str = "must be a path relative to /workspace without . and .. segments; \
     * and ? match within a segment, ** as a whole segment any number of them, []{}\\ are not allowed";
pub(super) const NETWORK_RULE: &str = "must be none, run or the name of a network on the worker's engine \
     (not host, bridge or default, and not one that odooops made)";
pub(super) const MODULE_RULE: &str = "must be an addon's technical name: 1 to 128 of letters, digits and _";
pub(super) const TEXT_RULE: &str = "must be at most 32768 characters";
pub(super) const FILLED_TEXT_RULE: &str = "must be 1 to 32768 characters";

/// Begins with a byte that `first` takes, goes on with bytes that `rest` takes, and is at most `most` long.
fn spelled(text: &str, most: usize, first: fn(&u8) -> bool, rest: fn(&u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= most && bytes.first().is_some_and(first) && bytes.iter().all(rest)
}

/// A key that a path shows without quotes: `^[A-Za-z_][A-Za-z0-9_-]*$`.
pub(super) fn is_plain_key(key: &str) -> bool {
    spelled(
        key,
        usize::MAX,
        |byte| byte.is_ascii_alphabetic() || *byte == b'_',
        |byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte),
    )
}

/// `^[a-z0-9][a-z0-9_-]{0,62}$`.
pub(super) fn is_name(text: &str) -> bool {
    spelled(
        text,
        63,
        |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit(),
        |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(byte),
    )
}

/// `^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,499}$`.
pub(super) fn is_image(text: &str) -> bool {
    spelled(text, 500, u8::is_ascii_alphanumeric, |byte| {
        byte.is_ascii_alphanumeric() || b"._/:@-".contains(byte)
    })
}

/// `^[A-Za-z_][A-Za-z0-9_]{0,127}$`.
pub(super) fn is_env_name(text: &str) -> bool {
    spelled(
        text,
        128,
        |byte| byte.is_ascii_alphabetic() || *byte == b'_',
        |byte| byte.is_ascii_alphanumeric() || *byte == b'_',
    )
}

/// Whether the worker alone may set an environment variable of this name.
pub(super) fn is_reserved(name: &str) -> bool {
    name.starts_with("ODOOOPS_")
}

/// `^[A-Z][A-Z0-9_]{0,127}$`.
pub(super) fn is_secret_name(text: &str) -> bool {
    spelled(text, 128, u8::is_ascii_uppercase, |byte| {
        byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_'
    })
}

/// `^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$`.
pub(super) fn is_concurrency_key(text: &str) -> bool {
    spelled(text, 200, u8::is_ascii_alphanumeric, |byte| {
        byte.is_ascii_alphanumeric() || b"._:/-".contains(byte)
    })
}

/// `^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`, without the engine's own networks and without ours: `host` would
/// take the isolation away, and another run's network is nobody's to join.
pub(super) fn is_network(text: &str) -> bool {
    spelled(text, 128, u8::is_ascii_alphanumeric, |byte| {
        byte.is_ascii_alphanumeric() || b"_.-".contains(byte)
    }) && !["host", "bridge", "default"].contains(&text)
        && !text.starts_with("odooops-")
}

/// `^[A-Za-z0-9_]{1,128}$`.
pub(super) fn is_module(text: &str) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    spelled(text, 128, allowed, allowed)
}

/// At most 500 characters; no segment empty, `.` or `..`; `**` only as a whole segment; no `[]{}\`.
pub(super) fn is_glob(text: &str) -> bool {
    text.chars().count() <= 500
        && !text.contains(['[', ']', '{', '}', '\\'])
        && text.split('/').all(|segment| {
            !["", ".", ".."].contains(&segment) && (segment == "**" || !segment.contains("**"))
        })
}

/// At most [`MAX_TEXT_CHARS`] characters.
pub(super) fn is_text(text: &str) -> bool {
    text.chars().count() <= MAX_TEXT_CHARS
}

/// 1 to [`MAX_TEXT_CHARS`] characters.
pub(super) fn is_filled_text(text: &str) -> bool {
    !text.is_empty() && is_text(text)
}
