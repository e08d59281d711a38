//! The worker's own endpoints: `/healthz` (do its tasks turn), `/readyz` (would it claim a run now, and
//! if not, why) and `/metrics`. Nothing else is served, nothing needs a password, so it binds to loopback.
//! The same state for systemd is in `systemd`.

pub mod probe;
pub mod systemd;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::runner::Status;

/// Address when no setting says otherwise.
pub const DEFAULT_ADDR: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9187);

/// How long open connections may hold up the end.
const LINGER: Duration = Duration::from_secs(2);

/// Binds `addr` (port 0 picks a free one).
///
/// # Errors
/// When the address cannot be bound.
pub async fn bind(addr: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr).await.with_context(|| {
        format!("cannot listen on {addr} for health checks and metrics; choose another address or stop what uses it")
    })
}

/// Serves a worker's state until `stop` fires.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, status: Status, stop: CancellationToken) -> anyhow::Result<()> {
    let app = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(status);
    let ended = stop.clone();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move { stop.cancelled().await });
    let overdue = async move {
        ended.cancelled().await;
        tokio::time::sleep(LINGER).await;
    };
    tokio::select! {
        served = server => served.context("serving health checks and metrics"),
        () = overdue => Ok(()),
    }
}

async fn healthz(State(status): State<Status>) -> Response {
    match status.hung() {
        None => (StatusCode::OK, "ok\n").into_response(),
        Some(cause) => (StatusCode::SERVICE_UNAVAILABLE, format!("{cause}\n")).into_response(),
    }
}

async fn readyz(State(status): State<Status>) -> Response {
    let causes = status.not_ready();
    if causes.is_empty() {
        (StatusCode::OK, "ready\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", causes.join("\n"))).into_response()
    }
}

async fn metrics(State(status): State<Status>) -> Response {
    match status.metrics_text() {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("metrics cannot be encoded: {error}\n"))
            .into_response(),
    }
}
