//! Waiting for something to be so, with a limit and without guessing a duration.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, NoTls, Notification};

use super::postgres::TestDatabase;

/// How long anything may take before the test fails.
const LIMIT: Duration = Duration::from_secs(20);
/// Pause between two looks where nothing can be awaited.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Looks until `look` gives something; `what` is said when it never does.
pub(crate) async fn wait_until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    match tokio::time::timeout(LIMIT, looking).await {
        Ok(found) => found,
        Err(_elapsed) => panic!("waited {} s in vain until {what}", LIMIT.as_secs()),
    }
}

/// Awaits with the limit of all tests.
pub(crate) async fn within_limit<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, future).await {
        Ok(value) => value,
        Err(_elapsed) => panic!("waited {} s in vain for {what}", LIMIT.as_secs()),
    }
}

/// The server process of a connection.
pub(crate) async fn backend_pid(client: &Client) -> i32 {
    client.query_one("select pg_backend_pid()", &[]).await.expect("a backend's pid").get(0)
}

/// Waits until the statement of another session waits for a lock; `observer` must be a third connection.
pub(crate) async fn wait_until_blocked(observer: &Client, pid: i32) {
    wait_until(&format!("session {pid} waits for a lock"), async || {
        let row = observer
            .query_one("select cardinality(pg_blocking_pids($1)) > 0", &[&pid])
            .await
            .expect("look at a session");
        row.get::<_, bool>(0).then_some(())
    })
    .await;
}

/// A connection that listens.
pub(crate) struct Notifications {
    receiver: mpsc::UnboundedReceiver<Notification>,
    /// Keeps the connection open; further LISTEN statements go here.
    pub(crate) client: Client,
}

impl TestDatabase {
    /// Listens, as superuser, on the channels given.
    pub(crate) async fn notifications(&self, channels: &[&str]) -> Notifications {
        let (client, mut connection) =
            tokio_postgres::connect(&self.url(), NoTls).await.expect("connect to listen");
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut messages = futures_util::stream::poll_fn(move |cx| connection.poll_message(cx));
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notification(notification) = message {
                    drop(sender.send(notification));
                }
            }
        });
        for channel in channels {
            client.batch_execute(&format!("listen {channel}")).await.expect("listen");
        }
        Notifications { receiver, client }
    }
}

impl Notifications {
    /// The next notification.
    pub(crate) async fn next(&mut self) -> Notification {
        within_limit("a notification", self.receiver.recv()).await.expect("the listening connection is open")
    }

    /// Everything that was delivered so far and not read yet: a statement of our own marks "so far".
    pub(crate) async fn delivered(&mut self) -> Vec<Notification> {
        self.client.batch_execute("select 1").await.expect("the listening connection answers");
        let mut delivered = Vec::new();
        while let Ok(notification) = self.receiver.try_recv() {
            delivered.push(notification);
        }
        delivered
    }
}
