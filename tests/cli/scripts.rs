//! `scripts/odooops/env_*.sh`: what they print, how they end, and that they paste nothing into SQL.

use tokio::net::TcpListener;
use tokio::process::Command;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::postgres::TestDatabase;
use crate::support::postgres_roles::Login;
use crate::support::shell::{Ended, command, end_of, libpq_variables};

const CREATE: &str = "scripts/odooops/env_create.sh";
const WAIT: &str = "scripts/odooops/env_wait_ready.sh";
const DESTROY: &str = "scripts/odooops/env_destroy.sh";

/// A database with project `shop`, and an operator's connection to it.
struct Control {
    database: TestDatabase,
    operator: Client,
}

impl Control {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let operator = database.login(Login::Operator).await;
        operator.batch_execute("select ops.put_project('shop', 'Shop')").await.expect("a project");
        Self { database, operator }
    }

    fn script(&self, script: &str, args: &[&str]) -> Command {
        let mut command = command(script);
        command.args(args).env("DATABASE_URL", self.database.login_url(Login::Operator));
        command
    }

    async fn run(&self, script: &str, args: &[&str]) -> Ended {
        end_of(self.script(script, args)).await
    }

    async fn create(&self) -> String {
        let created = self.run(CREATE, &["shop", "build", "main", "abc123"]).await;
        assert_eq!(created.code, 0, "{}", created.stderr);
        created.stdout
    }

    async fn sql(&self, statement: &str, run_id: &str) {
        let statement = statement.replace("RUN", &format!("'{run_id}'"));
        self.operator.batch_execute(&statement).await.expect("the contract");
    }

    async fn start(&self, run_id: &str) {
        self.sql("select ops.claim_next_run('w'); select ops.start_workflow_run(RUN, 'w')", run_id).await;
    }
}

#[tokio::test]
async fn env_create_queues_a_run_and_prints_its_id() {
    let control = Control::new().await;
    let run_id: Uuid = control.create().await.parse().expect("only the run's id is printed");
    let row = control
        .operator
        .query_one(
            "select o.project, o.workflow, o.git_ref, o.commit_sha, o.status, r.input::text \
             from ops.run_overview o join ops.runs r on r.id = o.id where o.id = $1",
            &[&run_id],
        )
        .await
        .expect("the run");
    let texts: Vec<String> = (0..6).map(|column| row.get(column)).collect();
    assert_eq!(texts, ["shop", "odoo-build", "main", "abc123", "queued", "{}"]);
}

#[tokio::test]
async fn env_create_takes_names_kinds_and_empty_refs() {
    let control = Control::new().await;
    for (workflow, git_ref, sha) in [("odoo-test", "", ""), ("test", "v1.0", ""), ("backup", "", "abcdef1")] {
        let created = control.run(CREATE, &["shop", workflow, git_ref, sha]).await;
        assert_eq!((created.code, created.stderr.as_str()), (0, ""), "{workflow}");
    }
}

#[tokio::test]
async fn env_create_passes_the_environment_on() {
    let control = Control::new().await;
    let environment = Uuid::now_v7();
    for (name, input, id) in [
        ("dev", Some("dev"), None),
        ("it's \"odd\" \\ :'x'", Some("it's \"odd\" \\ :'x'"), None),
        (&*environment.to_string(), None, Some(environment)),
    ] {
        let created = control.run(CREATE, &["shop", "build", "main", "abc123", name]).await;
        let run_id: Uuid = created.stdout.parse().unwrap_or_else(|_| panic!("{}", created.stderr));
        let row = control
            .operator
            .query_one(
                "select input ->> 'environment', environment_id from ops.runs where id = $1",
                &[&run_id],
            )
            .await
            .expect("the run");
        assert_eq!((row.get::<_, Option<&str>>(0), row.get::<_, Option<Uuid>>(1)), (input, id));
    }
}

