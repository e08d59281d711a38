//! What can be set, read off the command line's own definition: an argument with a variable is a setting.
//!
//! Its key in the file is its long flag with `_`, in a table named after the command that it belongs to;
//! so a new argument needs no second place to become known.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::{Arg, Command};

use super::CONFIG_FILE;

/// Settings whose empty variable says something: off. Every other that is empty counts as unset.
const EMPTY_IS_OFF: [&str; 1] = ["ODOOOPS_WORKER_HEALTH_ADDR"];

/// One setting.
#[derive(Debug, Clone)]
pub struct Setting {
    commands: Vec<String>,
    flag: String,
    variable: String,
    arg: Arg,
}

impl Setting {
    /// Every setting of `command` and its subcommands, in the order of the help.
    #[must_use]
    pub fn all(command: &Command) -> Vec<Self> {
        let mut found = Vec::new();
        collect(command, &[], &mut found);
        found
    }

    /// Its key in the file: `store_url`, `worker.slots`.
    #[must_use]
    pub fn key(&self) -> String {
        let own = self.flag.replace('-', "_");
        self.commands.iter().cloned().chain([own]).collect::<Vec<_>>().join(".")
    }

    /// Its flag: `--slots`.
    #[must_use]
    pub fn flag(&self) -> String {
        format!("--{}", self.flag)
    }

    /// Its environment variable, and the name of its credential.
    #[must_use]
    pub fn variable(&self) -> &str {
        &self.variable
    }

    /// What it is good for, in a sentence.
    #[must_use]
    pub fn meaning(&self) -> String {
        self.arg.get_help().map(ToString::to_string).unwrap_or_default()
    }

    /// Its value when nobody sets it.
    #[must_use]
    pub fn default(&self) -> Option<String> {
        let values: Vec<_> =
            self.arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
        (!values.is_empty()).then(|| values.join(","))
    }

    /// Whether its value may hold a password.
    #[must_use]
    pub fn may_be_secret(&self) -> bool {
        self.arg.is_hide_env_values_set()
    }

    /// Whether its variable says something with this text.
    pub(super) fn is_set_by(&self, text: &str) -> bool {
        !text.trim().is_empty() || EMPTY_IS_OFF.contains(&self.variable.as_str())
    }

    /// Whether help and examples leave it out.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.arg.is_hide_set()
    }

    /// What separates the elements, where it is a list.
    pub(super) fn delimiter(&self) -> Option<char> {
        self.arg.get_value_delimiter()
    }

    /// Where its argument stands: names of subcommands, and whether deeper ones take it, too.
    pub(super) fn place(&self) -> (&[String], bool) {
        (&self.commands, self.arg.is_global_set())
    }

    /// Its argument's name inside clap.
    pub(super) fn id(&self) -> &str {
        self.arg.get_id().as_str()
    }

    /// What clap says of a value; an error is its own sentence.
    pub(super) fn check(&self, value: &str) -> Result<(), String> {
        if !self.arg.get_action().takes_values() {
            return value.parse::<bool>().map(drop).map_err(|_| "is true or false".to_owned());
        }
        let alone = Command::new("odooops")
            .no_binary_name(true)
            .disable_help_flag(true)
            .disable_version_flag(true)
            .arg(self.arg.clone().required(false));
        match alone.try_get_matches_from([format!("--{}={value}", self.flag)]) {
            Ok(_) => Ok(()),
            Err(problem) => Err(without_flag(&first_paragraph(&problem), &self.flag)),
        }
    }

    /// `command` with `value`, where there is one, in the place of this setting's default; flags still win over
    /// it. Clap does not look at the variable any more: it could not tell it from a flag when it is wrong.
    pub(super) fn set_default(&self, command: Command, value: Option<&str>) -> Command {
        at_command(command, &self.commands, &|command| {
            command.mut_arg(self.id(), |arg| {
                let arg = arg.env(Resettable::Reset);
                match value {
                    Some(value) => arg.default_values([OsString::from(value)]),
                    None => arg,
                }
            })
        })
    }
}

fn at_command(command: Command, path: &[String], change: &dyn Fn(Command) -> Command) -> Command {
    match path {
        [] => change(command),
        [next, rest @ ..] => command.mut_subcommand(next, |inner| at_command(inner, rest, change)),
    }
}

fn collect(command: &Command, path: &[String], found: &mut Vec<Setting>) {
    for arg in command.get_arguments().filter(|arg| arg.get_id() != CONFIG_FILE) {
        let Some((flag, variable)) = arg.get_long().zip(arg.get_env()) else { continue };
        found.push(Setting {
            commands: path.to_vec(),
            flag: flag.to_owned(),
            variable: variable.to_string_lossy().into_owned(),
            arg: arg.clone(),
        });
    }
    for inner in command.get_subcommands() {
        let path: Vec<String> = path.iter().cloned().chain([inner.get_name().to_owned()]).collect();
        collect(inner, &path, found);
    }
}

/// Clap's message without ` for '--slots <N>'`: the source need not be the flag, and whoever asks names it.
fn without_flag(text: &str, flag: &str) -> String {
    let cut = text.split_once(&format!(" for '--{flag}")).and_then(|(head, rest)| {
        let (_, tail) = rest.split_once('\'')?;
        Some(format!("{head}{tail}"))
    });
    cut.unwrap_or_else(|| text.to_owned())
}

/// The first paragraph of clap's message, in one line.
pub fn first_paragraph(problem: &clap::Error) -> String {
    let text = problem.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let paragraph = text.split("\n\n").next().unwrap_or(text);
    paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
