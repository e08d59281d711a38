//! Who calls: `caller`, `caller_user_id`, `actor`, `is_operator`, `is_member`, `my_project_ids`, and what the
//! `require_*` functions make of it. Called inside a definer function, as the contract does.

use uuid::Uuid;

use super::member::Member;
use super::scene::{Scene, run, value};
use crate::support::postgres_roles::{Login, Request};

/// Lets everybody call one helper through a definer function, as contract functions do.
async fn expose(scene: &Scene, expression: &str) {
    let sql = format!(
        "create function ops.probe() returns text language plpgsql security definer set search_path = '' \
         as $$ begin return {expression}; end $$; alter function ops.probe() owner to ops_owner; \
         grant execute on function ops.probe() to public; grant usage on schema ops to public"
    );
    scene.database.superuser().await.batch_execute(&sql).await.expect("a probe");
}

const PROBE: &str = "select ops.probe()";

#[tokio::test]
async fn the_caller_is_the_login_or_the_role_set_never_the_owner() {
    let scene = Scene::new().await;
    expose(&scene, "ops.caller()").await;
    let superuser = scene.database.superuser().await;
    assert_eq!(value::<String>(&scene.worker, PROBE, &[]).await, "odooops_test_worker");
    assert_eq!(value::<String>(&superuser, PROBE, &[]).await, "postgres");
    superuser.batch_execute("set role ops_reader").await.expect("set role");
    assert_eq!(value::<String>(&superuser, PROBE, &[]).await, "ops_reader");
    let mut postgrest = scene.database.postgrest().await;
    let transaction = postgrest.request(Request::User(Uuid::new_v4())).await;
    assert_eq!(
        transaction.query_one(PROBE, &[]).await.expect("a probe").get::<_, String>(0),
        "authenticated"
    );
}

#[tokio::test]
async fn operators_are_those_of_the_role_and_the_service_key() {
    let scene = Scene::new().await;
    expose(&scene, "ops.is_operator()").await;
    assert_eq!(value::<String>(&scene.operator, PROBE, &[]).await, "true");
    assert_eq!(value::<String>(&scene.worker, PROBE, &[]).await, "false");
    let reader = scene.database.login(Login::Reader).await;
    assert_eq!(value::<String>(&reader, PROBE, &[]).await, "false");
    let mut postgrest = scene.database.postgrest().await;
    for (request, expected) in
        [(Request::Service, "true"), (Request::User(Uuid::new_v4()), "false"), (Request::Anon, "false")]
    {
        let transaction = postgrest.request(request).await;
        let row = transaction.query_one(PROBE, &[]).await.expect("a probe");
        assert_eq!(row.get::<_, String>(0), expected, "{request:?}");
    }
}

#[tokio::test]
async fn a_user_is_the_sub_of_the_token_where_it_is_one() {
    let scene = Scene::new().await;
    expose(&scene, "coalesce(ops.caller_user_id()::text, 'nobody') || ' ' || ops.actor()").await;
    let user = Uuid::new_v4();
    for (claims, expected) in [
        (format!("{{\"sub\": \"{user}\"}}"), format!("{user} user:{user}")),
        ("{\"sub\": \"not a uuid\"}".to_owned(), "nobody role:odooops_test_operator".to_owned()),
        ("{}".to_owned(), "nobody role:odooops_test_operator".to_owned()),
        (String::new(), "nobody role:odooops_test_operator".to_owned()),
    ] {
        run(&scene.operator, "select set_config('request.jwt.claims', $1, false)", &[&claims]).await;
        assert_eq!(value::<String>(&scene.operator, PROBE, &[]).await, expected, "{claims}");
    }
}

#[tokio::test]
async fn membership_is_of_a_project_and_roles_are_ordered() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_project('b')", &[]).await;
    expose(
        &scene,
        "(select string_agg(format('%s %s %s', p.slug, r, ops.is_member(p.id, r)), ', ' order by p.slug, r) \
         from ops.projects p, unnest(array['admin', 'developer']) r where ops.is_member(p.id)) \
         || '; ' || cardinality(ops.my_project_ids('developer'))",
    )
    .await;
    let mut developer = Member::new(&scene, Some("developer")).await;
    assert_eq!(
        developer.value::<String>(PROBE, &[]).await.as_deref(),
        Ok("acme admin f, acme developer t; 1")
    );
    let mut viewer = Member::new(&scene, Some("viewer")).await;
    assert_eq!(viewer.value::<String>(PROBE, &[]).await.as_deref(), Ok("acme admin f, acme developer f; 0"));
    assert_eq!(
        value::<String>(&scene.operator, PROBE, &[]).await,
        "acme admin t, acme developer t, b admin t, b developer t; 0"
    );
}

#[tokio::test]
async fn a_forged_claim_without_postgrest_gives_no_rights() {
    let scene = Scene::new().await;
    let mut owner = Member::new(&scene, Some("owner")).await;
    assert_eq!(owner.attempt("select ops.pause_project('acme')", &[]).await, Ok(()));
    let claims = format!("{{\"sub\": \"{}\"}}", owner.user);
    let nobody = scene.database.login(Login::Nobody).await;
    run(&nobody, "select set_config('request.jwt.claims', $1, false)", &[&claims]).await;
    assert_eq!(
        super::scene::code(&nobody, "select ops.resume_project('acme')", &[]).await,
        "42501",
        "the role decides first"
    );
}
