//! `odoo/test`: addons are installed with their tests into a database of their own, and judged.
//!
//! Input: `image` (one of a build is tested as it is, on any other the repository is built first), `modules`,
//! `test_tags`, `demo`, `repo_url`.
//! Result: `tests`, `failed`, `errors`, `skipped`, `warnings`, `modules`, `image`. Artifact: `test/odoo.log`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;
use serde_json::json;

use super::check_out::env_without_git_secrets;
use super::odoo_build::{self, MODULES_LABEL, SERIES_LABEL, ensure_image};
use super::odoo_db::{self, Address, OdooDb, OdooDbError};
use super::pipe::{PipeWriter, pipe};
use super::program::container_name;
use crate::action::{Fault, Host, Level, OutputTap, Outputs, RunContext};
use crate::container::lines::LineSplitter;
use crate::container::{ContainerExit, ContainerSpec, ImageInfo, NetworkMode, OutputChunk, OutputStream};
use crate::odoo::log::Record;
use crate::odoo::{
    AskedModule, Ended, Evidence, Install, LogFacts, LogReader, ModuleName, ModulesAsked, Series,
    TestSummary, TestsAsked, Verdict, judge,
};

/// Key of the whole log among the run's artifacts.
const LOG_KEY: &str = "test/odoo.log";
/// A line of the log is cut into pieces of this size.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// What is tested.
struct Subject {
    image: String,
    info: ImageInfo,
    series: Series,
    modules: Vec<AskedModule>,
}

/// The step.
pub(super) async fn run(host: &dyn Host) -> Result<Outputs, Fault> {
    let run = host.run();
    let (tests, demo) = (run.tests()?, run.demo()?);
    let url = server_url(run)?;
    let address = Address::for_containers(url)?;
    let subject = find_subject(host).await?;
    let database = odoo_db::create_test_database(url, &run.labels).await?;
    host.log(Level::Info, &format!("database {database} made")).await?;

    let names = module_names(&subject.modules)?;
    let install =
        Install { series: subject.series, database: &database, modules: &names, demo, tests: &tests };
    let seen = install_and_look(host, &subject, &address, &install).await;
    let dropped = odoo_db::drop_database(url, &database).await;
    let (exit, log, states) = seen?;
    if let Err(error) = dropped {
        host.log(Level::Warning, &format!("database {database} stays until the janitor comes: {error}"))
            .await?;
    }
    let ended = if exit.oom_killed { Ended::OutOfMemory } else { Ended::Exited(exit.code) };
    let verdict = judge(&Evidence {
        ended,
        log: &log,
        states: states.as_deref(),
        asked: &subject.modules,
        tests: TestsAsked::Yes,
    });
    conclude(host, &subject, &log, exit, verdict).await
}

pub(super) fn server_url(run: &RunContext) -> Result<&SecretString, Fault> {
    run.odoo.database_url.as_ref().ok_or_else(|| {
        Fault::Invalid(
            "this worker has no ODOOOPS_ODOO_DATABASE_URL; set it to the Postgres server for Odoo's databases"
                .to_owned(),
        )
    })
}

impl From<OdooDbError> for Fault {
    fn from(error: OdooDbError) -> Self {
        match &error {
            OdooDbError::Setting(_) | OdooDbError::NoDatabase { .. } => Self::Invalid(error.to_string()),
            OdooDbError::Unreachable { .. } | OdooDbError::Refused { .. } => Self::Infra(error.to_string()),
        }
    }
}

/// An image of `odoo/build`, else the one that an earlier step built, else one that is built now.
async fn find_subject(host: &dyn Host) -> Result<Subject, Fault> {
    let run = host.run();
    let image = run.odoo_image()?;
    let info = ensure_image(host, &image).await?;
    let earlier = run.outputs.get("image").and_then(|image| image.as_str());
    let (image, info) = if info.labels.contains_key(MODULES_LABEL) {
        (image, info)
    } else if let Some(earlier) = earlier {
        (earlier.to_owned(), ensure_image(host, earlier).await?)
    } else if run.repository()?.is_some() {
        let built = odoo_build::build(host).await?;
        (built.image, built.info)
    } else {
        (image, info)
    };
    let series = run.series(&image, info.labels.get(SERIES_LABEL).map(String::as_str))?;
    let modules = asked_modules(&run.modules_asked()?, &image, &info.labels)?;
    Ok(Subject { image, info, series, modules })
}

