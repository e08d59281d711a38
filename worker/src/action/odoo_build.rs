//! `odoo/build`: a commit becomes an image with its addons and their python requirements.
//!
//! Input: `repo_url`, `image` (the Odoo to build on). Result: `image`, `image_id`, `commit_sha`, `branch`, `author`,
//! `message`, `modules`. The image says in its labels what it has, so that a test or backup needs
//! no check-out.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::check_out::{Sources, fetch_sources};
use super::context::ImagePlan;
use super::image::{find_image, tag_of};
use crate::action::{Fault, Host, Level, Outputs};
use crate::container::lines::LineSplitter;
use crate::container::{ContainerError, ImageBuild, ImageInfo};
use crate::odoo::{Module, Series};

/// Label with the installable modules, a JSON object name → version.
pub(super) const MODULES_LABEL: &str = "dev.odooops.modules";
/// Label with Odoo's series.
pub(super) const SERIES_LABEL: &str = "dev.odooops.series";
/// Label with the commit.
pub(super) const COMMIT_LABEL: &str = "org.opencontainers.image.revision";

/// Lines of the builder that may wait for the log; then the builder waits.
const PROGRESS_LINES: usize = 64;
/// What an error message takes over of a line of pip.
const MAX_ERROR_CHARS: usize = 500;
/// A line of the builder is cut into pieces of this size.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// An image that was built.
pub(super) struct Built {
    /// Its tag, see [`tag_of`].
    pub(super) image: String,
    /// What the engine says of it.
    pub(super) info: ImageInfo,
    sources: Sources,
}

/// The step.
pub(super) async fn run(host: &dyn Host) -> Result<Outputs, Fault> {
    let built = build(host).await?;
    host.log(Level::Info, &format!("image {} ({})", built.image, built.info.id)).await?;
    Ok(built.outputs())
}

/// Checks out and builds.
pub(super) async fn build(host: &dyn Host) -> Result<Built, Fault> {
    let run = host.run();
    let base = run.odoo_image()?;
    let base_info = find_image(host, &base).await?;
    let series = run.series(&base, base_info.labels.get(SERIES_LABEL).map(String::as_str))?;
    let sources = until_stopped(host, fetch_sources(host, series)).await?;
    let plan = plan(host, base, &sources)?;
    let image = tag_of(run, &sources.commit.sha);
    let labels = labels(&sources, series);
    let info = until_stopped(host, build_image(host, plan, image.clone(), labels)).await?;
    Ok(Built { image, info, sources })
}

impl Built {
    fn outputs(&self) -> Outputs {
        let commit = &self.sources.commit;
        let modules: Vec<Value> = self
            .sources
            .modules
            .iter()
            .map(|module| json!({"name": module.name.as_str(), "version": module.manifest.version}))
            .collect();
        Outputs::from_iter([
            ("image".to_owned(), json!(self.image)),
            ("image_id".to_owned(), json!(self.info.id)),
            ("commit_sha".to_owned(), json!(commit.sha)),
            ("branch".to_owned(), json!(commit.branch)),
            ("author".to_owned(), json!(commit.author)),
            ("message".to_owned(), json!(commit.message)),
            ("modules".to_owned(), json!(modules)),
        ])
    }
}

/// Runs `work` unless the step is stopped first; the runner knows why it was.
pub(super) async fn until_stopped<T>(
    host: &dyn Host,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tokio::select! {
        () = host.stop_token().cancelled() => Err(Fault::Canceled),
        done = work => done,
    }
}

fn plan(host: &dyn Host, base: String, sources: &Sources) -> Result<ImagePlan, Fault> {
    let settings = &host.run().odoo;
    let index = settings.pip_index_url.clone();
    if index.as_deref().is_some_and(|index| index.split('/').nth(2).is_some_and(|host| host.contains('@'))) {
        return Err(Fault::Invalid(
            "ODOOOPS_PIP_INDEX_URL has a password, which would stay in the image's history; \
             use an index that the worker's network may read without one"
                .to_owned(),
        ));
    }
    let (requirements, requirements_files) = ImagePlan::find_requirements(&sources.folder, &sources.modules)?;
    let addons = sources.modules.iter().map(|module| (module.name.to_string(), module.folder.clone()));
    Ok(ImagePlan {
        base,
        folder: sources.folder.clone(),
        addons: addons.collect(),
        requirements,
        requirements_files,
        ca_bundle: settings.ca_bundle.clone(),
        pip_index_url: index,
    })
}

fn labels(sources: &Sources, series: Series) -> BTreeMap<String, String> {
    let version = |module: &Module| (module.name.to_string(), module.manifest.version.clone());
    let modules: BTreeMap<String, String> = sources.modules.installable().map(version).collect();
    BTreeMap::from([
        (MODULES_LABEL.to_owned(), json!(modules).to_string()),
        (SERIES_LABEL.to_owned(), series.to_string()),
        (COMMIT_LABEL.to_owned(), sources.commit.sha.clone()),
    ])
}

async fn build_image(
    host: &dyn Host,
    plan: ImagePlan,
    tag: String,
    labels: BTreeMap<String, String>,
) -> Result<ImageInfo, Fault> {
    let (context, writing) = plan.stream();
    let (progress, lines) = mpsc::channel(PROGRESS_LINES);
    let build = ImageBuild { context, tag, labels, build_args: BTreeMap::new(), network: None };
    let (built, logged) =
        tokio::join!(host.containers().build_image(build, progress), log_progress(host, lines));
    // A context that could not be written explains a build that failed; the reverse is only a broken pipe.
    let written =
        writing.await.unwrap_or_else(|error| Err(Fault::Infra(format!("the build context: {error}"))));
    match (built, written) {
        (Ok(info), Ok(())) => logged.map(|_| info),
        (Ok(_), Err(fault)) | (Err(_), Err(fault @ Fault::User { .. })) => Err(fault),
        (Err(ContainerError::BuildFailed(said)), Ok(()) | Err(_)) => {
            let why = logged?.map_or(String::new(), |line| format!(": {line}"));
            Err(ContainerError::BuildFailed(format!("{said}{why}")).into())
        }
        (Err(error), Ok(()) | Err(_)) => Err(error.into()),
    }
}

/// Hands the builder's lines to the log; gives the last that pip marked as an error.
async fn log_progress(host: &dyn Host, mut progress: mpsc::Receiver<Bytes>) -> Result<Option<String>, Fault> {
    let mut splitter = LineSplitter::new(MAX_LINE_BYTES);
    let mut lines = Vec::new();
    let mut error = None;
    while let Some(bytes) = progress.recv().await {
        splitter.push(&bytes, &mut lines);
        for line in lines.drain(..) {
            host.log(Level::Info, &line).await?;
            error = pip_error(&line).or(error);
        }
    }
    splitter.finish(&mut lines);
    for line in lines {
        host.log(Level::Info, &line).await?;
        error = pip_error(&line).or(error);
    }
    Ok(error)
}

/// `ERROR: No matching distribution found for …`, which the builder prints in red.
fn pip_error(line: &str) -> Option<String> {
    let error = &line[line.find("ERROR: ")?..];
    let error = error.split('\u{1b}').next().unwrap_or(error).trim_end();
    Some(error.chars().take(MAX_ERROR_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use super::pip_error;

    #[test]
    fn what_pip_says_last_is_found_without_its_colours() {
        let line = "\u{1b}[91mERROR: No matching distribution found for a==9\u{1b}[0m";
        assert_eq!(pip_error(line).as_deref(), Some("ERROR: No matching distribution found for a==9"));
        assert_eq!(pip_error("Step 1/5 : FROM odoo"), None);
    }
}
