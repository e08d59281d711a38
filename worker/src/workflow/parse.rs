//! Reads a definition in one fixed order — for each object: its type, unknown keys by name, the keys in the
//! order in which they are listed here, then what must hold between them — and stops at the first problem.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::cursor::{DefinitionError, Node, Record};
use super::definition::{
    ArtifactGlob, BuiltIn, Command, Limits, Network, Retry, Service, Step, StepRun, Supersede, When, Workflow,
};
use super::validate::{self as rules, is_reserved};

const WORKFLOW_KEYS: [&str; 6] = ["steps", "env", "timeout_secs", "concurrency_key", "retry", "supersede"];
const STEP_KEYS: [&str; 15] = [
    "name",
    "image",
    "uses",
    "command",
    "shell",
    "with",
    "env",
    "secrets",
    "services",
    "artifacts",
    "limits",
    "network",
    "timeout_secs",
    "when",
    "retry",
];
const SERVICE_KEYS: [&str; 6] = ["name", "image", "command", "env", "secrets", "limits"];
const WITH_KEYS: [&str; 6] = ["repo_url", "modules", "test_tags", "image", "database", "demo"];

const WHENS: [(&str, When); 3] =
    [("success", When::Success), ("failure", When::Failure), ("always", When::Always)];
const SUPERSEDES: [(&str, Supersede); 3] =
    [("off", Supersede::Off), ("queued", Supersede::Queued), ("all", Supersede::All)];

/// Longest time limit: a week.
const MAX_TIMEOUT_SECS: u32 = 604_800;

/// Reads and judges a workflow definition.
///
/// # Errors
/// The first problem, with the path of the key: `steps[1].command[0]: must be a string`.
pub fn parse(definition: &Value) -> Result<Workflow, DefinitionError> {
    let record = Node::root(definition).record(&WORKFLOW_KEYS)?;
    Ok(Workflow {
        steps: steps(&record.required("steps")?)?,
        env: record.read("env", env)?,
        timeout_secs: record.read("timeout_secs", timeout_secs)?,
        concurrency_key: record.read("concurrency_key", |node| {
            node.text_that(rules::is_concurrency_key, rules::CONCURRENCY_KEY_RULE).map(Some)
        })?,
        retry: record.read("retry", retry)?,
        supersede: record.read("supersede", |node| node.choice(&SUPERSEDES))?,
    })
}

fn steps(node: &Node) -> Result<Vec<Step>, DefinitionError> {
    let mut steps: Vec<Step> = Vec::new();
    for node in node.list(1, 100)? {
        let record = node.record(&STEP_KEYS)?;
        let step = step(&record)?;
        if let Some(index) = steps.iter().position(|earlier| earlier.name == step.name) {
            return Err(record.required("name")?.error(format!("is the name of steps[{index}] already")));
        }
        steps.push(step);
    }
    Ok(steps)
}

fn step(record: &Record) -> Result<Step, DefinitionError> {
    let name = name(&record.required("name")?)?;
    let image = record.read("image", |node| image(&node).map(Some))?;
    let uses = record.read("uses", |node| {
        node.choice(&BuiltIn::ALL.map(|built_in| (built_in.as_str(), built_in))).map(Some)
    })?;
    let argv = record.read("command", |node| argv(&node).map(Some))?;
    let shell = record
        .read("shell", |node| node.text_that(rules::is_filled_text, rules::FILLED_TEXT_RULE).map(Some))?;
    let step = Step {
        name,
        run: StepRun::Action { uses: BuiltIn::OdooBuild },
        with: record.read("with", with)?,
        env: record.read("env", env)?,
        secrets: record.read("secrets", secrets)?,
        services: record.read("services", services)?,
        artifacts: record.read("artifacts", artifacts)?,
        limits: record.read("limits", limits)?,
        network: record.read("network", network)?,
        timeout_secs: record.read("timeout_secs", timeout_secs)?,
        when: record.read("when", |node| node.choice(&WHENS))?,
        retry: record.read("retry", retry)?,
    };
    let run = match (image, uses) {
        (Some(_), Some(_)) => {
            return Err(record.required("uses")?.error("a step has image or uses, not both"));
        }
        (None, None) => return Err(record.error("a step needs image or uses")),
        (Some(image), None) => StepRun::Container { image, command: command(record, argv, shell)? },
        (None, Some(uses)) => {
            refuse(
                record,
                &["command", "shell", "services", "artifacts", "network"],
                "does not go with uses",
            )?;
            StepRun::Action { uses }
        }
    };
    if matches!(run, StepRun::Container { .. }) {
        refuse(record, &["with"], "goes with uses only")?;
    }
    if !step.services.is_empty() && step.network != Network::Run {
        return Err(record.required("network")?.error("must be run where the step has services"));
    }
    Ok(Step { run, ..step })
}

fn command(
    record: &Record,
    argv: Option<Vec<String>>,
    shell: Option<String>,
) -> Result<Command, DefinitionError> {
    match (argv, shell) {
        (Some(_), Some(_)) => Err(record.required("shell")?.error("a step has command or shell, not both")),
        (Some(argv), None) => Ok(Command::Argv(argv)),
        (None, Some(script)) => Ok(Command::Shell(script)),
        (None, None) => Ok(Command::ImageDefault),
    }
}

