//! The client's side of the Rust client: what people and scripts ask for, logged in as an operator.

use odooops::contract::{
    Completion, ContractError, EnqueueOptions, FailureReason, Member, MemberRole, NewProject, RunFilter,
    RunStatus,
};
use serde_json::json;
use uuid::Uuid;

use super::stage::{PROJECT, Stage, WORKER, definition, new_run};
use crate::support::postgres_roles::Login;

#[tokio::test]
async fn an_idempotency_key_gives_the_same_run_again() {
    let stage = Stage::new().await;
    let options = EnqueueOptions { idempotency_key: Some("push-1".to_owned()), ..EnqueueOptions::default() };
    let run = new_run(json!({"a": 1}), options);
    let first = stage.operator.enqueue_run(&run).await.expect("enqueue");
    assert_eq!((first.run_number, first.status), (1, RunStatus::Queued));
    assert_eq!(stage.operator.enqueue_run(&run).await, Ok(first.clone()));
    let different = new_run(json!({"a": 2}), run.options.clone());
    let refused = stage.operator.enqueue_run(&different).await;
    assert!(matches!(refused, Err(ContractError::Conflict(_))), "{refused:?}");
    let id = stage.operator.run_id_by_number(PROJECT, 1).await.expect("look");
    assert_eq!(id, Some(first.id));
}

#[tokio::test]
async fn unknown_names_are_not_found() {
    let stage = Stage::new().await;
    let mut run = new_run(json!({}), EnqueueOptions::default());
    run.workflow = "no-such-workflow".to_owned();
    let refused = stage.operator.enqueue_run(&run).await;
    assert!(matches!(refused, Err(ContractError::NotFound(_))), "{refused:?}");
    run.project = "no-such-project".to_owned();
    let refused = stage.operator.enqueue_run(&run).await.expect_err("unknown");
    assert!(refused.to_string().contains("no-such-project"), "{refused}");
    assert_eq!(stage.operator.run_id_by_number(PROJECT, 99).await, Ok(None));
    assert_eq!(stage.operator.run(odooops::contract::RunId(Uuid::now_v7())).await, Ok(None));
}

#[tokio::test]
async fn every_option_reaches_the_run() {
    let stage = Stage::new().await;
    let parent = stage.queue().await;
    let options = EnqueueOptions {
        priority: Some(1),
        required_labels: Some(vec!["gpu".to_owned()]),
        concurrency_key: Some("deploy".to_owned()),
        idempotency_key: Some("once".to_owned()),
        not_before: Some("2020-01-01T00:00:00Z".parse().expect("a time")),
        timeout_secs: Some(30),
        max_attempts: Some(2),
        environment: None,
        trigger: Some("push".to_owned()),
        parent_run_id: Some(parent),
        depends_on: Some(vec![parent]),
    };
    let run = stage.queue_with(json!({}), options).await;
    let client = stage.database.superuser().await;
    let row = client
        .query_one(
            "select priority, required_labels, concurrency_key, idempotency_key, timeout_secs, max_attempts,
               trigger::text, parent_run_id, (select depends_on from ops.run_dependencies where run_id = id)
             from ops.runs where id = $1",
            &[&run.0],
        )
        .await
        .expect("the run");
    assert_eq!((row.get::<_, i32>(0), row.get::<_, Vec<String>>(1)), (1, vec!["gpu".to_owned()]));
    assert_eq!((row.get::<_, &str>(2), row.get::<_, &str>(3)), ("deploy", "once"));
    assert_eq!((row.get::<_, i32>(4), row.get::<_, i32>(5), row.get::<_, &str>(6)), (30, 2, "push"));
    assert_eq!((row.get::<_, Uuid>(7), row.get::<_, Uuid>(8)), (parent.0, parent.0));
}

#[tokio::test]
async fn a_waiting_run_is_canceled_at_once_and_a_second_time_refused() {
    let stage = Stage::new().await;
    let run = stage.queue().await;
    let canceled = stage.operator.cancel_run(run, "not needed").await.expect("cancel");
    assert_eq!((canceled.id, canceled.status), (run, RunStatus::Canceled));
    let missing = stage.operator.cancel_run(odooops::contract::RunId(Uuid::now_v7()), "x").await;
    assert!(matches!(missing, Err(ContractError::NotFound(_))), "{missing:?}");
}

#[tokio::test]
async fn a_failed_run_is_tried_again_as_a_new_one() {
    let stage = Stage::new().await;
    let run = stage.start().await;
    let failed = Completion {
        exit_code: Some(2),
        error_message: Some("1 test failed".to_owned()),
        ..Completion::default()
    };
    let state = stage.worker.complete_workflow_run(run.id, run.claim_token, &failed).await.expect("complete");
    assert_eq!((state.status, state.failure_reason), (RunStatus::Failed, Some(FailureReason::User)));
    let retried = stage.operator.retry_run(run.id, None).await.expect("retry");
    assert!(retried.id != run.id && retried.status == RunStatus::Queued);
    let line = stage.operator.run(run.id).await.expect("look").expect("a line");
    assert_eq!(line.last_error.as_deref(), Some("1 test failed"));
    assert_eq!((line.status, line.failure_reason), (RunStatus::Failed, Some(FailureReason::User)));
    assert_eq!(line.more["exit_code"], 2);
    let refused = stage.operator.retry_run(retried.id, Some("no-such-step")).await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test]
