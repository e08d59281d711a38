//! `RUN` on the command line: a run's id, a prefix of it that is unique, or `project#number`.

use std::str::FromStr;

use uuid::Uuid;

/// How a run was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WhichRun {
    /// Every run whose id lies in this range: one id, or all with a prefix.
    Id {
        /// The prefix padded with 0.
        first: Uuid,
        /// The prefix padded with f.
        last: Uuid,
    },
    /// The number that people see.
    Number {
        /// Slug of the project.
        project: String,
        /// Number within it.
        number: i64,
    },
}

/// Fewer digits name too many runs.
const PREFIX_DIGITS_MIN: usize = 4;

impl FromStr for WhichRun {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{given:?} names no run; give its id, the beginning of its id, or PROJECT#NUMBER (see odooops run list)"
            )
        };
        if let Some((project, number)) = given.rsplit_once('#') {
            return match number.parse() {
                Ok(number) if !project.is_empty() => Ok(Self::Number { project: project.to_owned(), number }),
                Ok(_) | Err(_) => Err(wrong()),
            };
        }
        let digits = given.replace('-', "");
        let is_prefix = (PREFIX_DIGITS_MIN..=32).contains(&digits.len());
        if !is_prefix || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let padded = |pad: &str| Uuid::try_parse(&format!("{digits}{}", pad.repeat(32 - digits.len())));
        match (padded("0"), padded("f")) {
            (Ok(first), Ok(last)) => Ok(Self::Id { first, last }),
            (Ok(_) | Err(_), _) => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_id_is_a_range_of_one() {
        let id = Uuid::now_v7();
        assert_eq!(id.to_string().parse(), Ok(WhichRun::Id { first: id, last: id }));
    }

    #[test]
    fn a_prefix_is_a_range() {
        let WhichRun::Id { first, last } = "0193-4a".parse().expect("a prefix") else { panic!("a range") };
        assert_eq!(first.to_string(), "01934a00-0000-0000-0000-000000000000");
        assert_eq!(last.to_string(), "01934aff-ffff-ffff-ffff-ffffffffffff");
    }

    #[test]
    fn project_and_number_name_a_run() {
        let expected = WhichRun::Number { project: "demo-shop".to_owned(), number: 12 };
        assert_eq!("demo-shop#12".parse(), Ok(expected));
    }

    #[test]
    fn everything_else_says_how_to_name_one() {
        for wrong in ["", "012", "demo", "demo#", "#3", "demo#x", "01934a0000000000000000000000000000"] {
            let problem = wrong.parse::<WhichRun>().expect_err(wrong);
            assert!(problem.contains("PROJECT#NUMBER"), "{problem}");
        }
    }
}