fn refuse(record: &Record, keys: &[&str], problem: &str) -> Result<(), DefinitionError> {
    match keys.iter().find(|key| record.has(key)) {
        Some(key) => Err(record.required(key)?.error(problem)),
        None => Ok(()),
    }
}

fn name(node: &Node) -> Result<String, DefinitionError> {
    node.text_that(rules::is_name, rules::NAME_RULE)
}

fn image(node: &Node) -> Result<String, DefinitionError> {
    node.text_that(rules::is_image, rules::IMAGE_RULE)
}

fn argv(node: &Node) -> Result<Vec<String>, DefinitionError> {
    let mut argv = Vec::new();
    for (index, node) in node.list(1, 1000)?.iter().enumerate() {
        argv.push(match index {
            0 => node.text_that(rules::is_filled_text, rules::FILLED_TEXT_RULE)?,
            _ => node.text_that(rules::is_text, rules::TEXT_RULE)?,
        });
    }
    Ok(argv)
}

fn with(node: Node) -> Result<Map<String, Value>, DefinitionError> {
    let record = node.record(&WITH_KEYS)?;
    let filled = |node: Node| node.text_that(rules::is_filled_text, rules::FILLED_TEXT_RULE).map(drop);
    record.read("repo_url", filled)?;
    record.read("modules", |node| modules(&node))?;
    record.read("test_tags", filled)?;
    record.read("image", |node| image(&node).map(drop))?;
    record.read("database", filled)?;
    record.read("demo", |node| node.boolean().map(drop))?;
    Ok(record.map().clone())
}

fn modules(node: &Node) -> Result<(), DefinitionError> {
    if node.text().is_ok_and(|text| text == "all") {
        return Ok(());
    }
    let list = node.list(1, 1000).map_err(|_| node.error("must be all or an array of 1 to 1000 addons"))?;
    for module in list {
        module.text_that(rules::is_module, rules::MODULE_RULE)?;
    }
    Ok(())
}

fn env(node: Node) -> Result<BTreeMap<String, String>, DefinitionError> {
    let mut env = BTreeMap::new();
    for (name, node) in node.entries(200)? {
        if !rules::is_env_name(name) {
            return Err(node.error(rules::ENV_NAME_RULE));
        }
        if is_reserved(name) {
            return Err(node.error(rules::RESERVED_RULE));
        }
        env.insert(name.to_owned(), node.text_that(rules::is_text, rules::TEXT_RULE)?);
    }
    Ok(env)
}

fn secrets(node: Node) -> Result<Vec<String>, DefinitionError> {
    let mut names: Vec<String> = Vec::new();
    for node in node.list(0, 100)? {
        let name = node.text_that(rules::is_secret_name, rules::SECRET_RULE)?;
        if is_reserved(&name) {
            return Err(node.error(rules::RESERVED_RULE));
        }
        if names.contains(&name) {
            return Err(node.error("is listed already"));
        }
        names.push(name);
    }
    Ok(names)
}

fn services(node: Node) -> Result<Vec<Service>, DefinitionError> {
    let mut services: Vec<Service> = Vec::new();
    for node in node.list(0, 20)? {
        let record = node.record(&SERVICE_KEYS)?;
        let service = Service {
            name: name(&record.required("name")?)?,
            image: image(&record.required("image")?)?,
            command: record.read("command", |node| argv(&node).map(Some))?,
            env: record.read("env", env)?,
            secrets: record.read("secrets", secrets)?,
            limits: record.read("limits", limits)?,
        };
        if let Some(index) = services.iter().position(|earlier| earlier.name == service.name) {
            return Err(record.required("name")?.error(format!("is the name of services[{index}] already")));
        }
        services.push(service);
    }
    Ok(services)
}

fn artifacts(node: Node) -> Result<Vec<ArtifactGlob>, DefinitionError> {
    let globs = node.list(0, 100)?;
    globs.iter().map(|glob| glob.text_that(rules::is_glob, rules::GLOB_RULE).map(ArtifactGlob)).collect()
}

fn limits(node: Node) -> Result<Limits, DefinitionError> {
    let record = node.record(&["cpus", "memory_mb", "pids"])?;
    Ok(Limits {
        cpus: record.read("cpus", |node| node.number(0.01, 256.0).map(Some))?,
        memory_mb: record.read("memory_mb", |node| node.whole(6, 4_194_304).map(Some))?,
        pids: record.read("pids", |node| node.whole(1, 1_000_000).map(Some))?,
    })
}

fn network(node: Node) -> Result<Network, DefinitionError> {
    Ok(match node.text_that(rules::is_network, rules::NETWORK_RULE)?.as_str() {
        "none" => Network::None,
        "run" => Network::Run,
        name => Network::Named(name.to_owned()),
    })
}

fn timeout_secs(node: Node) -> Result<Option<u32>, DefinitionError> {
    node.whole(1, MAX_TIMEOUT_SECS).map(Some)
}

fn retry(node: Node) -> Result<Retry, DefinitionError> {
    let record = node.record(&["user"])?;
    Ok(Retry { user: record.required("user")?.whole(0, 10)? })
}
