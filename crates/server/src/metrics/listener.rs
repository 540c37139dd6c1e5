//! The listener of `/metrics`: without TLS and without a check of who asks, so it belongs on the loopback address or a network of the operator's own. It also tells
//! health, so that what watches a server need not reach the address that PCs use, and goes on until the server's last request is answered.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::App;
use crate::api::extract::apart;
use crate::problem::Refusal;

/// Text format 0.0.4, which every scraper takes.
const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The routes of this listener.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(app)
}

/// Serves until it is dropped.
pub async fn serve(app: Arc<App>, listener: TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut server = axum_server::from_tcp(listener)?;
    crate::listen::limit(server.http_builder());
    server.serve(router(app).into_make_service()).await
}

async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let text = apart(move || Ok::<_, Refusal>(super::collect::text(&app))).await?;
    Ok(([(header::CONTENT_TYPE, TYPE), (header::CACHE_CONTROL, "no-store")], text).into_response())
}

async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, (StatusCode, &'static str)> {
    if app.is_ready().await { Ok("ok\n") } else { Err((StatusCode::SERVICE_UNAVAILABLE, "not ready\n")) }
}
