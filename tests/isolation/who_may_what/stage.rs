//! Two projects that have one of everything, and everybody who may ask.

use std::collections::BTreeMap;

use tokio_postgres::Client;
use url::Url;
use uuid::Uuid;

use super::actors::{Actor, MEMBER_ROLES, Project, Who};
use crate::contract::scene::{run, value};
use crate::support::postgres::connect;

/// The columns by which a row is known to belong to a project; what is not here belongs to none.
pub(super) const BELONGS_BY: &[(&str, &str)] = &[
    ("concurrency_keys", "project_id"),
    ("project_memberships", "project_id"),
    ("project_overview", "slug"),
    ("projects", "id"),
    ("queue_overview", "project"),
    ("run_artifacts", "run_id"),
    ("run_attempts", "run_id"),
    ("run_dependencies", "run_id"),
    ("run_events", "run_id"),
    ("run_log_chunks", "run_id"),
    ("run_logs", "run_id"),
    ("run_overview", "project"),
    ("run_steps", "run_id"),
    ("runs", "id"),
    ("workflow_versions", "workflow_id"),
    ("workflows", "id"),
];

/// A database with the two projects.
pub(super) struct Stage {
    pub(super) superuser: Client,
    pub(super) actors: Vec<Actor>,
    /// What a call or a row names of each project.
    names: BTreeMap<Project, Vec<(&'static str, String)>>,
    /// Ids, slugs of each project.
    owner_of: BTreeMap<String, Project>,
}

impl Stage {
    /// On a migrated database, with the login roles of the tests.
    pub(super) async fn new(superuser_url: &Url) -> Self {
        let superuser = connect(superuser_url).await;
        let mut actors = Vec::new();
        for who in Who::all() {
            actors.push(Actor::log_in(who, superuser_url).await);
        }
        let mut worker_url = superuser_url.clone();
        worker_url
            .set_username(crate::support::postgres_roles::Login::Worker.name())
            .expect("a URL with a host");
        worker_url.set_password(Some(crate::support::postgres_roles::PASSWORD)).expect("a URL with a host");
        let worker = connect(&worker_url).await;
        let mut stage = Self { superuser, actors, names: BTreeMap::new(), owner_of: BTreeMap::new() };
        for project in Project::BOTH {
            stage.furnish(project, &worker).await;
        }
        for project in Project::BOTH {
            run(&stage.superuser, "select ops.enqueue_run($1, 'own')", &[&project.slug()]).await;
        }
        let shared = "select ops.put_tool('tool', 'image'); \
             insert into ops.upgrade_advisories (from_version, to_version, severity, title) \
             values ('17.0', '18.0', 'info', 'x'); \
             insert into ops.older_objects (kind, older_identity, fate) values ('table', 'ops.theirs', 'kept')";
        stage.superuser.batch_execute(shared).await.expect("what belongs to nobody");
        stage.know_owners().await;
        stage
    }

    /// A finished run with all that a run can leave, a running, a claimed and a waiting one.
    async fn furnish(&mut self, project: Project, worker: &Client) {
        let (slug, db) = (project.slug(), &self.superuser);
        run(db, "select ops.put_project($1)", &[&slug]).await;
        for (role, name) in MEMBER_ROLES.iter().enumerate() {
            let user = Who::Member(project, role).user();
            run(db, "select ops.put_member($1, $2, $3)", &[&slug, &user, name]).await;
        }
        let workflow = "select ops.put_workflow($1, 'own', \
             '{\"steps\": [{\"name\": \"a\", \"uses\": \"odoo/test\"}]}')";
        run(db, workflow, &[&slug]).await;
        let enqueue = "select id from ops.enqueue_run($1, 'own', p_options => $2)";
        let plain = serde_json::json!({});
        let finished: Uuid =
            value(db, enqueue, &[&slug, &serde_json::json!({ "concurrency_key": "k" })]).await;
        let finished_token = claim(worker, finished).await;
        for sql in [
            "select ops.start_workflow_run($1, 'w1', $2)",
            "select ops.append_run_log($1, 'info', 'hello', p_claim_token => $2)",
            "select ops.record_step($1, $2, 'a', 'succeeded', 0, null)",
            "select ops.add_run_artifact($1, 'k', 's3://b/k', p_claim_token => $2)",
            "select ops.complete_workflow_run($1, 0, null, $2)",
        ] {
            run(worker, sql, &[&finished, &finished_token]).await;
        }
        let running: Uuid = value(db, enqueue, &[&slug, &plain]).await;
        let running_token = claim(worker, running).await;
        run(worker, "select ops.start_workflow_run($1, 'w1', $2)", &[&running, &running_token]).await;
        let claimed: Uuid = value(db, enqueue, &[&slug, &plain]).await;
        let claimed_token = claim(worker, claimed).await;
        let waiting = serde_json::json!({ "depends_on": [running] });
        let waiting: Uuid = value(db, enqueue, &[&slug, &waiting]).await;
        let names = [
            ("project", slug.to_owned()),
            ("finished", finished.to_string()),
            ("running", running.to_string()),
            ("running_token", running_token.to_string()),
            ("claimed", claimed.to_string()),
            ("claimed_token", claimed_token.to_string()),
            ("waiting", waiting.to_string()),
            ("project_id", text(db, "select id::text from ops.projects where slug = $1", slug).await),
            (
                "workflow_id",
                text(
                    db,
                    "select w.id::text from ops.workflows w join ops.projects p on p.id = w.project_id \
                     where p.slug = $1",
                    slug,
                )
                .await,
            ),
            ("instance", text(db, "select id::text from ops.instance where $1 <> ''", slug).await),
        ];
        self.names.insert(project, names.to_vec());
    }

    async fn know_owners(&mut self) {
        let sql = "select n, p.slug from ops.projects p cross join lateral ( \
               select p.id::text union all select p.slug \
               union all select r.id::text from ops.runs r where r.project_id = p.id \
               union all select w.id::text from ops.workflows w where w.project_id = p.id) x (n)";
        for row in self.superuser.query(sql, &[]).await.expect("names") {
            let slug: String = row.get(1);
            let project = Project::BOTH.into_iter().find(|p| p.slug() == slug).expect("one of the two");
            self.owner_of.insert(row.get(0), project);
        }
    }

    /// The project that a name belongs to; none: built in.
    pub(super) fn owner_of(&self, name: &str) -> Option<Project> {
        self.owner_of.get(name).copied()
    }

    /// Fills `{running}` and the like in with what `project` has.
    pub(super) fn fill(&self, template: &str, project: Project) -> String {
        let filled = self.names[&project]
            .iter()
            .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
        let unknown = filled.find('{').map(|at| &filled[at..]);
        assert!(unknown.is_none_or(|rest| rest.starts_with("{}") || rest.starts_with("{\"")), "{filled}");
        filled
    }

    pub(super) fn actor(&self, who: Who) -> &Actor {
        self.actors.iter().find(|actor| actor.who == who).expect("everybody is here")
    }
}

/// Claims until this run comes, so that the order of turns between the projects does not matter.
async fn claim(worker: &Client, id: Uuid) -> Uuid {
    let row = worker
        .query_one("select id, claim_token from ops.claim_next_run('w1', 3600)", &[])
        .await
        .expect("a run to claim");
    assert_eq!(row.get::<_, Uuid>(0), id, "it is the only one that waits");
    row.get(1)
}

async fn text(client: &Client, sql: &str, slug: &str) -> String {
    value(client, sql, &[&slug]).await
}
