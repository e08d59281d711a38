//! `odoo/test`: addons are installed with their tests into a database of their own, and judged.
//!
//! Input: `image` (one of a build is tested as it is, on any other the repository is built first; without it
//! that of the run's build step, or one that is built now), `modules`, `test_tags`, `demo`, `repo_url`.
//! Result: `tests`, `failed`, `errors`, `skipped` (of `tests`), `skipped_set_ups` (classes), `warnings`,
//! `untested_modules`, `modules`, `image`, `image_id`, `commit_sha` (that the image names).
//! Artifact: `test/odoo.log`.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::json;

use super::check_out::env_without_git_secrets;
use super::image::find_image;
use super::log_tap::LogTap;
use super::odoo_build::{self, COMMIT_LABEL, MODULES_LABEL, SERIES_LABEL, until_stopped};
use super::odoo_db::{self, Address, OdooDb, OdooDbError};
use super::outage::{self, Surroundings};
use super::pipe::pipe;
use super::program::container_name;
use crate::action::{Fault, Host, Level, Outputs, RunContext};
use crate::container::{ContainerExit, ContainerSpec, ImageInfo, NetworkMode};
use crate::odoo::{
    AskedModule, Ended, Evidence, Install, LogFacts, ModuleName, ModulesAsked, Series, TestSummary,
    TestsAsked, Verdict, judge,
};

/// Key of the whole log among the run's artifacts.
const LOG_KEY: &str = "test/odoo.log";

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
    let names = module_names(&subject.modules)?;
    let database = odoo_db::name_of(&run.labels);
    let install =
        Install { series: subject.series, database: &database, modules: &names, demo, tests: &tests };
    let seen = async {
        let making = async { Ok(odoo_db::create_test_database(url, &run.labels).await?) };
        until_stopped(host, making).await?;
        host.log(Level::Info, &format!("database {database} made")).await?;
        install_and_look(host, &subject, &address, &install).await
    };
    // Whatever came of it: a database that was begun is dropped.
    let seen = seen.await;
    let dropped = odoo_db::drop_database(url, &database).await;
    let (exit, log, states, started) = seen?;
    if let Err(error) = dropped {
        host.log(Level::Warning, &format!("database {database} stays until the janitor comes: {error}"))
            .await?;
    }
    let verdict = judge(&Evidence {
        ended: Ended::Exited(exit.code),
        log: &log,
        states: states.as_deref(),
        asked: &subject.modules,
        tests: TestsAsked::Yes,
    });
    if matches!(verdict, Verdict::Red(_)) {
        // An engine that does not answer now has ended no run before; its disk then stays unknown.
        let engine_disk = host.containers().engine().await.ok().and_then(|engine| engine.disk);
        let server_started = (started.0.as_str(), started.1.as_str());
        let (limits, server) = (run.limits, address.server());
        let seen = Surroundings { exit, log: &log, limits, server: &server, server_started, engine_disk };
        if let Some(fault) = outage::fault_of(&seen) {
            return Err(fault);
        }
    }
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

/// An image of `odoo/build` that the step or run names, else the one that an earlier step built, else one
/// that is built now. The project's settings name what is built on, never what is judged.
async fn find_subject(host: &dyn Host) -> Result<Subject, Fault> {
    let run = host.run();
    let (image, info) = match named_build(host).await? {
        Some(found) => found,
        None => match earlier_build(run) {
            Some((image, reference)) => (image, find_image(host, &reference).await?),
            None if run.repository()?.is_some() => {
                let built = odoo_build::build(host).await?;
                (built.image, built.info)
            }
            None => {
                let image = run.odoo_image()?;
                let info = find_image(host, &image).await?;
                (image, info)
            }
        },
    };
    check_commit(run.commit_sha.as_deref(), &image, &info.labels)?;
    let series = run.series(&image, info.labels.get(SERIES_LABEL).map(String::as_str))?;
    let modules = asked_modules(&run.modules_asked()?, &image, &info.labels)?;
    Ok(Subject { image, info, series, modules })
}

/// The image that the step or run names, if it is one of `odoo/build`.
async fn named_build(host: &dyn Host) -> Result<Option<(String, ImageInfo)>, Fault> {
    let Some(image) = host.run().text_of_run("image")? else { return Ok(None) };
    let info = find_image(host, image).await?;
    Ok(info.labels.contains_key(MODULES_LABEL).then(|| (image.to_owned(), info)))
}

/// What the image of the run's build step is called, and by what the engine finds exactly this one.
fn earlier_build(run: &RunContext) -> Option<(String, String)> {
    let output = |key: &str| run.outputs.get(key).and_then(|value| value.as_str()).map(str::to_owned);
    let (name, id) = (output("image"), output("image_id"));
    name.clone().or_else(|| id.clone()).zip(id.or(name))
}

