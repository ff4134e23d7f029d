//! Pages of other origins: which may ask, and what they may read.

use std::sync::Arc;

use axum::body::Body;
use lemming::api::{Access, Settings};
use object_store::memory::InMemory;

use crate::world::{Answer, World, hello, request};

const FRIEND: &str = "https://desk.example";
const STRANGER: &str = "https://evil.example";

async fn world(access: Access, origins: &[&str]) -> World {
    let origins = origins.iter().map(|origin| origin.parse().expect("an origin")).collect();
    World::with(Settings { origins, ..Settings::new(access) }, Arc::new(InMemory::new())).await
}

async fn preflight(world: &World, origin: &str, path: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "authorization, content-type, if-match"),
    ];
    world.ask(request("OPTIONS", path, &headers).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn without_being_told_of_any_no_page_of_others_reads_an_answer() {
    for access in [Access::Keys, Access::Local, Access::Open] {
        let world = world(access, &[]).await;
        for origin in [FRIEND, STRANGER, "null", "http://localhost:8080"] {
            for answer in [
                preflight(&world, origin, "/api/config").await,
                world.ask(request("GET", "/api/health", &[("origin", origin)]).body(Body::empty()).unwrap()).await,
            ] {
                let leave: Vec<&str> = answer.headers.keys().map(|name| name.as_str()).collect();
                assert!(!leave.iter().any(|name| name.starts_with("access-control")), "{access:?} {origin} {leave:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_page_that_was_named_may_ask_and_read_and_no_other() {
    for access in [Access::Keys, Access::Local] {
        let world = world(access, &[FRIEND, "http://localhost:5173"]).await;
        let [key] = world.keys([("page", &["read", "send"])]).await;
        let leave = preflight(&world, FRIEND, "/api/agents/editor/resume").await;
        assert_eq!(leave.status, 204, "{access:?} {}", leave.body);
        assert_eq!(leave.header("access-control-allow-origin"), FRIEND);
        assert!(leave.header("access-control-allow-methods").contains("PUT"));
        for header in ["Authorization", "If-Match", "Content-Type", "Idempotency-Key"] {
            assert!(leave.header("access-control-allow-headers").contains(header), "{header}");
        }
        assert_eq!(leave.header("access-control-allow-credentials"), "", "there are no cookies");
        let sent = world.post(hello(), &[("origin", FRIEND), ("x-api-key", &key)]).await;
        assert_eq!((sent.status.as_u16(), sent.header("access-control-allow-origin")), (201, FRIEND));
        assert!(sent.header("access-control-expose-headers").contains("ETag"));
        // A refusal is readable, too: a page can say what is wrong.
        let refused = world.post(hello(), &[("origin", FRIEND)]).await;
        assert_eq!((refused.status.as_u16(), refused.header("access-control-allow-origin")), (401, FRIEND));
        for origin in
            [STRANGER, "https://desk.example.evil.example", "http://desk.example", "HTTPS://DESK.EXAMPLE", "null"]
        {
            let answer = preflight(&world, origin, "/api/config").await;
            assert_ne!(answer.status, 204, "{origin}");
            assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
        }
        let plain = world.get("/api/health").await;
        assert!(plain.headers.get_all("vary").iter().any(|vary| vary == "Origin"), "{:?}", plain.headers);
        assert_eq!(plain.header("access-control-allow-origin"), "");
    }
}

#[tokio::test]
async fn whoever_is_named_gets_no_further_than_its_key() {
    let world = world(Access::Local, &[FRIEND]).await;
    let [_] = world.keys([("page", &["read"])]).await;
    let answer = world.post(hello(), &[("origin", FRIEND)]).await;
    assert_eq!(answer.error(), (401, "unauthorized", ""));
    let foreign = world.post(hello(), &[("origin", STRANGER)]).await;
    assert_eq!(foreign.error(), (403, "forbidden", ""));
    let rebound = world.post(hello(), &[("origin", FRIEND), ("host", "evil.example")]).await;
    assert_eq!(rebound.error(), (403, "forbidden", ""), "the name of the server counts all the same");
}

#[tokio::test]
async fn a_page_that_was_named_does_not_speak_for_whoever_sits_at_the_machine() {
    for access in [Access::Local, Access::Open] {
        let world = world(access, &[FRIEND]).await;
        assert_eq!(world.post(hello(), &[("origin", FRIEND)]).await.error(), (401, "unauthorized", ""), "{access:?}");
        let own = world.post(hello(), &[("origin", "http://localhost:8080")]).await;
        assert_eq!(own.status, 201, "{access:?} {}", own.body);
    }
}