/// Modules with the versions that the image says they have.
fn asked_modules(
    asked: &ModulesAsked,
    image: &str,
    labels: &BTreeMap<String, String>,
) -> Result<Vec<AskedModule>, Fault> {
    let own: Option<BTreeMap<String, String>> =
        labels.get(MODULES_LABEL).and_then(|text| serde_json::from_str(text).ok());
    match (asked, own) {
        (ModulesAsked::All, Some(own)) if !own.is_empty() => {
            Ok(own.into_iter().map(|(name, version)| AskedModule { name, version: Some(version) }).collect())
        }
        (ModulesAsked::All, Some(_)) => Err(Fault::user(1, "none of the repository's addons is installable")),
        (ModulesAsked::All, None) => Err(Fault::Invalid(format!(
            "image {image} does not say which addons it has (odoo/build makes images that do); name the modules"
        ))),
        (ModulesAsked::Named(names), own) => Ok(names
            .iter()
            .map(|name| AskedModule {
                name: name.to_string(),
                version: own.as_ref().and_then(|own| own.get(name.as_str()).cloned()),
            })
            .collect()),
    }
}

fn module_names(modules: &[AskedModule]) -> Result<Vec<ModuleName>, Fault> {
    let names: Result<_, _> = modules.iter().map(|module| module.name.parse()).collect();
    names.map_err(|problem: crate::odoo::modules::NoModuleName| Fault::Invalid(problem.to_string()))
}

type Seen = (ContainerExit, LogFacts, Option<Vec<crate::odoo::ModuleState>>);

async fn install_and_look(
    host: &dyn Host,
    subject: &Subject,
    address: &Address,
    install: &Install<'_>,
) -> Result<Seen, Fault> {
    let run = host.run();
    let mut env = env_without_git_secrets(run);
    // With colours the log cannot be read.
    env.remove("ODOO_PY_COLORS");
    env.extend(address.env());
    let spec = ContainerSpec {
        name: container_name(run, "odoo"),
        image: subject.info.id.clone(),
        entrypoint: None,
        command: Some(install.command()),
        env,
        workdir: None,
        user: None,
        mounts: Vec::new(),
        network: NetworkMode::Named(host.run_network().await?),
        network_aliases: Vec::new(),
        limits: run.limits,
        labels: run.labels.clone(),
    };
    let (writer, reader) = pipe();
    let run_container = async {
        // The tap lives in here: when the container fails, its pipe breaks off and nothing is stored.
        let mut tap = LogTap::new(host, writer);
        let exit = host.run_container(spec, Some(&mut tap), false).await?;
        let log = tap.finish().await?;
        Ok::<_, Fault>((exit, log))
    };
    // When the store fails, its own fault says more than the pipe's.
    let (ran, saved) = tokio::join!(run_container, host.save_artifact(LOG_KEY, "text/plain", reader));
    let (exit, log) = match (ran, saved) {
        (Ok(ran), Ok(_)) => ran,
        (Err(fault @ (Fault::Canceled | Fault::Stopped(_) | Fault::Timeout(_))), _)
        | (_, Err(fault))
        | (Err(fault), Ok(_)) => return Err(fault),
    };
    let url = server_url(run)?;
    let states = OdooDb::connect(url, install.database).await?.module_states().await?;
    Ok((exit, log, states))
}

