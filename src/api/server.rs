//! The API on a socket. Every connection belongs to [`serve`]: none outlives it, also of those that change their protocol.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::auth::Peer;
use super::live::takeover::takeover;
use super::patient::Patient;
use crate::engine::Stop;

/// The most connections at once; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 512;

/// So long a client may take to say what it wants, and so long a connection may rest.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The most bytes of what a client says before its body.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// So long requests may go on after a stop.
const GRACE: Duration = Duration::from_secs(10);

/// So long a client that asks for nothing at a stop may still take to ask.
const QUIET_GRACE: Duration = Duration::from_millis(500);

/// So long a client may take nothing of what it is sent.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// The pause after a connection that could not be accepted: out of file descriptors, say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers on a socket until `stop`; then accepts nothing more, and ends when what is being answered is answered, or the
/// time for that is over.
pub async fn serve(listener: TcpListener, router: Router, stop: &Stop) {
    let mut connections = JoinSet::new();
    loop {
        // Those that have ended make room; while there is none, clients wait where they are.
        while connections.try_join_next().is_some() {}
        tokio::select! {
            biased;
            () = stop.requested() => break,
            _ = connections.join_next(), if connections.len() >= MAX_CONNECTIONS => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, router.clone(), stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(event = "accept_failed", %error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    // Each ends by itself within its grace.
    while connections.join_next().await.is_some() {}
}

/// One connection, to its end; after a stop, to the end of the request that is being answered, or to the goodbye that the
/// other protocol has.
async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, stop: Stop) {
    // Answers are small and whole: waiting for more of them only delays.
    let _ = stream.set_nodelay(true);
    let is_asked = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&is_asked);
    let (takeover, rest) = takeover();
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer.ip()));
        request.extensions_mut().insert(takeover.clone());
        let (answer, asked) = (router.clone().oneshot(request), Arc::clone(&asked));
        async move {
            asked.store(true, Ordering::Relaxed);
            let answer = answer.await;
            asked.store(false, Ordering::Relaxed);
            answer
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD_BYTES);
    let stream = TokioIo::new(Patient::new(stream, WRITE_TIMEOUT));
    // On the heap, so that it is gone before the rest of the connection's life begins.
    let mut connection = Box::pin(http.serve_connection(stream, service).with_upgrades());
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = stop.requested() => {
            connection.as_mut().graceful_shutdown();
            let mut ended = tokio::time::timeout(QUIET_GRACE, connection.as_mut()).await;
            if ended.is_err() && is_asked.load(Ordering::Relaxed) {
                ended = tokio::time::timeout(GRACE, connection.as_mut()).await;
            }
            // Else somebody who never ends a request, or never reads an answer: that is over with the connection.
            ended.unwrap_or(Ok(()))
        }
    };
    // With it go all who could hand over its life, but for one who has.
    drop(connection);
    if let Err(error) = ended {
        // A client that went away, or spoke something else than HTTP.
        tracing::debug!(event = "connection_ended", %error, "a connection broke off");
        return;
    }
    let stopped = async {
        stop.requested().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        () = rest.live() => {}
        () = stopped => {}
    }
}
