//! `odooops config example`: a file with every setting, switched off, to begin with.

use std::fmt::Write as _;

use clap::CommandFactory as _;
use serde_json::json;

use crate::cli::output::Output;
use crate::cli::{Cli, Exit};
use crate::config::Setting;

const HEAD: &str = "\
# Settings of odooops, each with its default. A flag wins over an environment variable, that over a credential
# (systemd), that over this file. `odooops config show` says what holds and why. A file with passwords must not
# be readable by everybody: chmod 640.
";

pub(super) fn execute(cli: &Cli) -> anyhow::Result<Exit> {
    let text = example(&Setting::all(&Cli::command()))?;
    Output::new(&cli.output).answer(&json!({"toml": text}), |_| text.clone())?;
    Ok(Exit::Done)
}

fn example(settings: &[Setting]) -> anyhow::Result<String> {
    let mut text = HEAD.to_owned();
    let mut table = "";
    let keys: Vec<String> = settings.iter().map(Setting::key).collect();
    for (setting, key) in settings.iter().zip(&keys).filter(|(setting, _)| !setting.is_hidden()) {
        let (group, own) = key.rsplit_once('.').unwrap_or(("", key));
        if group != table {
            write!(text, "\n[{group}]\n")?;
            table = group;
        }
        let value = toml::Value::String(setting.default().unwrap_or_default());
        write!(text, "\n# {}\n#{own} = {value}\n", setting.meaning())?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switched_on_each_setting_of_the_example_is_known_and_good() {
        let settings = Setting::all(&Cli::command());
        let on: String = example(&settings)
            .expect("text")
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
                Some(_) | None => format!("{line}\n"),
            })
            .collect();
        let table: toml::Table = on.parse().expect("TOML");
        let worker = table["worker"].as_table().expect("a table");
        let visible = settings.iter().filter(|setting| !setting.is_hidden()).count();
        assert_eq!(table.len() - 1 + worker.len(), visible, "{on}");
        assert_eq!(worker["slots"].as_str(), Some("2"));
    }
}
