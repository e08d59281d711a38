//! A walk over the catalog: every function, policy, table and grant is as the rules say.

use std::collections::BTreeSet;

use crate::contract::scene::{Scene, row, value, values};

/// Functions in `ops`; trigger functions and helpers, too.
const FUNCTIONS: &str = "from pg_proc p where p.pronamespace = 'ops'::regnamespace";

async fn names(scene: &Scene, sql: &str) -> Vec<String> {
    values(&scene.database.superuser().await, sql, &[]).await
}

#[tokio::test]
async fn every_function_is_the_owners_definer_with_an_empty_search_path() {
    let scene = Scene::new().await;
    let sql = format!(
        "select p.proname::text {FUNCTIONS} and (not p.prosecdef or p.proowner <> 'ops_owner'::regrole \
         or not coalesce(p.proconfig @> array['search_path=\"\"'], false)) order by 1"
    );
    assert_eq!(names(&scene, &sql).await, Vec::<String>::new());
}

#[tokio::test]
async fn no_function_may_be_called_by_the_public_or_anon() {
    let scene = Scene::new().await;
    let sql = format!(
        "select p.proname::text {FUNCTIONS} and (has_function_privilege('anon', p.oid, 'execute') \
         or exists (select from aclexplode(p.proacl) a where a.grantee = 0) or p.proacl is null) order by 1"
    );
    assert_eq!(names(&scene, &sql).await, Vec::<String>::new());
}

#[tokio::test]
async fn every_name_has_one_signature_and_a_comment() {
    let scene = Scene::new().await;
    let sql = format!("select p.proname::text {FUNCTIONS} group by 1 having count(*) > 1");
    assert_eq!(names(&scene, &sql).await, Vec::<String>::new());
    let sql = format!("select p.proname::text {FUNCTIONS} and obj_description(p.oid, 'pg_proc') is null");
    assert_eq!(names(&scene, &sql).await, Vec::<String>::new());
    let sql = "select c.relname::text from pg_class c where c.relnamespace = 'ops'::regnamespace \
         and c.relkind in ('r', 'p', 'v') and not c.relispartition \
         and obj_description(c.oid, 'pg_class') is null and c.relname not like 'refinery%' order by 1";
    let undocumented = names(&scene, sql).await;
    let ours: Vec<&String> = undocumented.iter().filter(|name| !name.starts_with("contract_")).collect();
    assert!(ours.is_empty(), "{ours:?}");
}