#[tokio::test]
async fn what_the_database_refuses_is_said() {
    let control = Control::new().await;
    for (args, said) in [
        (["nope", "build", "main", "abc123"], "nope"),
        (["shop", "nope", "main", "abc123"], "nope"),
        (["x'; drop schema ops cascade; --", "build", "main", "abc123"], "drop schema"),
    ] {
        let refused = control.run(CREATE, &args).await;
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{args:?}");
        assert!(refused.stderr.contains(said) && !refused.stderr.contains("psql:"), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn bad_arguments_end_with_2_before_anything_is_asked() {
    let id = Uuid::nil().to_string();
    for (script, args) in [
        (CREATE, vec![]),
        (CREATE, vec!["shop", "build", "main"]),
        (CREATE, vec!["", "build", "main", "abc123"]),
        (CREATE, vec!["shop", "", "main", "abc123"]),
        (CREATE, vec!["shop", "build", "--upload-pack=x", "abc123"]),
        (CREATE, vec!["shop", "build", "main", "main"]),
        (CREATE, vec!["shop", "build", "main", "abc123", "dev", "more"]),
        (WAIT, vec![]),
        (WAIT, vec!["1"]),
        (WAIT, vec!["'; select 1"]),
        (WAIT, vec![&id, "soon"]),
        (WAIT, vec![&id, "10", "0"]),
        (WAIT, vec![&id, "10", "-1"]),
        (DESTROY, vec![]),
        (DESTROY, vec!["run-20260214-120000-abc1234"]),
        (DESTROY, vec![&id, "more"]),
    ] {
        let mut command = command(script);
        command.args(&args).env("DATABASE_URL", "postgres://127.0.0.1:1/none");
        let ended = end_of(command).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{script} {args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("--help"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn help_names_the_exit_codes() {
    for script in [CREATE, WAIT, DESTROY] {
        let mut command = command(script);
        command.arg("--help");
        let ended = end_of(command).await;
        assert_eq!(ended.code, 0);
        assert!(ended.stdout.contains("Exit codes: 0") && ended.stdout.contains("SUPABASE_DB_URL"));
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_ends_with_3_and_no_password() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the port's number");
    drop(listener);
    let id = Uuid::nil().to_string();
    for (script, args) in
        [(CREATE, vec!["shop", "build", "main", "abc123"]), (WAIT, vec![&*id]), (DESTROY, vec![&*id])]
    {
        let mut command = command(script);
        command.args(&args).env("DATABASE_URL", format!("postgres://me:hunter2@{address}/none"));
        let ended = end_of(command).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (3, ""), "{script}");
        assert!(ended.stderr.contains("cannot be reached") && ended.stderr.contains("Set DATABASE_URL"));
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn the_database_is_found_through_each_variable() {
    let control = Control::new().await;
    let url = control.database.login_url(Login::Operator);
    let args = ["shop", "build", "main", "abc123"];
    let mut supabase = command(CREATE);
    supabase.args(args).env("SUPABASE_DB_URL", &url);
    let mut first_wins = command(CREATE);
    first_wins.args(args).env("DATABASE_URL", &url).env("SUPABASE_DB_URL", "postgres://127.0.0.1:1/none");
    let mut own = command(CREATE);
    own.args(args).envs(libpq_variables(&control.database, Login::Operator));
    for command in [supabase, first_wins, own] {
        let ended = end_of(command).await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
}

#[tokio::test]
async fn env_wait_ready_prints_the_newest_artifact() {
    let control = Control::new().await;
    let run_id = control.create().await;
    control.start(&run_id).await;
    control.sql("select ops.add_run_artifact(RUN, 'a', 's3://bucket/first')", &run_id).await;
    control.sql("select ops.add_run_artifact(RUN, 'b', 's3://bucket/with blank')", &run_id).await;
    control.sql("select ops.complete_workflow_run(RUN, 0)", &run_id).await;
    let ready = control.run(WAIT, &[&run_id]).await;
    let expected = Ended { code: 0, stdout: "s3://bucket/with blank".into(), stderr: String::new() };
    assert_eq!(ready, expected);
}

#[tokio::test]
async fn env_wait_ready_says_succeeded_where_there_is_no_artifact() {
    let control = Control::new().await;
    let run_id = control.create().await;
    control.start(&run_id).await;
    let mut waiting = control.script(WAIT, &[&run_id, "50", "1"]);
    waiting.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let waiting = waiting.spawn().expect("the script runs");
    control.sql("select ops.complete_workflow_run(RUN, 0)", &run_id).await;
    let output = tokio::time::timeout(std::time::Duration::from_secs(60), waiting.wait_with_output()).await;
    let ready = crate::support::shell::ended(output.expect("it must not hang").expect("it ran"));
    assert_eq!(ready, Ended { code: 0, stdout: "succeeded".into(), stderr: String::new() });
}

#[tokio::test]
async fn env_wait_ready_shows_the_last_events_of_a_run_that_failed() {
    let control = Control::new().await;
    let run_id = control.create().await;
    control.start(&run_id).await;
    control.sql("select ops.complete_workflow_run(RUN, 1, 'two tests failed')", &run_id).await;
    let failed = control.run(WAIT, &[&run_id]).await;
    assert_eq!((failed.code, failed.stdout.as_str()), (1, ""));
    assert!(failed.stderr.contains("failed (user): two tests failed"), "{}", failed.stderr);
    let events: Vec<&str> =
        failed.stderr.lines().skip_while(|line| *line != "Last events:").skip(1).collect();
    let arrows = ["new -> queued", "queued -> claimed", "claimed -> running", "running -> failed"];
    assert_eq!(events.len(), arrows.len(), "{events:?}");
    for (event, arrow) in events.iter().zip(arrows) {
        assert!(event.contains(arrow), "{event}");
    }
}

#[tokio::test]
async fn env_wait_ready_ends_with_1_for_what_is_canceled_unknown_or_late() {
    let control = Control::new().await;
    let canceled = control.create().await;
    control.sql("select ops.cancel_run(RUN, 'not needed')", &canceled).await;
    let ended = control.run(WAIT, &[&canceled]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.contains("canceled") && ended.stderr.contains("not needed"), "{}", ended.stderr);

    let ended = control.run(WAIT, &[&Uuid::nil().to_string()]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.contains("there is no run"), "{}", ended.stderr);

    let queued = control.create().await;
    let ended = control.run(WAIT, &[&queued, "1", "5"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.contains("still queued after 1 s"), "{}", ended.stderr);
    assert!(ended.stderr.contains("new -> queued"), "{}", ended.stderr);
}

#[tokio::test]
async fn env_destroy_cancels_also_twice() {
    let control = Control::new().await;
    let run_id = control.create().await;
    for _ in 0..2 {
        let ended = control.run(DESTROY, &[&run_id]).await;
        let expected = Ended { code: 0, stdout: format!("canceled:{run_id}"), stderr: String::new() };
        assert_eq!(ended, expected);
    }
}

#[tokio::test]
async fn env_destroy_asks_the_worker_of_a_running_run() {
    let control = Control::new().await;
    let run_id = control.create().await;
    control.start(&run_id).await;
    let ended = control.run(DESTROY, &[&run_id]).await;
    assert_eq!((ended.code, ended.stdout), (0, format!("canceled:{run_id}")));
    assert!(ended.stderr.contains("is running: its worker has been asked to stop"), "{}", ended.stderr);
    let asked = control
        .operator
        .query_one(
            "select cancel_requested_at is not null from ops.runs where id = $1",
            &[&run_id.parse::<Uuid>().expect("an id")],
        )
        .await;
    assert!(asked.expect("the run").get::<_, bool>(0));
}

#[tokio::test]
async fn env_destroy_of_a_run_that_ended_says_how() {
    let control = Control::new().await;
    let run_id = control.create().await;
    control.start(&run_id).await;
    control.sql("select ops.complete_workflow_run(RUN, 0)", &run_id).await;
    let ended = control.run(DESTROY, &[&run_id]).await;
    assert_eq!((ended.code, ended.stdout), (0, format!("succeeded:{run_id}")));
    let ended = control.run(DESTROY, &[&Uuid::nil().to_string()]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{}", ended.stderr);
}
