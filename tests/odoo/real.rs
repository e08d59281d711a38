//! The same cases on a real Odoo 18, where `ODOOOPS_TEST_ODOO_IMAGE` names an image with one.

use serde_json::json;

use super::backup::assert_backup_is_whole;
use super::bench::Bench;
use super::cases::{assert_green, run_broken};

fn image() -> String {
    std::env::var("ODOOOPS_TEST_ODOO_IMAGE").expect("ODOOOPS_TEST_ODOO_IMAGE: an image with Odoo 18.0")
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(odooops_test_odoo_image), ignore = "needs ODOOOPS_TEST_ODOO_IMAGE")]
async fn green_addons_are_green_on_odoo() {
    let bench = Bench::with(|odoo| odoo.image = Some(image())).await;
    assert_green(&bench.run("odoo-test", "main", json!({"modules": "all"})).await);
    bench.assert_nothing_left().await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(odooops_test_odoo_image), ignore = "needs ODOOOPS_TEST_ODOO_IMAGE")]
async fn each_broken_addon_fails_on_odoo_for_the_same_reason() {
    let bench = Bench::with(|odoo| odoo.image = Some(image())).await;
    run_broken(&bench).await;
    bench.assert_nothing_left().await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(odooops_test_odoo_image), ignore = "needs ODOOOPS_TEST_ODOO_IMAGE")]
async fn a_backup_of_odoo_is_whole() {
    assert_backup_is_whole(&image()).await;
}
