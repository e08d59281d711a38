//! What is shown of a value, and what is not.

use super::*;

#[test]
fn a_password_is_hidden_and_the_host_is_shown() {
    for (value, expected) in [
        ("postgres://me:hunter22@db.example:6432/ops", "postgres://me:***@db.example:6432/ops"),
        (
            "postgres://me@db/ops?password=hunter22&sslmode=require",
            "postgres://me@db/ops?password=***&sslmode=require",
        ),
        ("postgres:///ops?host=/run/pg&password=hunter22", "postgres:///ops?host=/run/pg&password=***"),
        ("postgres://me@db/ops", "postgres://me@db/ops"),
        ("postgres://me@[::1]:5432/ops", "postgres://me@[::1]:5432/ops"),
        ("s3://bucket/prefix", "s3://bucket/prefix"),
        ("file:///var/with%20blank", "file:///var/with%20blank"),
        ("unix:///var/run/docker.sock", "unix:///var/run/docker.sock"),
        ("ssh://git@host:2222", "ssh://git@host:2222"),
        ("hunter22", "(hidden)"),
        ("me:hunter22@db/x", "(hidden)"),
        ("postgres:me:hunter22@db/x", "(hidden)"),
        ("", ""),
    ] {
        assert_eq!(shown(value, true), expected);
    }
    assert_eq!(shown("odooops=debug,tokio=warn", false), "odooops=debug,tokio=warn");
}

#[test]
fn of_an_odd_url_no_more_than_scheme_and_host_is_shown() {
    for (value, expected) in [
        ("postgres:///u:hunter22@h", "postgres://***"),
        ("postgres://u:12/hunter22@h/ops", "postgres://***"),
        ("postgres://u:12?hunter22@h/ops", "postgres://***"),
        ("postgres://u:12#hunter22@h/ops", "postgres://***"),
        ("postgres://u:hunter22/x", "postgres://***"),
        ("postgres:///ops?host=u:hunter22@h", "postgres://***"),
        ("postgres:///u%3Ahunter22%40h", "postgres://***"),
        ("postgres://u%3Ahunter22%40h/ops", "postgres://***"),
        ("postgres://u%3Ahunter22@h/ops", "postgres://***@h/ops"),
        ("postgres://h/u%3Ahunter22", "postgres://h/***"),
        ("postgres://h/ops?PASSWORD=hunter22", "postgres://h/ops?PASSWORD=***"),
        ("postgres://h/ops?host=u:hunter22", "postgres://h/ops?host=***"),
        ("postgres://h/ops?hunter22", "postgres://h/ops?***"),
        ("postgres://h/ops?hunter22=x", "postgres://h/ops?***"),
        ("postgres://h/ops#password=hunter22", "postgres://h/ops#***"),
        ("https://hunter22\\x@h/", "https://***"),
        (" postgres://u:hunter22@h/x", "postgres://u:***@h/x"),
    ] {
        assert_eq!(shown(value, true), expected, "{value}");
        assert!(holds_secret(value), "{value}");
    }
}

#[test]
fn before_the_host_of_any_other_url_everything_is_a_secret() {
    for (value, expected) in [
        ("https://bot:hunter22@pip.example/simple", "https://***@pip.example/simple"),
        ("https://hunter22@pip.example/simple", "https://***@pip.example/simple"),
        ("http://hunter22@proxy:3128", "http://***@proxy:3128"),
        ("https://pip.example/simple?token=hunter22", "https://pip.example/simple?***"),
        ("s3://AKIA:hunter22@bucket/x", "s3://***@bucket/x"),
        ("s3://AKIA:hun/ter22@bucket/x", "s3://***"),
        ("s3://bucket/x?secret=hunter22", "s3://bucket/x?***"),
        ("file:///store?key=hunter22", "file:///store?***"),
        ("file://u:hunter22@host/x", "file://***@host/x"),
    ] {
        for may_be_secret in [true, false] {
            assert_eq!(shown(value, may_be_secret), expected);
        }
        assert!(holds_secret(value), "{value}");
    }
}

#[test]
fn a_url_that_is_shown_whole_is_no_secret() {
    assert!(!holds_secret("postgres://me@db/ops?sslmode=require") && !holds_secret(" "));
    assert!(!holds_secret("s3://bucket/prefix") && !holds_secret("http://proxy:3128"));
    assert!(holds_secret("postgres://me:hunter22@db/ops") && holds_secret("hunter22"));
}

#[test]
fn the_place_of_a_database_holds_what_is_plain() {
    for (url, expected) in [
        ("postgres://me:hunter22@db.example:6432/ops", "db.example:6432/ops"),
        ("postgres://me:hunter22@db.example/ops", "db.example:5432/ops"),
        ("postgresql:///ops?host=/run/postgresql&port=5433", "/run/postgresql:5433/ops"),
        ("postgresql:///ops?host=%2Frun%2Fpostgresql", "/run/postgresql:5432/ops"),
        ("postgres:///ops", "localhost:5432/ops"),
        ("postgres:///u:hunter22@h", "(hidden)"),
        ("postgres:///u%3Ahunter22", "localhost:5432/***"),
        ("postgres:///ops?host=u:hunter22", "***:5432/ops"),
        ("postgres://u%3Ahunter22%40h/ops", "(hidden)"),
        ("hunter22", "(hidden)"),
    ] {
        assert_eq!(place_of_database(url), expected, "{url}");
    }
}
