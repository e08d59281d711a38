//! Where a setting's value comes from: flag, else environment, else credential, else file, else default.
//!
//! Flags are clap's. What variables, credentials and the file say is judged by the setting and becomes the
//! default of its argument before the command line is parsed, so that whoever gets something wrong is told
//! which of them it was, and nothing changes the process's environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command};

use super::file::{self, Opened};
use super::mask::shown;
use super::secrets::CREDENTIALS;
use super::setting::Setting;
use super::{CONFIG_FILE, CONFIG_VARIABLE, ConfigError};

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "/etc/odooops/odooops.toml";

/// Where the file is.
#[derive(Debug, Clone, Args)]
pub struct ConfigFile {
    /// Configuration file (TOML), /etc/odooops/odooops.toml if that exists; none when empty.
    #[arg(
        id = CONFIG_FILE,
        long = "config",
        global = true,
        env = "ODOOOPS_CONFIG",
        value_name = "FILE",
        help_heading = "Global"
    )]
    pub path: Option<OsString>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Flag,
    /// The setting's variable.
    Environment,
    /// A file below systemd's `$CREDENTIALS_DIRECTORY`, named like the variable.
    Credential(PathBuf),
    /// The configuration file.
    File(PathBuf, usize),
    /// Built in.
    Default,
    /// Nowhere: it has no value.
    Unset,
}

impl Source {
    /// Its kind in one word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::Credential(_) => "credential",
            Self::File(..) => "file",
            Self::Default => "default",
            Self::Unset => "unset",
        }
    }
}

/// A setting with its value, as it may be shown.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The setting.
    pub setting: Setting,
    /// Passwords starred out.
    pub value: Option<String>,
    /// Where the value comes from.
    pub source: Source,
    /// Why the value cannot be, where it belongs to another command than the one that was called.
    pub problem: Option<String>,
}

impl Resolved {
    /// The name of the source: flag, variable, file and line.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        match &self.source {
            Source::Flag => Some(self.setting.flag()),
            Source::Environment => Some(self.setting.variable().to_owned()),
            Source::Credential(path) => Some(path.display().to_string()),
            Source::File(path, line) => Some(format!("{}:{line}", path.display())),
            Source::Default | Source::Unset => None,
        }
    }
}

/// Which file was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum FileState {
    /// None: not there, or not wanted.
    #[default]
    None,
    /// This one.
    Read(PathBuf),
    /// The default one is there, but this user may not read it.
    Forbidden(PathBuf),
}

impl fmt::Display for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(f, "no configuration file"),
            Self::Read(path) => write!(f, "{}", path.display()),
            Self::Forbidden(path) => {
                write!(f, "{} is there, but this user may not read it; it was passed over", path.display())
            }
        }
    }
}

/// All settings with their values, after a call was parsed.
#[derive(Debug, Clone, Default)]
pub struct Configuration {
    /// The file that took part.
    pub file: FileState,
    /// In the order of the help.
    pub settings: Vec<Resolved>,
}

impl Configuration {
    /// The setting of a variable.
    #[must_use]
    pub fn of_variable(&self, variable: &str) -> Option<&Resolved> {
        self.settings.iter().find(|resolved| resolved.setting.variable() == variable)
    }

    /// Where a setting was made, for a message on its value: the flag, the variable, the key with its place.
    /// `None` where nobody made it, or it is no setting.
    #[must_use]
    pub fn source_of(&self, variable: &str) -> Option<String> {
        let resolved = self.of_variable(variable)?;
        match resolved.source {
            Source::Flag | Source::Environment => resolved.place(),
            Source::Credential(_) => Some(format!("{variable} ({})", resolved.place()?)),
            Source::File(..) => Some(format!("{} ({})", resolved.setting.key(), resolved.place()?)),
            Source::Default | Source::Unset => None,
        }
    }

