//! What the program says of itself while it works: tracing to stderr, for people or as JSON, so that
//! stdout stays free for answers.

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// How tracing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One readable line per event.
    Pretty,
    /// One JSON object per event, for log collectors.
    Json,
}

/// Whether escape sequences may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// The stream is a terminal and NO_COLOR is not set.
    On,
    /// A pipe, a file, or NO_COLOR.
    Off,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
pub struct TelemetryConfig {
    /// What is logged to stderr: a level, or target=level pairs (`odooops=debug,tokio_postgres=warn`).
    #[arg(long = "log", global = true, env = "RUST_LOG", value_name = "FILTER", help_heading = "Global")]
    pub filter: Option<String>,
    /// How it is logged.
    #[arg(
        long = "log-format",
        global = true,
        env = "ODOOOPS_LOG_FORMAT",
        value_enum,
        default_value_t = LogFormat::Pretty,
        help_heading = "Global"
    )]
    pub format: LogFormat,
}

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter does not parse.
    #[error("the log filter {filter:?} is wrong: {problem}; say e.g. --log info or RUST_LOG=odooops=debug")]
    BadFilter {
        /// As given.
        filter: String,
        /// What the parser said.
        problem: String,
    },
    /// Somebody installed a subscriber before us.
    #[error("logging is already started in this process: {0}")]
    Started(String),
}

/// Starts logging to stderr for the life of the process.
pub fn start(config: &TelemetryConfig, default_filter: &str, color: Color) -> Result<(), TelemetryError> {
    let filter = parse_filter(config.filter.as_deref().unwrap_or_default(), default_filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(color == Color::On);
    match config.format {
        LogFormat::Pretty => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|problem| TelemetryError::Started(problem.to_string()))
}

fn parse_filter(given: &str, default_filter: &str) -> Result<EnvFilter, TelemetryError> {
    let filter = if given.trim().is_empty() { default_filter } else { given };
    EnvFilter::builder().parse(filter).map_err(|problem| TelemetryError::BadFilter {
        filter: filter.to_owned(),
        problem: problem.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_filter_means_the_default() {
        let filter = parse_filter(" ", "warn").expect("default parses");
        assert_eq!(filter.to_string(), "warn");
    }

    #[test]
    fn a_given_filter_wins() {
        let filter = parse_filter("odooops=debug", "warn").expect("filter parses");
        assert_eq!(filter.to_string(), "odooops=debug");
    }

    #[test]
    fn a_wrong_filter_is_named_with_a_way_out() {
        let problem = parse_filter("odooops=loud", "warn").expect_err("no such level").to_string();
        assert!(problem.contains("odooops=loud") && problem.contains("--log info"), "{problem}");
    }
}