async fn the_queue_says_who_waits_and_why() {
    let stage = Stage::new().await;
    let run = stage.queue().await;
    stage.operator.pause_project(PROJECT, "stocktaking").await.expect("pause");
    assert!(stage.worker.claim_next_run(WORKER, 30).await.expect("claim").is_none());
    let queued = stage.operator.list_queued_runs(Some(PROJECT), 10).await.expect("list");
    assert_eq!((queued[0].run_id, queued[0].position), (run, 1));
    assert_eq!(queued[0].project_slug, PROJECT);
    let causes = stage.operator.explain_wait(run).await.expect("explain");
    assert!(causes.iter().any(|cause| cause.detail.contains("stocktaking")), "{causes:?}");
    stage.operator.resume_project(PROJECT).await.expect("resume");
    assert!(stage.worker.claim_next_run(WORKER, 30).await.expect("claim").is_some());
    assert!(stage.operator.list_queued_runs(None, 10).await.expect("list").is_empty());
}

#[tokio::test]
async fn overviews_show_runs_workers_and_projects() {
    let stage = Stage::new().await;
    let run = stage.start().await;
    let filter = RunFilter {
        project: Some(PROJECT.to_owned()),
        workflow: Some("work".to_owned()),
        status: Some(RunStatus::Running),
    };
    let listed = stage.operator.run_overview(&filter, 10).await.expect("list");
    assert_eq!(listed.iter().map(|line| line.id).collect::<Vec<_>>(), [run.id]);
    let none = RunFilter { status: Some(RunStatus::Failed), ..RunFilter::default() };
    assert!(stage.operator.run_overview(&none, 10).await.expect("list").is_empty());
    let events = stage.operator.run_events(run.id).await.expect("events");
    let states: Vec<_> = events.iter().filter_map(|event| event.to.as_deref()).collect();
    assert_eq!(states, ["queued", "claimed", "running"]);
    let workers = stage.operator.worker_overview().await.expect("workers");
    assert_eq!(workers[0].id, WORKER);
    let projects = stage.operator.project_overview().await.expect("projects");
    assert_eq!((projects[0].slug.as_str(), &projects[0].more["running"]), (PROJECT, &json!(1)));
    let reader = stage.database.contract(Login::Reader);
    assert_eq!(reader.run_overview(&RunFilter::default(), 10).await.expect("as reader").len(), 1);
}

#[tokio::test]
async fn workflows_are_versioned_checked_and_found() {
    let stage = Stage::new().await;
    let operator = &stage.operator;
    let mut changed = definition();
    changed["timeout_secs"] = json!(60);
    let stored = operator.put_workflow(PROJECT, "work", &changed, None).await.expect("put");
    assert_eq!((stored.name.as_str(), stored.version), ("work", 2));
    let found = operator.workflow(Some(PROJECT), "work").await.expect("look").expect("a workflow");
    assert_eq!((found.version, &found.definition, found.kind.as_str()), (2, &changed, "custom"));
    let all = operator.workflows(Some(PROJECT)).await.expect("list");
    let names: Vec<_> = all.iter().map(|workflow| workflow.name.as_str()).collect();
    assert_eq!(names, ["odoo-backup", "odoo-build", "odoo-test", "work"]);
    assert!(operator.workflow(None, "work").await.expect("look").is_none());
    let bad = json!({"steps": [{"name": "x", "image": "y", "comand": []}]});
    let refused = operator.put_workflow(PROJECT, "work", &bad, None).await.expect_err("a bad definition");
    assert!(matches!(refused, ContractError::BadArgument(_)), "{refused:?}");
    assert!(refused.to_string().contains("steps[0].comand"), "{refused}");
}

#[tokio::test]
async fn projects_members_and_limits_are_put() {
    let stage = Stage::new().await;
    let operator = &stage.operator;
    let change = NewProject {
        slug: PROJECT.to_owned(),
        name: Some("The shop".to_owned()),
        max_running: Some(2),
        ..NewProject::default()
    };
    let project = operator.put_project(&change).await.expect("change");
    assert_eq!((project.name.as_str(), project.status.as_str()), ("The shop", "active"));
    assert_eq!(project.odoo_version.as_deref(), Some("18.0"), "what is not named stays");
    assert_eq!(project.more["max_running"], 2);
    operator.put_concurrency_key(PROJECT, "deploy", 3).await.expect("a limit");
    let member = Member { project: PROJECT.to_owned(), user_id: Uuid::now_v7(), role: MemberRole::Developer };
    operator.put_member(&member).await.expect("a member");
    let refused = stage.worker.put_project(&change).await;
    assert!(matches!(refused, Err(ContractError::NotPermitted(_))), "{refused:?}");
    let bad = NewProject { slug: "Not A Slug".to_owned(), ..NewProject::default() };
    let refused = operator.put_project(&bad).await;
    assert!(matches!(refused, Err(ContractError::BadArgument(_))), "{refused:?}");
}
