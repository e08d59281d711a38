//! From the arguments to a call: parsed once to learn which configuration file is meant, and once more with
//! what the file and the credentials say.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};

use super::{Cli, Exit, failure};
use crate::config::{ConfigError, Layers};

/// Why there is no call.
#[derive(Debug)]
pub enum NotRead {
    /// Help, version or wrong usage, still to be printed.
    Usage(clap::Error),
    /// The configuration or, for a program, the usage was refused, and that was said.
    Refused(Exit),
}

impl Cli {
    /// Reads the arguments (the program's name first), the environment, credentials and the file.
    ///
    /// # Errors
    /// [`NotRead`]; `--help` and `--version` are among them.
    pub fn read(argv: impl IntoIterator<Item = OsString>) -> Result<Self, NotRead> {
        let argv: Vec<OsString> = argv.into_iter().collect();
        // No setting is required by clap, so that what is wrong without the file is wrong with it.
        let command = Self::command();
        let (_, first) = Self::parse(&argv, &Layers::none(&command))?;
        let refuse = |problem: ConfigError| NotRead::Refused(first.refuse(&problem.into()));
        let layers = Layers::read(&command, &first.config).map_err(refuse)?;
        let (matches, mut cli) = Self::parse(&argv, &layers)?;
        layers.judge(&matches).map_err(refuse)?;
        cli.configuration = layers.resolve(&matches);
        Ok(cli)
    }

    fn parse(argv: &[OsString], layers: &Layers) -> Result<(ArgMatches, Self), NotRead> {
        let parsed = layers.apply(Self::command()).try_get_matches_from(argv).and_then(|matches| {
            let cli = Self::from_arg_matches(&matches)?;
            Ok((matches, cli))
        });
        parsed.map_err(|problem| match problem.kind() {
            // Clap's own reading of the environment is good for the help alone, which names the variables.
            ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                NotRead::Usage(Self::command().try_get_matches_from(argv).err().unwrap_or(problem))
            }
            _ if problem.use_stderr() && wants_json(argv) => NotRead::Refused(failure::tell_usage(&problem)),
            _ => NotRead::Usage(problem),
        })
    }
}

/// Asked where the arguments could not be read as a whole.
fn wants_json(argv: &[OsString]) -> bool {
    argv.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json")
}