    /// What to look at to change a setting: its variable, or the place where it was set otherwise.
    #[must_use]
    pub fn name_of(&self, variable: &str) -> String {
        let resolved = self.of_variable(variable);
        match resolved.map(|resolved| (&resolved.source, resolved)) {
            Some((Source::File(..) | Source::Credential(_), resolved)) => {
                format!("{} ({})", resolved.setting.key(), resolved.place().unwrap_or_default())
            }
            Some(_) | None => variable.to_owned(),
        }
    }
}

/// What variables, credentials and the file say.
pub struct Layers {
    settings: Vec<Setting>,
    given: BTreeMap<String, (String, Source)>,
    /// Variables that say something impossible, by key: value and problem. They matter to the commands that
    /// have the setting, where no flag wins over it.
    wrong: BTreeMap<String, (String, String)>,
    file: FileState,
}

/// Gives a variable's text.
type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl Layers {
    /// Reads environment, credentials and the file, and judges all of them.
    ///
    /// # Errors
    /// [`ConfigError`] with every problem of the file by line, or the credential that is wrong.
    pub fn read(command: &Command, config: &ConfigFile) -> Result<Self, ConfigError> {
        let credentials = super::variable(CREDENTIALS).map(PathBuf::from);
        let file = Path::new(DEFAULT_FILE);
        Self::read_from(command, config, file, credentials.as_deref(), &super::variable_os)
    }

    /// Nothing but the settings: for the first look at the command line.
    #[must_use]
    pub fn none(command: &Command) -> Self {
        let settings = Setting::all(command);
        Self { settings, given: BTreeMap::new(), wrong: BTreeMap::new(), file: FileState::None }
    }

    fn read_from(
        command: &Command,
        config: &ConfigFile,
        default_file: &Path,
        credentials: Option<&Path>,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let mut layers = Self::none(command);
        layers.read_file(config, default_file)?;
        for setting in &layers.settings {
            if let Some((value, path)) = credential(credentials, setting)? {
                layers.given.insert(setting.key(), (value, Source::Credential(path)));
            }
        }
        layers.read_environment(environment);
        Ok(layers)
    }

    fn read_file(&mut self, config: &ConfigFile, default_file: &Path) -> Result<(), ConfigError> {
        let (path, is_named) = match config.path.as_deref() {
            Some(named) => (Path::new(named), true),
            None => (default_file, false),
        };
        if path == Path::new("") {
            return Ok(());
        }
        match (file::read(path, &self.settings)?, is_named) {
            (Opened::Read(values), _) => {
                for (key, value) in values {
                    self.given.insert(key, (value.text, Source::File(path.to_owned(), value.line)));
                }
                self.file = FileState::Read(path.to_owned());
            }
            (Opened::Missing, false) => {}
            (Opened::Forbidden, false) => self.file = FileState::Forbidden(path.to_owned()),
            (Opened::Missing, true) => return Err(unusable(path, "there is no such file")),
            (Opened::Forbidden, true) => return Err(unusable(path, "this user may not read it")),
        }
        Ok(())
    }

    fn read_environment(&mut self, environment: Environment<'_>) {
        for setting in &self.settings {
            let Some(value) = environment(setting.variable()) else { continue };
            let (value, problem) = match value.into_string() {
                Ok(value) if !setting.is_set_by(&value) => continue,
                Ok(value) => {
                    let problem = setting.check(&value).err();
                    (value, problem)
                }
                Err(value) => (value.to_string_lossy().into_owned(), Some("is not UTF-8".to_owned())),
            };
            match problem {
                None => drop(self.given.insert(setting.key(), (value, Source::Environment))),
                Some(problem) => drop(self.wrong.insert(setting.key(), (value, problem))),
            }
        }
    }

    /// `command` as it has to be parsed.
    #[must_use]
    pub fn apply(&self, command: Command) -> Command {
        self.settings.iter().fold(command, |command, setting| {
            let value = self.given.get(&setting.key()).map(|(value, _)| value.as_str());
            setting.set_default(command, value)
        })
    }

    /// Refuses wrong variables of this call's command, all at once.
    ///
    /// # Errors
    /// [`ConfigError::Listed`].
    pub fn judge(&self, matches: &ArgMatches) -> Result<(), ConfigError> {
        let problems: Vec<String> = self
            .settings
            .iter()
            .filter(|setting| is_of_command(setting, matches) && flag_value(setting, matches).is_none())
            .filter_map(|setting| {
                let (_, problem) = self.wrong.get(&setting.key())?;
                Some(format!("{}: {problem}", setting.variable()))
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(ConfigError::Listed(problems.join("\n"))) }
    }

    /// Every setting with its value and where that comes from; `matches` knows the flags of this call.
    #[must_use]
    pub fn resolve(self, matches: &ArgMatches) -> Configuration {
        let Self { settings, mut given, mut wrong, file } = self;
        let resolve = |setting: Setting| {
            let key = setting.key();
            let flag = flag_value(&setting, matches).map(|value| (value, Source::Flag, None));
            let mut variable =
                || wrong.remove(&key).map(|(value, problem)| (value, Source::Environment, Some(problem)));
            let mut layer = || given.remove(&key).map(|(value, source)| (value, source, None));
            let default = || setting.default().map(|value| (value, Source::Default, None));
            let (value, source, problem) =
                match flag.or_else(&mut variable).or_else(&mut layer).or_else(default) {
                    Some((value, source, problem)) => {
                        (Some(shown(&value, setting.may_be_secret())), source, problem)
                    }
                    None => (None, Source::Unset, None),
                };
            Resolved { setting, value, source, problem }
        };
        Configuration { file, settings: settings.into_iter().map(resolve).collect() }
    }
}

/// Whether the call is one of the setting's command.
fn is_of_command(setting: &Setting, matches: &ArgMatches) -> bool {
    let mut at = Some(matches);
    setting.place().0.iter().all(|want| {
        let next = at.and_then(ArgMatches::subcommand).filter(|(name, _)| *name == want.as_str());
        at = next.map(|(_, inner)| inner);
        at.is_some()
    })
}

fn unusable(path: &Path, problem: &str) -> ConfigError {
    ConfigError::invalid(CONFIG_VARIABLE, format!("{}: {problem}", path.display()))
}

/// The value of a credential without the newline at its end.
fn credential(dir: Option<&Path>, setting: &Setting) -> Result<Option<(String, PathBuf)>, ConfigError> {
    let Some(dir) = dir else { return Ok(None) };
    let path = dir.join(setting.variable());
    let wrong =
        |problem: String| ConfigError::invalid(setting.variable(), format!("{}: {problem}", path.display()));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(problem) => return Err(wrong(problem.to_string())),
    };
    let value = text.strip_suffix('\n').unwrap_or(&text).to_owned();
    setting.check(&value).map_err(wrong)?;
    Ok(Some((value, path)))
}

/// The flag's text where the call has it. The same name may mean another argument in another command, so
/// only the setting's own command is asked, and the deeper ones where it is global.
fn flag_value(setting: &Setting, matches: &ArgMatches) -> Option<String> {
    let (commands, is_global) = setting.place();
    let mut found = None;
    let (mut at, mut depth, mut on_path) = (Some(matches), 0, true);
    while let Some(matches) = at {
        let is_here = on_path && (depth == commands.len() || (is_global && depth > commands.len()));
        if is_here
            && matches.try_contains_id(setting.id()).is_ok()
            && matches.value_source(setting.id()) == Some(ValueSource::CommandLine)
        {
            let values = matches.get_raw(setting.id()).into_iter().flatten();
            let values: Vec<_> = values.map(|value| value.to_string_lossy().into_owned()).collect();
            found = Some(values.join(","));
        }
        let next = matches.subcommand();
        on_path =
            on_path && next.is_some_and(|(name, _)| commands.get(depth).is_none_or(|want| want == name));
        depth += 1;
        at = next.map(|(_, inner)| inner);
    }
    found
}

#[cfg(test)]
mod tests;
