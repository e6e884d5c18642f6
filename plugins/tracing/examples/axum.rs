//! A service with request logging, redacted: `cargo run -p tracing-redact --example axum`.
//!
//! It listens on a free port of this machine, sends itself a few requests, and ends. Set `BARE=1` to see the same log without the
//! wrapper; set `ADDRESS=127.0.0.1:8080` to have it wait for your requests instead.

use axum::Router;
use axum::extract::Query;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::{get, post};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower_http::trace::TraceLayer;
use tracing::{error, info, info_span};
use tracing_redact::{RedactExt as _, Redactor};
use tracing_subscriber::prelude::*;

#[derive(Debug, Deserialize)]
struct Login {
    user: String,
    password: String,
}

#[derive(Debug)]
struct Refused {
    source: std::io::Error,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the database refused the connection")
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Logs more than it should, as it happens.
async fn login(Query(login): Query<Login>) -> StatusCode {
    info!(password = login.password, ?login, "login of {}", login.user);
    StatusCode::NO_CONTENT
}

async fn report() -> StatusCode {
    let text = "no route to postgres://reports:not4real-42@db.internal.example/reports";
    let error = Refused { source: std::io::Error::other(text) };
    error!(error = &error as &(dyn std::error::Error + 'static), "no report");
    StatusCode::BAD_GATEWAY
}

fn service() -> Router {
    let span = |request: &Request<_>| {
        let headers: &HeaderMap = request.headers();
        let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
        info_span!("request", method = %request.method(), uri = %request.uri(), authorization)
    };
    Router::new()
        .route("/login", post(login))
        .route("/report", get(report))
        .layer(TraceLayer::new_for_http().make_span_with(span))
}

/// Sends the service a request, as a client would.
async fn send(address: std::net::SocketAddr, line: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "{line} HTTP/1.1\r\nhost: example\r\nauthorization: Bearer not4real-0a1b2c3d4e5f60718293\r\n\
         content-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let redactor = Redactor::default();
    let bare = std::env::var_os("BARE").is_some();
    let layer = tracing_subscriber::fmt::layer().with_target(false).without_time();
    match bare {
        true => tracing_subscriber::registry().with(layer).init(),
        false => tracing_subscriber::registry().with(layer.redacted()).init(),
    }
    if !bare {
        tracing_redact::panic::install(&redactor);
    }

    if let Some(address) = std::env::var_os("ADDRESS") {
        let listener = TcpListener::bind(address.to_string_lossy().as_ref()).await?;
        info!("listening on {}", listener.local_addr()?);
        return axum::serve(listener, service()).await;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move { axum::serve(listener, service()).await });
    send(address, "POST /login?user=ann&password=correct-horse-42").await?;
    send(address, "GET /report").await?;
    server.abort();

    for (rule, found) in redactor.counts().by_rule() {
        info!("masked by {rule}: {found}");
    }
    info!("masked for the name of their field: {}", redactor.counts().by_name);
    Ok(())
}
