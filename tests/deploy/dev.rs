//! `deploy/compose.dev.yaml`: Odoo is reached from this machine, and reaches nothing.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::stack::{Stack, free_port};
use crate::support::shell::repository;

/// A place beyond this machine that the other images of the tests come from.
const OUTSIDE: &str = "deb.debian.org";

/// Says whether a place can be reached.
const CALL: &str = "
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
    print('reached')
except OSError:
    print('not reached')
";

#[tokio::test]
async fn odoo_for_developing_is_one_command_and_has_no_way_out() {
    let addons = repository().join("tests/fixtures/sample/main/addons").display().to_string();
    let port = free_port();
    let port_text = port.to_string();
    let settings = [("ADDONS", addons.as_str()), ("ODOO_PORT", &port_text)];
    Stack::with("compose.dev.yaml", &settings, None, async |stack| {
        stack.up(&[]).await;
        stack.wait_until_healthy("odoo").await;
        let mut browser = TcpStream::connect(("127.0.0.1", port)).await.expect("the door");
        browser.write_all(b"GET /web/health HTTP/1.0\r\n\r\n").await.expect("a question");
        let mut answer = String::new();
        browser.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.contains("200") && answer.contains("pass"), "{answer}");

        let seen = stack.compose(&["exec", "-T", "odoo", "ls", "/mnt/extra-addons"]).await;
        assert!(seen.stdout.contains("sample_notes"), "{}", seen.stdout);

        let call = async |service: &str| {
            let call = ["exec", "-T", service, "python3", "-c", CALL, OUTSIDE, "80"];
            stack.compose(&call).await.stdout
        };
        assert_eq!(call("door").await, "reached", "the door stands in both networks");
        assert_eq!(call("odoo").await, "not reached");
    })
    .await;
}
