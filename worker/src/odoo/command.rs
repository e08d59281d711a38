//! Odoo's command lines, and what differs in them from series to series.

use super::modules::ModuleName;
use super::series::Series;

/// Whether demo data is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Demo {
    /// Loaded (the default of 16 to 18, so tests written for it may need it).
    With,
    /// Not loaded (the default of 19).
    Without,
}

/// Which tests run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tests {
    /// None.
    None,
    /// The standard tests of the modules asked for.
    ///
    /// Not `--test-enable`: in a new database that runs the tests of every module that comes along,
    /// 1,284 for one small addon on 18.0.
    OfModules,
    /// Those that the tags select (`--test-tags`).
    Tagged(String),
}

/// Modules to be installed into a new database, then Odoo stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Install<'a> {
    /// Series of the Odoo in the image.
    pub series: Series,
    /// Database.
    pub database: &'a str,
    /// Modules.
    pub modules: &'a [ModuleName],
    /// Demo data.
    pub demo: Demo,
    /// Tests.
    pub tests: &'a Tests,
}

impl Install<'_> {
    /// The command for the image's entrypoint (which appends the `--db_*` options).
    ///
    /// The log level is given because with `error` the summary line of a good run is not printed.
    #[must_use]
    pub fn command(&self) -> Vec<String> {
        let modules: Vec<&str> = self.modules.iter().map(ModuleName::as_str).collect();
        let mut command = vec![
            "odoo".to_owned(),
            format!("--database={}", self.database),
            format!("--init={}", modules.join(",")),
            "--stop-after-init".to_owned(),
            "--log-level=info".to_owned(),
        ];
        command.extend(demo_option(self.series, self.demo).map(str::to_owned));
        match self.tests {
            Tests::None => {}
            Tests::OfModules => command.push(format!("--test-tags=/{}", modules.join(",/"))),
            Tests::Tagged(tags) => command.push(format!("--test-tags={tags}")),
        }
        command
    }
}

fn demo_option(series: Series, demo: Demo) -> Option<&'static str> {
    match (series, demo) {
        (Series::V16 | Series::V17 | Series::V18, Demo::Without) => Some("--without-demo=all"),
        (Series::V16 | Series::V17 | Series::V18, Demo::With) | (Series::V19, Demo::Without) => None,
        (Series::V19, Demo::With) => Some("--with-demo"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Demo, Install, Tests};
    use crate::odoo::modules::ModuleName;
    use crate::odoo::series::Series;

    fn command(series: Series, demo: Demo, tests: &Tests) -> String {
        let modules: Vec<ModuleName> =
            ["sale", "crm"].iter().map(|name| name.parse().expect("a module name")).collect();
        Install { series, database: "db", modules: &modules, demo, tests }.command().join(" ")
    }

    #[test]
    fn tests_and_tags_have_their_options() {
        let start =
            "odoo --database=db --init=sale,crm --stop-after-init --log-level=info --without-demo=all";
        for (tests, rest) in [
            (Tests::None, ""),
            (Tests::OfModules, " --test-tags=/sale,/crm"),
            (Tests::Tagged("/sale,-slow".to_owned()), " --test-tags=/sale,-slow"),
        ] {
            assert_eq!(command(Series::V18, Demo::Without, &tests), format!("{start}{rest}"));
        }
    }

    #[test]
    fn demo_data_is_asked_for_as_each_series_wants_it() {
        for (series, demo, option) in [
            (Series::V16, Demo::With, ""),
            (Series::V17, Demo::Without, " --without-demo=all"),
            (Series::V18, Demo::With, ""),
            (Series::V18, Demo::Without, " --without-demo=all"),
            (Series::V19, Demo::With, " --with-demo"),
            (Series::V19, Demo::Without, ""),
        ] {
            let command = command(series, demo, &Tests::None);
            assert!(command.ends_with(&format!("--log-level=info{option}")), "{command}");
        }
    }
}
