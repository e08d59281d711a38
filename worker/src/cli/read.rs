//! From the arguments to a call: parsed once to learn which configuration file is meant, and once more with
//! what the file and the credentials say.

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};

use super::{Cli, Exit};
use crate::config::Layers;

/// Why there is no call.
#[derive(Debug)]
pub enum NotRead {
    /// Help, version or wrong usage, still to be printed.
    Usage(clap::Error),
    /// The configuration was refused, and that was said.
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
        let first = Self::try_from(&argv, None).map_err(NotRead::Usage)?;
        match Layers::read(&Self::command(), &first.config) {
            Ok(layers) => Self::try_from(&argv, Some(layers)).map_err(NotRead::Usage),
            Err(problem) => Err(NotRead::Refused(first.refuse(&problem.into()))),
        }
    }

    fn try_from(argv: &[OsString], layers: Option<Layers>) -> Result<Self, clap::Error> {
        let command = match &layers {
            Some(layers) => layers.apply(Self::command()),
            None => Self::command(),
        };
        let mut matches = command.try_get_matches_from(argv)?;
        let configuration = layers.map(|layers| layers.resolve(&matches)).unwrap_or_default();
        let mut cli = Self::from_arg_matches_mut(&mut matches)?;
        cli.configuration = configuration;
        Ok(cli)
    }
}
