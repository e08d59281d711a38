//! Release series of Odoo (`18.0`): what differs between them hangs on this.

use std::fmt;
use std::str::FromStr;

/// A release series that odooops knows the command line of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Series {
    /// 16.0
    V16,
    /// 17.0
    V17,
    /// 18.0
    V18,
    /// 19.0
    V19,
}

/// The text is no series that odooops knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Odoo version {0:?} is not known; use one of 16.0, 17.0, 18.0, 19.0")]
pub struct UnknownSeries(pub String);

impl Series {
    /// As modules and databases write it: `18.0`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V16 => "16.0",
            Self::V17 => "17.0",
            Self::V18 => "18.0",
            Self::V19 => "19.0",
        }
    }

    /// The series that an image's tag names (`odoo:18.0`, `odoo:18`, `odoo:18.0-20250702`).
    #[must_use]
    pub fn of_image(image: &str) -> Option<Self> {
        let name = image.split('@').next()?;
        let last = name.rsplit('/').next()?;
        let (_, tag) = last.split_once(':')?;
        tag.split('-').next()?.parse().ok()
    }

    /// The version as the database keeps it: a manifest's `1.0` is `18.0.1.0` there.
    ///
    /// `None` when this series refuses it (`odoo/modules/module.py`, `adapt_version`; 16.0 takes anything).
    #[must_use]
    pub fn full_version(self, version: &str) -> Option<String> {
        let series = self.as_str();
        let own = version.strip_prefix(series).and_then(|rest| rest.strip_prefix('.')).unwrap_or(version);
        let parts: Vec<&str> = own.split('.').collect();
        let numbers = parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        let fits = numbers && (2..=3).contains(&parts.len());
        (fits || self == Self::V16).then(|| format!("{series}.{own}"))
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Series {
    type Err = UnknownSeries;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "16" | "16.0" => Ok(Self::V16),
            "17" | "17.0" => Ok(Self::V17),
            "18" | "18.0" => Ok(Self::V18),
            "19" | "19.0" => Ok(Self::V19),
            other => Err(UnknownSeries(other.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Series;

    #[test]
    fn an_image_tag_names_its_series() {
        for (image, series) in [
            ("odoo:18.0", Some(Series::V18)),
            ("odoo:19", Some(Series::V19)),
            ("registry.example:5000/team/odoo:17.0-20250702", Some(Series::V17)),
            ("registry.example:5000/odoo", None),
            ("odoo:latest", None),
            ("odoo", None),
            ("odoo:16.0@sha256:00", Some(Series::V16)),
        ] {
            assert_eq!(Series::of_image(image), series, "{image}");
        }
    }

    #[test]
    fn versions_get_the_series_in_front() {
        for (version, full) in [
            ("1.0", Some("18.0.1.0")),
            ("1.2.3", Some("18.0.1.2.3")),
            ("18.0.1.0.0", Some("18.0.1.0.0")),
            ("18.0", Some("18.0.18.0")),
            ("17.0.1.0.0", None),
            ("1", None),
            ("1.x", None),
            ("", None),
        ] {
            assert_eq!(Series::V18.full_version(version).as_deref(), full, "{version}");
        }
    }

    #[test]
    fn series_16_takes_any_version() {
        assert_eq!(Series::V16.full_version("15.0.1.0.0").as_deref(), Some("16.0.15.0.1.0.0"));
    }

    #[test]
    fn an_unknown_series_says_which_are_known() {
        let problem = "15.0".parse::<Series>().expect_err("15.0 is too old");
        assert!(problem.to_string().contains("16.0, 17.0, 18.0, 19.0"));
    }
}
