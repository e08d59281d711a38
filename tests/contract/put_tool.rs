//! `put_tool`: names for images.

use super::member::Member;
use super::scene::{Scene, code, refusal, row, run};

#[tokio::test]
async fn a_tool_is_made_and_replaced() {
    let scene = Scene::new().await;
    run(&scene.operator, "select ops.put_tool('odoo', 'odoo:17.0', '17')", &[]).await;
    let digest = format!("sha256:{}", "a".repeat(64));
    let sql = "select ops.put_tool('odoo', 'odoo:18.0', '18', $1, '{\"a\": 1}')";
    run(&scene.operator, sql, &[&digest]).await;
    let tool = row(&scene.operator, "select image, version, digest, config::text from ops.tools", &[]).await;
    let (image, version): (String, String) = (tool.get(0), tool.get(1));
    assert_eq!((image.as_str(), version.as_str()), ("odoo:18.0", "18"));
    assert_eq!(tool.get::<_, String>(2), digest);
    assert_eq!(tool.get::<_, String>(3), "{\"a\": 1}");
}

#[tokio::test]
async fn bad_arguments_are_named() {
    let scene = Scene::new().await;
    for (arguments, argument) in [
        ("'Odoo', 'odoo'", "p_name"),
        ("null, 'odoo'", "p_name"),
        ("'odoo', ''", "p_image"),
        ("'odoo', 'white space'", "p_image"),
        ("'odoo', 'odoo', p_digest => 'abc'", "p_digest"),
        ("'odoo', 'odoo', p_config => '[]'", "p_config"),
    ] {
        let refused = refusal(&scene.operator, &format!("select ops.put_tool({arguments})"), &[]).await;
        assert_eq!(refused.code, "OP004", "{arguments}");
        assert!(refused.message.starts_with(argument), "{}", refused.message);
    }
}

#[tokio::test]
async fn operators_only() {
    let scene = Scene::new().await;
    let sql = "select ops.put_tool('odoo', 'odoo')";
    let mut owner = Member::new(&scene, Some("owner")).await;
    assert_eq!(owner.attempt(sql, &[]).await, Err("42501".to_owned()));
    assert_eq!(code(&scene.worker, sql, &[]).await, "42501");
}
