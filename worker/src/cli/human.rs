//! Numbers and times as people read them, and text that cannot harm a terminal.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// `3 m 5 s ago`; the clocks of this machine and the database may differ a little.
pub(super) fn ago(time: Option<Timestamp>) -> String {
    ago_at(time, Timestamp::now())
}

fn ago_at(time: Option<Timestamp>, now: Timestamp) -> String {
    time.map(|then| format!("{} ago", duration(now.duration_since(then)))).unwrap_or_default()
}

/// How long something took, or has taken so far; nothing before its start.
pub(super) fn between(started: Option<Timestamp>, finished: Option<Timestamp>) -> String {
    started
        .map(|started| duration(finished.unwrap_or_else(Timestamp::now).duration_since(started)))
        .unwrap_or_default()
}

/// The two greatest units: `1 m 12 s`, `3 h 5 m`, `2 d 4 h`.
pub(super) fn duration(duration: SignedDuration) -> String {
    let secs = duration.as_secs().max(0);
    match secs {
        0..60 => format!("{secs} s"),
        60..3600 => format!("{} m {} s", secs / 60, secs % 60),
        3600..86400 => format!("{} h {} m", secs / 3600, secs / 60 % 60),
        _ => format!("{} d {} h", secs / 86400, secs / 3600 % 24),
    }
}

/// `1.5 MiB`.
pub(super) fn bytes(size: Option<i64>) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let Some(size) = size else { return String::new() };
    if size < 1024 {
        return format!("{size} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let mut scaled = size as f64 / 1024.0;
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS[unit])
}

/// A JSON value in a cell: text without quotes, nothing for null.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// What a build printed may not move the cursor, set the title or write the clipboard of who reads it:
/// colours (SGR) stay, every other control character goes.
pub(super) fn terminal_safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\t') {
        safe.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = colour_length(rest);
        if length > 0 {
            safe.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        let control = rest.chars().next().unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = write!(safe, "\\x{:02x}", u32::from(control));
        rest = &rest[control.len_utf8()..];
    }
    safe.push_str(rest);
    safe
}

/// Bytes of the `ESC [ … m` that `text` begins with, else 0.
fn colour_length(text: &str) -> usize {
    let Some(after) = text.strip_prefix("\u{1b}[") else { return 0 };
    let digits =
        after.bytes().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':')).count();
    if after.as_bytes().get(digits) == Some(&b'm') { digits + 3 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_show_their_two_greatest_units() {
        let shown = |secs| duration(SignedDuration::from_secs(secs));
        assert_eq!(shown(-3), "0 s");
        assert_eq!(shown(59), "59 s");
        assert_eq!(shown(72), "1 m 12 s");
        assert_eq!(shown(3 * 3600 + 5 * 60), "3 h 5 m");
        assert_eq!(shown(2 * 86400 + 4 * 3600), "2 d 4 h");
    }

    #[test]
    fn an_age_is_counted_from_the_database_time_with_its_offset() {
        let now = "2026-01-01T12:00:00Z".parse().expect("a time");
        let then = "2026-01-01T12:59:30.123456+01:00".parse().expect("a time");
        assert_eq!(ago_at(Some(then), now), "29 s ago");
        assert_eq!(ago_at(None, now), "");
    }

    #[test]
    fn sizes_have_one_decimal() {
        assert_eq!(bytes(Some(1023)), "1023 B");
        assert_eq!(bytes(Some(1536)), "1.5 KiB");
        assert_eq!(bytes(Some(5 * 1024 * 1024 * 1024)), "5.0 GiB");
        assert_eq!(bytes(None), "");
    }

    #[test]
    fn colours_stay_and_other_escapes_lose_their_power() {
        assert_eq!(terminal_safe("\u{1b}[1;31mred\u{1b}[0m\tx"), "\u{1b}[1;31mred\u{1b}[0m\tx");
        assert_eq!(terminal_safe("\u{1b}]0;title\u{7}"), "\\x1b]0;title\\x07");
        assert_eq!(terminal_safe("\u{1b}[2J"), "\\x1b[2J");
        assert_eq!(terminal_safe("\u{9b}2Jü"), "\\x9b2Jü");
    }
}
