//! Health and readiness, and what surrounds every answer.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use lemming::api::{Access, Settings};
use lemming::store::Store;
use lemming::store::counting::Counting;
use lemming::store::faults::{Fault, Faulty, Op};
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::json;

use crate::world::{World, request};

#[tokio::test]
async fn health_asks_no_store_and_says_the_version_alone() {
    let counting = Arc::new(Counting::new(Arc::new(InMemory::new())));
    let counter = counting.counter();
    let world = World::with(Settings::new(Access::Keys), counting).await;
    let before = counter.read();
    for path in ["/api/health", "/api/health?store=false"] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, json!({"status": "ok", "version": lemming::version::LONG}));
    }
    assert_eq!(counter.read(), before);
    for path in ["/api/ready", "/api/health?store=true"] {
        assert_eq!(world.get(path).await.status, 200);
    }
    assert_eq!((counter.read() - before).get, 1, "a crowd of probes asks the store once");
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(world.get("/api/ready").await.status, 200);
    assert_eq!((counter.read() - before).get, 2, "and again after a while");
}

#[tokio::test]
async fn a_server_is_not_ready_without_an_organisation_or_a_store() {
    let empty = Store::new(Arc::new(InMemory::new()), Path::from("org"), true);
    let world = World::over(Settings::new(Access::Keys), empty).await;
    assert_eq!(world.get("/api/ready").await.error(), (503, "not_found", ""));

    let faulty = Faulty::new(Arc::new(InMemory::new()), 1);
    let world = World::with(Settings::new(Access::Keys), Arc::new(faulty.clone())).await;
    faulty.fail_next(Op::Get, 1, Fault::FailBefore);
    let answer = world.get("/api/ready").await;
    assert_eq!(answer.error(), (503, "store", ""));
    assert_eq!(answer.header("retry-after"), "1");
    assert!(!answer.body.to_string().contains("org.json"), "what a store says is for the log: {}", answer.body);
    assert_eq!(world.get("/api/health").await.status, 200, "it lives");
}

#[tokio::test]
async fn every_answer_has_an_id_and_headers_that_keep_browsers_from_mischief() {
    let world = World::new(Access::Local).await;
    for (method, path, status) in [
        ("GET", "/api/health", 200),
        ("HEAD", "/api/health", 200),
        ("GET", "/api/nothing", 404),
        ("DELETE", "/api/messages", 405),
        ("OPTIONS", "/api/messages", 405),
    ] {
        let answer = world.ask(request(method, path, &[]).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"));
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("x-request-id").len(), 32, "{method} {path}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
    }
    let mine =
        world.ask(request("GET", "/api/health", &[("x-request-id", "mine-1")]).body(Body::empty()).unwrap()).await;
    assert_eq!(mine.header("x-request-id"), "mine-1");
}

#[tokio::test]
async fn what_is_not_there_or_not_done_there_is_said() {
    let world = World::new(Access::Local).await;
    assert_eq!(world.get("/api/nothing").await.error(), (404, "not_found", ""));
    assert_eq!(world.get("/nothing").await.error(), (404, "not_found", ""));
    let answer = world.get("/api/messages").await;
    assert_eq!(answer.error(), (405, "method_not_allowed", ""));
    assert_eq!(answer.header("allow"), "POST");
    let answer = world.get("/api/health?store=maybe").await;
    assert_eq!(answer.error(), (400, "usage", ""));
    assert_eq!(world.get("/api/health?stores=true").await.error(), (400, "usage", ""));
}
