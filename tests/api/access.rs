//! Who is let in: every route against every key, names of the server, and how often.

use std::time::Duration;

use axum::body::Body;
use lemming::api::limit::Rate;
use lemming::api::{Access, Settings};
use lemming::store::counting::Counting;
use lemming::store::faults::{Faulty, Odds};
use object_store::memory::InMemory;
use serde_json::json;
use std::sync::Arc;

use crate::world::{World, bearer, hello, request};

/// What needs a key, and which scope it needs.
const GUARDED: [(&str, &str, &str); 2] = [("POST", "/api/messages", "send"), ("POST", "/mcp", "read")];

#[tokio::test]
async fn every_guarded_route_refuses_whoever_it_should() {
    for access in [Access::Keys, Access::Local, Access::Open] {
        let world = World::new(access).await;
        let [reader, sender, controller, none] = world
            .keys([("reader", &["read"]), ("sender", &["send"]), ("controller", &["control"]), ("none", &[])])
            .await;
        let keys = [("read", reader), ("send", sender), ("control", controller), ("", none)];
        for (method, path, scope) in GUARDED {
            let ask = async |headers: &[(&str, &str)]| {
                let mut all =
                    vec![("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
                all.extend(headers);
                let body = if path == "/mcp" { crate::mcp::ask("tools/list", &json!({})) } else { hello() };
                world.ask(request(method, path, &all).body(Body::from(body.to_string())).unwrap()).await
            };
            let answer = ask(&[]).await;
            assert_eq!(answer.error(), (401, "unauthorized", ""), "{access:?} {method} {path}");
            assert!(answer.header("www-authenticate").starts_with("Bearer"));
            for wrong in ["lemming_0", "", "null"] {
                assert_eq!(ask(&[("authorization", &bearer(wrong))]).await.error(), (401, "unauthorized", ""));
                assert_eq!(ask(&[("x-api-key", wrong)]).await.error(), (401, "unauthorized", ""));
            }
            for (has, key) in &keys {
                for header in [("authorization", bearer(key)), ("x-api-key", key.clone())] {
                    let answer = ask(&[(header.0, &header.1)]).await;
                    if *has == scope {
                        assert!(answer.status.is_success(), "{access:?} {has} {method} {path}: {}", answer.body);
                    } else {
                        assert_eq!(answer.error(), (403, "forbidden", ""), "{access:?} {has} {method} {path}");
                    }
                    assert!(!answer.body.to_string().contains(&key[10..]), "a key is in an answer");
                }
            }
        }
    }
}

#[tokio::test]
async fn without_keys_only_those_are_let_in_who_need_none() {
    for (access, status) in [(Access::Keys, 401), (Access::Local, 201), (Access::Open, 201)] {
        let world = World::new(access).await;
        let answer = world.post(hello(), &[]).await;
        assert_eq!(answer.status, status, "{access:?}: {}", answer.body);
        assert_eq!(world.mail().await.len(), usize::from(status == 201));
        let answer = world.post(hello(), &[("x-api-key", "lemming_unknown")]).await;
        assert_eq!(answer.status, 401, "a wrong key is never as good as none: {access:?}");
    }
}

#[tokio::test]
async fn keys_that_are_made_or_removed_count_soon_after() {
    let world = World::new(Access::Local).await;
    assert_eq!(world.post(hello(), &[]).await.status, 201);
    let [key] = world.keys([("a", &["send"])]).await;
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.post(hello(), &[("x-api-key", &key)]).await.status, 201, "a new key is known after a second");
    assert_eq!(world.post(hello(), &[]).await.status, 401, "and from then on one is needed");
    let [_] = world.keys([("b", &["send"])]).await;
    assert_eq!(world.post(hello(), &[("x-api-key", &key)]).await.status, 201);
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(world.post(hello(), &[("x-api-key", &key)]).await.status, 401, "one that was removed opens nothing");
}

#[tokio::test]
async fn a_file_of_keys_that_cannot_be_read_lets_nobody_in() {
    let world = World::new(Access::Local).await;
    let hash_missing = json!({"a": {"sha256": "lemming_s3cret", "scopes": ["send"]}});
    for file in [hash_missing, json!([]), json!({"a": {"sha256": "0".repeat(64), "scopes": ["everything"]}})] {
        world.write("config/keys.json", &file).await;
        world.clock.advance(Duration::from_secs(1));
        let answer = world.post(hello(), &[]).await;
        assert_eq!(answer.error(), (500, "invalid", ""), "{file}");
        assert!(!answer.body.to_string().contains("s3cret"), "{}", answer.body);
        assert!(answer.text("hint").contains("lemming validate"));
    }
    assert!(world.mail().await.is_empty());
}

#[tokio::test]
async fn a_crowd_of_strangers_asks_the_store_once_whether_or_not_it_answers() {
    let faulty = Faulty::new(Arc::new(InMemory::new()), 1);
    let counting = Arc::new(Counting::new(Arc::new(faulty.clone())));
    let counter = counting.counter();
    let world = World::with(Settings::new(Access::Keys), counting).await;
    for (odds, status) in [(0, 401), (1000, 503)] {
        faulty.set_odds(Odds { fail_before: odds, ..Odds::default() });
        world.clock.advance(Duration::from_secs(10));
        let before = counter.read();
        for n in 0..20 {
            let peer = format!("192.0.2.{n}");
            let answer = world.post(hello(), &[("x-api-key", "lemming_guess"), ("x-test-peer", &peer)]).await;
            assert_eq!(answer.status, status, "{}", answer.body);
        }
        assert_eq!((counter.read() - before).get, 1);
    }
}

#[tokio::test]
async fn on_loopback_pages_of_others_and_other_names_are_refused() {
    let world = World::new(Access::Local).await;
    for headers in [
        [("host", "evil.example:8080"), ("accept", "*/*")],
        [("host", "localhost:8080"), ("origin", "https://evil.example")],
    ] {
        assert_eq!(world.post(hello(), &headers).await.error(), (403, "forbidden", ""), "{headers:?}");
        let answer = world.ask(request("GET", "/api/health", &headers).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 403);
    }
    let form =
        request("POST", "/api/messages", &[("content-type", "text/plain")]).body(Body::from(hello().to_string()));
    assert_eq!(
        world.ask(form.unwrap()).await.error(),
        (415, "unsupported_media_type", ""),
        "a form needs no leave of a browser"
    );
    assert!(world.mail().await.is_empty());
    let other = World::new(Access::Open).await;
    assert_eq!(
        other.post(hello(), &[("host", "desk.example")]).await.status,
        201,
        "elsewhere names are not ours to know"
    );
}

#[tokio::test]
async fn whoever_asks_too_often_waits_and_nobody_else() {
    let settings = Settings { rate: Rate { per_second: 1, burst: 2 }, ..Settings::new(Access::Keys) };
    let world = World::with(settings, Arc::new(InMemory::new())).await;
    let [one, other] = world.keys([("one", &["send"]), ("other", &["send"])]).await;
    let post = async |key: &str, peer: &str| world.post(hello(), &[("x-api-key", key), ("x-test-peer", peer)]).await;
    for _ in 0..2 {
        assert_eq!(post(&one, "192.0.2.1").await.status, 201);
    }
    let answer = post(&one, "192.0.2.2").await;
    assert_eq!(answer.error(), (429, "too_many_requests", ""));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(post(&other, "192.0.2.1").await.status, 201, "keys count apart");
    for _ in 0..2 {
        assert_eq!(post("lemming_guess", "192.0.2.1").await.status, 401);
    }
    assert_eq!(post("lemming_guess", "192.0.2.1").await.status, 429, "who tries keys is counted by address");
    assert_eq!(post("lemming_guess", "192.0.2.9").await.status, 401);
    assert_eq!(world.mail().await.len(), 3);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(post(&one, "192.0.2.1").await.status, 201);
    for _ in 0..5 {
        assert_eq!(world.get("/api/health").await.status, 200, "probes are not counted");
    }
}