#[tokio::test]
async fn arguments_are_an_api_of_one_style() {
    let scene = Scene::new().await;
    let sql = format!(
        "select p.proname::text || ' ' || a.name {FUNCTIONS} \
         cross join lateral unnest(p.proargnames) a (name) where a.name !~ '^p_[a-z0-9_]+$'"
    )
    .replace("ops'::regnamespace cross", "ops'::regnamespace cross");
    let sql = sql.replace(
        "where p.pronamespace = 'ops'::regnamespace cross join lateral unnest(p.proargnames) a (name) where",
        "cross join lateral unnest(p.proargnames) a (name) where p.pronamespace = 'ops'::regnamespace and",
    );
    assert_eq!(names(&scene, &sql).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_owner_cannot_log_in_and_owns_everything() {
    let scene = Scene::new().await;
    let superuser = scene.database.superuser().await;
    let login = "select rolcanlogin or rolsuper or rolbypassrls from pg_roles where rolname = 'ops_owner'";
    assert!(!value::<bool>(&superuser, login, &[]).await);
    let sql = "select c.relname::text from pg_class c where c.relnamespace = 'ops'::regnamespace \
         and c.relkind in ('r', 'p', 'v', 'S') and c.relowner <> 'ops_owner'::regrole";
    assert_eq!(names(&scene, sql).await, Vec::<String>::new());
}

#[tokio::test]
async fn every_table_has_row_level_security_and_a_policy() {
    let scene = Scene::new().await;
    let sql = "select c.relname::text from pg_class c where c.relnamespace = 'ops'::regnamespace \
         and c.relkind in ('r', 'p') and not c.relrowsecurity order by 1";
    let open: BTreeSet<String> = names(&scene, sql).await.into_iter().collect();
    let granted = "select count(*) from information_schema.role_table_grants where table_schema = 'ops' \
         and table_name = $1 and grantee <> 'ops_owner'";
    let superuser = scene.database.superuser().await;
    for table in &open {
        assert_eq!(value::<i64>(&superuser, granted, &[table]).await, 0, "{table} is open to somebody");
    }
    let sql = "select c.relname::text from pg_class c where c.relnamespace = 'ops'::regnamespace \
         and c.relkind in ('r', 'p') and c.relrowsecurity and not c.relispartition \
         and not exists (select from pg_policy p where p.polrelid = c.oid)";
    assert_eq!(names(&scene, sql).await, Vec::<String>::new());
}

#[tokio::test]
async fn every_view_asks_with_the_rights_of_its_reader() {
    let scene = Scene::new().await;
    let sql = "select c.relname::text from pg_class c where c.relnamespace = 'ops'::regnamespace \
         and c.relkind = 'v' and not coalesce(c.reloptions @> '{security_invoker=true}', false)";
    assert_eq!(names(&scene, sql).await, Vec::<String>::new());
}

#[tokio::test]
async fn policies_call_helpers_once_a_statement() {
    let scene = Scene::new().await;
    let sql = "select policyname || ' on ' || tablename from pg_policies where schemaname = 'ops' \
         and coalesce(qual, '') || coalesce(with_check, '') like '%my_project_ids%' \
         and coalesce(qual, '') || coalesce(with_check, '') not like '%SELECT ops.my_project_ids%'";
    assert_eq!(names(&scene, sql).await, Vec::<String>::new());
}

#[tokio::test]
async fn nobody_may_update_delete_or_truncate_and_only_runs_take_inserts() {
    let scene = Scene::new().await;
    let sql = "select concat_ws(' ', grantee, privilege_type, table_name) \
         from information_schema.role_table_grants where table_schema = 'ops' \
         and grantee <> 'ops_owner' and privilege_type <> 'SELECT' order by 1";
    assert_eq!(names(&scene, sql).await, Vec::<String>::new());
    let sql = "select distinct concat_ws(' ', privilege_type, table_name) \
         from information_schema.role_column_grants where table_schema = 'ops' \
         and grantee <> 'ops_owner' and privilege_type <> 'SELECT'";
    assert_eq!(names(&scene, sql).await, ["INSERT runs"]);
    let sql = "select string_agg(distinct column_name, ' ' order by column_name) \
         from information_schema.role_column_grants where table_schema = 'ops' \
         and table_name = 'runs' and privilege_type = 'INSERT' and grantee <> 'ops_owner'";
    let columns = row(&scene.database.superuser().await, sql, &[]).await.get::<_, String>(0);
    assert_eq!(
        columns,
        "commit_sha concurrency_key environment_id git_ref idempotency_key input max_attempts not_before \
         parent_run_id priority project_id required_labels timeout_secs trigger workflow_id"
    );
}

#[tokio::test]
async fn the_claim_token_is_readable_by_nobody() {
    let scene = Scene::new().await;
    let sql = "select c.relname || '.' || a.attname || ' ' || r.rolname from pg_attribute a \
         join pg_class c on c.oid = a.attrelid and c.relnamespace = 'ops'::regnamespace \
           and c.relkind in ('r', 'p', 'v') \
         cross join pg_roles r where a.attname like '%token%' and not r.rolsuper \
           and r.rolname in ('ops_worker', 'ops_operator', 'ops_reader', 'authenticated', 'anon', \
             'service_role') \
           and has_column_privilege(r.oid, c.oid, a.attnum, 'select')";
    assert_eq!(names(&scene, sql).await, Vec::<String>::new());
}

#[tokio::test]
async fn new_functions_of_the_owner_are_closed_from_the_start() {
    let scene = Scene::new().await;
    let superuser = scene.database.superuser().await;
    let make = "set role ops_owner; create function ops.fresh() returns int language sql as 'select 1'";
    superuser.batch_execute(make).await.expect("a function");
    let open = "select has_function_privilege('ops_worker', 'ops.fresh()', 'execute')";
    assert!(!value::<bool>(&superuser, open, &[]).await);
}
