//! Wake-up by NOTIFY, on a connection of its own that comes back by itself.
//!
//! Hints only (docs/architecture.md): a worker that polls misses nothing. [`Health`] tells it how often to.

use std::time::Duration;

use rand::RngExt;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client};
use tokio_util::sync::CancellationToken;

use super::connection::{DirectConnection, connect_direct};
use super::{ContractError, DatabaseSettings};

/// First and longest wait between two tries to connect.
const RECONNECT_MIN: Duration = Duration::from_millis(500);
const RECONNECT_MAX: Duration = Duration::from_secs(30);
/// How often a silent connection is asked whether it still lives and listens.
const PROBE_INTERVAL: Duration = Duration::from_secs(20);
/// How long the first notification may take before LISTEN counts as not working.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);
/// Wake-ups that a slow receiver may leave unread before the oldest are merged.
const WAKE_BACKLOG: usize = 64;

/// Whether notifications can be relied on right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Connected and listening: poll seldom.
    Healthy,
    /// Switched off, not connected, or behind a pooler that does not pass notifications: poll often.
    Unhealthy,
}

/// What a notification was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// `ops_run_queued`: something became claimable.
    Queued,
    /// `ops_run_control`: a cancel or drain request.
    Control,
}

/// A running listener; dropping it ends its task.
#[derive(Debug)]
pub struct Listener {
    wakes: broadcast::Sender<Wake>,
    health: watch::Receiver<Health>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Listener {
    /// Starts listening in the background.
    #[must_use]
    pub fn start(settings: DatabaseSettings) -> Self {
        let (wakes, _) = broadcast::channel(WAKE_BACKLOG);
        let (health_sender, health) = watch::channel(Health::Unhealthy);
        let stop = CancellationToken::new();
        let task = tokio::spawn(listen(settings, wakes.clone(), health_sender, stop.clone()));
        Self { wakes, health, stop, task: Some(task) }
    }

    /// A listener that never wakes anybody: for transaction poolers, and for those who ask for polling only.
    #[must_use]
    pub fn off() -> Self {
        let (wakes, _) = broadcast::channel(1);
        let (_, health) = watch::channel(Health::Unhealthy);
        Self { wakes, health, stop: CancellationToken::new(), task: None }
    }

    /// Every wake-up from now on. After [`RecvError::Lagged`](broadcast::error::RecvError::Lagged) act as if both came.
    #[must_use]
    pub fn wakes(&self) -> broadcast::Receiver<Wake> {
        self.wakes.subscribe()
    }

    /// The present health, and a signal when it changes.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// Ends the task and waits for it.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            // A panic in there was reported already.
            drop(task.await);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn listen(
    settings: DatabaseSettings,
    wakes: broadcast::Sender<Wake>,
    health: watch::Sender<Health>,
    stop: CancellationToken,
) {
    let mut wait = RECONNECT_MIN;
    loop {
        let outcome = tokio::select! {
            () = stop.cancelled() => return,
            outcome = listen_once(&settings, &wakes, &health) => outcome,
        };
        if becomes(&health, Health::Unhealthy) {
            wait = RECONNECT_MIN;
        }
        let Err(error) = outcome;
        tracing::warn!(%error, retry_in_ms = wait.as_millis() as u64, "LISTEN is down, polling instead");
        let jittered = wait.mul_f64(rand::rng().random_range(0.5..1.5));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(jittered) => {}
        }
        wait = (wait * 2).min(RECONNECT_MAX);
    }
}

/// Notes the health and says whether that is news.
fn becomes(health: &watch::Sender<Health>, now: Health) -> bool {
    health.send_if_modified(|before| std::mem::replace(before, now) != now)
}

/// Listens until the connection fails.
async fn listen_once(
    settings: &DatabaseSettings,
    wakes: &broadcast::Sender<Wake>,
    health: &watch::Sender<Health>,
) -> Result<std::convert::Infallible, ContractError> {
    let DirectConnection { client, mut messages } = connect_direct(settings).await?;
    bounded(settings, client.batch_execute("listen ops_run_queued; listen ops_run_control")).await?;
    prove_delivery(settings, &client, &mut messages).await?;
    loop {
        bounded(settings, client.batch_execute("select 1")).await?;
        if becomes(health, Health::Healthy) {
            // Something may have become claimable while nobody listened.
            drop(wakes.send(Wake::Queued));
            drop(wakes.send(Wake::Control));
        }
        let probe_at = tokio::time::Instant::now() + PROBE_INTERVAL;
        loop {
            match tokio::time::timeout_at(probe_at, messages.recv()).await {
                Err(_elapsed) => break,
                Ok(None) => return Err(ContractError::Unreachable("the connection ended".to_owned())),
                Ok(Some(AsyncMessage::Notification(notification))) => {
                    if let Some(wake) = wake_of(notification.channel()) {
                        // No receiver is no error: nobody waits at the moment.
                        drop(wakes.send(wake));
                    }
                }
                Ok(Some(_notice)) => {}
            }
        }
    }
}

/// A pooler in transaction mode accepts LISTEN and then drops what is notified between statements. So one
/// notification is sent from another connection, and healthy is only who receives it.
async fn prove_delivery(
    settings: &DatabaseSettings,
    client: &Client,
    messages: &mut mpsc::Receiver<AsyncMessage>,
) -> Result<(), ContractError> {
    let channel = format!("ops_probe_{}", uuid::Uuid::now_v7().simple());
    bounded(settings, client.batch_execute(&format!("listen {channel}"))).await?;
    let other = connect_direct(settings).await?;
    bounded(settings, other.client.query_typed("select pg_notify($1, '')", &[(&channel, Type::TEXT)]))
        .await?;
    drop(other);
    let arrived = tokio::time::timeout(DELIVERY_TIMEOUT, async {
        while let Some(message) = messages.recv().await {
            if matches!(&message, AsyncMessage::Notification(n) if n.channel() == channel) {
                return true;
            }
        }
        false
    });
    if !matches!(arrived.await, Ok(true)) {
        return Err(ContractError::Unreachable(
            "notifications do not arrive on this connection (a pooler in transaction mode?); name a direct one, or switch LISTEN off"
                .to_owned(),
        ));
    }
    bounded(settings, client.batch_execute(&format!("unlisten {channel}"))).await
}

async fn bounded<T>(
    settings: &DatabaseSettings,
    call: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, ContractError> {
    match tokio::time::timeout(settings.call_timeout, call).await {
        Ok(answer) => Ok(answer?),
        Err(_elapsed) => Err(ContractError::Unreachable("no answer within the time limit".to_owned())),
    }
}

fn wake_of(channel: &str) -> Option<Wake> {
    match channel {
        "ops_run_queued" => Some(Wake::Queued),
        "ops_run_control" => Some(Wake::Control),
        _ => None,
    }
}
