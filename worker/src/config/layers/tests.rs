//! Which source wins.

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::*;
use crate::config::{DatabaseConfig, StoreConfig, WorkerConfig};

#[derive(Debug, Parser)]
struct Sample {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    store: StoreConfig,
    #[command(subcommand)]
    command: SampleCommand,
}

#[derive(Debug, Subcommand)]
enum SampleCommand {
    Worker(Box<WorkerConfig>),
    Show {
        /// An argument with the name of a setting, which it is not.
        #[arg(long)]
        slots: Option<u16>,
    },
}

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new(file: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("odooops.toml"), file).expect("a file");
        Self { dir }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("odooops.toml")
    }

    fn credential(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).expect("a file");
    }

    fn layers(&self, config: &ConfigFile, environment: &[(&str, &str)]) -> Result<Layers, ConfigError> {
        Layers::read_from(&Sample::command(), config, &self.file(), Some(self.dir.path()), &|name| {
            let found = environment.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    /// The call as parsed, and every setting with its source.
    fn call(&self, argv: &[&str], environment: &[(&str, &str)]) -> (Sample, Configuration) {
        let (layers, mut matches) = self.parsed(argv, environment);
        let configuration = layers.resolve(&matches);
        (Sample::from_arg_matches_mut(&mut matches).expect("the sample"), configuration)
    }

    fn parsed(&self, argv: &[&str], environment: &[(&str, &str)]) -> (Layers, ArgMatches) {
        let layers = self.layers(&ConfigFile { path: None }, environment).expect("good layers");
        let argv = std::iter::once("odooops").chain(argv.iter().copied());
        let matches = layers.apply(Sample::command()).try_get_matches_from(argv).expect("a good call");
        (layers, matches)
    }
}

fn found(configuration: &Configuration, variable: &str) -> (Option<String>, &'static str) {
    let resolved = configuration.of_variable(variable).expect("a setting");
    (resolved.value.clone(), resolved.source.kind())
}

fn worker(sample: Sample) -> WorkerConfig {
    match sample.command {
        SampleCommand::Worker(worker) => *worker,
        SampleCommand::Show { .. } => panic!("a worker"),
    }
}

#[test]
fn flag_wins_over_environment_over_credential_over_file_over_default() {
    let place = Place::new("[worker]\nslots = 3\n");
    let (variable, one) = ("ODOOOPS_WORKER_SLOTS", |text: &str| Some(text.to_owned()));
    let (sample, shown) = place.call(&["worker"], &[]);
    assert_eq!((worker(sample).slots, found(&shown, variable)), (3, (one("3"), "file")));
    assert_eq!(
        shown.of_variable(variable).and_then(Resolved::place),
        Some(format!("{}:2", place.file().display()))
    );
    place.credential(variable, "4\n");
    let (sample, shown) = place.call(&["worker"], &[]);
    assert_eq!((worker(sample).slots, found(&shown, variable)), (4, (one("4"), "credential")));
    let (sample, shown) = place.call(&["worker"], &[(variable, "5")]);
    assert_eq!((worker(sample).slots, found(&shown, variable)), (5, (one("5"), "environment")));
    let (sample, shown) = place.call(&["worker", "--slots", "6"], &[(variable, "5")]);
    assert_eq!((worker(sample).slots, found(&shown, variable)), (6, (one("6"), "flag")));
    let (sample, shown) = Place::new("").call(&["worker"], &[]);
    assert_eq!((worker(sample).slots, found(&shown, variable)), (2, (one("2"), "default")));
}

#[test]
fn a_global_setting_of_the_file_reaches_every_command() {
    let place = Place::new("store_url = 's3://bucket'\n");
    for argv in [&["worker"][..], &["show"]] {
        let (sample, shown) = place.call(argv, &[]);
        assert_eq!(sample.store.store_url.as_deref(), Some("s3://bucket"), "{argv:?}");
        assert_eq!(found(&shown, "ODOOOPS_STORE_URL").1, "file");
    }
    for argv in [["--store-url", "s3://flag", "show"], ["show", "--store-url", "s3://flag"]] {
        let (sample, shown) = place.call(&argv, &[]);
        assert_eq!(sample.store.store_url.as_deref(), Some("s3://flag"), "{argv:?}");
        assert_eq!(found(&shown, "ODOOOPS_STORE_URL").1, "flag");
    }
}

#[test]
fn a_flag_of_another_command_is_not_taken_for_a_setting() {
    let (_, shown) = Place::new("").call(&["show", "--slots", "9"], &[]);
    assert_eq!(found(&shown, "ODOOOPS_WORKER_SLOTS"), (Some("2".to_owned()), "default"));
}

#[test]
fn lists_of_the_file_are_lists() {
    let (sample, _) = Place::new("[worker]\nlabels = ['gpu', 'big']\n").call(&["worker"], &[]);
    assert_eq!(worker(sample).labels().into_iter().collect::<Vec<_>>(), ["big", "gpu"]);
}

#[test]
fn an_empty_variable_counts_as_unset_but_where_it_means_off() {
    let place = Place::new("store_url = 's3://bucket'\n[worker]\nhealth_addr = '127.0.0.1:1'\n");
    let empty =
        [("ODOOOPS_STORE_URL", ""), ("ODOOOPS_WORKER_SLOTS", " "), ("ODOOOPS_WORKER_HEALTH_ADDR", "")];
    let (sample, shown) = place.call(&["worker"], &empty);
    assert_eq!(found(&shown, "ODOOOPS_STORE_URL"), (Some("s3://bucket".to_owned()), "file"));
    assert_eq!(found(&shown, "ODOOOPS_WORKER_SLOTS").1, "default");
    assert_eq!(found(&shown, "ODOOOPS_WORKER_HEALTH_ADDR"), (Some(String::new()), "environment"));
    assert_eq!(worker(sample).health_addr(), Ok(None));
}

#[test]
fn a_wrong_variable_is_refused_by_its_own_command_unless_a_flag_wins() {
    let place = Place::new("");
    let judged = |argv: &[&str]| {
        let (layers, matches) = place.parsed(argv, &[("ODOOOPS_WORKER_SLOTS", "many")]);
        layers.judge(&matches)
    };
    let problem = judged(&["worker"]).expect_err("no number").to_string();
    assert!(problem.starts_with("ODOOOPS_WORKER_SLOTS: invalid value 'many'"), "{problem}");
    assert_eq!(judged(&["worker", "--slots", "3"]), Ok(()));
    assert_eq!(judged(&["show", "--slots", "3"]), Ok(()));
}

#[test]
fn a_wrong_variable_of_another_command_is_found() {
    let (_, shown) = Place::new("").call(&["show"], &[("ODOOOPS_WORKER_SLOTS", "many")]);
    let problem = shown.of_variable("ODOOOPS_WORKER_SLOTS").and_then(|resolved| resolved.problem.clone());
    assert!(problem.is_some_and(|problem| problem.contains("invalid value 'many'")));
}

#[test]
fn passwords_are_not_shown() {
    let place = Place::new("");
    place.credential("DATABASE_URL", "postgres://me:hunter22@db/x\n");
    let (sample, shown) = place.call(&["show"], &[]);
    assert_eq!(sample.database.url().expect("a URL").variable, "DATABASE_URL");
    assert_eq!(found(&shown, "DATABASE_URL"), (Some("postgres://me:***@db/x".to_owned()), "credential"));
    assert!(!format!("{shown:?}").contains("hunter22"));
}

#[test]
fn a_file_that_was_named_has_to_be_there() {
    let place = Place::new("");
    for (given, expected) in [("/nonexistent.toml", false), ("", true)] {
        let outcome = place.layers(&ConfigFile { path: Some(given.into()) }, &[]);
        assert_eq!(outcome.is_ok(), expected, "{given:?}");
        if let Err(problem) = outcome {
            let problem = problem.to_string();
            assert!(problem.contains("ODOOOPS_CONFIG") && problem.contains(given), "{problem}");
        }
    }
    std::fs::remove_file(place.file()).expect("the default file");
    assert_eq!(place.layers(&ConfigFile { path: None }, &[]).expect("no file is fine").file, FileState::None);
}

#[test]
fn a_wrong_credential_is_named() {
    let place = Place::new("");
    place.credential("ODOOOPS_WORKER_SLOTS", "0");
    let problem = place.layers(&ConfigFile { path: None }, &[]).err().expect("no good").to_string();
    assert!(problem.contains("ODOOOPS_WORKER_SLOTS") && problem.contains("1..=1000"), "{problem}");
}

#[test]
fn messages_name_the_place_where_a_setting_was_made() {
    let place = Place::new("database_url = 'postgres://db/x'\n");
    let (_, shown) = place.call(&["show"], &[]);
    assert_eq!(shown.name_of("DATABASE_URL"), format!("database_url ({}:1)", place.file().display()));
    assert_eq!(shown.name_of("ODOOOPS_STORE_URL"), "ODOOOPS_STORE_URL");
    let (_, shown) = place.call(&["--store-url", "s3://bucket", "show"], &[]);
    assert_eq!(shown.source_of("ODOOOPS_STORE_URL"), Some("--store-url".to_owned()));
    assert_eq!(shown.source_of("ODOOOPS_WORKER_SLOTS"), None);
}