/// An image of another commit than the run's would judge the wrong sources.
fn check_commit(asked: Option<&str>, image: &str, labels: &BTreeMap<String, String>) -> Result<(), Fault> {
    match (asked, labels.get(COMMIT_LABEL)) {
        (Some(asked), Some(built)) if !built.starts_with(asked) => Err(Fault::Invalid(format!(
            "the run is for commit {asked}, but image {image} was built from {built}; \
             leave image out to build that commit, or ask for the image's own"
        ))),
        (Some(_) | None, Some(_) | None) => Ok(()),
    }
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

/// Exit, log, module states, and when the database server was started: as seen before and after.
type Seen = (ContainerExit, LogFacts, Option<Vec<crate::odoo::ModuleState>>, (String, String));

async fn install_and_look(
    host: &dyn Host,
    subject: &Subject,
    address: &Address,
    install: &Install<'_>,
) -> Result<Seen, Fault> {
    let run = host.run();
    let mut env = env_without_git_secrets(run);
    // With colours the log cannot be read. Empty, not absent: the image may set it, and Odoo takes "0" for yes.
    env.insert("ODOO_PY_COLORS".to_owned(), String::new());
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
    let url = server_url(run)?;
    let before = OdooDb::connect(url, install.database).await?.started_at().await?;
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
    let db = OdooDb::connect(url, install.database).await?;
    let (states, after) = (db.module_states().await?, db.started_at().await?);
    Ok((exit, log, states, (before, after)))
}

async fn conclude(
    host: &dyn Host,
    subject: &Subject,
    log: &LogFacts,
    exit: ContainerExit,
    verdict: Verdict,
) -> Result<Outputs, Fault> {
    let logged = match verdict {
        Verdict::Green => 0,
        Verdict::GreenWithWarnings(warnings) => {
            let first = log.first_warnings.first().map_or("", String::as_str);
            host.log(Level::Warning, &format!("{warnings} warning(s) in the log, the first: {first}"))
                .await?;
            warnings
        }
        Verdict::Red(reason) => return Err(Fault::user(exit.code, reason.to_string())),
    };
    let untested: Vec<&str> = subject
        .modules
        .iter()
        .map(|module| module.name.as_str())
        .filter(|name| !log.tested_modules.contains(*name))
        .collect();
    if !untested.is_empty() {
        let text = format!(
            "no test ran of {} module(s) that were asked for: {}",
            untested.len(),
            untested.join(", ")
        );
        host.log(Level::Warning, &text).await?;
    }
    let warnings = logged + untested.len() as u64;
    let summary = log.summary.unwrap_or_default();
    let TestSummary { failed, errors, tests } = summary;
    host.log(
        Level::Info,
        &format!("green: {failed} failed, {errors} error(s) of {tests} tests, {} skipped", log.skipped),
    )
    .await?;
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
        ("skipped_set_ups".to_owned(), json!(log.skipped_set_ups)),
        ("warnings".to_owned(), json!(warnings)),
        ("untested_modules".to_owned(), json!(untested)),
        ("modules".to_owned(), json!(modules)),
        ("image".to_owned(), json!(subject.image)),
        ("image_id".to_owned(), json!(subject.info.id)),
        ("commit_sha".to_owned(), json!(subject.info.labels.get(COMMIT_LABEL))),
    ]))
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
    fn the_image_that_the_run_itself_built_is_taken_by_its_id() {
        let mut run = crate::action::testing::run_context();
        assert_eq!(earlier_build(&run), None);
        run.outputs.insert("image".to_owned(), json!("shop:1"));
        assert_eq!(earlier_build(&run), Some(("shop:1".to_owned(), "shop:1".to_owned())));
        run.outputs.insert("image_id".to_owned(), json!("sha256:11"));
        assert_eq!(earlier_build(&run), Some(("shop:1".to_owned(), "sha256:11".to_owned())));
    }

    #[test]
    fn an_image_of_another_commit_is_refused_and_both_are_named() {
        let labels = BTreeMap::from([(COMMIT_LABEL.to_owned(), "bbbb".to_owned())]);
        let fault = check_commit(Some("aaaa"), "i", &labels).expect_err("another commit");
        assert!(matches!(&fault, Fault::Invalid(text) if text.contains("aaaa") && text.contains("bbbb")));
        for (asked, labels) in [(None, &labels), (Some("bbbb"), &labels), (Some("aaaa"), &BTreeMap::new())] {
            assert_eq!(check_commit(asked, "i", labels), Ok(()));
        }
    }

    #[test]
    fn a_module_of_odoo_has_no_version_to_compare() {
        let asked = ModulesAsked::Named(vec!["crm".parse().expect("a name")]);
        let found = asked_modules(&asked, "i", &labels("{}")).expect("modules");
        assert_eq!(found, [AskedModule { name: "crm".into(), version: None }]);
    }
}