async fn conclude(
    host: &dyn Host,
    subject: &Subject,
    log: &LogFacts,
    exit: ContainerExit,
    verdict: Verdict,
) -> Result<Outputs, Fault> {
    let warnings = match verdict {
        Verdict::Green => 0,
        Verdict::GreenWithWarnings(warnings) => {
            let first = log.first_warnings.first().map_or("", String::as_str);
            host.log(Level::Warning, &format!("{warnings} warning(s) in the log, the first: {first}"))
                .await?;
            warnings
        }
        Verdict::Red(reason) => return Err(Fault::user(exit.code, reason.to_string())),
    };
    let summary = log.summary.unwrap_or_default();
    let TestSummary { failed, errors, tests } = summary;
    host.log(Level::Info, &format!("green: {failed} failed, {errors} error(s) of {tests} tests")).await?;
    let modules: Vec<_> = subject
        .modules
        .iter()
        .map(|module| json!({"name": module.name, "version": module.version}))
        .collect();
    Ok(Outputs::from_iter([
        ("tests".to_owned(), json!(tests)),
        ("failed".to_owned(), json!(failed)),
        ("errors".to_owned(), json!(errors)),
        ("skipped".to_owned(), json!(log.skipped)),
        ("warnings".to_owned(), json!(warnings)),
        ("modules".to_owned(), json!(modules)),
        ("image".to_owned(), json!(subject.image)),
    ]))
}

/// Reads Odoo's log as it comes, and hands it on to the store with secrets replaced.
struct LogTap<'a> {
    host: &'a dyn Host,
    writer: PipeWriter,
    reader: LogReader,
    stdout: LineSplitter,
    stderr: LineSplitter,
}

impl<'a> LogTap<'a> {
    fn new(host: &'a dyn Host, writer: PipeWriter) -> Self {
        let splitter = || LineSplitter::new(MAX_LINE_BYTES);
        Self { host, writer, reader: LogReader::default(), stdout: splitter(), stderr: splitter() }
    }

    async fn take(&mut self, stream: OutputStream, lines: Vec<String>) -> Result<(), Fault> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        for line in &lines {
            if stream == OutputStream::Stderr {
                self.reader.push(line);
            }
            text.push_str(&self.host.redact(line));
            text.push('\n');
        }
        self.writer.send(Bytes::from(text)).await
    }

    async fn finish(mut self) -> Result<LogFacts, Fault> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        self.stdout.finish(&mut stdout);
        self.stderr.finish(&mut stderr);
        self.take(OutputStream::Stdout, stdout).await?;
        self.take(OutputStream::Stderr, stderr).await?;
        self.writer.end().await?;
        Ok(self.reader.finish())
    }
}

#[async_trait]
impl OutputTap for LogTap<'_> {
    async fn chunk(&mut self, chunk: &OutputChunk) -> Result<(), Fault> {
        let mut lines = Vec::new();
        match chunk.stream {
            OutputStream::Stdout => self.stdout.push(&chunk.bytes, &mut lines),
            OutputStream::Stderr => self.stderr.push(&chunk.bytes, &mut lines),
        }
        self.take(chunk.stream, lines).await
    }

    fn level_of(&self, line: &str) -> Level {
        use crate::odoo::log::LogLevel;
        match Record::parse(line).map(|record| record.level) {
            Some(LogLevel::Debug) => Level::Debug,
            Some(LogLevel::Info) | None => Level::Info,
            Some(LogLevel::Warning) => Level::Warning,
            Some(LogLevel::Error | LogLevel::Critical) => Level::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(MODULES_LABEL.to_owned(), text.to_owned())])
    }

    #[test]
    fn all_modules_are_those_that_the_image_names() {
        let found = asked_modules(&ModulesAsked::All, "i", &labels(r#"{"a": "18.0.1.0"}"#)).expect("modules");
        assert_eq!(found, [AskedModule { name: "a".into(), version: Some("18.0.1.0".into()) }]);
    }

    #[test]
    fn all_modules_of_a_strangers_image_is_invalid() {
        let fault = asked_modules(&ModulesAsked::All, "odoo:18.0", &BTreeMap::new()).expect_err("unknown");
        assert!(matches!(fault, Fault::Invalid(_)));
    }

    #[test]
    fn a_module_of_odoo_has_no_version_to_compare() {
        let asked = ModulesAsked::Named(vec!["crm".parse().expect("a name")]);
        let found = asked_modules(&asked, "i", &labels("{}")).expect("modules");
        assert_eq!(found, [AskedModule { name: "crm".into(), version: None }]);
    }
}
