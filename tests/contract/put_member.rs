//! `put_member`: who may do what in a project.

use uuid::Uuid;

use super::member::{Member, from_admin_on, try_as_each_role};
use super::scene::{Scene, code, run, values};

const PUT: &str = "select ops.put_member('acme', $1, $2)";
const ROLES: &str = "select role::text from ops.project_memberships where user_id = $1";

#[tokio::test]
async fn a_role_is_given_changed_and_taken() {
    let scene = Scene::new().await;
    let user = Uuid::new_v4();
    for (role, expected) in
        [(Some("viewer"), vec!["viewer"]), (Some("admin"), vec!["admin"]), (None, vec![]), (None, vec![])]
    {
        run(&scene.operator, PUT, &[&user, &role]).await;
        assert_eq!(values::<String>(&scene.operator, ROLES, &[&user]).await, expected);
    }
}

#[tokio::test]
async fn only_owners_make_or_remove_owners() {
    let scene = Scene::new().await;
    let mut admin = Member::new(&scene, Some("admin")).await;
    let mut owner = Member::new(&scene, Some("owner")).await;
    let user = Uuid::new_v4();
    assert_eq!(admin.attempt(PUT, &[&user, &"owner"]).await, Err("OP007".to_owned()));
    assert_eq!(admin.attempt(PUT, &[&owner.user, &"viewer"]).await, Err("OP007".to_owned()));
    assert_eq!(owner.attempt(PUT, &[&user, &"owner"]).await, Ok(()));
    let second = user;
    assert_eq!(owner.attempt(PUT, &[&second, &None::<&str>]).await, Ok(()));
}

#[tokio::test]
async fn nobody_makes_themselves_more_than_they_are() {
    let scene = Scene::new().await;
    let mut developer = Member::new(&scene, Some("developer")).await;
    let user = developer.user;
    assert_eq!(developer.attempt(PUT, &[&user, &"owner"]).await, Err("OP007".to_owned()));
    let mut stranger = Member::new(&scene, None).await;
    let user = stranger.user;
    assert_eq!(stranger.attempt(PUT, &[&user, &"viewer"]).await, Err("OP001".to_owned()));
}

#[tokio::test]
async fn arguments_are_checked_and_admins_may() {
    let scene = Scene::new().await;
    let user = Uuid::new_v4();
    assert_eq!(code(&scene.operator, PUT, &[&user, &"king"]).await, "OP004");
    assert_eq!(code(&scene.operator, PUT, &[&None::<Uuid>, &"viewer"]).await, "OP004");
    assert_eq!(code(&scene.operator, "select ops.put_member('x', $1, 'viewer')", &[&user]).await, "OP001");
    assert_eq!(try_as_each_role(&scene, PUT, &[&user, &"viewer"]).await, from_admin_on());
}
